// INI and properties files: sections, `name = value` or `name: value`, comments by `;` or `#`. There are many
// dialects: what is no section, comment or assignment is kept together as one value, without a name.
import { checkCount, type FoundValue, NotNamed, OTHER_LINES } from './named-value.ts';

const SECTION = /^\s*\[\s*([^\]]{1,200}?)\s*\]\s*(?:[#;].*)?$/;
const NAME = /^[A-Za-z_][\w.\-/ ]{0,99}$/;
const COMMENT = /^\s*(?:[#;!].*)?$/;

/** What stands before and after the first `=` or `:`; undefined when that is no assignment. */
function assignmentOf(line: string): { name: string; value: string } | undefined {
  const at = line.search(/[=:]/);
  const name = line.slice(0, Math.max(at, 0)).trim();
  return NAME.test(name) ? { name, value: unquoted(line.slice(at + 1).trim()) } : undefined;
}

/** The value without the quotes around it; a comment may follow only after space. */
function unquoted(text: string): string {
  const quoted = /^(["'])(.*)\1(?:\s+[#;].*)?$/.exec(text);
  return quoted ? quoted[2]! : text.replace(/(?<!\s)\s+[#;].*$/, '');
}

/** @throws NotNamed for a file that has no assignment, or a key without quotes */
export function readIni(text: string): FoundValue[] {
  const found: FoundValue[] = [];
  const others: string[] = [];
  let section = '';
  let indent = Number.POSITIVE_INFINITY;
  for (const line of text.replace(/^\ufeff/, '').split(/\r\n?|\n/)) {
    if (COMMENT.test(line)) continue;
    const head = SECTION.exec(line);
    if (head) {
      section = `${head[1]}.`;
      indent = Number.POSITIVE_INFINITY;
      continue;
    }
    // The lines after it would be read as names, and shown.
    if (line.includes('-----BEGIN ')) throw new NotNamed('holds a key or certificate among its lines');
    const assignment = assignmentOf(line);
    const depth = line.search(/\S/);
    // One that is indented deeper goes on with the value before it, whatever it looks like.
    if (!assignment || depth > indent) {
      others.push(line);
      continue;
    }
    indent = depth;
    found.push({ name: `${section}${assignment.name}`, text: assignment.value });
    checkCount(found.length);
  }
  if (found.length === 0) throw new NotNamed('names no value');
  if (others.length > 0) found.push({ name: OTHER_LINES, kind: 'rest', text: others.join('\n') });
  return found;
}

/** Whether text that has no telling name is an INI file: it begins with a section, and every line fits. */
export function looksLikeIni(text: string): boolean {
  const lines = text.split(/\r?\n/).filter((line) => !COMMENT.test(line));
  return (
    lines.length > 1 &&
    SECTION.test(lines[0]!) &&
    lines.every((line) => SECTION.test(line) || (assignmentOf(line) && !/^\s/.test(line)))
  );
}
