import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { StrongroomError } from '../../src/errors.ts';
import { PAGE_MARK, readPieces } from '../../src/kit/read.ts';
import { type Share, shareLines } from '../../src/kit/share.ts';
import { newShares, typed } from './shares.ts';

let shares: Share[];
let identity: string;
beforeAll(async () => {
  ({ shares, identity } = await newShares());
});

const sharesIn = (text: string) => readPieces(text, 'a.txt').map((piece) => piece.share);

describe('shares are read', () => {
  it('one by one, as they are typed, pasted or scanned', () => {
    for (const share of shares) {
      expect(sharesIn(typed(share))).toEqual([share]);
      expect(sharesIn(typed(share, '/'))).toEqual([share]);
      expect(sharesIn(typed(share).toLowerCase().replaceAll('\n', '\r\n\r\n'))).toEqual([share]);
      expect(sharesIn(shareLines(share).join('\n'))).toEqual([share]);
    }
  });

  it('several in one text, with words of ours and comments between them', () => {
    expect(sharesIn(shares.map((share) => typed(share)).join('\n'))).toEqual(shares);
    expect(
      sharesIn(`# from Ann\n${shares.map((s) => shareLines(s).join('\n')).join('\n\n# from Bob\n')}`),
    ).toEqual(shares);
  });

  it('from a page, which may hold anything else', () => {
    const page = `<!doctype html><p>1 Get the vault</p><pre class="x" ${PAGE_MARK}>${typed(shares[2]!)}</pre><pre>2 hello</pre>`;
    expect(sharesIn(page)).toEqual([shares[2]]);
  });

  it('out of the text of a whole page, as a print or a photograph gives it', () => {
    const among = (share: Share) =>
      `Share ${share.index} of 5\n\nAny 3 of the 5\n\n${shareLines(share)
        .map((line, i) => `  ${i + 1}  ${line}`)
        .join('\n\n')}\n\fFive lines / thirty letters\nstrongroom list\nAGE-SECRET-KEY-1 is typed\n# x\n`;
    expect(sharesIn(among(shares[1]!))).toEqual([shares[1]]);
    expect(sharesIn(among(shares[1]!) + among(shares[4]!))).toEqual([shares[1], shares[4]]);
  });

  it('and a whole identity, as age has it or as it was typed', () => {
    const file = `# strongroom recovery key\n${identity}\n`;
    expect(readPieces(file, 'kit.txt')).toEqual([{ identity, source: 'the key in kit.txt' }]);
    const groups = identity.toLowerCase().replace(/.{5}/g, '$& ');
    expect(readPieces(groups, 'kit.txt')[0]?.identity).toBe(identity);
  });
});

describe('what is wrong with a share is said', () => {
  const wrong = (text: string) => {
    try {
      readPieces(text, 'a.txt');
    } catch (error) {
      if (error instanceof StrongroomError) return [error.code, error.exitCode, error.message];
      throw error;
    }
    throw new Error('it was read');
  };
  const lines = () => typed(shares[1]!).split('\n');

  it('a wrong letter, with its line', () => {
    const text = lines();
    for (let at = 1; at <= 5; at++) {
      const bad = text[at]!.replace(/.$/, (last) => (last === 'Q' ? 'P' : 'Q'));
      expect(wrong(text.with(at, bad).join('\n'))).toEqual([
        'share-line',
        2,
        `line ${at + 1} of a.txt, numbered ${at}, has a typing error, most likely in group 6 of 6`,
      ]);
    }
  });

  it('a line that is missing, at any place', () => {
    for (let at = 1; at <= 5; at++)
      expect(wrong(lines().toSpliced(at, 1).join('\n'))).toEqual([
        'torn-share',
        2,
        `line ${at} is missing of a.txt`,
      ]);
  });

  it('a wrong or missing line, among other text too', () => {
    const good = typed(shares[0]!);
    for (let at = 1; at <= 5; at++) {
      const bad = lines().with(
        at,
        lines()[at]!.replace(/.$/, (last) => (last === 'Q' ? 'P' : 'Q')),
      );
      expect(wrong(`Any 3 of 5\n${good}\n${bad.join('\n')}\nand so on`)[0]).toBe('share-line');
      expect(wrong(`${lines().toSpliced(at, 1).join('\n')}\nand so on`)[0]).toMatch(
        /^(torn-share|share-line)$/,
      );
    }
  });

  it('a text that was cut off anywhere', () => {
    const whole = typed(shares[0]!);
    for (let end = 0; end < whole.length; end++) {
      expect(['torn-share', 'share-line', 'no-share']).toContain(wrong(whole.slice(0, end))[0]);
    }
  });

  it('lines of two pages', () => {
    const [a, b] = [lines(), typed(shares[3]!).split('\n')];
    expect(wrong(a.with(5, b[5]!).join('\n'))).toEqual([
      'torn-share',
      2,
      'a.txt: each line is right, but they are not all of one page',
    ]);
  });

  it('a page without one', () => {
    expect(wrong('<!doctype html><p>hello</p>')).toEqual([
      'no-share',
      2,
      'there is no share of a recovery key in a.txt',
    ]);
    expect(wrong(' \n')).toEqual(['no-share', 2, 'there is no share of a recovery key in a.txt']);
  });

  it('an identity with a slip', () => {
    expect(wrong(identity.replace(/.$/, (last) => (last === 'Q' ? 'P' : 'Q')))).toEqual([
      'bad-identity',
      2,
      'the key in a.txt has a typing error',
    ]);
  });

  it('and garbage gives an error of ours, which quotes nothing of it', () => {
    const garbage = fc.oneof(
      fc.string(),
      fc.array(fc.stringMatching(/^[0-9A-Za-z ]{8,60}$/)).map((rows) => rows.join('\n')),
      fc.string().map((inner) => `<!doctype html><pre ${PAGE_MARK}>${inner}</pre>`),
      fc.tuple(fc.nat(), fc.nat(255)).map(([at, by]) => {
        const bytes = Buffer.from(typed(shares[0]!));
        bytes[at % bytes.length]! ^= by || 1;
        return bytes.toString('latin1');
      }),
    );
    fc.assert(
      fc.property(garbage, (text) => {
        let pieces: unknown;
        try {
          pieces = readPieces(text, 'a.txt');
        } catch (error) {
          expect(error).toBeInstanceOf(StrongroomError);
          const said = (error as StrongroomError).message;
          const words = text.split(/[\s<>/]+/).filter((word) => word.length > 12);
          expect(words.filter((word) => said.includes(word))).toEqual([]);
          return;
        }
        // A change of case, of a blank or of the title changes nothing.
        expect(pieces).toMatchObject([{ share: { set: shares[0]!.set, payload: shares[0]!.payload } }]);
      }),
      { numRuns: 100 },
    );
  });
});
