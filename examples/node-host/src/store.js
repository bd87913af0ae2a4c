// Schedules, their runs and the outbox, in memory.
//
// Every method that writes is one transaction: all that it does, or, if it throws, nothing. Rows are replaced and never
// changed, so a transaction works on copies of three containers and puts them in place at its end.
//
// What is thrown follows jco: a plain object is the contract's error, an Error is a trap.

/** A staged change does not fit what is stored by now: the whole call is to be repeated. */
export class Conflict extends Error {}

const runKey = (schedule, due) => `${schedule}@${due}`;
const isFinal = ({ status }) => ['accepted', 'rejected', 'cancelled'].includes(status);

/** The state at this time: a pause that has run out counts as active. */
export const stateAt = ({ tag, val }, now) => (tag === 'paused' && val !== undefined && val <= now ? 'active' : tag);

export class Store {
  #state = { schedules: new Map(), runs: new Map(), outbox: new Map() };
  #lastId = 0n;

  #transaction(work) {
    const { schedules, runs, outbox } = this.#state;
    const draft = { schedules: new Map(schedules), runs: new Map(runs), outbox: new Map(outbox) };
    const answer = work(draft);
    this.#state = draft;
    return answer;
  }

  // ---- people's calls ----

  /** An id that nobody else gets, whatever comes of the call that asked. */
  reserveId() {
    this.#lastId += 1n;
    return this.#lastId;
  }

  /** The schedule, if it can be seen: `seen` is a scope, and the one owner whose schedules are visible, if not all are. */
  get(seen, id) {
    const row = this.#state.schedules.get(id);
    return row && visible(row, seen) ? row : undefined;
  }

  /** All that can be seen, in no order. */
  all(seen) {
    return [...this.#state.schedules.values()].filter((row) => visible(row, seen));
  }

  /** Throws where some of these missed due times have an entry. The commit asks again. */
  notRecorded(schedule, missed) {
    notRecorded(this.#state.runs, schedule, missed);
  }

  /** Schedules of an organizer, at every level. */
  count(organizer) {
    return count(this.#state.schedules, organizer);
  }

  /** The run history of a schedule, latest due time first. */
  history(schedule) {
    const runs = [...this.#state.runs.values()].filter((run) => run.schedule === schedule);
    return runs
      .sort((a, b) => (a.due < b.due ? 1 : -1))
      .map((run) => ({
        ...run,
        deliveries: this.#state.outbox.get(`${runKey(schedule, run.due)} export`)?.deliveries ?? [],
      }));
  }

  /**
   * Writes what a call has staged, and what owners are told of it; throws `Conflict` where a version has moved on, or a quota is
   * used up.
   */
  commit(changes, now, organizer, notices = new Map()) {
    this.#transaction(({ schedules, runs, outbox }) => {
      for (const change of changes) {
        const { id, content, missed } = change;
        if (change.does === 'insert') {
          if (count(schedules, change.scope.organizer) >= change.quota) {
            throw new Conflict(`others have used up the quota of ${change.scope.organizer}`);
          }
          schedules.set(id, {
            id,
            scope: change.scope,
            owner: change.owner,
            version: 1n,
            content,
            fence: 0n,
            attempts: 0,
          });
          continue;
        }
        const row = schedules.get(id);
        if (row === undefined || (change.version !== undefined && row.version !== change.version)) {
          throw new Conflict(`schedule ${id} was changed meanwhile`);
        }
        if (change.does === 'delete') {
          if (row.open !== undefined) {
            end(runs, runKey(id, row.open), { tag: 'cancelled', val: 'The schedule was deleted.' }, now);
          }
          schedules.delete(id);
          continue;
        }
        recordMissed(runs, id, missed, now);
        // A run in progress loses its lease with the fence, and is leased again at once. A lease that has pinned nothing was no
        // attempt at what is due now.
        let { lease, retryAt, ...rest } = row;
        const owner = change.owner ?? row.owner;
        if (content.state.tag === 'paused' && row.open !== undefined) {
          end(runs, runKey(id, row.open), { tag: 'cancelled', val: 'The schedule was paused.' }, now);
          rest = { ...rest, open: undefined };
        }
        const attempts = rest.open === undefined ? 0 : row.attempts;
        schedules.set(id, { ...rest, owner, content, attempts, version: row.version + 1n, fence: row.fence + 1n });
      }
      for (const [id, notice] of notices) tell(outbox, organizer, id, notice, now);
    });
  }

  // ---- runs ----

  /** Leases all that is due until `until`: each fence goes up, each attempt is counted, before anything is tried. */
  leaseDue(now, until) {
    return this.#transaction(({ schedules, runs }) => {
      const due = [...schedules.values()].filter((row) => wake(row) <= now);
      return due.map((row) => {
        const leased = { ...row, fence: row.fence + 1n, lease: until, attempts: row.attempts + 1 };
        schedules.set(row.id, leased);
        const { startedVersion, zone } = runs.get(runKey(row.id, row.open)) ?? {};
        return {
          work: 'execute',
          row: leased,
          fence: leased.fence,
          due: row.open,
          startedVersion,
          zone,
          attempt: leased.attempts,
          deliveries: [],
        };
      });
    });
  }

  /** Leases submitted runs whose recipients are all final. Where the schedule is gone there is nobody to ask: they are ended. */
  leaseSettled(now, until) {
    return this.#transaction(({ schedules, runs, outbox }) => {
      const leased = [];
      for (const [key, run] of runs) {
        const deliveries = outbox.get(`${key} export`)?.deliveries ?? [];
        const ready = run.ended === undefined && run.outcome?.tag === 'submitted' && deliveries.every(isFinal);
        if (!ready || (run.lease !== undefined && run.lease > now)) {
          continue;
        }
        const row = schedules.get(run.schedule);
        if (row === undefined) {
          end(runs, key, byDeliveries(deliveries), now);
          continue;
        }
        const fence = (run.fence ?? 0n) + 1n;
        runs.set(key, { ...run, fence, lease: until });
        leased.push({
          work: 'settle',
          row,
          fence,
          due: run.due,
          startedVersion: run.startedVersion,
          zone: run.zone,
          attempt: run.attempts,
          deliveries,
        });
      }
      return leased;
    });
  }

  /** Pins the due time, in this zone, and stores the next one. */
  start(leased, plan, zone, now) {
    const started = this.#transaction(({ schedules, runs }) => {
      const row = held(leased, schedules, runs);
      const key = runKey(row.id, plan.due);
      const run = runs.get(key);
      if (run?.outcome !== undefined) {
        // It has ended, and was planned once more, as after a clock was set back: else it would be leased for ever.
        const { lease, ...rest } = row;
        schedules.set(row.id, { ...rest, attempts: 0, content: { ...row.content, nextRun: plan.nextRun } });
        return false;
      }
      if (run === undefined) {
        recordMissed(runs, row.id, plan.missed, now);
      }
      const { id = nextRunId(runs), started = now, startedVersion = row.version } = run ?? {};
      runs.set(key, { id, schedule: row.id, due: plan.due, started, startedVersion, zone, attempts: row.attempts });
      schedules.set(row.id, { ...row, open: plan.due, content: { ...row.content, nextRun: plan.nextRun } });
      return true;
    });
    if (!started) {
      throw { tag: 'lease-lost' };
    }
  }

  /** Keeps the file with the run, in place of an earlier one. */
  keepFile(leased, file) {
    this.#transaction(({ schedules, runs }) => {
      const row = held(leased, schedules, runs);
      const key = runKey(row.id, row.open);
      runs.set(key, { ...runs.get(key), file, rows: file.rows, bytes: file.size });
    });
  }

  /** Ends, submits or postpones the run, with its mail, if the fence still holds. */
  finish(leased, { outcome, errorCounter, active, mail }, now) {
    this.#transaction(({ schedules, runs, outbox }) => {
      const row = held(leased, schedules, runs);
      const due = leased.work === 'settle' ? leased.due : row.open;
      const key = runKey(row.id, due);
      const retryAt = outcome.tag === 'retry' ? outcome.val : undefined;
      if (outcome.tag === 'submitted') {
        runs.set(key, { ...runs.get(key), outcome });
      } else if (retryAt === undefined) {
        end(runs, key, outcome, now);
      }
      if (mail !== undefined && !outbox.has(`${key} ${mail.kind}`)) {
        const file = mail.attachFile ? runs.get(key).file : undefined;
        outbox.set(`${key} ${mail.kind}`, { ...mail, schedule: row.id, due, file, deliveries: queued(mail) });
      }
      // Where a person has changed the schedule since, what he made of it stands.
      const stops = !active && stateAt(row.content.state, now) === 'active';
      const state = stops ? { tag: 'stopped' } : row.content.state;
      const content = row.version === leased.row.version ? { ...row.content, errorCounter, state } : row.content;
      const over = retryAt === undefined ? { open: undefined, attempts: 0 } : {};
      const left = leased.work === 'settle' ? {} : { lease: undefined, retryAt, ...over };
      schedules.set(row.id, { ...row, ...left, content });
    });
  }

  // ---- delivery ----

  /** Mails, each under a key that makes its Message-ID (schedule, due time and kind), and what has become of them. */
  outbox() {
    return [...this.#state.outbox].map(([key, mail]) => ({ key, ...mail }));
  }

  /** Those that may leave by now: what owners are told of others' changes waits for more of it. */
  leaving(now) {
    return this.outbox().filter(({ waits }) => waits === undefined || waits <= now);
  }

  /** Writes down what a recipient's server said. */
  recordDelivery(key, address, { status, response }) {
    this.#transaction(({ outbox }) => {
      const mail = outbox.get(key);
      const deliveries = mail.deliveries.map((one) => (one.address === address ? { address, status, response } : one));
      outbox.set(key, { ...mail, deliveries });
    });
  }
}

