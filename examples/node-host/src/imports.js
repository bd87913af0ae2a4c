// The component's five imports: what each handle allows, on store and platform.
//
// Under Node 20 imports are synchronous (jco needs JSPI for others). A thrown plain object is the contract's error; a thrown
// Error ends the call: `Mistake` where the component gave what the contract rules out, all others for faults of the host.

/** The component's own mistake: ends its call like a trap. */
export class Mistake extends Error {}

const MOST_CHANGES = 100;
const MOST_DOCUMENT = 64 << 10;
const MOST_RANGES = 16;
const LONGEST_RETRY = 86_400n;
/** 9999-12-31T23:59:59Z. */
const LAST = 253_402_300_799n;
/** Consecutive failed runs at which a schedule is stopped. */
export const STOPS_AT = 5;

/** One caller at one organizer or event, and what the call has staged so far. Lent for one call. */
export class Access {
  staged = [];
  constructor({ facts, user, rights, scope }) {
    const everybody = facts.mayChangeSettings;
    const seen = { scope, owner: everybody ? undefined : (user ?? '') };
    Object.assign(this, { theFacts: facts, user, rights, scope, seen });
  }
  facts() {
    return this.theFacts;
  }
}

/** One leased run, and what has been made of it so far. Lent for one call. */
export class Run {
  constructor({ leased, facts }) {
    const { due, startedVersion } = facts;
    Object.assign(this, {
      leased,
      theFacts: facts,
      due,
      startedVersion,
      started: due !== undefined,
      finished: false,
      lost: false,
    });
  }
  facts() {
    return this.theFacts;
  }
}

