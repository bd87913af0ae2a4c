// The component's six imports, for one instance: a file for each beside the handles.
//
// Under Node 20 imports are synchronous (jco needs JSPI for others). A thrown plain object is the contract's error; a thrown
// Error ends the call: `Mistake` where the component gave what the contract rules out, all others for faults of the host.

import { Access, Run } from './handles.js';
import { exporters } from './imports/exporters.js';
import { log } from './imports/log.js';
import { mailer } from './imports/mailer.js';
import { manualRuns } from './imports/manual_runs.js';
import { scheduleStore } from './imports/schedule_store.js';

/** `call` is { label, now }: what the log calls it, and its time. */
export function imports(host, call) {
  return {
    'ticketing:scheduled-exports/auth-context': { Access, Run },
    'ticketing:scheduled-exports/schedule-store': lent(scheduleStore(host, call)),
    'ticketing:scheduled-exports/exporters': lent(exporters(host)),
    'ticketing:scheduled-exports/manual-runs': lent(manualRuns()),
    'ticketing:scheduled-exports/mailer': lent(mailer(host)),
    'ticketing:scheduled-exports/log': log(host, call),
  };
}

/** Functions that take a handle first: it is good for its call, and no longer. */
function lent(functions) {
  const guarded =
    (one) =>
    (handle, ...given) => {
      if (!handle.open) throw new Error('a handle was used after its call');
      return one(handle, ...given);
    };
  return Object.fromEntries(Object.entries(functions).map(([name, one]) => [name, guarded(one)]));
}
