import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { qrGrid } from '../../src/kit/qr.ts';
import { readPieces, shareText } from '../../src/kit/read.ts';
import { joinShares, wholeShare } from '../../src/kit/shamir.ts';
import { type Share, shareLines } from '../../src/kit/share.ts';
import { type KitPage, kitCommands, kitPage, ownKeyCommand, shellWord } from '../../src/pages/kit.ts';
import { RECOVERY_TEXT } from '../../src/vault/recovery-text.ts';
import { FINGERPRINT, newShares } from '../kit/shares.ts';
import { scratch } from '../support/vault.ts';
import { dirtied, missingPrograms, printed, qrText, screenshot, sheets, writePage } from './browser.ts';

async function pageOf(share: Share, identity?: string, long = false): Promise<KitPage> {
  const lines = shareLines(share);
  const qr = identity ?? shareText(lines, `STRONGROOM SHARE ${share.index} OF ${share.count}`, '/');
  return {
    vault: {
      name: long ? `n${'-very-long'.repeat(6)}` : 'shop',
      id: '0g69wysckgdejtxh8191jcc401',
      location: long ? `/srv/${'a deep directory/'.repeat(20)}<vault>` : 's3://acme-backups/shop',
      fingerprint: FINGERPRINT,
      pin: `{ vault: 0g69wysckgdejtxh8191jcc401, recipient: age1${'q'.repeat(long ? 1955 : 58)} }`,
      keyNumber: 1,
      sets: long ? Array.from({ length: 100 }, (_, i) => `${'set-'.repeat(14)}${i}`) : ['app', 'certs'],
      key: long ? `k${'-long'.repeat(12)}` : 'kit',
      object: 'keys/1/kit-ysgzxz4fmm.age',
      postQuantum: long,
    },
    share: { ...share, set: '0123-4567-89ab', lines, qr: await qrGrid(qr) },
    ...(identity === undefined ? {} : { identity }),
    printed: '2026-11-20 05:58 UTC',
    tool: 'strongroom 0.1.0',
    stockTools: RECOVERY_TEXT,
  };
}

let shares: Share[];
let identity: string;
let whole: Share;
let kit: KitPage;
beforeAll(async () => {
  ({ shares, identity } = await newShares());
  whole = await wholeShare(identity, { generation: 1, fingerprint: FINGERPRINT });
  kit = await pageOf(whole, identity);
});

