import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CONF, daily, host, john, mary, ok, read, vera } from './stage.js';

const byId = { filter: {}, order: 'id', descending: false, at: { tag: 'number', val: 1 }, size: 50 };

test('a schedule is created, read, changed, replaced and removed', () => {
  const there = host();
  const made = read(there.call(john, 'create', daily()));
  assert.deepEqual(
    [made.id, made.owner, made.schedule_next_run, made.version],
    [1, 'john@example.com', '2026-10-23T02:00:00Z', 1n],
  );
  assert.deepEqual(read(there.call(john, 'get', 1n)), made);

  const patched = read(there.call(john, 'patch', 1n, '{"schedule_rrule_time": "05:30:00"}', 1n));
  assert.deepEqual(
    [patched.schedule_next_run, patched.mail_subject, patched.version],
    ['2026-10-23T03:30:00Z', 'Attendees', 2n],
  );

  const replaced = read(there.call(john, 'replace', 1n, daily({ mail_subject: 'Guests' }), undefined));
  assert.deepEqual([replaced.schedule_rrule_time, replaced.mail_subject, replaced.version], ['04:00:00', 'Guests', 3n]);

  ok(there.call(john, 'delete', 1n, 3n));
  assert.deepEqual(there.call(john, 'get', 1n), { problem: { tag: 'not-found' } });
});

test('a list comes in pages that go on where they ended', () => {
  const there = host();
  for (const time of ['06:00:00', '04:00:00', '05:00:00']) {
    ok(there.call(john, 'create', daily({ schedule_rrule_time: time })));
  }
  const soonest = { filter: {}, order: 'next-run', descending: false, at: { tag: 'number', val: 1 }, size: 2 };
  const ids = (page) => page.documents.map((document) => JSON.parse(document).id);
  const first = ok(there.call(john, 'list', soonest));
  assert.deepEqual([ids(first), first.total], [[2, 3], 3n]);
  ok(there.call(john, 'delete', 2n, undefined));
  const second = ok(there.call(john, 'list', { ...soonest, at: { tag: 'after', val: first.next } }));
  assert.deepEqual([ids(second), second.next], [[1], undefined]);
  for (const at of [
    { tag: 'number', val: 2 },
    { tag: 'number', val: 0 },
    { tag: 'after', val: 'nonsense' },
  ]) {
    assert.deepEqual(there.call(john, 'list', { ...soonest, at }), { problem: { tag: 'not-found' } });
  }
});

test('all that is wrong with a document is said at once, in the language of the caller', () => {
  const there = host();
  const wrong = daily({
    mail_subject: ' ',
    schedule_rrule: 'RRULE:FREQ=HOURLY',
    export_form_data: { date_range: 'soon' },
  });
  const { problem } = there.call(john, 'create', wrong);
  assert.equal(problem.tag, 'invalid');
  const faults = problem.val.map(({ path, code }) => `${path.join('.')}: ${code}`);
  assert.deepEqual(faults, [
    'export_form_data.date_range: invalid-date-range',
    'mail_subject: blank',
    'schedule_rrule: freq-not-supported',
  ]);
  const german = there.call(mary, 'create', daily({ mail_subject: '' })).problem;
  const english = there.call(john, 'create', daily({ mail_subject: '' })).problem;
  assert.notEqual(german.val[0].message, english.val[0].message);
  assert.equal(there.call(john, 'create', '{').problem.tag, 'malformed');
  assert.equal(ok(there.call(john, 'list', byId)).total, 0n);
});

test('a change of another version than the stored one is stale, and changes nothing', () => {
  const there = host();
  ok(there.call(john, 'create', daily()));
  ok(there.call(john, 'patch', 1n, '{"mail_subject": "One"}', 1n));
  for (const call of [
    ['patch', 1n, '{"mail_subject": "Two"}', 1n],
    ['replace', 1n, daily(), 1n],
    ['delete', 1n, 1n],
  ]) {
    assert.deepEqual(there.call(john, ...call), { problem: { tag: 'stale' } });
  }
  assert.equal(read(there.call(john, 'get', 1n)).mail_subject, 'One');
});

test('where another change comes in between, the component decides again on what is there then', () => {
  const there = host();
  ok(there.call(john, 'create', daily()));
  const { get } = there.store;
  there.store.get = (...given) => {
    const read = get.apply(there.store, given);
    there.store.get = get;
    ok(there.call(john, 'patch', 1n, '{"mail_template": "From a rival."}', undefined));
    return read;
  };
  ok(there.call(john, 'patch', 1n, '{"mail_subject": "Mine"}', undefined));
  const { mail_subject, mail_template, version } = read(there.call(john, 'get', 1n));
  assert.deepEqual([mail_subject, mail_template, version], ['Mine', 'From a rival.', 3n]);
});

