// Finds shares in what people give: our pages, text that was typed or pasted, what a QR code held, an identity file.
// Whatever is not right is said by file and line; what stands there is never quoted.
import { parseIdentity } from '../crypt/identity.ts';
import { UsageError } from '../errors.ts';
import { LINES, readLine } from './line.ts';
import { type Share, shareOf } from './share.ts';

/** A share, or a whole identity as the age program has it. */
export interface Piece {
  /** Which it is, for messages: `share 2 in a.html`. */
  readonly source: string;
  readonly share?: Share;
  readonly identity?: string;
}

/** What the element of our pages that holds the lines is told apart by. */
export const PAGE_MARK = 'data-strongroom-share';

const ON_PAGE = new RegExp(`<pre[^>]*\\b${PAGE_MARK}\\b[^>]*>([^<]*)</pre>`, 'g');

/**
 * Reads every share in a text.
 * @param source what to call it in a failure
 * @returns at least one
 * @throws UsageError `no-share`, `share-line`, `torn-share`, `newer-share`, `bad-identity`
 */
export function readPieces(text: string, source: string): Piece[] {
  const isPage = /^\s*<(?:!doctype|html)\b/i.test(text);
  const texts = isPage ? [...text.matchAll(ON_PAGE)].map(([, inner = '']) => inner) : [text];
  const pieces = texts.flatMap((part) => (isPage ? piecesOfText(part, source) : piecesAmong(part, source)));
  if (pieces.length > 0) return pieces;
  throw new UsageError('no-share', `there is no share of a recovery key in ${source}`, {
    object: source,
    hint: isPage
      ? 'the file is no page that strongroom made, or only the beginning of one'
      : 'a share is five numbered lines of six groups of letters; type them as they stand on the page',
  });
}

/** What a line of a share looks like. Looking for the error in every line that is none would take long. */
const IN_GROUPS = /^\s*(?:[1-9][\s.:)]*)?(?:[0-9a-z]{5}\s*){6}$/i;

/** As `piecesOfText`, of a text that may be a whole page: what was scanned, or copied out of a print. */
function piecesAmong(text: string, source: string): Piece[] {
  try {
    return piecesOfText(text, source);
  } catch (error) {
    const lines = text.split(/[\n/]/).filter((line) => IN_GROUPS.test(line) && readLine(line).isRight);
    const among = lines.map((line) => readLine(line).number);
    // Whole shares and nothing else: of one with a wrong letter, the other lines would be left over.
    const isWhole = among.length > 0 && among.length % LINES === 0;
    if (!isWhole || among.some((number, at) => number !== (at % LINES) + 1)) throw error;
    return piecesOfText(lines.join('\n'), source);
  }
}

function piecesOfText(text: string, source: string): Piece[] {
  const pieces: Piece[] = [];
  let lines: Uint8Array[] = [];
  let isBegun = false;
  const end = () => {
    if (isBegun && lines.length < LINES) throw missingLine(lines.length + 1, name());
    if (isBegun) {
      const share = shareOf(lines, name());
      const what = share.count === 1 ? 'the kit' : `share ${share.index}`;
      pieces.push({ share, source: `${what} in ${source}` });
    }
    lines = [];
    isBegun = false;
  };
  const name = () => (pieces.length === 0 ? source : `share number ${pieces.length + 1} in ${source}`);
  for (const [at, line] of text.split(/[\n/]/).entries()) {
    const plain = line.trim();
    if (plain === '' || plain.startsWith('#')) continue;
    if (/^strongroom\b/i.test(plain)) {
      end();
      continue;
    }
    // With or without the blanks and dashes that it is printed with.
    const [, isHybrid, rest] =
      /^AGESECRETKEY(PQ)?1(.+)$/.exec(plain.replace(/[\s-]+/g, '').toUpperCase()) ?? [];
    if (rest !== undefined) {
      end();
      const identity = `AGE-SECRET-KEY-${isHybrid ? 'PQ-' : ''}1${rest}`;
      pieces.push({ identity: checked(identity, source), source: `the key in ${source}` });
      continue;
    }
    const read = readLine(plain);
    if (!read.isRight) {
      const which = read.number === undefined ? '' : `, numbered ${read.number},`;
      throw new UsageError('share-line', `line ${at + 1} of ${source}${which} ${read.why}`, {
        object: source,
        hint: 'compare it with the page, letter by letter',
      });
    }
    if (isBegun && read.number <= lines.length) end();
    if (read.number !== lines.length + 1) throw missingLine(lines.length + 1, name());
    lines.push(read.bytes);
    isBegun = true;
    if (lines.length === LINES) end();
  }
  end();
  return pieces;
}

function missingLine(number: number, source: string): UsageError {
  return new UsageError('torn-share', `line ${number} is missing of ${source}`, {
    object: source,
    hint: 'a share is five lines, numbered 1 to 5, from one page',
  });
}

function checked(identity: string, source: string): string {
  try {
    parseIdentity(identity);
    return identity;
  } catch (cause) {
    throw new UsageError('bad-identity', `the key in ${source} has a typing error`, {
      object: source,
      hint: 'compare it with the page; or type its five numbered lines, where an error is found at once',
      cause,
    });
  }
}

/** The text of a share, as files and QR codes hold it. @param separator between its lines */
export function shareText(lines: readonly string[], title: string, separator: '\n' | '/'): string {
  return [title, ...lines.map((line, i) => `${i + 1} ${line}`)].join(separator);
}