/** How long a notice to an owner waits for others, in seconds. */
const NOTICES_WAIT = 900n;
/** Most characters of the texts of one such mail. */
const MOST_TOLD = 250_000;

/** Adds a notice to the mail to this owner that still waits, or keeps one that waits from now on. */
function tell(outbox, organizer, id, notice, now) {
  const joins = ([, mail]) => mail.organizer === organizer && mail.told === notice.told && mail.waits > now;
  const [key, waiting] = [...outbox].find(joins) ?? [];
  if (waiting === undefined) {
    const mail = { ...notice, organizer, waits: now + NOTICES_WAIT, deliveries: queued(notice) };
    outbox.set(`notice ${id} ${now}`, mail);
    return;
  }
  const fits = waiting.text.length + notice.text.length <= MOST_TOLD;
  const text = `${waiting.text}\n----\n\n${fits ? notice.text : 'More changes followed. Please check your scheduled exports.\n'}`;
  if (!waiting.full) {
    outbox.set(key, { ...waiting, subject: 'Several changes to your scheduled exports', text, full: !fits });
  }
}

function count(schedules, organizer) {
  return [...schedules.values()].filter((row) => row.scope.organizer === organizer).length;
}

/** When there is something to do about a schedule; none: never. */
function wake({ lease, open, retryAt, content: { state, nextRun } }) {
  if (lease !== undefined) return lease;
  if (open === undefined) return state.tag === 'active' || (state.tag === 'paused' && state.val !== undefined) ? nextRun : undefined;
  // A run that is put off past the next due time is tried again by then: it must not keep that waiting.
  return retryAt > nextRun ? nextRun : (retryAt ?? 0n);
}

