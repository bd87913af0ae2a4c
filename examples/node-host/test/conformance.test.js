import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Conformance } from '../conformance/driver.js';
import { nodeHosts } from './conformance/node_hosts.js';

const conformance = await Conformance.of(nodeHosts());

for (const { name } of conformance.checks) {
  test(name, async (t) => {
    const { about, verdict, words } = await conformance.check(name);
    if (verdict === 'not-known') t.skip(words);
    if (verdict === 'wrong') assert.fail(`${about}\n${words}`);
  });
}
