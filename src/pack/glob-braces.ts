// Owns the braces of a pattern: `a{b,c}` is `ab` and `ac`. Braces without a comma, or that nothing closes, are
// characters. Refuses more patterns than anybody writes on purpose.

import { UsageError } from '../errors.ts';
import { printableName } from './names.ts';

// A handful of nested braces asks for millions of patterns.
const MAX_ALTERNATIVES = 1000;
const MAX_LENGTH = 1024;

/**
 * @returns the patterns without braces that it stands for, each once
 * @throws UsageError `bad-pattern` when it has over 1024 characters, or stands for over 1000 patterns
 */
export function expandBraces(pattern: string): string[] {
  if (pattern.length > MAX_LENGTH) throw tooMuch(pattern, `is longer than ${MAX_LENGTH} characters`);
  const done: string[] = [];
  for (let open = [pattern]; open.length > 0; ) {
    const next: string[] = [];
    for (const text of open) {
      const brace = firstBrace(text);
      if (brace === undefined) done.push(text);
      else for (const choice of brace.choices) next.push(brace.before + choice + brace.after);
      if (done.length + next.length > MAX_ALTERNATIVES) throw tooMuch(pattern, 'has too many alternatives');
    }
    open = next;
  }
  return [...new Set(done)];
}

/**
 * Refuses a list of patterns that would take long to match.
 *
 * @throws UsageError `bad-pattern` for one that {@link expandBraces} refuses, or when they stand for over 1000
 *   patterns together
 */
export function checkGlobs(patterns: readonly string[]): void {
  let count = 0;
  for (const pattern of patterns) {
    count += expandBraces(pattern).length;
    if (count > MAX_ALTERNATIVES) throw tooMuch(pattern, 'is one too many: over 1000 alternatives in all');
  }
}

function tooMuch(pattern: string, fault: string): UsageError {
  const shown = printableName(pattern.length > 200 ? `${pattern.slice(0, 200)}…` : pattern);
  return new UsageError('bad-pattern', `pattern '${shown}' ${fault}`, {
    hint: 'use `*`, or write several patterns',
  });
}

interface Brace {
  before: string;
  choices: string[];
  after: string;
}

// In one pass, as unclosed braces by the hundred would otherwise be looked behind again and again.
function firstBrace(text: string): Brace | undefined {
  const open: number[][] = [];
  let first: number[] | undefined;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '\\') at++;
    else if (character === '{') open.push([at]);
    else if (character === ',') open.at(-1)?.push(at);
    else if (character === '}') {
      const cuts = open.pop();
      if (cuts === undefined || cuts.length === 1) continue;
      if (first === undefined || cuts[0]! < first[0]!) first = [...cuts, at];
    }
  }
  if (first === undefined) return undefined;
  const cuts = first;
  const choices = cuts.slice(1).map((cut, index) => text.slice(cuts[index]! + 1, cut));
  return { before: text.slice(0, cuts[0]), choices, after: text.slice(cuts.at(-1)! + 1) };
}
