// The tick list as CSV (RFC 4180), for a spreadsheet or a ticket system. File and value names come from the backed up
// machine: none may become a formula.
import type { ExposedValue } from '../../../vault/exposure/sightings.ts';

const HEAD = ['set', 'host', 'path', 'name', 'kind', 'likely', 'status', 'snapshots', 'first', 'last'];

/**
 * @returns one line for each value after the heads, without line ends; whoever writes them escapes control characters
 */
export function csvLines(values: readonly ExposedValue[]): string[] {
  const rows = values.map((v) => [
    v.set,
    v.host,
    v.path,
    v.name,
    v.kind,
    v.likely ? 'yes' : 'no',
    v.status,
    String(v.snapshots),
    v.first,
    v.last,
  ]);
  return [HEAD, ...rows].map((row) => row.map(cell).join(','));
}

/**
 * A spreadsheet takes what begins so for a formula, which may fetch an address with other cells in it (OWASP). Blanks
 * before it do not help, and where the separator is a semicolon or a tab, a cell may begin within one of ours: quotes
 * count only at the beginning of a cell.
 */
const FORMULA = /(^|[;\t])(?=(?:(?!\t)[\s\p{C}])*[=+\-@\uff1d\uff0b\uff0d\uff20])/gu;

function cell(text: string): string {
  return `"${text.replace(FORMULA, "$1'").replaceAll('"', '""')}"`;
}
