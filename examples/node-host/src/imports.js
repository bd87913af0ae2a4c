// The component's five imports, for one instance: a file for each beside the handles.
//
// Under Node 20 imports are synchronous (jco needs JSPI for others). A thrown plain object is the contract's error; a thrown
// Error ends the call: `Mistake` where the component gave what the contract rules out, all others for faults of the host.

import { Access, Run } from './handles.js';
import { exporters } from './imports/exporters.js';
import { log } from './imports/log.js';
import { mailer } from './imports/mailer.js';
import { scheduleStore } from './imports/schedule_store.js';

/** `call` is { label, now }: what the log calls it, and its time. */
export function imports(host, call) {
  return {
    'ticketing:scheduled-exports/auth-context': { Access, Run },
    'ticketing:scheduled-exports/schedule-store': scheduleStore(host, call),
    'ticketing:scheduled-exports/exporters': exporters(host),
    'ticketing:scheduled-exports/mailer': mailer(host),
    'ticketing:scheduled-exports/log': log(host, call),
  };
}
