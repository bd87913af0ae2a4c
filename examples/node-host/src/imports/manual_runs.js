// `manual-runs`: this host runs schedules only when they are due.

export function manualRuns() {
  return {
    request() {
      throw { tag: 'unavailable', val: 'this host has no manual runs' };
    },
  };
}
