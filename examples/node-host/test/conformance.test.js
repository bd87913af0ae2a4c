import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { Conformance, kind } from '../conformance/driver.js';
import { nodeHosts } from './conformance/node_hosts.js';
import { WRONG } from './conformance/wrong_hosts.js';

let conformance;
try {
  conformance = await Conformance.of(await nodeHosts());
} catch ({ message }) {
  test('the component brings its checks', () => assert.fail(message));
}

test('the checks are those of the page about them', { skip: !conformance }, () => {
  const page = readFileSync(new URL('../../../docs/conformance.md', import.meta.url), 'utf8');
  const named = page.slice(page.indexOf('## The checks')).matchAll(/^\| `([a-z-]+)` \| (.+) \|$/gm);
  assert.deepEqual(
    conformance.checks.map(({ name, about }) => [name, about]),
    [...named].map(([, name, about]) => [name, about]),
  );
});

for (const { name } of conformance?.checks ?? []) {
  test(name, async (t) => {
    const { about, verdict, words } = await conformance.check(name);
    if (verdict === 'not-known') t.skip(words);
    if (verdict === 'wrong') assert.fail(`${about}\n${words}`);
  });
}

for (const { what, check, says, wrong } of conformance ? WRONG : []) {
  test(`a host that ${what} is found by ${check}`, async () => {
    const { verdict, words } = await (await Conformance.of(await nodeHosts(wrong))).check(check);
    assert.equal(verdict, 'wrong');
    assert.match(words, says);
  });
}

test('what a host does not have is neither right nor wrong', { skip: !conformance }, async () => {
  const hosts = await nodeHosts();
  const host = (...given) =>
    Object.assign(hosts.host(...given), {
      lacks: (step) => (kind(step) === 'user' ? 'users do not change at this host' : undefined),
      openHandles: undefined,
    });
  const modest = await Conformance.of({ ...hosts, host });
  for (const [check, expected] of [
    ['a-run-says-whether-its-owner-may-still', 'users do not change at this host'],
    ['handles-are-closed-when-the-call-is-over', 'this host does not say which handles are open'],
  ]) {
    const { verdict, words } = await modest.check(check);
    assert.deepEqual([verdict, words], ['not-known', expected]);
  }
  assert.equal((await modest.check('the-quota-is-kept')).verdict, 'right');
});
