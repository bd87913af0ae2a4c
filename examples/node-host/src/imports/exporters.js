// `exporters`: the platform's makers of files, asked with the rights of the handle's caller or owner, at each call.

import { few, tooLong } from '../bounds.js';
import { zipped } from '../zip.js';

export function exporters({ store, platform }) {
  /** An owner who is inactive counts with the rights that he has again once he is active. */
  const rights = (by, whose) => (whose.tag === 'caller' ? by.rights : platform.rights(by.row(store, whose.val).owner));

  /** A run that nothing is made for: not started, over, or its mail has left. */
  function making(run) {
    if (!run.started || run.over || run.leased.work !== 'execute') throw { tag: 'lease-lost' };
  }

  function kept(run, file) {
    run.holding(() => store.keepFile(run.leased, file));
    run.file = file;
    const { data, ...facts } = file;
    return facts;
  }

  function made(run) {
    making(run);
    if (run.file === undefined) throw { tag: 'failed', val: 'there is no file' };
    return run.file;
  }

  return {
    available: (by, whose, only) =>
      platform
        .exporters(by.scope, rights(by, whose))
        .filter(({ identifier }) => only === undefined || identifier === only),

    usableEvents(by, whose, exporter, only) {
      few(only ?? []);
      const [{ organizer }, its] = [by.scope, rights(by, whose)];
      if (only === undefined && platform.reachesAllEvents(organizer, its, exporter)) return { tag: 'all-events' };
      const usable = platform.usableEvents(organizer, its, exporter);
      return { tag: 'events', val: usable.filter((slug) => only === undefined || only.includes(slug)) };
    },

    /** The exporter has no rules beside its fields: the form is stored as it came. */
    checkForm: (_by, _whose, _exporter, form) => form,

    visibleEvents(by, slugs) {
      few(slugs);
      return platform.visibleEvents(by.scope.organizer, by.rights).filter((slug) => slugs.includes(slug));
    },

    missingEvents(by, slugs) {
      few(slugs);
      return slugs.filter((slug) => !platform.hasEvent(by.scope.organizer, slug));
    },

    produce(run, form, language, zone, now) {
      making(run);
      if (tooLong(form)) throw { tag: 'invalid-form-data', val: 'form data too large' };
      const { owner, scope, content } = run.leased.row;
      const exporter = content.exportIdentifier;
      return kept(run, platform.produce({ owner, scope, exporter, form: JSON.parse(form), language, zone, now }));
    },

    zip: (run) => kept(run, zipped(made(run))),

    /** None: this host offers no downloads. */
    link(run) {
      made(run);
    },
  };
}
