// `auth-context`: the two handles. Each is minted for one exported call, lent to it, and closed when the call is over.

class Handle {
  #context;
  open = true;

  constructor(context) {
    this.#context = context;
  }

  /** The same answer during the whole call. */
  context() {
    return this.#context;
  }

  close() {
    this.open = false;
  }
}

/** One caller at one organizer or event, and what the call has staged so far. */
export class Access extends Handle {
  staged = [];
  /** Owners, before this call, of the schedules that it has changed. */
  owners = new Map();
  /** What these are told, by schedule. */
  notices = new Map();

  /** `writes`: the credentials are for writing, and the call does more than read. */
  constructor({ context, user, rights, scope, writes }) {
    super(context);
    // Who may not change settings sees his own; who is no user then sees nothing, since nobody's id is empty.
    const owner = context.mayChangeSettings ? undefined : (user ?? '');
    Object.assign(this, { user, rights, scope, writes, visible: { scope, owner } });
  }

  /** The row as this call sees it: as staged, else as stored, if it is visible. */
  row(store, id) {
    let row = store.get(this.visible, id);
    for (const change of this.staged.filter((change) => change.id === id)) {
      const version = (row?.version ?? 0n) + 1n;
      row = change.does === 'delete' ? undefined : { owner: row?.owner, ...change, version };
    }
    if (row === undefined) throw { tag: 'not-found' };
    return row;
  }
}

/** One leased run, and what has been made of it so far. */
export class Run extends Handle {
  finished = false;
  lost = false;

  constructor({ leased, context }) {
    super(context);
    const { due, startedVersion, zone } = leased;
    Object.assign(this, { leased, due, startedVersion, zone });
  }

  /** Nothing more can be written about it: it has ended, or is another's. */
  get over() {
    return this.finished || this.lost;
  }

  get started() {
    return this.due !== undefined;
  }

  /** Whoever finds the lease lost has nothing more to do with the run. */
  holding(write) {
    try {
      write();
    } catch (error) {
      this.lost = error.tag === 'lease-lost';
      throw error;
    }
  }
}
