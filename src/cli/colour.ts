// Colours: only on a terminal that wants them.

import type { Shown, Style } from '../commands/command.ts';
import type { Environment } from '../commands/context.ts';
import type { Sink } from './output.ts';
import { safeText } from './text.ts';

const codes: Readonly<Record<Style, readonly [number, number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
};

/** Whether a sink takes colours: a terminal, not a dumb one, and NO_COLOR is empty or unset (no-color.org). */
export function takesColour(sink: Sink, env: Environment): boolean {
  return sink.isTerminal && !env.NO_COLOR && env.TERM !== 'dumb';
}

/** Text as it is written: made safe, and in its style where colours are on. */
export function paint(shown: Shown, colour: boolean): string {
  if (typeof shown === 'string') return safeText(shown);
  const text = safeText(shown.text);
  if (!colour || text === '') return text;
  const [on, off] = codes[shown.style];
  return `\u001b[${on}m${text}\u001b[${off}m`;
}
