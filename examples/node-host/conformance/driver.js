// The conformance checks, gone through with a host of any making: what docs/conformance.md asks of a driver.
//
// The component brings its checks along as scripts, calls the imports and judges their answers; here is only what carries the
// scripts out. This file knows nothing of jco or of the host beside it. To test a host, give it `Hosts`:
//
//   facts: { exporter, form, leaseSeconds }
//   plan(document)            what `recurrence.replan` answers as the error of its one row
//   host(world, now)          a host with this world, the conformance component loaded, and nothing else
//
// and each host is driven through these, all of which may answer promises:
//
//   setClock(now)             does nothing that is due
//   call(caller, at, what)    `at` is { organizer, event }, `what` { export, verb, id, document }, id as a number and document as
//                             a text; answers { ok: document, if any }, { problem: case or code, words } or { trap: words }
//   take()                    leases all that is due, for one worker: [{ schedule: id, … }], else what the host likes
//   run(lease, job)           one of those, once; answers { words } or { trap: words }, with what the component logged
//   deliver(refused)          answers what recipients' servers took: [{ to, subject, messageId, attached }]
//   changeUser(name, change)
//   openHandles()             how many; without this method the host can't tell
//   lacks(step)               in words, what this step needs and the host does not have; without this method nothing
//
// All times are seconds since 1970, as numbers. What a host throws ends the check as wrong, with its words.

/** The host can't show it: the check is neither right nor wrong. */
class NotKnown extends Error {}

export class Conformance {
  /** Asks the component for its checks. */
  static async of(hosts) {
    const { exporter, form, leaseSeconds } = hosts.facts;
    const plan = await hosts.plan(JSON.stringify({ exporter, form, 'lease-seconds': leaseSeconds }));
    try {
      return new Conformance(hosts, JSON.parse(plan));
    } catch {
      throw new Error(`The component has no plan for this host: ${plan}`);
    }
  }

  constructor(hosts, plan) {
    Object.assign(this, { hosts, plan });
  }

  /** Each with its `name` and what it is `about`, in order. */
  get checks() {
    return this.plan.checks;
  }

  /** Goes through one check, with a host of its own: `verdict` is right, wrong or not-known, `words` say why. */
  async check(name) {
    const { about, steps } = this.checks.find((check) => check.name === name);
    const came = (verdict, words) => ({ name, about, verdict, words });
    let doing = 'the host is set up';
    try {
      const course = new Course(await this.hosts.host(this.plan.world, this.plan.clock));
      for (const step of steps) {
        const lacking = course.host.lacks?.(step);
        if (lacking !== undefined) return came('not-known', lacking);
      }
      for (const [place, step] of steps.entries()) {
        doing = `step ${place + 1}, ${said(step)}`;
        await course.take(step);
      }
    } catch (error) {
      return error instanceof NotKnown ? came('not-known', error.message) : came('wrong', `${doing}: ${error.message}`);
    }
    return came('right', '');
  }
}

/** One check under way. What is not as it should be is thrown. */
class Course {
  /** What steps have given, by name: the component's answers, leases, mails. */
  kept = {};
  /** Leases as the host gave them, by the same names. */
  leases = {};

  constructor(host) {
    this.host = host;
  }

  async take(step) {
    switch (kind(step)) {
      case 'clock':
        return await this.host.setClock(step.clock);
      case 'call':
        return await this.#call(step);
      case 'take':
        return await this.#lease(step);
      case 'run':
        for (const lease of this.leases[step.run] ?? []) {
          this.#ended(await this.host.run(lease, step.job), step.ends);
        }
        return undefined;
      case 'deliver': {
        const mails = await this.host.deliver(step.deliver.refused);
        this.kept.mails = mails.map(({ messageId, ...mail }) => ({ ...mail, 'message-id': messageId }));
        return undefined;
      }
      case 'user':
        return await this.host.changeUser(step.user, step.change);
      case 'open-handles': {
        const open = await this.host.openHandles?.();
        if (open === undefined) throw new NotKnown('this host does not say which handles are open');
        const right = step['open-handles'];
        if (open !== right) throw new Error(`${open} handles are still open, ${right} should be`);
        return undefined;
      }
      default:
        throw new Error(`this driver has no such step: ${JSON.stringify(step)}`);
    }
  }

  async #call({ call, by, organizer, event, ends }) {
    const id = call.id ? this.kept[call.id]?.id : undefined;
    if (call.id && id === undefined) throw new Error(`no step before has given \`${call.id}\``);
    const document = call.document && JSON.stringify({ ...call.document, kept: this.kept });
    const at = { organizer, event: event ?? undefined };
    this.#ended(await this.host.call(by, at, { export: call.export, verb: call.verb, id, document }), ends);
  }

  async #lease({ take, workers, count }) {
    const taken = (await Promise.all(Array.from({ length: workers }, () => this.host.take()))).flat();
    const schedules = taken.map(({ schedule }) => Number(schedule));
    if (taken.length !== count) {
      throw new Error(`${count} runs are to be leased, the host leased ${taken.length} (schedules ${schedules})`);
    }
    this.leases[take] = taken;
    this.kept[take] = schedules.map((schedule) => ({ schedule }));
  }

  /** Compares how a call ended with how it should, and keeps what the component answered. */
  #ended(ending, expected) {
    let { problem: ended = 'trap' in ending ? 'trap' : 'ok', words = ending.trap } = ending;
    if (ending.ok !== undefined) {
      const { kept = {}, wrong = [] } = JSON.parse(ending.ok);
      Object.assign(this.kept, kept);
      if (wrong.length > 0) [ended, words] = ['wrong', wrong.join('; ')];
    }
    if (ended === 'wrong') throw new Error(words);
    if (!expected.includes(ended)) {
      const why = words ? `: ${words}` : '';
      throw new Error(`it has to end with ${expected.join(' or ')}, it ended with ${ended}${why}`);
    }
  }
}

const KINDS = ['clock', 'call', 'take', 'run', 'deliver', 'user', 'open-handles'];

/** Which of the steps it is: the page's table, from top to bottom. */
export function kind(step) {
  return KINDS.find((one) => one in step);
}

/** A step for people who look for what went wrong. */
function said(step) {
  switch (kind(step)) {
    case 'clock':
      return `the clock is set to ${step.clock}`;
    case 'call':
      return `${step.by} calls \`${step.call.export}\` at ${[step.organizer, step.event].filter(Boolean).join('/')}`;
    case 'take':
      return `what is due is leased as \`${step.take}\``;
    case 'run':
      return `\`${step.job}\` for the lease \`${step.run}\``;
    case 'deliver':
      return 'the outbox is handed over';
    case 'user':
      return `${step.user} is changed: ${step.change}`;
    default:
      return 'handles are counted';
  }
}