test("a schedule does not exist for another event, organizer or owner's colleague", () => {
  const there = host();
  ok(there.call(john, 'create', daily()));
  const elsewhere = [
    { user: 'john', organizer: 'bigevents', event: 'fest' },
    { user: 'john', organizer: 'bigevents' },
    { user: 'john', organizer: 'smallgigs' },
    mary,
  ];
  for (const by of elsewhere) {
    for (const call of [
      ['get', 1n],
      ['patch', 1n, '{}', undefined],
      ['replace', 1n, daily(), undefined],
      ['delete', 1n, undefined],
    ]) {
      assert.deepEqual(there.call(by, ...call), { problem: { tag: 'not-found' } }, `${JSON.stringify(by)} ${call[0]}`);
    }
    assert.equal(ok(there.call(by, 'list', byId)).total, 0n);
  }
  assert.equal(read(there.call(john, 'get', 1n)).version, 1n);
});

test('a preview shows the next runs of a rule, and writes nothing', () => {
  const there = host();
  const rule = JSON.stringify({ schedule_rrule: 'RRULE:FREQ=DAILY', schedule_rrule_time: '02:30:00', limit: 3 });
  const preview = JSON.parse(ok(there.call(john, 'act', undefined, 'preview', rule)).document);
  const { runs, warnings } = preview;
  assert.deepEqual(
    runs.map(({ at }) => at),
    ['2026-10-23T00:30:00Z', '2026-10-24T00:30:00Z', '2026-10-25T00:30:00Z'],
  );
  assert.equal(warnings.length, 1);
  const params = Object.entries(JSON.parse(rule)).map(([name, value]) => [name, String(value)]);
  assert.deepEqual(JSON.parse(ok(there.call(john, 'view', undefined, 'preview', params))), preview);
  const { words, picks } = JSON.parse(ok(there.call(john, 'view', undefined, 'rule', params)));
  assert.deepEqual([words, picks.repeat], ['every day at 02:30', 'daily']);
  assert.deepEqual(there.call(john, 'view', undefined, 'dance', []), { problem: { tag: 'not-found' } });
  assert.deepEqual(there.call(john, 'act', undefined, 'dance', '{}'), { problem: { tag: 'not-found' } });
  assert.equal(ok(there.call(john, 'list', byId)).total, 0n);
});

test('who may not do it is told, and who may sees the exporter with its fields', () => {
  const there = host();
  const token = [{ organizer: 'bigevents', settings: true, export: true }];
  assert.equal(there.call({ token, ...CONF }, 'create', daily()).problem.tag, 'forbidden');
  assert.equal(there.call({ ...john, mayWrite: false }, 'create', daily()).problem.tag, 'forbidden');
  const [exporter] = ok(there.call(john, 'exporters', undefined)).map((document) => JSON.parse(document));
  assert.equal(exporter.identifier, 'attendees');
  assert.deepEqual(ok(there.call(vera, 'exporters', undefined)), []);
});

test('a schedule is taken over, and its former owner is told', () => {
  const there = host();
  ok(there.call(mary, 'create', daily()));
  assert.equal(there.call(vera, 'act', 1n, 'take_over', '').problem.tag, 'forbidden');
  const taken = JSON.parse(ok(there.call(john, 'act', 1n, 'take_over', '')).document);
  assert.equal(taken.owner, 'john@example.com');
  const notices = there.store.outbox();
  assert.deepEqual(
    notices.map(({ deliveries }) => deliveries.map(({ address }) => address)),
    [['mary@example.org']],
  );
});

test('over the quota of an organizer nothing is added', () => {
  const there = host();
  there.platform.organizers.bigevents.quota = 1;
  ok(there.call(john, 'create', daily()));
  assert.ok('problem' in there.call(john, 'create', daily()));
  assert.equal(there.store.count(CONF.organizer), 1);
});

test('where others use up the quota while a call is under way, nothing is added either', () => {
  const there = host();
  there.platform.organizers.bigevents.quota = 1;
  const { reserveId } = there.store;
  there.store.reserveId = () => {
    there.store.reserveId = reserveId;
    ok(there.call(john, 'create', daily()));
    return there.store.reserveId();
  };
  assert.ok('problem' in there.call(john, 'create', daily()));
  assert.equal(there.store.count(CONF.organizer), 1);
});

test('who is switched off or gone calls nothing, and a device sees nothing', () => {
  const there = host();
  ok(there.call(john, 'create', daily()));
  assert.equal(there.call(CONF, 'list', byId).problem.tag, 'forbidden');
  there.platform.users.john.active = false;
  for (const by of [john, { ...john, user: 'nobody' }]) {
    assert.throws(() => there.call(by, 'list', byId), /calls nothing/);
  }
});

test('a handle is good for its call, and no longer', () => {
  const there = host();
  const { component } = there;
  const key = 'ticketing:scheduled-exports/schedule-store';
  let kept;
  there.component = (offered) => {
    kept = offered[key];
    const list = (by, query) => {
      kept.by = by;
      return offered[key].list(by, query);
    };
    return component({ ...offered, [key]: { ...offered[key], list } });
  };
  ok(there.call(john, 'list', byId));
  assert.throws(() => kept.list(kept.by, byId), /after its call/);
  assert.equal(there.openHandles, 0);
});

test('an event is one that the organizer has, whatever it is called', () => {
  const { platform } = host();
  assert.ok(platform.hasEvent('bigevents', 'conf'));
  assert.ok(!platform.hasEvent('bigevents', 'constructor') && !platform.hasEvent('smallgigs', 'conf'));
});