/** The imports of one instance. */
export function imports({ store, platform, log }, call) {
  const now = () => call.now;

  // ---- schedule-store ----

  const joined = (row) => ({ id: row.id, owner: platform.user(row.owner), version: row.version, content: row.content });

  /** The row as this call sees it: as staged, else as stored. */
  function seen(by, id) {
    let row = store.get(by.seen, id);
    for (const change of by.staged.filter((change) => change.id === id)) {
      row =
        change.does === 'delete'
          ? undefined
          : { id, version: 0n, owner: row?.owner, ...change, version: (row?.version ?? 0n) + 1n };
    }
    if (row === undefined) throw { tag: 'not-found' };
    return row;
  }

  function stage(by, change) {
    if (by.staged.length >= MOST_CHANGES) throw new Mistake('it staged too many changes in one call');
    by.staged.push(change);
    return change.does === 'delete' ? undefined : joined(seen(by, change.id));
  }

  function changed(by, change) {
    if (!by.theFacts.mayWrite) throw { tag: 'forbidden' };
    const { version } = seen(by, change.id);
    if (change.version !== undefined && change.version !== version) throw { tag: 'stale' };
    store.notRecorded(change.id, change.missed ?? []);
    return stage(by, change);
  }

  const scheduleStore = {
    list: (by, query) => page(store.all(by.seen), query, joined),
    get: (by, id) => joined(seen(by, id)),
    insert(by, content) {
      if (by.user === undefined || !by.theFacts.mayWrite) throw { tag: 'forbidden' };
      const { quota } = platform.organizers[by.scope.organizer];
      const inserts = by.staged.filter(({ does }) => does === 'insert').length;
      if (quota !== undefined && store.count(by.scope.organizer) + inserts >= quota) throw { tag: 'quota', val: quota };
      return stage(by, {
        does: 'insert',
        id: store.reserveId(),
        scope: by.scope,
        owner: by.user,
        content: bounded(content),
      });
    },
    update: (by, id, version, content, missed) =>
      changed(by, { does: 'update', id, version, content: bounded(content), missed: givenUp(missed, content, now()) }),
    takeOver(by, id, version, content, missed) {
      if (by.user === undefined) throw { tag: 'forbidden' };
      const former = seen(by, id).owner;
      const change = {
        does: 'update',
        id,
        version,
        content: bounded(content),
        missed: givenUp(missed, content, now()),
      };
      return changed(by, { ...change, owner: by.user, former });
    },
    delete: (by, id, version) => changed(by, { does: 'delete', id, version }),
    runs(by, id, at, size) {
      seen(by, id);
      const query = { order: 'due', descending: true, at, size };
      return page(store.history(id), query, ({ schedule, startedVersion, file, fence, lease, ...entry }) => entry);
    },
    start(run, plan) {
      const { work, row, due: pinned } = run.leased;
      if (run.finished || work !== 'execute' || (pinned !== undefined && pinned !== plan.due))
        throw { tag: 'lease-lost' };
      const planned = row.content.nextRun;
      const isDue = pinned !== undefined || plan.due === planned || (planned <= plan.due && plan.due <= now());
      if (!isDue) throw new Mistake(`it started ${plan.due}, which is not due`);
      if (
        plan.nextRun !== undefined &&
        (plan.nextRun <= plan.due || plan.nextRun > LAST || (pinned === undefined && plan.nextRun <= now()))
      ) {
        throw new Mistake(`it planned for ${plan.nextRun}`);
      }
      if (plan.missed.some(({ last }) => last >= plan.due)) throw new Mistake("it missed due times after this run's");
      ranges(plan.missed);
      holding(run, () => store.start(run.leased, plan, now()));
      Object.assign(run, { due: plan.due, started: true, startedVersion: run.startedVersion ?? row.version });
    },
    finish(run, outcome, errorCounter, active) {
      if (!run.started || run.finished) throw { tag: 'lease-lost' };
      const finish = {
        outcome: ending(run, outcome, now()),
        errorCounter: Math.min(errorCounter, STOPS_AT),
        active: active && errorCounter < STOPS_AT,
        mail: run.mail,
      };
      holding(run, () => store.finish(run.leased, finish, now()));
      run.finished = true;
    },
  };

  /** Whoever finds the lease lost has nothing more to do with the run. */
  function holding(run, write) {
    try {
      write();
    } catch (error) {
      run.lost = error.tag === 'lease-lost';
      throw error;
    }
  }

  // ---- exporters ----

  /** Whose rights are asked about. An owner who is inactive counts with those that he has again once he is active. */
  function subject(by, whose) {
    return whose.tag === 'caller' ? by.rights : platform.rights(seen(by, whose.val).owner);
  }

  const exporters = {
    available: (by, whose, only) =>
      platform
        .exporters(by.scope, subject(by, whose))
        .filter(({ identifier }) => only === undefined || identifier === only),
    usableEvents: (by, whose, exporter, only) =>
      platform
        .usableEvents(by.scope.organizer, subject(by, whose))
        .filter((slug) => only === undefined || only.includes(slug)),
    visibleEvents: (by, slugs) => {
      const usable = platform.usableEvents(by.scope.organizer, by.rights);
      return slugs.filter((slug) => by.theFacts.mayChangeSettings || usable.includes(slug));
    },
    missingEvents: (by, slugs) => slugs.filter((slug) => !(slug in platform.organizers[by.scope.organizer].events)),
    produce(run, form, language, zone, at) {
      if (!run.started || run.finished || run.leased.work !== 'execute') throw { tag: 'lease-lost' };
      const { owner, scope, content } = run.leased.row;
      const file = platform.produce({
        owner,
        scope,
        exporter: content.exportIdentifier,
        form: JSON.parse(form),
        language,
        zone,
        now: at,
      });
      holding(run, () => store.keepFile(run.leased, file));
      run.file = file;
      const { data, ...facts } = file;
      return facts;
    },
    zip: () => {
      throw { tag: 'failed', val: 'this host makes no archives' };
    },
    // None: this host offers no downloads.
    link: () => undefined,
  };

  // ---- mailer ----

  function letter({ kind, people, subject, text, attachFile, file }, mailBytes) {
    const line = subject.trim();
    if (line === '' || [...line].length > 250 || /\p{Cc}/u.test(line)) throw { tag: 'bad-subject' };
    // Base64 in lines of 76 characters, and room for the headers.
    const size = 2048n + BigInt(Buffer.byteLength(text) * 2) + (attachFile ? ((file.size + 56n) / 57n) * 78n : 0n);
    if (size > mailBytes) throw { tag: 'too-large', val: size };
    return { kind, people, subject: line, text, attachFile };
  }

  const mailer = {
    stage(run, { kind, audience, subject, text, attachFile }) {
      const { schedule, settings } = run.theFacts;
      const people = audience.tag === 'people' ? eachOnce(audience.val) : { to: responsible(run), cc: [], bcc: [] };
      const all = [...people.to, ...people.cc, ...people.bcc];
      if (audience.tag === 'people') {
        const { to, cc, bcc } = schedule.content.recipients;
        const stored = [...to, ...cc, ...bcc].map(lower);
        const allowed = (address) => settings.recipientDomains?.includes(lower(address.split('@').at(-1))) ?? true;
        const refused = all.filter((address) => {
          const isOwner = lower(address) === lower(schedule.owner?.email ?? '');
          return !isOwner && !(stored.includes(lower(address)) && allowed(address));
        });
        if (refused.length > 0) throw { tag: 'not-a-recipient', val: refused };
      }
      if (all.length === 0) throw { tag: 'nobody' };
      if (attachFile && run.file === undefined) throw { tag: 'no-file' };
      run.mail = letter({ kind, people, subject, text, attachFile, file: run.file }, settings.mailBytes);
    },
    notifyFormerOwner(by, id, subject, text) {
      const change = by.staged.findLast((one) => one.id === id && one.former !== undefined);
      const former = change && platform.user(change.former);
      if (former === undefined || !former.active || former.id === by.user) throw { tag: 'nobody' };
      const people = { to: [former.email], cc: [], bcc: [] };
      const { mailBytes } = by.theFacts.settings;
      change.notice = {
        ...letter({ kind: 'taken-over', people, subject, text, attachFile: false }, mailBytes),
        to: people.to,
      };
    },
  };

  function responsible(run) {
    const { owner } = run.theFacts.schedule;
    return (owner?.active ? [owner] : platform.responsible(run.leased.row.scope)).map(({ email }) => email);
  }

  // The component numbers nothing: the host says which call a line is from.
  let lines = 0;
  const logging = {
    write(level, text) {
      lines += 1;
      if (lines <= 64) log(level, `${call.label}: ${text.slice(0, 4096)}`);
    },
  };

  const named = { 'auth-context': { Access, Run }, 'schedule-store': scheduleStore, exporters, mailer, log: logging };
  return Object.fromEntries(Object.entries(named).map(([name, one]) => [`ticketing:scheduled-exports/${name}`, one]));
}

