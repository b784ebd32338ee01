// Owns how variables in a path of a Compose file are filled in. Pure; says why one cannot be in a phrase that holds the
// variable's name and never a value.
import { isSecretForm, isSecretName } from '../../../compare/likely.ts';
import { shownKey } from '../../../compare/shown.ts';
import type { DiscoveryWarning } from '../reference.ts';

/** Why a text cannot be filled in: a phrase such as `has a path with …`. */
interface Problem {
  readonly kind: DiscoveryWarning['kind'];
  readonly problem: string;
}

/** A text with its variables filled in, or why there is none. */
export type Filled =
  | {
      readonly text: string;
      /** The same with `${NAME}` where a value is filled in. */
      readonly written?: string | undefined;
      /** Of a variable: whether its value may be shown whatever it is. */
      readonly isShown?: boolean;
    }
  | Problem;

/**
 * What a variable is; undefined for one that is not set.
 * @param depth as {@link interpolate} has it
 */
export type Lookup = (name: string, depth?: number) => Filled | undefined;

/** Defaults within defaults, and variables that name others. */
const MAX_NESTED = 16;
/** PATH_MAX of Linux: variables that name each other twice grow without end. */
const MAX_FILLED = 4096;

const NAME = /[A-Za-z_]\w*/y;
const BRACED = /^([A-Za-z_]\w*)(?:(:?[-+?])([\s\S]*))?$/;

/** PWD is the working directory, here. */
const isSecret = (name: string): boolean => name !== 'PWD' && isSecretName(name);

const unsound: Problem = { kind: 'broken', problem: 'has a path that is no sound template' };
/** After more than any deployment needs: it is warned of where that was found out. */
export const tooMuch: Problem = { kind: 'unread', problem: 'has a path that takes too long to fill in' };
const unset = (name: string): Filled => ({
  kind: 'broken',
  problem: `has a path with the variable ${shownKey(name)}, which is not set`,
});
const secret = (name: string): Filled => ({
  kind: 'unread',
  problem: `has a path with the variable ${shownKey(name)}, which looks secret: it was not followed`,
});

/**
 * Fills in `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME-default}`, `${NAME:?error}`, `${NAME?error}`,
 * `${NAME:+other}`, `${NAME+other}`, nested ones, and `$$`. Compose takes an unset variable as empty; a path with a hole
 * is another path, so here it is a problem. So is one that looks secret, by name or value: a path is shown.
 *
 * @param text as written in the file
 * @see https://github.com/compose-spec/compose-spec/blob/main/12-interpolation.md
 */
export function interpolate(text: string, lookup: Lookup, depth = 0): Filled {
  if (depth > MAX_NESTED || text.length > MAX_FILLED) return unsound;
  let filled = '';
  let written = '';
  let at = 0;
  while (at < text.length) {
    const dollar = text.indexOf('$', at);
    const plain = text.slice(at, dollar < 0 ? text.length : dollar);
    filled += plain;
    written += plain;
    if (dollar < 0) break;
    const next = variableAt(text, dollar, lookup, depth);
    if ('problem' in next) return next;
    filled += next.text;
    written += next.written ?? next.text;
    at = next.end;
    if (Math.max(filled.length, written.length) > MAX_FILLED) return unsound;
  }
  return { text: filled, written };
}

function variableAt(
  text: string,
  dollar: number,
  lookup: Lookup,
  depth: number,
): (Extract<Filled, { text: string }> & { end: number }) | Problem {
  const ending = (filled: Filled, end: number) => ('problem' in filled ? filled : { ...filled, end });
  const after = text[dollar + 1];
  if (after === '$') return { text: '$', end: dollar + 2 };
  if (after === '{') {
    const end = closingBrace(text, dollar + 1);
    if (end < 0) return unsound;
    return ending(braced(text.slice(dollar + 2, end), lookup, depth), end + 1);
  }
  NAME.lastIndex = dollar + 1;
  const name = NAME.exec(text)?.[0];
  // A dollar before anything else is a dollar.
  if (name === undefined) return { text: '$', end: dollar + 1 };
  return ending(substitute(name, lookup(name, depth + 1)), dollar + 1 + name.length);
}

function closingBrace(text: string, open: number): number {
  let depth = 0;
  for (let at = open; at < text.length; at += 1) {
    if (text[at] === '{') depth += 1;
    else if (text[at] === '}') depth -= 1;
    if (depth === 0) return at;
  }
  return -1;
}

function braced(inner: string, lookup: Lookup, depth: number): Filled {
  const match = BRACED.exec(inner);
  if (!match) return unsound;
  const [, name, operator, word] = match as unknown as [string, string, string?, string?];
  const value = lookup(name, depth + 1);
  const isEmpty = value !== undefined && 'text' in value && value.text === '';
  const isSet = value !== undefined && !(operator?.startsWith(':') && isEmpty);
  switch (operator?.at(-1)) {
    case '-':
      return isSet ? substitute(name, value) : defaultOf(name, interpolate(word ?? '', lookup, depth + 1));
    case '+':
      return isSet ? interpolate(word ?? '', lookup, depth + 1) : { text: '' };
    case '?':
      return substitute(name, isSet ? value : undefined);
    default:
      return substitute(name, value);
  }
}

function substitute(name: string, value: Filled | undefined): Filled {
  if (value === undefined) return unset(name);
  if ('problem' in value || value.text === '') return value;
  const { text, isShown } = value;
  if (text.length > MAX_FILLED) return unsound;
  if (isSecret(name) || isSecretForm(text)) return secret(name);
  return { text, written: isShown ? text : `\${${shownKey(name)}}` };
}

/** `${TLS_KEY:-./tls.key}` is a path; of `${DB_PASSWORD:-hunter2}` nobody knows what it does there. */
function defaultOf(name: string, word: Filled): Filled {
  const isPlain = 'problem' in word || word.text === '' || /^[./~]/.test(word.text);
  return isPlain || !isSecret(name) ? word : secret(name);
}
