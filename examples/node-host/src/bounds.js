// What a component may give: brought down where less does no harm, else the component's mistake.

/** The component's own mistake: ends its call like a trap. */
export class Mistake extends Error {}

/** Consecutive failed runs at which a schedule is stopped. */
export const STOPS_AT = 5;

const MOST_CHANGES = 100;
/** In bytes. */
const MOST_DOCUMENT = 64 << 10;
const MOST_ADDRESSES = 25;
/** In bytes (RFC 5321, 4.5.3.1). */
const LONGEST_ADDRESS = 320;
/** In bytes. */
const LONGEST_IDENTIFIER = 255;
/** In bytes. */
const LONGEST_CODE = 64;
/** In bytes. */
const LONGEST_WORDS = 4 << 10;
const MOST_RANGES = 16;
const MOST_SLUGS = 1 << 14;
/** In seconds. */
const LONGEST_RETRY = 86_400n;
/** 9999-12-31T23:59:59Z. */
const LAST = 253_402_300_799n;

const bytes = (text) => Buffer.byteLength(text);

/** The text on one line, at most so many bytes, ended at a character. */
export function cut(text, most) {
  const kept = Buffer.from(text).subarray(0, most + 1);
  let end = Math.min(kept.length, most);
  // Not within a character: its second and later bytes are 10xxxxxx.
  while (end < kept.length && (kept[end] & 0xc0) === 0x80) end -= 1;
  return kept
    .subarray(0, end)
    .toString()
    .replaceAll(/\p{Cc}/gu, ' ');
}

/** One more change beside those that are staged. */
export function oneMore(staged) {
  if (staged.length >= MOST_CHANGES) throw new Mistake('too many staged changes in one call');
}

/** Slugs in one question. */
export function few(slugs) {
  if (slugs.length > MOST_SLUGS) throw new Mistake(`too many event slugs in one call: ${slugs.length}`);
}

/** Is it longer than a document may be? */
export const tooLong = (document) => bytes(document) > MOST_DOCUMENT;

const inNoCalendar = (instant) => instant !== undefined && (instant < 0n || instant > LAST);

/** What is to be stored of a schedule. */
export function bounded(content) {
  const { to, cc, bcc } = content.recipients;
  if (tooLong(content.document)) throw new Mistake(`document too large: ${bytes(content.document)} bytes`);
  if (bytes(content.exportIdentifier) > LONGEST_IDENTIFIER)
    throw new Mistake('exporter identifier too long');
  if ([to, cc, bcc].some((list) => list.length > MOST_ADDRESSES))
    throw new Mistake('too many addresses in one list');
  if ([to, cc, bcc].flat().some((one) => bytes(one) > LONGEST_ADDRESS || /\p{Cc}/u.test(one)))
    throw new Mistake('invalid recipient address');
  if (inNoCalendar(content.nextRun)) throw new Mistake(`next-run ${content.nextRun} is out of range`);
  const { tag, val: until } = content.state;
  if (tag === 'paused' && until !== undefined && (inNoCalendar(until) || content.nextRun < until))
    throw new Mistake('next-run is before the end of the pause');
  return { ...content, errorCounter: Math.min(content.errorCounter, STOPS_AT) };
}

/** Due times given up by a change: all of them passed, and not the one that it keeps. */
export function givenUp(missed, { nextRun }, now) {
  if (missed.some(({ last }) => last > now)) throw new Mistake('missed range contains future due times');
  if (missed.some(({ first, last }) => first <= nextRun && nextRun <= last))
    throw new Mistake('missed range contains the new next-run');
  return ranges(missed);
}

function ranges(missed) {
  const ordered = missed.every(({ first }, place) => place === 0 || first > missed[place - 1].last);
  if (missed.length > MOST_RANGES || !ordered || !missed.every(possible))
    throw new Mistake('missed ranges overlap, are out of order or too many');
  return missed;
}

/** At least one due time, and at most one a second. */
const possible = ({ first, last, count }) => first >= 0n && count >= 1n && count <= last - first + 1n;

/** What a run is opened with: `planned` is the schedule's next run, `pinned` the due time of an earlier attempt. */
export function fitting({ due, missed, nextRun }, planned, pinned, now) {
  const isDue = pinned !== undefined || due === planned || (planned <= due && due <= now);
  if (!isDue) throw new Mistake(`start with due time ${due}, which is not due`);
  // Opened for the first time, a run has the next one still before it: else a schedule could be due for ever.
  const passed = nextRun <= due || (pinned === undefined && nextRun <= now);
  if (passed || inNoCalendar(nextRun)) throw new Mistake(`next-run ${nextRun} is in the past or out of range`);
  if (missed.some(({ last }) => last >= due)) throw new Mistake("missed range is not before the run's due time");
  ranges(missed);
}

/** How a run may end: as fits the call that ends it and the mail that is staged. */
export function ending({ leased, mail, due }, outcome, now) {
  const taken = leased.deliveries.some(({ status }) => status === 'accepted');
  const fits =
    leased.work === 'settle'
      ? outcome.tag === (taken ? 'delivered' : 'failed') && mail?.kind !== 'export'
      : outcome.tag !== 'delivered' && (outcome.tag === 'submitted') === (mail?.kind === 'export');
  if (!fits) throw new Mistake(`outcome ${outcome.tag} not allowed for this call`);
  const { tag, val } = outcome;
  switch (tag) {
    case 'failed':
      return { tag, val: [cut(val[0], LONGEST_CODE), cut(val[1], LONGEST_WORDS)] };
    case 'cancelled':
      return { tag, val: cut(val, LONGEST_WORDS) };
    case 'retry': {
      const tomorrow = now + LONGEST_RETRY;
      const latest = due > tomorrow ? due : tomorrow;
      return { tag, val: val < now ? now : val > latest ? latest : val };
    }
    case 'missed':
      if (!possible(val) || val.last !== due) throw new Mistake("it ended as missed with due times that can't be");
      return outcome;
    default:
      return outcome;
  }
}
