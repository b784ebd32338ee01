// How what we wrote is known again, and whether somebody has changed it since: a line that says what it is for, and the
// SHA-256 of the whole text with that sum left blank.

import { createHash } from 'node:crypto';
import type { Plan } from './plan.ts';

/** What a text of ours says of itself. */
export interface Mark {
  readonly name: string;
  readonly every: string;
  readonly jitter: number;
  readonly runs: readonly string[];
  readonly config: string | null;
}

const BLANK = '0'.repeat(64);
const MARK = /strongroom-schedule: (\{.*\})/;
const SUM = /strongroom-sha256: ([0-9a-f]{64})/;

export function markOf({ name, everyText, jitter, runs, config }: Plan): Mark {
  return {
    name,
    every: everyText,
    jitter,
    runs: runs.map(({ command, args }) => [command, ...args].join(' ')),
    config: config ?? null,
  };
}

/** Two lines to stand in a comment of the text, to be sealed. */
export function markLines(plan: Plan): [string, string] {
  return [`strongroom-schedule: ${JSON.stringify(markOf(plan))}`, `strongroom-sha256: ${BLANK}`];
}

/** Puts the sum in. @param text with `markLines` in it */
export function seal(text: string): string {
  return text.replace(SUM, `strongroom-sha256: ${sumOf(text)}`);
}

/** What is said atop a text of ours; undefined when it is not. Without its sum it was changed. */
export function readMark(text: string): { readonly mark: Mark; readonly isChanged: boolean } | undefined {
  const [, json] = MARK.exec(text) ?? [];
  const [, sum] = SUM.exec(text) ?? [];
  if (json === undefined) return undefined;
  try {
    const mark = JSON.parse(json) as Mark;
    const { name, every, runs } = mark;
    if (typeof name !== 'string' || typeof every !== 'string' || !Array.isArray(runs)) return undefined;
    return { mark, isChanged: sum !== sumOf(text) };
  } catch {
    return undefined;
  }
}

function sumOf(text: string): string {
  return createHash('sha256')
    .update(text.replace(SUM, `strongroom-sha256: ${BLANK}`))
    .digest('hex');
}
