// `schedule-store`: schedules, as a handle sees them, and their runs.

import { bounded, ending, fitting, givenUp, oneMore, STOPS_AT } from '../bounds.js';
import { page } from '../pages.js';
import { stateAt } from '../store.js';

/** An entry of the history, without what is the host's alone. */
const shown = ({ schedule, startedVersion, zone, file, fence, lease, ...entry }) => ({ kind: 'scheduled', ...entry });

/** Whether a schedule meets every condition of a filter. */
function meets({ owner, content }, { owner: wanted, exportIdentifier, recipient, state, failing, dueBefore }, now) {
  const same = (a, b) => a?.toLowerCase() === b.toLowerCase();
  const { to, cc, bcc } = content.recipients;
  const its = stateAt(content.state, now);
  return (
    (wanted === undefined || same(owner?.email, wanted)) &&
    (exportIdentifier === undefined || exportIdentifier === content.exportIdentifier) &&
    (recipient === undefined || [owner?.email, ...to, ...cc, ...bcc].some((one) => same(one, recipient))) &&
    (state === undefined || state === its) &&
    (failing === undefined || failing === content.errorCounter > 0) &&
    (dueBefore === undefined || (its === 'active' && content.nextRun < dueBefore))
  );
}

/** Whether a run meets every condition of a query. */
function isAskedFor({ id, due, outcome }, query) {
  const state = outcome === undefined || outcome.tag === 'retry' ? 'in-progress' : outcome.tag;
  return (
    (query.id === undefined || query.id === id) &&
    (query.state === undefined || query.state === state) &&
    (query.since === undefined || due >= query.since) &&
    (query.until === undefined || due <= query.until)
  );
}

export function scheduleStore({ store, platform }, { now }) {
  const joined = (row) => ({ id: row.id, owner: platform.user(row.owner), version: row.version, content: row.content });

  function stage(by, change) {
    oneMore(by.staged);
    by.staged.push(change);
    return change.does === 'delete' ? undefined : joined(by.row(store, change.id));
  }

  function changed(by, change) {
    if (!by.writes) throw { tag: 'forbidden' };
    const { version, owner } = by.row(store, change.id);
    if (change.version !== undefined && change.version !== version) throw { tag: 'stale' };
    store.notRecorded(change.id, change.missed ?? []);
    const staged = stage(by, change);
    if (!by.owners.has(change.id)) by.owners.set(change.id, owner);
    return staged;
  }

  return {
    list(by, query) {
      const rows = store.all(by.visible).filter((row) => meets(joined(row), query.filter, now));
      return page(rows, query, joined);
    },

    get: (by, id) => joined(by.row(store, id)),

    insert(by, content) {
      const kept = bounded(content);
      if (by.user === undefined || !by.writes) throw { tag: 'forbidden' };
      const { scope, user: owner } = by;
      const quota = platform.quota(scope.organizer);
      const inserts = by.staged.filter(({ does }) => does === 'insert').length;
      if (store.count(scope.organizer) + inserts >= quota) throw { tag: 'quota', val: quota };
      return stage(by, { does: 'insert', id: store.reserveId(), scope, owner, content: kept, quota });
    },

    update: (by, id, version, content, missed) =>
      changed(by, { does: 'update', id, version, content: bounded(content), missed: givenUp(missed, content, now) }),

    takeOver(by, id, version, content, missed) {
      const kept = { content: bounded(content), missed: givenUp(missed, content, now) };
      if (by.user === undefined) throw { tag: 'forbidden' };
      return changed(by, { does: 'update', id, version, ...kept, owner: by.user });
    },

    delete: (by, id, version) => changed(by, { does: 'delete', id, version }),

    runs(by, id, query) {
      by.row(store, id);
      const runs = store.history(id).filter((run) => isAskedFor(run, query));
      return page(runs, { ...query, order: 'due', descending: true }, shown);
    },

    latestRuns: (by, ids) =>
      ids.map((id) => {
        const [latest] = store.get(by.visible, id) ? store.history(id) : [];
        return latest && shown(latest);
      }),

    start(run, plan) {
      const { work, row, due: pinned } = run.leased;
      if (run.over || work !== 'execute' || (run.started && run.due !== plan.due)) throw { tag: 'lease-lost' };
      fitting(plan, row.content.nextRun, pinned, now);
      const { zone } = run.context().settings;
      run.holding(() => store.start(run.leased, plan, zone, now));
      Object.assign(run, { due: plan.due, startedVersion: run.startedVersion ?? row.version, zone });
    },

    finish(run, outcome, errorCounter, active) {
      if (!run.started || run.over) throw { tag: 'lease-lost' };
      const finish = {
        outcome: ending(run, outcome, now),
        errorCounter: Math.min(errorCounter, STOPS_AT),
        active: active && errorCounter < STOPS_AT,
        mail: run.mail,
      };
      run.holding(() => store.finish(run.leased, finish, now));
      run.finished = true;
    },
  };
}
