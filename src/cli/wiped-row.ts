// What may be seen of a line that is wiped when it is done: one row of the terminal, as wiping takes no more than that,
// and nothing of what by itself opens a vault.
import { count, safeText, width } from './text.ts';

/** Of a terminal that does not say how wide it is. */
const USUAL_COLUMNS = 80;

/**
 * The row to show while somebody types. It never reaches the last column, where some terminals go on to the next row.
 * @param prompt as it is shown
 * @param text what was typed so far
 * @param columns of the terminal; 0 when it does not say
 */
export function wipedRow(prompt: string, text: string, columns: number): string {
  const room = (columns || USUAL_COLUMNS) - 1;
  const shown = `${prompt}${safeText(text)}`;
  if (!isWholeSecret(text) && width(shown) <= room) return shown;
  const told = `${prompt}… ${count([...text].length, 'character')}`;
  return [...told].slice(0, room).join('');
}

/** An age identity, or all lines of a share in one, as a scanner types them. */
function isWholeSecret(text: string): boolean {
  return text.includes('/') || /^agesecretkey/i.test(text.replace(/[^0-9a-z]/gi, ''));
}
