import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { load } from '../src/component.js';
import { imports } from '../src/imports.js';

const CORPUS = new URL('../../../tests/data/next_run.jsonl', import.meta.url);

const seconds = (text) => BigInt(Date.parse(text) / 1000);
const utc = (at) => new Date(Number(at) * 1000).toISOString().replace('.000Z', 'Z');

// A rule asks nothing of the host: the imports only have to be there.
const { recurrence, about } = (await load('plugin'))(imports({}, {}));

function answer({ rule, time, tz, now }) {
  try {
    const next = recurrence.nextRun({ text: rule, time, zone: tz }, seconds(now));
    return { valid: true, next: next === undefined ? null : utc(next) };
  } catch (error) {
    assert.ok(Array.isArray(error.payload) && error.payload.length > 0, error);
    return { valid: false, next: null };
  }
}

test('every row of the corpus is answered as it wants', () => {
  const rows = readFileSync(CORPUS, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.equal(rows.length, 3396);
  const differing = rows.filter((row) => {
    const { valid, next } = answer(row);
    return valid !== row.want.valid || next !== row.want.next;
  });
  assert.deepEqual(
    differing.map(({ id }) => id),
    [],
  );
});

test('what is wrong with a rule comes as a value that names the part', () => {
  assert.throws(
    () => recurrence.nextRun({ text: 'RRULE:FREQ=HOURLY', time: '25:00:00', zone: 'Europe/Atlantis' }, 0n),
    ({ payload }) => payload.map(({ path }) => path.join('.')).join() === 'text,time,zone',
  );
});

test('a preview says what the clock does', () => {
  const rule = { text: 'RRULE:FREQ=DAILY', time: '02:30:00', zone: 'Europe/Berlin' };
  const runs = recurrence.preview(rule, seconds('2026-10-24T12:00:00Z'), 2);
  assert.deepEqual(runs, [
    { at: seconds('2026-10-25T00:30:00Z'), utcOffsetSeconds: 7200, note: 'repeated-hour' },
    { at: seconds('2026-10-26T01:30:00Z'), utcOffsetSeconds: 3600, note: 'plain' },
  ]);
});

test('the component says who it is', () => {
  const { name, version, zoneDatabase } = about.describe();
  assert.equal(name, 'Scheduled exports');
  assert.match(version, /^\d+\.\d+\.\d+$/);
  assert.match(zoneDatabase, /^20\d\d[a-z]$/);
});
