// What a Node host can get wrong, the check that finds it, and what is said then.

/** Puts other functions in the place of some of an interface's: `change` gets the right ones. */
const importing = (name, change) => (host) => {
  const right = host.component;
  const key = `ticketing:scheduled-exports/${name}`;
  host.component = (imports) => right({ ...imports, [key]: { ...imports[key], ...change(imports[key], host) } });
};

/** The row as it is stored, whoever asks. */
const stored = (host, { row }) => host.store.get({ scope: row.scope }, row.id);

export const WRONG = [
  {
    what: 'does not compare versions',
    check: 'a-stale-version-is-refused',
    says: /`update`: expected `stale`, the host answered \{"ok":/,
    wrong: importing('schedule-store', ({ get, update }) => ({
      update: (by, id, version, ...rest) => update(by, id, get(by, id).version, ...rest),
    })),
  },
  {
    what: 'lets a view write',
    check: 'a-view-writes-nothing',
    says: /`insert`: expected `forbidden`, the host answered \{"ok":/,
    wrong: importing('schedule-store', ({ insert }) => ({
      insert: (by, content) => insert(Object.assign(by, { writes: true }), content),
    })),
  },
  {
    what: 'looks a schedule up by its id alone',
    check: 'a-foreign-id-reads-as-one-that-nobody-has',
    says: /id \d+ is not for this caller to know: as for an id that nobody has/,
    wrong({ store }) {
      const { commit, get } = store;
      const places = new Map();
      store.commit = (changes, now) => {
        commit.call(store, changes, now);
        for (const { id, scope } of changes) places.set(id, scope);
      };
      store.get = (visible, id) => get.call(store, { scope: places.get(id) ?? visible.scope }, id);
    },
  },
  {
    what: 'never takes a handle back',
    check: 'handles-are-closed-when-the-call-is-over',
    says: /1 handles are still open, 0 should be/,
    wrong(host) {
      host.takeBack = () => {};
    },
  },
  {
    what: 'forgets what a call has staged',
    check: 'what-a-call-staged-is-committed-when-it-answers-ok',
    says: /`get`: expected \{"ok":\{"id":1\}\}, the host answered \{"error":"not-found"/,
    wrong({ store }) {
      store.commit = () => {};
    },
  },
  {
    what: 'writes at once what a call should stage',
    check: 'what-a-call-staged-is-dropped-when-it-answers-an-error',
    says: /`list`: expected \{"ok":\{"total":2\}\}, the host answered/,
    wrong: importing('schedule-store', ({ insert }, { store, clock }) => ({
      insert(by, content) {
        const made = insert(by, content);
        store.commit(by.staged.splice(0), clock());
        return made;
      },
    })),
  },
  {
    what: 'gives the id of a deleted schedule again',
    check: 'an-id-is-never-used-again',
    says: /`compare`: expected \{"ok":\{"\$not":1\}\}/,
    wrong({ store }) {
      store.reserveId = () => BigInt(store.count('north')) + 1n;
    },
  },
  {
    what: 'takes any number of schedules',
    check: 'the-quota-is-kept',
    says: /`insert`: expected \{"error":"quota","with":2\}/,
    wrong({ platform }) {
      platform.quota = () => undefined;
    },
  },
  {
    what: 'cuts a document that is too long',
    check: 'content-over-its-limits-traps',
    says: /it has to end with trap, it ended with ok/,
    wrong: importing('schedule-store', ({ insert }) => ({
      insert: (by, content) => insert(by, { ...content, document: content.document.slice(0, 65_536) }),
    })),
  },
  {
    what: 'lets everybody who is let in change settings',
    check: 'an-access-says-who-calls-and-where',
    says: /`facts`: expected .*"may-change-settings":false/,
    wrong({ platform }) {
      platform.mayChangeSettings = () => true;
    },
  },
  {
    what: "asks for the caller's rights in place of the owner's",
    check: 'exporters-are-those-of-the-subject',
    says: /`available`: expected \{"ok":\{"\$has":/,
    wrong: importing('exporters', ({ available }) => ({
      available: (by, _whose, only) => available(by, { tag: 'caller' }, only),
    })),
  },
  {
    what: 'offers a file that is not there',
    check: 'a-file-is-kept-with-its-run',
    says: /`link`: expected `failed`, the host answered \{"ok":null\}/,
    wrong: importing('exporters', () => ({ link: () => undefined })),
  },
  {
    what: 'says of every event that it may be known of',
    check: 'events-are-those-of-the-subject',
    says: /`visible-events`: expected \{"ok":\["spring"\]\}/,
    wrong: importing('exporters', () => ({ visibleEvents: (_by, slugs) => slugs })),
  },
  {
    what: 'takes whoever covers each event of today for one with a right to all',
    check: 'a-reach-of-all-events-includes-those-to-come',
    says: /`usable-events`: expected \{"ok":\["autumn","spring"\]\}, the host answered \{"ok":"all-events"\}/,
    wrong({ platform }) {
      platform.reachesAllEvents = (...asked) =>
        platform.usableEvents(...asked).length === Object.keys(platform.organizers[asked[0]].events).length;
    },
  },
  {
    what: 'has nobody to tell of a change',
    check: 'an-owner-is-told-when-others-change-a-schedule',
    says: /`notify-owner`: expected an answer without an error, the host answered \{"error":"no-recipient"/,
    wrong: importing('mailer', () => ({
      notifyOwner() {
        throw { tag: 'no-recipient' };
      },
    })),
  },
  {
    what: 'sends each notice in a mail of its own',
    check: 'what-an-owner-is-told-within-a-quarter-of-an-hour-is-one-mail',
    says: /`compare`: expected \{"ok":\[\]\}, the host answered .*"subject":"Two"/,
    wrong: importing('mailer', ({ notifyOwner }) => ({
      notifyOwner(by, id, ...given) {
        notifyOwner(by, id, ...given);
        by.notices.get(id).told = `${id} ${given[0]}`;
      },
    })),
  },
  {
    what: 'leases a second before the time',
    check: 'a-schedule-is-leased-at-its-time-and-not-one-second-before',
    says: /what is due is leased as `early`: 0 runs are to be leased, the host leased 1/,
    wrong({ store }) {
      const { leaseDue } = store;
      store.leaseDue = (now, until) => leaseDue.call(store, now + 1n, until);
    },
  },
  {
    what: 'gives the same run to all who look',
    check: 'a-run-is-leased-to-one-worker-at-a-time',
    says: /20 runs are to be leased, the host leased 80/,
    wrong({ store }) {
      const { leaseDue } = store;
      store.leaseDue = (now) => leaseDue.call(store, now, now);
    },
  },
  {
    what: 'forgets the fence where a run ends',
    check: 'finish-is-fenced',
    says: /`finish`: expected `lease-lost`, the host answered \{"ok":null\}/,
    wrong: importing('schedule-store', ({ finish }, host) => ({
      finish(run, ...given) {
        run.leased.fence = stored(host, run.leased).fence;
        finish(run, ...given);
      },
    })),
  },
  {
    what: 'drops the mail of a run that is put off',
    check: 'a-due-time-has-one-mail-of-a-kind',
    says: /"subject":"it failed".*the host answered \{"ok":\[\]\}/,
    wrong: importing('schedule-store', ({ finish }) => ({
      finish(run, outcome, ...given) {
        if (outcome.tag === 'retry') run.mail = undefined;
        finish(run, outcome, ...given);
      },
    })),
  },
  {
    what: 'leaves the counter as it was where a run is put off',
    check: 'a-retry-comes-at-its-time-with-the-same-due-time',
    says: /`get`: expected .*"error-counter":2/,
    wrong({ store }) {
      const { finish } = store;
      store.finish = (leased, given, now) => {
        const { errorCounter } = given.outcome.tag === 'retry' ? leased.row.content : given;
        finish.call(store, leased, { ...given, errorCounter }, now);
      };
    },
  },
  {
    what: 'hands a mail over each time it looks into the outbox',
    check: 'each-address-gets-one-message',
    says: /`compare`: expected \{"ok":\[\]\}, the host answered/,
    wrong({ store }) {
      store.recordDelivery = () => {};
    },
  },
  {
    what: 'has a fault of its own',
    check: 'only-what-is-active-is-leased',
    says: /what is due is leased as `due`: the disk is full/,
    wrong({ store }) {
      store.leaseDue = () => {
        throw new Error('the disk is full');
      };
    },
  },
];
