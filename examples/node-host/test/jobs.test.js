import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32, inflateRawSync } from 'node:zlib';

import { Run } from '../src/handles.js';
import { mailer } from '../src/imports/mailer.js';
import { HostFault } from '../src/platform.js';
import { CONF, daily, host, john, ok, read, seconds } from './stage.js';

const DUE = '2026-10-24T02:00:00Z';
const taken = () => ({ status: 'accepted', response: '250 OK' });
const refused = () => ({ status: 'rejected', response: '550 no such user' });

/** A host with one schedule, at the second due time after it was made: the first was missed. */
function due(changes) {
  const there = host({ at: '2026-10-23T10:00:00Z' });
  ok(there.call(john, 'create', daily(changes)));
  there.goTo(DUE);
  return there;
}

const history = (there) => there.store.history(1n).map(({ due, outcome, attempts }) => [due, outcome?.tag, attempts]);
const kinds = (there) => there.store.outbox().map(({ kind }) => kind);

test('what is due is exported, mailed once to each recipient, and settled', () => {
  const there = due();
  there.tick();
  assert.deepEqual(history(there), [[seconds(DUE), 'submitted', 1]]);

  const sent = [];
  there.deliver((mail, address) => {
    sent.push({
      address,
      subject: mail.subject,
      text: mail.text,
      file: mail.file.name,
      data: mail.file.data.toString(),
    });
    return taken();
  });
  const mail = {
    subject: 'Attendees',
    text: "Yesterday's.",
    file: 'attendees-2026-10-24.csv',
    data: "event,name,day\r\nconf,'=1+1,2026-10-23\r\n",
  };
  assert.deepEqual(sent, [
    { address: 'finance@example.com', ...mail },
    { address: 'john@example.com', ...mail },
  ]);
  assert.deepEqual(history(there), [[seconds(DUE), 'delivered', 1]]);
  assert.equal(read(there.call(john, 'get', 1n)).schedule_next_run, '2026-10-25T03:00:00Z');

  there.tick();
  there.deliver(() => assert.fail('a mail was sent twice'));
  const [run] = ok(there.call(john, 'runs', 1n, { at: { tag: 'number', val: 1 }, size: 50 })).documents.map((one) => JSON.parse(one));
  assert.equal(run.outcome, 'delivered');
});

test('nothing runs before its time', () => {
  const there = due();
  there.goTo('2026-10-24T01:59:59Z');
  there.tick();
  assert.deepEqual(history(there), []);
});

test('a host that was down runs the latest due time, and records those before it as missed', () => {
  const there = due();
  there.goTo('2026-10-26T12:00:00Z');
  there.platform.organizers.bigevents.events.conf.attendees.push({
    name: 'Cyd',
    email: 'cyd@example.org',
    day: '2026-10-25',
  });
  there.tick();
  assert.deepEqual(history(there), [
    [seconds('2026-10-26T03:00:00Z'), 'submitted', 1],
    [seconds('2026-10-25T03:00:00Z'), 'missed', 0],
  ]);
});

test('where there is nothing to export the owner is told, and nothing counts as failed', () => {
  const there = due({ export_form_data: { date_range: 'days_today', with_email: true } });
  there.tick();
  assert.deepEqual([history(there)[0][1], kinds(there)], ['empty', ['nothing-to-export']]);
  assert.equal(read(there.call(john, 'get', 1n)).error_counter, 0);
});

test('a mail that no server takes is a failure, and the owner learns why', () => {
  const there = due();
  there.tick();
  there.deliver(refused);
  assert.deepEqual([history(there)[0][1], kinds(there)], ['failed', ['export', 'failure']]);
  assert.equal(read(there.call(john, 'get', 1n)).error_counter, 1);
  there.deliver(taken);
  const failure = there.store.outbox().find(({ kind }) => kind === 'failure');
  assert.deepEqual(failure.deliveries, [{ address: 'john@example.com', status: 'accepted', response: '250 OK' }]);
});

test('a schedule whose pause has run out is stopped after five failures in a row, like any other', () => {
  const there = host({ at: '2026-10-23T10:00:00Z' });
  const form = { date_range: '/', with_email: false };
  ok(there.call(john, 'create', daily({ export_form_data: form })));
  ok(there.call(john, 'act', 1n, 'pause', JSON.stringify({ until: '2026-10-26T00:00:00Z' })));
  for (const day of [26, 27, 28, 29, 30]) {
    assert.equal(there.store.all({ scope: CONF })[0].content.state.tag, 'paused', `before day ${day}`);
    there.goTo(`2026-10-${day}T03:00:00Z`);
    there.tick();
    there.deliver(refused);
  }
  const [{ content }] = there.store.all({ scope: CONF });
  assert.deepEqual([content.state.tag, content.errorCounter], ['stopped', 5]);
  there.goTo('2026-10-31T03:00:00Z');
  assert.deepEqual(there.take(), []);
});

