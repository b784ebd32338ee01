// Environment files by the rules of Compose's own format (compose-go, dotenv): quotes, values over several lines,
// `export`, comments. Interpolation is left as it is written.
import { isLikelyLine } from './likely.ts';
import { checkCount, type FoundValue, NotNamed, OTHER_LINES } from './named-value.ts';
import { goesOn, isPadding, looksRandom } from './shown.ts';

/** `NAME=`, `export NAME =`, `NAME: `. */
const ASSIGNMENT = /[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.[\]-]{0,254})[ \t]*[=:][ \t]*/y;
/** A name that the environment fills in. A longer word, as a line of a key in base64 is, is none. */
const INHERITED = /[ \t]*(?:export[ \t]+)?[A-Za-z_][A-Za-z0-9_]{0,59}[ \t]*(?:#[^\n]*)?(?=\n|$)/y;
const NOTHING = /[ \t]*(?:#[^\n]*)?(?=\n|$)/y;
const SINGLE_QUOTED = /'([^'\\]*(?:\\[\s\S][^'\\]*)*)'/y;
const DOUBLE_QUOTED = /"([^"\\]*(?:\\[\s\S][^"\\]*)*)"/y;
const LINE = /[^\n]*/y;

const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v',
  '"': '"',
  '\\': '\\',
  $: '$',
};

/** The match of a sticky pattern at a place. */
function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/**
 * @param text with any line ends
 * @throws NotNamed for a line that no environment file has
 */
export function readDotenv(text: string): FoundValue[] {
  // As compose does; a carriage return at the end of a line belongs to no value.
  const source = text.replace(/^\ufeff/, '').replace(/\r\n?/g, '\n');
  const found: FoundValue[] = [];
  const others: string[] = [];
  let at = 0;
  while (at < source.length) {
    const skipped = matchAt(NOTHING, source, at)?.[0];
    const inherited = skipped === undefined ? matchAt(INHERITED, source, at)?.[0] : undefined;
    const line = skipped ?? inherited;
    if (line !== undefined) {
      const end = goesOn(line) ? endOfLines(source, at) : at + line.length;
      if (inherited !== undefined) others.push(inherited.trim());
      // systemd reads a comment on, too.
      if (end > at + line.length) others.push(source.slice(at + line.length + 1, end));
      at = end + 1;
      continue;
    }
    const assignment = matchAt(ASSIGNMENT, source, at);
    if (!assignment) throw new NotNamed('has lines that name no value');
    const name = assignment[1]!;
    const { value, end, likely, isLiteral } = readValue(source, at + assignment[0].length);
    // The rest of a value of which the line before was the beginning, say.
    if (isPadding(name, value) || looksRandom(name)) others.push(source.slice(at, end).trim());
    else
      found.push({ name, text: value, ...(likely ? { likely } : {}), ...(isLiteral ? { isLiteral } : {}) });
    checkCount(found.length);
    at = end + 1;
  }
  if (others.length > 0) {
    const likely = others.some(isLikelyLine);
    found.push({ name: OTHER_LINES, kind: 'rest', text: others.join('\n'), likely });
  }
  return found;
}

/** Where the lines from a place on end: one that ends in a backslash goes on, as in a shell and for systemd. */
function endOfLines(source: string, at: number): number {
  let end = at;
  for (;;) {
    const line = matchAt(LINE, source, end)![0];
    // The lines after it would be read as names, and shown.
    if (/-----BEGIN /.test(line)) throw new NotNamed('holds a key or certificate without quotes');
    end += line.length;
    if (!goesOn(line) || end >= source.length) return end;
    end += 1;
  }
}

interface ReadValue {
  readonly value: string;
  /** Where its last line ends. */
  readonly end: number;
  /** Whether it is secret by what its further lines say. */
  readonly likely?: boolean;
  /** In single quotes, nothing is filled in. */
  readonly isLiteral?: boolean;
}

function readValue(source: string, at: number): ReadValue {
  const single = matchAt(SINGLE_QUOTED, source, at);
  const quoted = single ?? matchAt(DOUBLE_QUOTED, source, at);
  if (quoted) {
    const rest = matchAt(NOTHING, source, at + quoted[0].length);
    if (!rest || goesOn(rest[0])) throw new NotNamed('has text after a closing quote');
    const inner = quoted[1]!;
    const value = single ? inner.replace(/\\'/g, "'") : escapesTaken(inner);
    return { value, end: at + quoted[0].length + rest[0].length, isLiteral: single !== null };
  }
  const end = endOfLines(source, at);
  const bare = source.slice(at, end);
  if (/^['"]/.test(bare)) throw new NotNamed('has a quote that nothing closes');
  const [first, ...more] = bare.split('\n');
  if (more.length > 0) return { value: bare.trim(), end, likely: more.some(isLikelyLine) };
  return { value: (first!.split(/(?:^|\s)#/)[0] ?? '').trim(), end };
}

function escapesTaken(text: string): string {
  return text.replace(/\\([\s\S])/g, (whole, character: string) => ESCAPES[character] ?? whole);
}

/** Whether text that has no telling name is an environment file: nothing but comments and upper-case names. */
export function looksLikeDotenv(text: string): boolean {
  const lines = text.replace(/^\ufeff/, '').split(/\r?\n/);
  const telling = lines.filter((line) => !/^\s*(?:#.*)?$/.test(line));
  return telling.length > 0 && telling.every((line) => /^(?:export )?[A-Z][A-Z0-9_]*=/.test(line));
}
