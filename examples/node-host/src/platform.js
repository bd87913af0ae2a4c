// The platform around the component, as small as it can be: people, one organizer's events, and one exporter.
//
// Yours is here already: replace this file by questions to it.

/** The host could not do its own part: the run is left to its lease, and taken again. */
export class HostFault extends Error {}

/** What the one exporter is called, and asks for. */
const ATTENDEES = {
  identifier: 'attendees',
  label: 'Attendees',
  acrossEvents: true,
  fields: [
    { name: 'date_range', label: 'Registered', kind: { tag: 'date-range' }, required: false, default: '"past"' },
    { name: 'with_email', label: 'With e-mail addresses', kind: { tag: 'boolean' }, required: true, default: 'false' },
  ],
};

/** A right is about one `organizer`, and all of its `events` (none are named) or those; `settings`: to change them, `export`. */
const covers = (right, { organizer, event }) =>
  right.organizer === organizer &&
  (right.events === undefined || (event !== undefined && right.events.includes(event)));

export class Platform {
  /**
   * `users`: id → `{ email, language, active, rights }`.
   * `organizers`: slug → `{ zone, quota, recipientDomains, mailBytes, events: { slug → { zone, attendees } } }`.
   */
  constructor({ users, organizers, baseUrl }) {
    Object.assign(this, { users, organizers, baseUrl });
  }

  /** The user as the contract has him; none: he is gone. */
  user(id) {
    const user = this.users[id];
    return user && { id, email: user.email, language: user.language, active: user.active };
  }

  /** What a user may do; one who is inactive, once he is active again. */
  rights(id) {
    return this.users[id]?.rights ?? [];
  }

  mayChangeSettings(rights, scope) {
    return rights.some((right) => right.settings && covers(right, scope));
  }

  /** The rules of an organizer or one of its events, at this time. */
  settings({ organizer, event }, now) {
    const { zone, recipientDomains, mailBytes = 20_000_000n, events } = this.organizers[organizer];
    return {
      now,
      zone: event === undefined ? zone : events[event].zone,
      languages: ['en', 'de'],
      recipientDomains,
      mailBytes,
      configurationUrl: [this.baseUrl, organizer, event, 'exports'].filter(Boolean).join('/'),
      // Events of this platform are never deleted.
      latestEvent: 0n,
    };
  }

  /** Most schedules of an organizer; none: any number. */
  quota(organizer) {
    return this.organizers[organizer].quota;
  }

  hasEvent(organizer, slug) {
    return Object.hasOwn(this.organizers[organizer].events, slug);
  }

  #events(organizer, may) {
    return Object.keys(this.organizers[organizer].events).filter((event) => may({ organizer, event }));
  }

  /** Slugs of events of this organizer that exist, and that these rights have anything to do with. */
  visibleEvents(organizer, rights) {
    return this.#events(organizer, (scope) => rights.some((right) => covers(right, scope)));
  }

  /** Slugs of events of this organizer that these rights let this exporter read. */
  usableEvents(organizer, rights, exporter) {
    const may = (scope) => rights.some((right) => right.export && covers(right, scope));
    return exporter === ATTENDEES.identifier ? this.#events(organizer, may) : [];
  }

  /** Whether these rights let this exporter read all events of the organizer, those to come included. */
  reachesAllEvents(organizer, rights, exporter) {
    const may = (right) => right.export && right.organizer === organizer && right.events === undefined;
    return exporter === ATTENDEES.identifier && rights.some(may);
  }

  /** Exporters that these rights open here. */
  exporters({ organizer, event }, rights) {
    const usable = this.usableEvents(organizer, rights, ATTENDEES.identifier);
    return (event === undefined ? usable.length > 0 : usable.includes(event)) ? [ATTENDEES] : [];
  }

  ownerRight(id, scope, exporter) {
    const user = this.users[id];
    if (user === undefined) return 'gone';
    if (!user.active) return 'inactive';
    return this.exporters(scope, user.rights).some(({ identifier }) => identifier === exporter) ? 'yes' : 'not-allowed';
  }

  /** Active users who may change settings here, at most ten: they are told where an owner can't be. */
  responsible(scope) {
    return Object.values(this.users)
      .filter(({ active, rights }) => active && this.mayChangeSettings(rights, scope))
      .slice(0, 10);
  }

  /** Makes the file, with the owner's rights of this moment. */
  produce({ owner, scope, exporter, form, now }) {
    if (this.ownerRight(owner, scope, exporter) !== 'yes') {
      throw { tag: 'not-allowed' };
    }
    if (typeof form !== 'object' || form === null) {
      throw { tag: 'invalid-form-data', val: 'the form is an object' };
    }
    const { events } = this.organizers[scope.organizer];
    const usable = this.usableEvents(scope.organizer, this.rights(owner), exporter);
    const chosen =
      scope.event !== undefined ? [scope.event] : (form.events ?? usable).filter((slug) => usable.includes(slug));
    const [from, to] = (form.date_range ?? '/').split('/');
    const within = ({ day }) => (from === '' || day >= from) && (to === '' || day <= to);
    const people = chosen.flatMap((slug) =>
      events[slug].attendees.filter(within).map((one) => ({ ...one, event: slug })),
    );
    if (people.length === 0) {
      throw { tag: 'nothing-to-export' };
    }
    const columns = ['event', 'name', 'day', ...(form.with_email ? ['email'] : [])];
    const lines = [columns, ...people.map((one) => columns.map((column) => one[column]))];
    const data = Buffer.from(lines.map((line) => `${line.map(cell).join(',')}\r\n`).join(''));
    const day = new Date(Number(now) * 1000).toISOString().slice(0, 10);
    return {
      name: `attendees-${day}.csv`,
      contentType: 'text/csv',
      size: BigInt(data.length),
      rows: BigInt(people.length),
      data,
    };
  }
}

/** What a spreadsheet would take for a formula stays a text. */
function cell(value) {
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
