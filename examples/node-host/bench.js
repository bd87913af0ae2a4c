// `npm run bench`: what calls cost here, the mean of three hundred after a warm-up.

import { load } from './src/component.js';
import { imports } from './src/imports.js';
import { daily, host, john, ok, seconds } from './test/stage.js';

const WARM_UP = 100;
const TIMES = 300;

function measured(what, call) {
  for (let nth = 0; nth < WARM_UP; nth += 1) call();
  const began = performance.now();
  for (let nth = 0; nth < TIMES; nth += 1) call();
  const mean = ((performance.now() - began) * 1000) / TIMES;
  console.log(`${what}: ${mean.toFixed(mean < 100 ? 1 : 0)} µs`);
}

const component = await load('plugin');
const { recurrence } = component(imports({}, {}));
const rule = { text: 'DTSTART:20260101T000000\nRRULE:FREQ=DAILY', time: '04:00:00', zone: 'Europe/Berlin' };
const DAY = 86_400n;

console.log(`Node ${process.version}`);
measured('a fresh instance', () => component(imports({}, {})));
measured('a next run, in one instance', () => recurrence.nextRun(rule, seconds('2026-10-22T10:00:00Z')));

const there = host();
ok(there.call(john, 'create', daily({ export_form_data: { date_range: '2026-01-01/', with_email: false } })));
measured('`get`, with its instance', () => ok(there.call(john, 'get', 1n)));

// Past its time of day whatever the clocks do: each due time is run, and none is missed.
let at = seconds('2026-10-23T06:00:00Z');
measured('a run: leased, `execute`, its mail handed over, `settle`; with two instances', () => {
  there.goTo(new Date(Number(at) * 1000).toISOString());
  there.tick();
  there.deliver(() => ({ status: 'accepted', response: '250 OK' }));
  at += DAY;
});
const outcomes = there.store.history(1n).map(({ outcome }) => outcome.tag);
if (outcomes.length < TIMES || outcomes.some((tag) => tag !== 'delivered')) {
  throw new Error(`the runs that were measured did not all end as delivered: ${[...new Set(outcomes)]}`);
}