test('a run whose instance traps is abandoned in another one: it fails, and the owner is told', () => {
  const there = due();
  // As when the component hits `unreachable` between two imports.
  there.platform.produce = () => {
    throw new WebAssembly.RuntimeError('unreachable');
  };
  there.tick();
  assert.deepEqual(history(there), [[seconds(DUE), 'failed', 1]]);
  assert.deepEqual(kinds(there), ['failure']);
  assert.ok(!there.store.outbox()[0].text.includes('unreachable'), 'what a trap says may hold data');
  assert.ok(
    there.lines.some((line) => /not finished: .*unreachable/.test(line)),
    there.lines.join('\n'),
  );
  const { error_counter, schedule_next_run } = read(there.call(john, 'get', 1n));
  assert.deepEqual([error_counter, schedule_next_run], [1, '2026-10-25T03:00:00Z']);
});

test('a run that returns without its end is abandoned, and tried again for the same due time', () => {
  const there = due();
  const { finish } = there.store;
  there.store.finish = () => {
    there.store.finish = finish;
    throw { tag: 'unavailable', val: 'the store is away' };
  };
  there.tick();
  assert.deepEqual(history(there), [[seconds(DUE), undefined, 1]]);
  there.goTo('2026-10-24T02:01:59Z');
  there.tick();
  assert.deepEqual(history(there), [[seconds(DUE), undefined, 1]]);
  there.goTo('2026-10-24T02:02:00Z');
  there.tick();
  assert.deepEqual([history(there), kinds(there)], [[[seconds(DUE), 'submitted', 2]], ['export']]);
});

test("a fault of the host's own leaves the run to its lease, and six of them end it", () => {
  const there = due();
  there.platform.produce = () => {
    throw new HostFault('the disk is full');
  };
  let at = seconds(DUE);
  for (let lease = 1; lease <= 6; lease += 1) {
    there.goTo(new Date(Number(at) * 1000).toISOString());
    there.tick();
    assert.deepEqual(history(there), [[seconds(DUE), undefined, lease]]);
    at += 600n;
  }
  there.goTo(new Date(Number(at) * 1000).toISOString());
  there.tick();
  assert.deepEqual(history(there), [[seconds(DUE), 'failed', 6]]);
  assert.equal(there.store.history(1n)[0].outcome.val[0], 'attempts-exhausted');
  assert.deepEqual(kinds(there), ['failure']);
});

test('a change while the run is made takes its lease away: what the run writes afterwards does not count', () => {
  const there = due();
  const { produce } = there.platform;
  there.platform.produce = (job) => {
    there.platform.produce = produce;
    ok(there.call(john, 'patch', 1n, '{"mail_subject": "Changed"}', undefined));
    return produce.call(there.platform, job);
  };
  there.tick();
  assert.deepEqual(kinds(there), []);
  there.tick();
  assert.deepEqual(
    there.store.outbox().map(({ subject }) => subject),
    ['Changed'],
  );
  assert.equal(history(there)[0][1], 'submitted');
});

test('the owner counts: without his right nothing is exported, and those who may change settings are told', () => {
  const there = due();
  there.platform.users.john.active = false;
  there.tick();
  assert.equal(history(there)[0][1], 'failed');
  assert.deepEqual(there.store.outbox()[0].people.to, ['vera@example.com']);
});

test('a schedule that is deleted after its mail was submitted is settled by what the servers said', () => {
  const there = due();
  there.tick();
  ok(there.call(john, 'delete', 1n, undefined));
  there.deliver(taken);
  assert.equal(history(there)[0][1], 'delivered');
});

test('a due time that has ended does not run again when a clock was set back and the schedule planned anew', () => {
  const there = due();
  there.tick();
  there.deliver(taken);
  there.goTo('2026-10-24T01:00:00Z');
  const planned = read(there.call(john, 'patch', 1n, '{"mail_subject": "Again"}', undefined));
  assert.equal(planned.schedule_next_run, DUE);
  there.goTo(DUE);
  there.tick();
  assert.deepEqual([history(there), kinds(there)], [[[seconds(DUE), 'delivered', 1]], ['export']]);
  assert.equal(read(there.call(john, 'get', 1n)).schedule_next_run, '2026-10-25T03:00:00Z');
});

