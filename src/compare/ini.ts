// INI and properties files: sections, `name = value` or `name: value`, comments by `;` or `#`. There are many
// dialects, and in some a blank parts the name from its value: what is no section, comment or assignment in all of
// them is kept together as one value, without a name.
import { isLikelyLine } from './likely.ts';
import { checkCount, type FoundValue, NotNamed, OTHER_LINES } from './named-value.ts';
import { goesOn, isPadding, looksRandom, shownKey } from './shown.ts';

const NAME = /^[A-Za-z_][\w.\-/]{0,99}$/;
const NAME_WITH_BLANKS = /^[A-Za-z_][\w.\-/ ]{0,99}$/;
const COMMENT = /^\s*(?:[#;!].*)?$/;
const QUOTE = /^(?:"""|'''|["'])/;
const MAX_SECTION = 200;

/** The name of a section, without its brackets; undefined when the line begins none. */
function sectionOf(line: string): string | undefined {
  const text = line.trim();
  const end = text.indexOf(']');
  if (!text.startsWith('[') || end < 0) return undefined;
  const name = text.slice(1, end).trim();
  return name !== '' && name.length <= MAX_SECTION && COMMENT.test(text.slice(end + 1)) ? name : undefined;
}

interface Assignment {
  readonly name: string;
  readonly value: string;
}

/** What stands before and after the first `=` or `:`; undefined when that is no assignment. */
function assignmentOf(line: string, pattern: RegExp): Assignment | undefined {
  const at = line.search(/[=:]/);
  const name = line.slice(0, Math.max(at, 0)).trim();
  return pattern.test(name) ? { name, value: line.slice(at + 1).trim() } : undefined;
}

/** The quote that a value begins with and does not end with. */
function openQuoteOf(value: string): string | undefined {
  const quote = QUOTE.exec(value)?.[0];
  return quote !== undefined && value.indexOf(quote, quote.length) < 0 ? quote : undefined;
}

/** The value without the quotes around it; a comment may follow only after space. */
function unquoted(text: string): string {
  const quote = /^["']/.exec(text)?.[0];
  // The last quote that only a comment follows.
  for (let at = quote ? text.length : 0; at > 0; ) {
    at = text.lastIndexOf(quote!, at - 1);
    if (at > 0 && /^(?:\s|$)/.test(text.slice(at + 1, at + 2)) && COMMENT.test(text.slice(at + 1, at + 9)))
      return text.slice(1, at);
  }
  const comment = text.search(/\s[#;]/);
  return comment < 0 ? text : text.slice(0, comment).trimEnd();
}

/** A value under way, with its further lines. */
interface Open {
  readonly lines: string[];
  /** The quote that ends it; otherwise it goes on as long as its lines end in a backslash. */
  readonly quote?: string | undefined;
}

/** @throws NotNamed for a file that has no assignment, a key without quotes, or a quote that nothing closes */
export function readIni(text: string): FoundValue[] {
  const assigned: { name: string; lines: string[] }[] = [];
  const others: string[] = [];
  let section = '';
  let indent = Number.POSITIVE_INFINITY;
  let isAfterOther = false;
  let open: Open | undefined;
  for (const line of text.replace(/^\ufeff/, '').split(/\r\n?|\n/)) {
    const isComment = !open && COMMENT.test(line);
    // The lines after it would be read as names, and shown.
    if (!isComment && line.includes('-----BEGIN '))
      throw new NotNamed('holds a key or certificate among its lines');
    if (open) {
      open.lines.push(line);
      if (open.quote === undefined ? !goesOn(line) : line.includes(open.quote)) open = undefined;
      continue;
    }
    if (isComment) {
      if (goesOn(line)) open = { lines: others };
      continue;
    }
    const head = sectionOf(line);
    if (head !== undefined) {
      section = `${shownKey(head)}.`;
      if (looksRandom(head)) others.push(line);
      indent = Number.POSITIVE_INFINITY;
      isAfterOther = false;
      continue;
    }
    const depth = line.search(/\S/);
    const assignment: Assignment | undefined = depth > indent ? undefined : nameIn(line, isAfterOther);
    const lines: string[] = assignment ? [assignment.value] : others;
    // One that is indented deeper goes on with the one before it, whatever it looks like.
    indent = Math.min(indent, depth);
    isAfterOther = !assignment;
    if (assignment) assigned.push({ name: `${section}${assignment.name}`, lines });
    else others.push(line);
    checkCount(assigned.length);
    const quote = assignment && openQuoteOf(assignment.value);
    if (quote !== undefined || goesOn(line)) open = { lines, quote };
  }
  if (open?.quote !== undefined) throw new NotNamed('has a quote that nothing closes');
  if (assigned.length === 0) throw new NotNamed('names no value');
  const found: FoundValue[] = assigned.map(({ name, lines: [first, ...more] }) =>
    more.length === 0
      ? { name, text: unquoted(first!) }
      : { name, text: [first, ...more].join('\n'), ...(more.some(isLikelyLine) ? { likely: true } : {}) },
  );
  if (others.length > 0) {
    const likely = others.some(isLikelyLine);
    found.push({ name: OTHER_LINES, kind: 'rest', text: others.join('\n'), likely });
  }
  return found;
}

/** An assignment whose name can be nothing else, such as the last line of some base64 is with the `=` at its end. */
function nameIn(line: string, isAfterOther: boolean): Assignment | undefined {
  const assignment = assignmentOf(line, NAME);
  if (!assignment || (isAfterOther && assignment.value === '')) return undefined;
  const { name, value } = assignment;
  return isPadding(name, value) || looksRandom(name) ? undefined : assignment;
}

/** Whether text that has no telling name is an INI file: it begins with a section, and every line fits. */
export function looksLikeIni(text: string): boolean {
  const lines = text.split(/\r?\n/).filter((line) => !COMMENT.test(line));
  return (
    lines.length > 1 &&
    sectionOf(lines[0]!) !== undefined &&
    lines.every(
      (line) => sectionOf(line) !== undefined || (assignmentOf(line, NAME_WITH_BLANKS) && !/^\s/.test(line)),
    )
  );
}
