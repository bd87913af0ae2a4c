// The host: mints a handle for each call, makes it in a fresh instance, and writes down what came of it.

import { Mistake, STOPS_AT } from './bounds.js';
import { Access, Run } from './handles.js';
import { imports } from './imports.js';
import { byDeliveries, Conflict, Store } from './store.js';

/** Seconds that a lease lasts: longer than any run here takes, since nothing can renew it while the one thread works. */
export const LEASE = 600n;
/** Most leases of one due time: a run that kills its host must end. */
const MOST_ATTEMPTS = 6;
/** Functions of `schedules` during which nothing is written. */
const READS = ['list', 'get', 'runs', 'exporters', 'view'];
/** Most repetitions of a call that others' changes come in between of. */
const MOST_TRIES = 5;

export class Host {
  #open = new Set();

  /** `clock` answers seconds since 1970 as a bigint; `log` takes a level and a line. */
  constructor({ component, platform, clock, log = () => {} }) {
    Object.assign(this, { component, platform, clock, log, store: new Store() });
  }

  #instance(label, now = this.clock()) {
    return this.component(imports(this, { label, now }));
  }

  /** Makes one exported call in a fresh instance, with a handle that is open for just that. */
  #lend(handle, label, call) {
    this.#open.add(handle);
    try {
      return call(this.#instance(label, handle.context().settings.now), handle);
    } finally {
      this.takeBack(handle);
    }
  }

  takeBack(handle) {
    handle.close();
    this.#open.delete(handle);
  }

  /** Handles that are lent and not taken back. */
  get openHandles() {
    return this.#open.size;
  }

  /**
   * One call of `schedules` at an organizer or event: `{ ok }` or `{ problem }`. `by` has a `user` (an id), or a `token` (rights of
   * its own), or neither: a device. With `mayWrite` false the credentials are for reading.
   *
   * What it staged is committed if it answers ok. Where another change came in between, the component decides again.
   */
  call(by, name, ...given) {
    for (let tries = 1; ; tries += 1) {
      const access = this.#access(by, !READS.includes(name));
      const label = `${name} at ${[by.organizer, by.event].filter(Boolean).join('/')}`;
      const answer = answered(() =>
        this.#lend(access, label, ({ schedules }, lent) => schedules[name](lent, ...given)),
      );
      if ('problem' in answer) {
        return answer;
      }
      try {
        this.store.commit(access.staged, this.clock(), access.scope.organizer, access.notices);
        return answer;
      } catch (error) {
        if (!(error instanceof Conflict)) throw error;
        if (tries === MOST_TRIES) return { problem: { tag: 'unavailable', val: error.message } };
      }
    }
  }

  #access({ user, token, organizer, event, mayWrite = true }, writes) {
    const scope = { organizer, event };
    const person = user && this.platform.user(user);
    if (user !== undefined && !person?.active) throw new Error('who is switched off or gone calls nothing');
    const rights = person ? this.platform.rights(user) : (token ?? []);
    return new Access({
      user,
      rights,
      scope,
      writes: writes && mayWrite,
      context: {
        caller: person ? { tag: 'user', val: person } : { tag: token ? 'token' : 'device' },
        language: person?.language ?? 'en',
        eventLevel: event !== undefined,
        mayChangeSettings: this.platform.mayChangeSettings(rights, scope),
        mayWrite,
        settings: this.platform.settings(scope, this.clock()),
      },
    });
  }

  /** Leases all that is due, to be executed or settled. */
  take() {
    const now = this.clock();
    return [...this.store.leaseSettled(now, now + LEASE), ...this.store.leaseDue(now, now + LEASE)];
  }

  /** Works on all that is due, one after the other. */
  tick() {
    this.#workOn(this.take());
  }

  /** Hands mails to `send(mail, address)`, which answers `{ status, response }`. */
  handOver(send) {
    for (const mail of this.store.leaving(this.clock())) {
      for (const { address, status } of mail.deliveries) {
        if (status === 'queued' || status === 'retrying') {
          this.store.recordDelivery(mail.key, address, send(mail, address));
        }
      }
    }
  }

  /** The same, and settles what is final then. */
  deliver(send) {
    this.handOver(send);
    const now = this.clock();
    this.#workOn(this.store.leaseSettled(now, now + LEASE));
  }

  #workOn(runs) {
    for (const leased of runs) {
      try {
        this.#work(leased);
      } catch (error) {
        // Somebody changed the schedule, or has the run: it is his.
        if (error.tag !== 'lease-lost') throw error;
      }
    }
  }

  /** Works on a leased run until it is finished: by the component, by its `abandon`, or by the host in its place. */
  #work(leased) {
    const { work, attempt } = leased;
    if (attempt > MOST_ATTEMPTS && work === 'execute') {
      return this.#failInItsPlace(leased, 'attempts-exhausted', 'The run was abandoned after six attempts that did not finish.');
    }
    const first = this.job(leased, work);
    if (first.over) {
      return undefined;
    }
    if (work === 'settle') {
      // The mail has left: nothing that the component does changes what became of it.
      return this.#settleInItsPlace(leased);
    }
    const second = this.job(first.leased, 'abandon', first.reason);
    if (second.over) {
      return undefined;
    }
    // What a trap says may hold data: it is logged, nobody is mailed it.
    const words = 'The export plugin failed twice without finishing the run.';
    return this.#failInItsPlace(second.leased, 'plugin-failed', words);
  }

  /**
   * One call of `execute`, `settle` or `abandon` in a fresh instance: whether the run is over then, the lease with the due time
   * that it has pinned, and if it is not over, why `abandon` is to be called.
   */
  job(leased, name, given = leased.deliveries) {
    const run = new Run({ leased, context: this.#runContext(leased) });
    const label = `schedule ${leased.row.id}, fence ${leased.fence}`;
    let reason = { tag: 'unfinished' };
    let failed = false;
    try {
      this.#lend(run, label, ({ jobs }, lent) => jobs[name](lent, given));
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError || error instanceof Mistake) {
        reason = { tag: 'trapped', val: error.message };
      } else {
        // The host's own fault: the lease runs out, and the run is taken again.
        this.log('error', `${label}: ${error.message}`);
        failed = true;
      }
    }
    // What `finish` has written counts, even if the component trapped after it; a lost lease is another's.
    const over = run.finished || run.lost || failed;
    if (!over) {
      this.log('error', `${label}: not finished: ${reason.val ?? reason.tag}`);
    }
    const { due, startedVersion, zone } = run;
    return { over, failed, reason, leased: { ...leased, due, startedVersion, zone } };
  }

  #runContext({ work, row, due, startedVersion, zone, attempt }) {
    const { scope, owner, content } = row;
    const settings = this.platform.settings(scope, this.clock());
    // Where the event has moved since the start, the run stays in its zone, unless a person has changed the schedule.
    if (startedVersion === row.version) settings.zone = zone;
    return {
      schedule: { id: row.id, owner: this.platform.user(owner), version: row.version, content },
      eventLevel: scope.event !== undefined,
      // What is left to do once a mail has left needs no right.
      ownerRight: work === 'settle' ? 'yes' : this.platform.ownerRight(owner, scope, content.exportIdentifier),
      due,
      startedVersion,
      kind: 'scheduled',
      pageUrl: settings.configurationUrl,
      attempt,
      settings,
    };
  }

  /** Writes `failed` where the component can't. */
  #failInItsPlace(leased, code, words) {
    const { row } = leased;
    if (leased.due === undefined) {
      const due = row.content.nextRun;
      const { zone } = this.platform.settings(row.scope, this.clock());
      const [next] = this.#instance('replan').recurrence.replan(
        [{ document: row.content.document, defaultZone: zone }],
        due,
      );
      const plan = { due, missed: [], nextRun: next.tag === 'ok' ? next.val : undefined };
      this.store.start(leased, plan, zone, this.clock());
    }
    this.#finish(leased, { tag: 'failed', val: [code, words] }, Math.min(row.content.errorCounter + 1, STOPS_AT));
  }

  #settleInItsPlace(leased) {
    const { content } = leased.row;
    const outcome = byDeliveries(leased.deliveries);
    this.#finish(leased, outcome, outcome.tag === 'failed' ? Math.min(content.errorCounter + 1, STOPS_AT) : 0);
  }

  #finish(leased, outcome, errorCounter) {
    const { row } = leased;
    const owner = this.platform.user(row.owner);
    const told = owner?.active ? [owner] : this.platform.responsible(row.scope);
    const people = { to: told.map(({ email }) => email), cc: [], bcc: [] };
    const subject = `Scheduled export ${row.id} failed`;
    const mail =
      outcome.tag === 'failed' && told.length > 0
        ? { kind: 'failure', people, subject, text: outcome.val[1], attachFile: false }
        : undefined;
    const active = row.content.state.tag !== 'stopped' && errorCounter < STOPS_AT;
    this.store.finish(leased, { outcome, errorCounter, active, mail }, this.clock());
  }
}

/** The contract's result: `{ ok }` or `{ problem }`. All else is a trap or a fault, and goes on. */
function answered(call) {
  try {
    return { ok: call() };
  } catch (error) {
    if (error instanceof Error && Object.hasOwn(error, 'payload')) {
      return { problem: error.payload };
    }
    throw error;
  }
}