describe('the page of a recovery kit', () => {
  it('is one file without scripts, addresses and pictures from elsewhere', async () => {
    for (const page of [
      kitPage(kit),
      kitPage(await pageOf(shares[0]!)),
      kitPage(await pageOf(shares[1]!, undefined, true)),
    ]) {
      expect(page).not.toMatch(
        /<(?:script|img|link|iframe|object|embed|form|base|a)\b|\bsrc=|\bhref=|url\(|@import|javascript:|\son\w+=/i,
      );
      expect(page).toContain('default-src &#39;none&#39;');
      // The program reads no larger secret file.
      expect(page.length).toBeLessThan(60_000);
    }
  });

  it('says who may open what with it, first of all', async () => {
    expect(kitPage(kit)).toContain('Whoever holds this page opens the vault and everything in it.');
    expect(kitPage(await pageOf(shares[0]!))).toContain(
      'Any 3 of these 5 pages open the vault and everything in it.',
    );
  });

  it('of a share holds that share alone, and the key nowhere', async () => {
    const page = kitPage(await pageOf(shares[1]!));
    expect(readPieces(page, 'a').map((piece) => piece.share)).toEqual([shares[1]]);
    expect(page).not.toContain('AGE-SECRET-KEY-1');
  });

  it('of a kit holds the key, in groups that are copied as one word', () => {
    const page = kitPage(kit);
    const shown = /<div class="identity mono">(.*?)<\/div>/s.exec(page)![1]!;
    expect(shown.replace(/<\/?span>/g, '')).toBe(identity);
    expect(shown).toContain('<span>AGE-SECRET-KEY-1</span>');
  });

  it('escapes every name', async () => {
    const page = await pageOf(shares[0]!);
    const evil = '<script>alert(1)</script>';
    const vault = {
      ...page.vault,
      name: evil,
      location: evil,
      key: evil,
      object: evil,
      sets: [evil],
      pin: evil,
    };
    const shown = kitPage({ ...page, vault, printed: evil, tool: evil, share: { ...page.share, set: evil } });
    expect(shown).not.toContain('<script');
    expect(shown.split('&lt;script&gt;').length).toBeGreaterThan(8);
  });

  it('has every command of RECOVERY.md', () => {
    const page = kitPage(kit);
    const commands = RECOVERY_TEXT.split('\n').filter((line) => line.startsWith('    '));
    expect(commands.length).toBeGreaterThan(30);
    const shown = [...page.matchAll(/<span>(.*?)<\/span>\n/g)].map(([, line]) => line);
    const text = (line: string) =>
      line.replace(
        /&(amp|lt|gt|quot|#39);/g,
        (_, n: string) => ({ amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" })[n]!,
      );
    const typed = shown.map((line) => text(line!));
    for (const command of commands) expect(typed).toContain(command.slice(4).replaceAll('me.txt', 'kit.txt'));
  });

  it('restores every set by one command, those too that came after it was printed', async () => {
    const page = await pageOf(shares[0]!);
    for (const sets of [[], ['app', 'certs']]) {
      const commands = kitCommands({ ...page, vault: { ...page.vault, sets } });
      expect(commands.at(-1)).toBe(
        'strongroom restore --target ./restored  # every set, each into restored/SET',
      );
    }
    expect(kitPage(page)).toContain('app, certs');
  });

  it('says that a rotation is no attack, and since when', () => {
    expect(kitPage(kit)).toMatch(
      /has another fingerprint, .* no attack if your team rotated it since 2026-11-20 05:58 UTC; ask whoever did\./,
    );
  });

  it('finds the file that it opens, by its number and its whole name, after rotations too', () => {
    const vault = scratch();
    const put = (object: string) => {
      mkdirSync(join(vault, object, '..'), { recursive: true });
      writeFileSync(join(vault, object), object);
    };
    const found = () =>
      execFileSync('sh', ['-c', `age() { cat "$4"; }; ${ownKeyCommand(kit.vault)}`], {
        cwd: vault,
        encoding: 'utf8',
      });
    for (const object of [
      'keys/1/kit-ysgzxz4fmm.age',
      'keys/2/kit-0123456789.age',
      'keys/10/kit-abcdefghjk.age',
    ]) {
      put(object);
      put('keys/11/kit-old-abcdefghjk.age');
      put('keys/11/kit-short.age');
      expect(found()).toBe(object);
    }
  });

  it('quotes a place for the shell', async () => {
    const page = await pageOf(shares[0]!);
    const vault = { ...page.vault, location: "/srv/Ann's vault" };
    expect(kitCommands({ ...page, vault })[0]).toBe("export STRONGROOM_LOCATION='/srv/Ann'\\''s vault'");
    expect(shellWord('')).toBe("''");
  });
});

const LONG = process.env.STRONGROOM_LONG === '1';

describe.skipIf(missingPrograms.length > 0)(
  `in a browser and on paper (needs chromium, pdftoppm; missing: ${missingPrograms.join(', ') || 'nothing'})`,
  () => {
    it('shows QR codes from which the key is joined', { timeout: 60_000 }, async () => {
      const directory = scratch();
      const read: Share[] = [];
      for (const share of shares.slice(2)) {
        const at = join(directory, `${share.index}`);
        mkdirSync(at);
        const text = qrText(screenshot(at, writePage(at, kitPage(await pageOf(share)))));
        read.push(...readPieces(text ?? '', 'the scanner').flatMap((piece) => piece.share ?? []));
      }
      expect(read).toEqual(shares.slice(2));
      expect((await joinShares(read)).identity).toBe(identity);
    });

    const SHEETS: [string, string][] = [
      ['A4', '@page { size: A4; }'],
      ['Letter', ''],
    ];
    it.each(LONG ? SHEETS : SHEETS.slice(0, 1))(
      'prints in black and white: %s',
      { timeout: 60_000 },
      async (_, style) => {
        const directory = scratch();
        const page = kitPage(kit);
        const sized =
          style === ''
            ? page
            : page.replace(/<meta http-equiv[^>]*>/, '').replace('</style>', `${style}</style>`);
        const [first, second, ...others] = sheets(directory, writePage(directory, sized));
        expect(others.length).toBeLessThan(5);
        expect(first!.height / first!.width).toBeCloseTo(style === '' ? 11 / 8.5 : 297 / 210, 2);
        expect(qrText(first!)).toBe(identity);
        // The code stands on the first sheet and nowhere else, so that the others can be shown.
        expect(qrText(second!)).toBeUndefined();
        // A coffee stain on a corner of the code.
        const box = darkBox(first!);
        expect(qrText(dirtied(first!, box.right - 60, box.bottom - 60, 55))).toBe(identity);
        for (const sheet of [first!, second!, ...others]) expect(greyOf(sheet)).toBeLessThan(0.05);
      },
    );

    it('is read from the text of its print', { timeout: 60_000 }, async () => {
      const directory = scratch();
      for (const [share, page] of [
        [shares[0]!, await pageOf(shares[0]!)],
        [whole, kit],
      ] as const) {
        const file = printed(directory, writePage(directory, kitPage(page)));
        for (const how of [[], ['-layout'], ['-raw']]) {
          const text = execFileSync('pdftotext', [...how, file, '-'], { encoding: 'utf8' });
          expect(readPieces(text, 'a').map((piece) => piece.share)).toEqual([share]);
        }
      }
    });

    it.runIf(LONG)('keeps within the paper, however long the names are', { timeout: 60_000 }, async () => {
      const directory = scratch();
      const pages = sheets(
        directory,
        writePage(directory, kitPage(await pageOf(shares[0]!, undefined, true))),
      );
      for (const sheet of pages) expect(isMarginWhite(sheet)).toBe(true);
      const code = pages
        .slice(0, 2)
        .reduce<string | undefined>((found, sheet) => found ?? qrText(sheet), undefined);
      const [piece] = readPieces(code ?? '', 'the scanner');
      expect(piece?.share).toEqual(shares[0]);
    });
  },
);

type Picture = ReturnType<typeof sheets>[number];

/** Whether the right margin, of 10 mm, has nothing on it. */
function isMarginWhite({ data, width, height }: Picture): boolean {
  for (let y = 0; y < height; y++)
    for (let x = width - 59; x < width; x++) if (data[4 * (y * width + x)]! < 200) return false;
  return true;
}

/** How much of a sheet is neither nearly black nor nearly white. */
function greyOf({ data, width, height }: Picture): number {
  let grey = 0;
  for (let i = 0; i < data.length; i += 4) if (data[i]! > 100 && data[i]! < 200) grey++;
  return grey / (width * height);
}

/** Where the QR code ends: the last dark column and row in that region of the first sheet. */
function darkBox({ data, width, height }: Picture): { right: number; bottom: number } {
  const isDark = (x: number, y: number) => data[4 * (y * width + x)]! < 100;
  const from = Math.floor(width * 0.7);
  let [right, bottom] = [0, 0];
  for (let y = Math.floor(height * 0.2); y < height * 0.45; y++) {
    for (let x = from; x < width * 0.93; x++) {
      if (!isDark(x, y)) continue;
      right = Math.max(right, x);
      bottom = Math.max(bottom, y);
    }
  }
  return { right, bottom };
}
