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

/** A spreadsheet takes what begins so for a formula, which may fetch an address with other cells in it (OWASP). */
const FORMULA = /^[=+\-@]/;

function cell(text: string): string {
  const plain = FORMULA.test(text) ? `'${text}` : text;
  return /[",]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}
