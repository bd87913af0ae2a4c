// What the tests share: a platform with two organizers, a clock that the test holds, and a document to start from.

import { load } from '../src/component.js';
import { Host } from '../src/host.js';
import { Platform } from '../src/platform.js';

export const seconds = (text) => BigInt(Date.parse(text) / 1000);

/** Thursday noon in Berlin. */
export const START = '2026-10-22T10:00:00Z';

const attendees = [
  { name: 'Ada, Countess', email: 'ada@example.org', day: '2026-10-21' },
  { name: '=1+1', email: 'bob@example.org', day: '2026-10-23' },
];

const all = (organizer) => ({ organizer, settings: true, export: true });

const component = await load('plugin');

export function platform() {
  return new Platform({
    users: {
      john: { email: 'john@example.com', language: 'en', active: true, rights: [all('bigevents'), all('smallgigs')] },
      mary: {
        email: 'mary@example.org',
        language: 'de',
        active: true,
        rights: [{ organizer: 'bigevents', events: ['conf'], settings: false, export: true }],
      },
      vera: {
        email: 'vera@example.com',
        language: 'en',
        active: true,
        rights: [{ ...all('bigevents'), export: false }],
      },
    },
    organizers: {
      bigevents: {
        zone: 'Europe/Berlin',
        events: {
          conf: { zone: 'Europe/Berlin', attendees },
          fest: { zone: 'America/New_York', attendees: [] },
        },
      },
      smallgigs: { zone: 'UTC', events: {} },
    },
    baseUrl: 'https://tickets.example',
  });
}

/** A host at `START`; `host.goTo(text)` moves its clock. */
export function host({ at = START, ...more } = {}) {
  let now = seconds(at);
  const lines = [];
  const made = new Host({
    component,
    platform: platform(),
    clock: () => now,
    log: (level, line) => lines.push(`${level} ${line}`),
    ...more,
  });
  return Object.assign(made, {
    lines,
    goTo(text) {
      now = seconds(text);
    },
  });
}

export const CONF = { organizer: 'bigevents', event: 'conf' };

export const john = { user: 'john', ...CONF };
export const mary = { user: 'mary', ...CONF };
export const vera = { user: 'vera', ...CONF };

/** Daily at four: every required field, and what is given. */
export function daily(changes = {}) {
  return JSON.stringify({
    export_identifier: 'attendees',
    export_form_data: { date_range: 'days_yesterday', with_email: false },
    mail_additional_recipients: 'finance@example.com',
    mail_subject: 'Attendees',
    mail_template: "Yesterday's.",
    schedule_rrule: 'DTSTART:20260101T000000\nRRULE:FREQ=DAILY',
    schedule_rrule_time: '04:00:00',
    ...changes,
  });
}

export function ok(answer) {
  if ('problem' in answer) {
    throw new Error(`a problem: ${JSON.stringify(answer.problem)}`);
  }
  return answer.ok;
}

/** What a call answered, its document read. */
export function read(answer) {
  const { document, version } = ok(answer);
  return { ...JSON.parse(document), version };
}