// ---- bounds: what the component may give ----

function bounded(content) {
  const { to, cc, bcc } = content.recipients;
  if (Buffer.byteLength(content.document) > MOST_DOCUMENT) throw new Mistake('it stored a document that is too long');
  if ([to, cc, bcc].some((list) => list.length > 25)) throw new Mistake('it stored too many addresses in one list');
  if ([to, cc, bcc].flat().some((one) => one.length > 320 || /\p{Cc}/u.test(one)))
    throw new Mistake("it stored what can't be an address");
  if (content.nextRun !== undefined && (content.nextRun < 0n || content.nextRun > LAST))
    throw new Mistake(`it planned for ${content.nextRun}`);
  return { ...content, errorCounter: Math.min(content.errorCounter, STOPS_AT) };
}

/** Due times given up by a change: all of them passed, and not the one that it keeps. */
function givenUp(missed, { nextRun }, now) {
  if (missed.some(({ first, last }) => last > now || (first <= nextRun && nextRun <= last))) {
    throw new Mistake('it gave up due times that are still to come');
  }
  return ranges(missed);
}

function ranges(missed) {
  const ordered = missed.every(({ first }, place) => place === 0 || first > missed[place - 1].last);
  const possible = missed.every(({ first, last, count }) => first >= 0n && count >= 1n && count <= last - first + 1n);
  if (missed.length > MOST_RANGES || !ordered || !possible) throw new Mistake("it missed due times that can't be");
  return missed;
}

/** How a run may end: as fits the call that ends it and the mail that is staged. */
function ending(run, outcome, now) {
  const { work, deliveries } = run.leased;
  const taken = deliveries.some(({ status }) => status === 'accepted');
  const fits =
    work === 'settle'
      ? outcome.tag === (taken ? 'delivered' : 'failed')
      : outcome.tag !== 'delivered' && (outcome.tag === 'submitted') === (run.mail?.kind === 'export');
  if (!fits) throw new Mistake(`it ended as ${outcome.tag}, which this call can't`);
  if (outcome.tag !== 'retry') return outcome;
  const at = [now, outcome.val, now + LONGEST_RETRY].sort((a, b) => (a < b ? -1 : 1))[1];
  return { tag: 'retry', val: at };
}

// ---- lists ----

const KEYS = {
  id: (row) => row.id,
  'export-identifier': (row) => row.content.exportIdentifier,
  'next-run': (row) => row.content.nextRun,
  due: (run) => run.due,
};

/** Part of a list: ties by id upwards, absent values last either way. */
function page(rows, { order, descending, at, size }, shown) {
  const mark = (row) => ({ key: KEYS[order](row), id: row.id ?? 0n });
  const compare = (a, b) => {
    if (a.key === b.key) return a.id < b.id ? -1 : Number(a.id > b.id);
    if (a.key === undefined || b.key === undefined) return a.key === undefined ? 1 : -1;
    return a.key < b.key === descending ? 1 : -1;
  };
  const length = Math.min(Math.max(size, 1), 50);
  const sorted = [...rows].sort((a, b) => compare(mark(a), mark(b)));
  let begin = at.tag === 'number' ? (at.val - 1) * length : undefined;
  if (at.tag === 'after') {
    const after = read(at.val, order, descending);
    const next = sorted.findIndex((row) => compare(mark(row), after) > 0);
    begin = next === -1 ? sorted.length : next;
  } else if (at.val < 1 || (at.val > 1 && begin >= sorted.length)) {
    throw { tag: 'not-found' };
  }
  const part = sorted.slice(begin, begin + length);
  const more = begin + length < sorted.length;
  return {
    total: BigInt(sorted.length),
    rows: part.map(shown),
    next: more ? write(mark(part.at(-1)), order, descending) : undefined,
  };
}

const write = ({ key, id }, order, descending) =>
  JSON.stringify([order, descending, String(id), typeof key, key === undefined ? '' : String(key)]);

function read(text, order, descending) {
  try {
    const [ofOrder, ofDescending, id, kind, key] = JSON.parse(text);
    if (ofOrder === order && ofDescending === descending) {
      return { id: BigInt(id), key: kind === 'bigint' ? BigInt(key) : kind === 'undefined' ? undefined : key };
    }
  } catch {
    // Any text may come in here.
  }
  throw { tag: 'not-found' };
}

const lower = (text) => text.toLowerCase();

/** Each address once, where it comes first. */
function eachOnce({ to, cc, bcc }) {
  const met = new Set();
  const fresh = (address) => !met.has(lower(address)) && met.add(lower(address));
  return { to: to.filter(fresh), cc: cc.filter(fresh), bcc: bcc.filter(fresh) };
}