function visible(row, { scope, owner }) {
  const here = row.scope.organizer === scope.organizer && row.scope.event === scope.event;
  return here && (owner === undefined || row.owner === owner);
}

/** The leased row, if nobody else has got it meanwhile and nobody has changed it. */
function held(leased, schedules, runs) {
  const row = schedules.get(leased.row.id);
  const run = runs.get(runKey(leased.row.id, leased.due));
  const holds =
    leased.work === 'settle'
      ? row !== undefined && run.fence === leased.fence && run.ended === undefined
      : row?.fence === leased.fence && row.lease !== undefined;
  if (!holds) {
    throw { tag: 'lease-lost' };
  }
  return row;
}

function end(runs, key, outcome, now) {
  runs.set(key, { ...runs.get(key), outcome, ended: now });
}

/** Throws where the history has some of the missed due times already: the component is told, and counts again. */
function notRecorded(runs, schedule, missed) {
  for (const { first, last } of missed) {
    const firstOf = ({ due, outcome }) => (outcome?.tag === 'missed' ? outcome.val.first : due);
    const known = [...runs.values()].filter(
      (run) => run.schedule === schedule && run.due >= first && firstOf(run) <= last,
    );
    if (known.length > 0) {
      throw {
        tag: 'already-recorded',
        val: known.map(({ due }) => (due < last ? due : last)).reduce((a, b) => (a > b ? a : b)),
      };
    }
  }
}

/** One entry a range. */
function recordMissed(runs, schedule, missed, now) {
  notRecorded(runs, schedule, missed);
  for (const range of missed) {
    const outcome = { tag: 'missed', val: range };
    runs.set(runKey(schedule, range.last), { id: nextRunId(runs), schedule, due: range.last, attempts: 0, outcome, ended: now });
  }
}

/** Runs are never removed, so their number goes up. */
const nextRunId = (runs) => BigInt(runs.size) + 1n;

function queued({ people: { to, cc, bcc } }) {
  return [...to, ...cc, ...bcc].map((address) => ({ address, status: 'queued', response: '' }));
}

/** How a submitted run ends where only its recipients' servers can say. */
export function byDeliveries(deliveries) {
  return deliveries.some(({ status }) => status === 'accepted')
    ? { tag: 'delivered' }
    : { tag: 'failed', val: ['delivery-failed', "No recipient's mail server accepted the email."] };
}
