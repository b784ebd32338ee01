// What a terminal shows, and what scrolls out of it at the top: as much of one as our output takes.

/**
 * @param output everything that went to the terminal
 * @param columns how wide it is
 * @returns its rows, from the first that scrolled away
 */
export function screenOf(output: string, columns: number): string[] {
  const rows: string[][] = [[]];
  let [row, column] = [0, 0];
  const down = (): void => {
    row += 1;
    rows[row] ??= [];
  };
  for (const [piece] of output.matchAll(/\x1b\[([0-9;?]*)([A-Za-z])|./gsu)) {
    if (piece === '\r') column = 0;
    else if (piece === '\n') down();
    else if (piece === '\x1b[2K') rows[row] = [];
    else if (piece.startsWith('\x1b') && piece.length > 1) {
      // Colours only: whatever moves about would have to be learnt first.
      if (!piece.endsWith('m')) throw new Error(`the screen does not know ${JSON.stringify(piece)}`);
    } else {
      // As the strictest do: the row is left as soon as it is full.
      const at = rows[row]!;
      while (at.length < column) at.push(' ');
      at[column] = piece;
      column += 1;
      if (column === columns) {
        column = 0;
        down();
      }
    }
  }
  return rows.map((cells) => cells.join(''));
}
