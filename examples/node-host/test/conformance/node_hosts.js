// The Node host, as docs/conformance.md wants it driven: one of these for each check.

import { Mistake } from '../../src/bounds.js';
import { load } from '../../src/component.js';
import { Host, LEASE } from '../../src/host.js';
import { imports } from '../../src/imports.js';
import { Platform } from '../../src/platform.js';

/** `wrong` changes a host that has just been made: to see that its fault is found. */
export async function nodeHosts(wrong = () => {}) {
  const component = await load('conformance');
  return {
    facts: { exporter: 'attendees', form: { date_range: '/', with_email: false }, leaseSeconds: Number(LEASE) },
    plan(document) {
      const [answer] = component(imports({}, {})).recurrence.replan([{ document, defaultZone: 'UTC' }], 0n);
      return answer.val;
    },
    host: (world, now) => new NodeHost(component, world, now, wrong),
  };
}

/** The world's rights are those of this platform, but for a null where it has nothing. */
const right = ({ events, ...rest }) => ({ ...rest, events: events ?? undefined });

function platform({ organizers, events, users }) {
  const attendees = [{ name: 'Ada', email: 'ada@example.org', day: '2030-01-01' }];
  const eventsOf = (organizer) =>
    events.filter((one) => one.organizer === organizer).map(({ slug, zone }) => [slug, { zone, attendees }]);
  return new Platform({
    users: Object.fromEntries(
      users.map(({ name, email, language, rights }) => [
        name,
        { email, language, active: true, rights: rights.map(right) },
      ]),
    ),
    organizers: Object.fromEntries(
      organizers.map(({ slug, zone, quota, ...rules }) => [
        slug,
        {
          zone,
          quota: quota ?? undefined,
          recipientDomains: rules['recipient-domains'] ?? undefined,
          mailBytes: BigInt(rules['mail-bytes']),
          events: Object.fromEntries(eventsOf(slug)),
        },
      ]),
    ),
    baseUrl: 'https://tickets.example',
  });
}

class NodeHost {
  #now;
  #lines = [];

  constructor(component, world, now, wrong) {
    this.#now = BigInt(now);
    this.callers = new Map(world.callers.map((caller) => [caller.name, caller]));
    this.host = new Host({
      component,
      platform: platform(world),
      clock: () => this.#now,
      log: (level, line) => this.#lines.push(line),
    });
    wrong(this.host);
  }

  /** Runs that are not due are not made here. */
  lacks(step) {
    return JSON.stringify(step).includes('"do":"request"') ? 'this host has no manual runs' : undefined;
  }

  setClock(now) {
    this.#now = BigInt(now);
  }

  call(caller, at, { export: name, verb, id, document }) {
    const { user, token, 'may-write': mayWrite } = this.callers.get(caller);
    const by = { user, token: token && [right(token)], mayWrite, ...at };
    const key = id === undefined ? undefined : BigInt(id);
    const first = { tag: 'number', val: 1 };
    const given = {
      list: [{ filter: {}, order: 'id', descending: false, at: first, size: 50 }],
      get: [key],
      create: [document],
      replace: [key, document, undefined],
      patch: [key, document, undefined],
      delete: [key, undefined],
      runs: [key, { at: first, size: 50 }],
      exporters: [undefined],
      view: [key, verb, [['document', document]]],
      act: [key, verb, document],
    }[name];
    try {
      const { ok, problem } = this.host.call(by, name, ...given);
      return problem === undefined ? { ok: typeof ok === 'string' ? ok : ok?.document } : refusal(problem);
    } catch (error) {
      return trapped(error);
    }
  }

  take() {
    return this.host.take().map((leased) => ({ schedule: leased.row.id, leased }));
  }

  run(lease, job) {
    this.#lines = [];
    const { failed, reason, leased } = this.host.job(
      lease.leased,
      job,
      job === 'abandon' ? { tag: 'unfinished' } : undefined,
    );
    if (failed) throw new Error(this.#lines.join('; '));
    lease.leased = leased;
    const words = this.#lines.join('; ');
    return reason.tag === 'trapped' ? { trap: words } : { words };
  }

  deliver(refused) {
    const taken = [];
    this.host.handOver((mail, address) => {
      if (refused.includes(address)) return { status: 'rejected', response: '550 no such user' };
      taken.push({ to: address, subject: mail.subject, messageId: mail.key, attached: mail.attachFile });
      return { status: 'accepted', response: '250 OK' };
    });
    return taken;
  }

  openHandles() {
    return this.host.openHandles;
  }

  changeUser(name, change) {
    const { users } = this.host.platform;
    if (change === 'inactive') users[name].active = false;
    if (change === 'without-rights') users[name].rights = [];
    if (change === 'gone') delete users[name];
  }
}

/** A refusal of the component: the case, or the code of `other`, and its words. */
function refusal({ tag, val }) {
  if (tag === 'other') return { problem: val[0], words: val[1] };
  if (tag === 'invalid') return { problem: tag, words: val.map(({ message }) => message).join('; ') };
  return { problem: tag, words: val ?? '' };
}

/** What ends a call is a trap or the component's mistake; all else is a fault of the host's own. */
function trapped(error) {
  if (error instanceof WebAssembly.RuntimeError || error instanceof Mistake) return { trap: error.message };
  throw error;
}