test('due times that a change gives up after a downtime are in the history, on both sides of the one that is kept', () => {
  const there = due();
  there.goTo('2026-10-26T12:00:00Z');
  const changed = { schedule_rrule: 'DTSTART:20260101T000000\nRRULE:FREQ=WEEKLY;BYDAY=SA' };
  ok(there.call(john, 'patch', 1n, JSON.stringify(changed), undefined));
  there.tick();
  const tags = there.store.history(1n).map(({ due, outcome }) => [due, outcome.tag]);
  assert.deepEqual(tags.at(-1), [seconds(DUE), 'submitted']);
  assert.deepEqual(tags.slice(0, -1), [[seconds('2026-10-26T03:00:00Z'), 'missed']]);
});

test('a file that is too large for a mail goes as an archive of it', () => {
  const there = due();
  const many = Array.from({ length: 500 }, () => ({ name: 'Ada', email: 'ada@example.org', day: '2026-10-23' }));
  const { bigevents } = there.platform.organizers;
  bigevents.events.conf.attendees = many;
  bigevents.mailBytes = 4000n;
  there.tick();
  const [{ kind, file }] = there.store.outbox();
  assert.deepEqual([kind, file.name, file.contentType], ['export', 'attendees-2026-10-24.csv.zip', 'application/zip']);
  const [name, packed] = [file.data.readUInt16LE(26), file.data.readUInt32LE(18)];
  const data = inflateRawSync(file.data.subarray(30 + name, 30 + name + packed));
  assert.equal(data.toString().split('\r\n').length, 1 + 500 + 1);
  assert.deepEqual([file.data.readUInt32LE(14), file.data.readUInt32LE(22)], [crc32(data), data.length]);
});

test('a run that is put off past the next due time does not keep that waiting', () => {
  const there = due();
  const [leased] = there.take();
  const [at, next] = [seconds(DUE), seconds('2026-10-25T03:00:00Z')];
  there.store.start(leased, { due: at, missed: [], nextRun: next }, 'Europe/Berlin', at);
  const retry = { outcome: { tag: 'retry', val: next + 600n }, errorCounter: 2, active: true };
  there.store.finish(leased, retry, at);
  assert.equal(read(there.call(john, 'get', 1n)).error_counter, 2);
  there.goTo('2026-10-25T02:59:59Z');
  assert.equal(there.take().length, 0);
  there.goTo('2026-10-25T03:00:00Z');
  const [again] = there.take();
  assert.deepEqual([again.due, again.attempt], [at, 2]);
});

test('a lease that had started nothing when a person changed the schedule was no attempt at it', () => {
  const there = due();
  assert.equal(there.take()[0].attempt, 1);
  ok(there.call(john, 'patch', 1n, '{"mail_subject": "Changed"}', undefined));
  there.tick();
  assert.deepEqual(history(there), [[seconds(DUE), 'submitted', 1]]);
});

test('an address that only looks like a stored one is another address', () => {
  const there = due({ mail_additional_recipients: 'kim@example.com' });
  const [leased] = there.take();
  const schedule = { content: leased.row.content };
  const run = new Run({
    leased,
    context: { schedule, settings: there.platform.settings(leased.row.scope, seconds(DUE)) },
  });
  const to = (address) => {
    const people = { tag: 'people', val: { to: [address], cc: [], bcc: [] } };
    mailer(there).stage(run, { kind: 'failure', audience: people, subject: 'x', text: 'x', attachFile: false });
  };
  to('KIM@Example.com');
  // The Kelvin sign, whose lower-case form is a k.
  assert.throws(
    () => to('\u212aim@example.com'),
    ({ tag }) => tag === 'recipient-not-allowed',
  );
});

test('a run stays in the zone that it was started in, wherever its event has moved', () => {
  const there = due();
  const { finish } = there.store;
  there.store.finish = () => {
    there.store.finish = finish;
    throw { tag: 'unavailable', val: 'the store is away' };
  };
  const zones = [];
  const { produce } = there.platform;
  there.platform.produce = (job) => {
    zones.push(job.zone);
    return produce.call(there.platform, job);
  };
  const { conf } = there.platform.organizers.bigevents.events;
  there.tick();
  conf.zone = 'Europe/Lisbon';
  there.goTo('2026-10-24T02:02:00Z');
  there.tick();
  assert.deepEqual(history(there), [[seconds(DUE), 'submitted', 2]]);
  assert.deepEqual(zones, ['Europe/Berlin', 'Europe/Berlin']);
});
