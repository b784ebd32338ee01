// The shares that a person gives: in files, piped in, or typed at the terminal, where each line is judged at once.

import { StrongroomError } from '../../errors.ts';
import { readLine } from '../../kit/line.ts';
import { type Piece, readPieces } from '../../kit/read.ts';
import { missingShares } from '../../kit/shamir.ts';
import { type Share, shareOf } from '../../kit/share.ts';
import type { ArgSpec } from '../command.ts';
import type { Context } from '../context.ts';

/** The argument of both commands that take shares. */
export const files = {
  value: 'FILE',
  summary: 'pages, or texts that were typed or scanned; -: standard input; none: asks for them',
  optional: true,
  repeat: true,
} as const satisfies ArgSpec;

/** @throws as `readPieces` and `Secrets.file` */
export async function givenPieces(paths: readonly string[], context: Context): Promise<Piece[]> {
  if (paths.length === 0 && context.terminal.interactive) return await typedPieces(context);
  const pieces: Piece[] = [];
  for (const path of paths.length === 0 ? ['-'] : paths) {
    const { secrets } = context;
    const { text, source } = path === '-' ? await secrets.standardInput() : await secrets.file(path);
    pieces.push(...readPieces(text, source));
  }
  return pieces;
}

/** Asks until there are enough shares of one key. Ctrl-C ends it. */
async function typedPieces({ terminal }: Context): Promise<Piece[]> {
  terminal.tell([
    'Type the five lines of each share; each is wiped from the screen when read.',
    'What a scanner read from the QR code can be given at once. Ctrl-C ends it.',
  ]);
  const pieces: Piece[] = [];
  const shares = (): Share[] => pieces.flatMap(({ share }) => share ?? []);
  for (;;) {
    const piece = await typedPiece(terminal, pieces.length + 1);
    const { share } = piece;
    const [first] = shares();
    if (!share) return [piece];
    if (first && first.set !== share.set) {
      terminal.tell([`This one is of another set than share ${first.index}: it is left out.`]);
      continue;
    }
    if (shares().some(({ index }) => index === share.index)) {
      terminal.tell([`Share ${share.index} was given already.`]);
      continue;
    }
    pieces.push({ ...piece, source: `share ${share.index}` });
    const missing = missingShares(shares());
    if (missing === 0) return pieces;
    terminal.tell([`Share ${share.index} of ${share.count} is right. ${missing} more needed.`]);
  }
}

async function typedPiece(terminal: Context['terminal'], number: number): Promise<Piece> {
  let lines: Uint8Array[] = [];
  for (;;) {
    const text = await terminal.askWiped(`Page ${number}, line ${lines.length + 1} of 5`);
    try {
      const [piece] = isWhole(text) ? readPieces(text, 'what was typed') : [];
      if (piece) return piece;
      if (text.trim() === '' || /^\s*strongroom\b/i.test(text)) continue;
      const read = readLine(text);
      if (!read.isRight) terminal.tell([`That line ${read.why}. Type it again.`]);
      else if (read.number !== lines.length + 1)
        terminal.tell([`That was line ${read.number}; line ${lines.length + 1} comes next.`]);
      else lines.push(read.bytes);
      if (lines.length < 5) continue;
      return { share: shareOf(lines, `page ${number}`), source: `page ${number}` };
    } catch (error) {
      if (!(error instanceof StrongroomError) || error.exitCode !== 2) throw error;
      terminal.tell([`${error.message}. Begin this page again.`]);
      lines = [];
    }
  }
}

/** What a scanner types in one go: a whole share, or a whole identity. */
function isWhole(text: string): boolean {
  return text.includes('/') || /^AGESECRETKEY/i.test(text.replace(/[\s-]+/g, ''));
}
