// `schedule-store`: schedules, as a handle sees them, and their runs.

import { bounded, ending, fitting, givenUp, oneMore, STOPS_AT } from '../bounds.js';
import { page } from '../pages.js';

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
    list: (by, query) => page(store.all(by.visible), query, joined),

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

    runs(by, id, at, size) {
      by.row(store, id);
      const query = { order: 'due', descending: true, at, size };
      return page(
        store.history(id),
        query,
        ({ schedule, startedVersion, zone, file, fence, lease, ...entry }) => entry,
      );
    },

    start(run, plan) {
      const { work, row, due: pinned } = run.leased;
      if (run.over || work !== 'execute' || (run.started && run.due !== plan.due)) throw { tag: 'lease-lost' };
      fitting(plan, row.content.nextRun, pinned, now);
      const { zone } = run.facts().settings;
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
