// Lists, sorted and cut into pages.

const KEYS = {
  id: (row) => row.id,
  'export-identifier': (row) => row.content.exportIdentifier,
  'next-run': (row) => row.content.nextRun,
  due: (run) => run.due,
};
const MOST_ROWS = 50;

/** Part of a list: ties by id upwards, absent values last either way. */
export function page(rows, { order, descending, at, size }, shown) {
  const mark = (row) => ({ key: KEYS[order](row), id: row.id ?? 0n });
  const compare = (a, b) => {
    if (a.key === b.key) return a.id < b.id ? -1 : Number(a.id > b.id);
    if (a.key === undefined || b.key === undefined) return a.key === undefined ? 1 : -1;
    return a.key < b.key === descending ? 1 : -1;
  };
  const length = Math.min(Math.max(size, 1), MOST_ROWS);
  const sorted = [...rows].sort((a, b) => compare(mark(a), mark(b)));
  let begin;
  if (at.tag === 'number') {
    begin = (at.val - 1) * length;
    if (at.val < 1 || (at.val > 1 && begin >= sorted.length)) throw { tag: 'not-found' };
  } else {
    const after = read(at.val, order, descending);
    const next = sorted.findIndex((row) => compare(mark(row), after) > 0);
    begin = next === -1 ? sorted.length : next;
  }
  const part = sorted.slice(begin, begin + length);
  const more = begin + length < sorted.length;
  return {
    total: BigInt(sorted.length),
    rows: part.map(shown),
    next: more ? write(mark(part.at(-1)), order, descending) : undefined,
  };
}

const write = ({ key, id }, order, descending) =>
  JSON.stringify([order, descending, String(id), typeof key, key === undefined ? '' : String(key)]);

function read(text, order, descending) {
  try {
    const [ofOrder, ofDescending, id, kind, key] = JSON.parse(text);
    if (ofOrder === order && ofDescending === descending) {
      return { id: BigInt(id), key: kind === 'bigint' ? BigInt(key) : kind === 'undefined' ? undefined : key };
    }
  } catch {
    // Any text may come in here.
  }
  throw { tag: 'not-found' };
}
