// `log`: the component's lines for the operator. It numbers nothing: the host says which call a line is from.

import { cut } from '../bounds.js';

const MOST_LINES = 64;
/** In bytes. */
const LONGEST_LINE = 4 << 10;

export function log({ log: write }, { label }) {
  let lines = 0;
  return {
    write(level, text) {
      lines += 1;
      if (lines <= MOST_LINES) write(level, `${label}: ${cut(text, LONGEST_LINE)}`);
      if (lines === MOST_LINES + 1) write('warn', `${label}: it logs too much: further lines are dropped`);
    },
  };
}
