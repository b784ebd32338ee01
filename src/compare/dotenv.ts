// Environment files by the rules of Compose's own format (compose-go, dotenv): quotes, values over several lines,
// `export`, comments. Interpolation is left as it is written.
import { checkCount, type FoundValue, NotNamed, OTHER_LINES } from './named-value.ts';

/** `NAME=`, `export NAME =`, `NAME: `. */
const ASSIGNMENT = /[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.[\]-]{0,254})[ \t]*[=:][ \t]*/y;
/** A name that the environment fills in. A longer word, as a line of a key in base64 is, is none. */
const INHERITED = /[ \t]*(?:export[ \t]+)?[A-Za-z_][A-Za-z0-9_]{0,59}[ \t]*(?:#.*)?$/my;
const NOTHING = /[ \t]*(?:#.*)?$/my;
const SINGLE_QUOTED = /'([^'\\]*(?:\\[\s\S][^'\\]*)*)'/y;
const DOUBLE_QUOTED = /"([^"\\]*(?:\\[\s\S][^"\\]*)*)"/y;
const BARE = /.*/y;

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
    const skipped = matchAt(NOTHING, source, at);
    if (skipped) {
      at += skipped[0].length + 1;
      continue;
    }
    const inherited = matchAt(INHERITED, source, at);
    if (inherited) {
      others.push(inherited[0].trim());
      at += inherited[0].length + 1;
      continue;
    }
    const assignment = matchAt(ASSIGNMENT, source, at);
    if (!assignment) throw new NotNamed('has lines that name no value');
    const { value, end } = readValue(source, at + assignment[0].length);
    found.push({ name: assignment[1]!, text: value });
    checkCount(found.length);
    at = end + 1;
  }
  if (others.length > 0) found.push({ name: OTHER_LINES, kind: 'rest', text: others.join('\n') });
  return found;
}

/** @returns the value, and where its line ends */
function readValue(source: string, at: number): { value: string; end: number } {
  const single = matchAt(SINGLE_QUOTED, source, at);
  const quoted = single ?? matchAt(DOUBLE_QUOTED, source, at);
  if (quoted) {
    const rest = matchAt(NOTHING, source, at + quoted[0].length);
    if (!rest) throw new NotNamed('has text after a closing quote');
    const inner = quoted[1]!;
    const value = single ? inner.replace(/\\'/g, "'") : escapesTaken(inner);
    return { value, end: at + quoted[0].length + rest[0].length };
  }
  const bare = matchAt(BARE, source, at)![0];
  if (/^['"]/.test(bare)) throw new NotNamed('has a quote that nothing closes');
  // The lines after it would be read as names, and shown.
  if (/-----BEGIN /.test(bare)) throw new NotNamed('holds a key or certificate without quotes');
  return { value: (bare.split(/(?:^|\s)#/)[0] ?? '').trim(), end: at + bare.length };
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
