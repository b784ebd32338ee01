import { execFileSync, spawnSync } from 'node:child_process';
import { hash } from 'node:crypto';
import {
  chmodSync,
  lstatSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { Header, list } from 'tar';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Entry } from '../../src/pack/entry.ts';
import { decodeName, encodeName } from '../../src/pack/names.ts';
import { tarEnd, tarHeader, tarPadding } from '../../src/pack/tar-write.ts';
import { archives, dir, file, link, type Packed, tarOf } from './arbitraries.ts';

const INVALID_UTF8 = decodeName(Uint8Array.of(0x61, 0xff, 0xc3, 0x28));

const AWKWARD: Packed[] = [
  dir('d', { mode: 0o2750 }),
  file('d/empty', ''),
  file('d/set-uid', '#!', { mode: 0o4755 }),
  file('d/secret', 'x'.repeat(513), { mode: 0o400 }),
  file('-rf', 'dash'),
  file('new\nline', 'newline'),
  file(' space \t"quote\' \\slash', 'space'),
  file('über/日本/😀', 'utf-8'),
  file(INVALID_UTF8, 'bytes'),
  file('x'.repeat(99), '99'),
  file('y'.repeat(100), '100'),
  file(`${'deep/'.repeat(40)}${'z'.repeat(255)}`, 'long'),
  dir(`${'d'.repeat(98)}`),
  dir(`${'e'.repeat(99)}`),
  link('link', '../elsewhere'),
  link('long-link', `${'t/'.repeat(60)}end`),
  link('odd-link', INVALID_UTF8),
  file('old', '', { mtime: -1500 }),
  file('future', '', { mtime: 10_000_000_000_000 }),
];

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tar-'));
});
afterEach(() => {
  execFileSync('chmod', ['-R', 'u+rwX', folder]);
  rmSync(folder, { recursive: true });
});

describe('a tar header', () => {
  it('is one plain ustar block when everything fits', () => {
    const header = tarHeader(
      file('a/b.txt', 'hello', { mode: 0o640, uid: 1000, gid: 100, mtime: 1_700_000_000_999 }).entry,
    );
    expect(header.length).toBe(512);
    const field = (start: number, length: number) => header.toString('latin1', start, start + length);
    expect(field(0, 9)).toBe('a/b.txt\0\0');
    expect(field(100, 8)).toBe('000640 \0');
    expect(field(108, 8)).toBe('001750 \0');
    expect(field(116, 8)).toBe('000144 \0');
    expect(field(124, 12)).toBe('0000000005 \0');
    expect(field(136, 12)).toBe('14524770400\0');
    expect(field(156, 2)).toBe('0\0');
    expect(field(257, 8)).toBe('ustar\x0000');
    expect(field(265, 64)).toBe('\0'.repeat(64));
    const unsigned = Buffer.from(header).fill(' ', 148, 156);
    expect(Number.parseInt(field(148, 6), 8)).toBe(unsigned.reduce((sum, byte) => sum + byte, 0));
  });

  // The bytes are part of the format: an archive is compared with them on its way back.
  it.each<[string, Entry, number, string]>([
    ['a file', file('a/b.txt', 'hello').entry, 512, 'c997654ea79dec25'],
    ['a directory', dir('a').entry, 512, 'ec2c1837055e7b36'],
    ['a link', link('l', 'a/b').entry, 512, '3b2564745b344ae0'],
    ['a long name', file('x'.repeat(100), '').entry, 1536, '51e8085808727a96'],
    ['UTF-8', file('é', '').entry, 1536, '53f0768d77dce87f'],
    ['other bytes', link(INVALID_UTF8, INVALID_UTF8).entry, 1536, 'cff845c84fd85716'],
    [
      'large numbers',
      { ...file('a', '').entry, uid: 2 ** 31, gid: 2 ** 21, size: 2 ** 33 },
      1536,
      'fdfbdb4de08847a8',
    ],
    ['a time before 1970', file('a', '', { mtime: -1 }).entry, 1536, 'd74ff740ec86fea9'],
  ])('gives the same bytes for ever: %s', (_, entry, length, start) => {
    const header = tarHeader(entry);
    expect(header.length).toBe(length);
    expect(hash('sha256', header).slice(0, 16)).toBe(start);
  });

  it('puts into PAX what does not fit, and only that', () => {
    const entry = { ...file(`${'p'.repeat(100)}é`, '').entry, uid: 2_097_152, gid: 2_097_151, mtime: -1 };
    const header = tarHeader(entry);
    const pax = header.toString('utf8', 512, 1024).replace(/\0+$/, '');
    expect(pax).toBe(`112 path=${entry.path}\n15 uid=2097152\n12 mtime=-1\n`);
    expect(header.toString('latin1', 1024, 1124)).toBe(`${'p'.repeat(99)}\0`);
    expect(header.toString('latin1', 1024 + 108, 1024 + 124)).toBe('000000 \x007777777\0');
  });

  it('is what another writer makes of the same values', () => {
    const name = fc.stringMatching(/^[!-.0-~][ -.0-~]{0,97}$/).filter((text) => !text.includes('..'));
    const number = (max: number) => fc.integer({ min: 0, max });
    fc.assert(
      fc.property(
        name,
        number(0o7777),
        number(0o7777777),
        number(0o7777777),
        number(0o77777777777),
        number(0o77777777777),
        (path, mode, uid, gid, size, seconds) => {
          fc.pre(path !== '.');
          const other = new Header();
          Object.assign(other, { type: 'File', path, mode, uid, gid, size, mtime: new Date(seconds * 1000) });
          const block = Buffer.alloc(512);
          other.encode(block);
          const entry: Entry = { path, type: 'file', mode, uid, gid, size, mtime: seconds * 1000 };
          expect(tarHeader(entry).equals(block)).toBe(true);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('counts the length of a PAX record with its own digits', () => {
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 2000 }), (length) => {
        const header = tarHeader(link('l', 'x'.repeat(length)).entry);
        const record = /^(\d+) linkpath=x+\n/.exec(header.toString('latin1', 512))!;
        expect(Number(record[1])).toBe(record[0].length);
      }),
    );
  });

  it('leaves nothing in the ustar name that leads elsewhere, should PAX be ignored', () => {
    const header = tarHeader(file(`é${'x'.repeat(95)}/..x`, '').entry);
    expect(header.toString('latin1', 1024, 1124)).not.toContain('..');
  });

  it('refuses an impossible entry', () => {
    expect(() => tarHeader(file('../a', '').entry)).toThrow(expect.objectContaining({ code: 'bad-path' }));
    expect(() => tarHeader({ ...file('a', '').entry, size: -1 })).toThrow(
      expect.objectContaining({ code: 'bad-entry' }),
    );
  });

  it('is a whole number of blocks, and padding makes one of any size', () => {
    fc.assert(
      fc.property(archives, fc.nat(2 ** 40), (archive, size) => {
        for (const { entry } of archive) expect(tarHeader(entry).length % 512).toBe(0);
        expect(tarPadding(size)).toBeLessThan(512);
        expect((size + tarPadding(size)) % 512).toBe(0);
      }),
    );
    expect(tarEnd()).toEqual(Buffer.alloc(1024));
  });
});

describe('GNU tar', () => {
  it('extracts every awkward name, mode, time and link, without a word', () => {
    expectExtracted(AWKWARD);
  });

  it('extracts arbitrary archives', () => {
    // Each below a directory of its own, for one path may need another to be both file and directory; and not
    // after the year 2286, which is beyond some file systems.
    const sample = fc
      .sample(archives, 100)
      .flat()
      .map(({ entry, content }, index) => {
        const { path, mtime } = entry;
        return { content, entry: { ...entry, path: `${index}/${path}`, mtime: mtime % 10_000_000_000_000 } };
      });
    expect(sample.length).toBeGreaterThan(100);
    expectExtracted(sample);
  });

  it('lists numeric owners, large ones too, and no names', () => {
    const tar = tarOf([
      file('a', '', { uid: 0, gid: 12 }),
      file('b', '', { uid: 3_000_000, gid: 4_294_967_294 }),
    ]);
    const lines = execFileSync('tar', ['-tv'], { input: tar, encoding: 'utf8' }).split('\n');
    expect(lines[0]).toContain(' 0/12 ');
    expect(lines[1]).toContain(' 3000000/4294967294 ');
  });

  it('reads sizes above 8 GiB', () => {
    const header = tarHeader({ ...file('huge', '').entry, size: 9 * 2 ** 30 });
    const { stdout } = spawnSync('tar', ['-tv'], { input: header, encoding: 'utf8' });
    expect(stdout).toContain(' 9663676416 ');
  });
});

describe('the tar package', () => {
  it('reads the same entries', async () => {
    const archive = AWKWARD.filter(
      ({ entry }) => entry.path.isWellFormed() && (entry.target ?? '').isWellFormed(),
    );
    writeFileSync(join(folder, 'a.tar'), tarOf(archive));
    const found: unknown[] = [];
    await list({
      file: join(folder, 'a.tar'),
      strict: true,
      onReadEntry: ({ path, mode, uid, gid, size, mtime, linkpath }) => {
        found.push([path, mode, uid, gid, size, mtime?.getTime(), linkpath ?? '']);
      },
    });
    expect(found).toEqual(
      archive.map(({ entry: { path, type, mode, uid, gid, size, mtime, target } }) => [
        type === 'dir' ? `${path}/` : path,
        mode,
        uid,
        gid,
        size,
        Math.floor(mtime / 1000) * 1000,
        target ?? '',
      ]),
    );
  });
});

function expectExtracted(archive: Packed[]): void {
  // GNU tar remarks on times it finds odd, and on hdrcharset, which it does not need. Owners would need root.
  const options = ['-xp', '--no-same-owner', '--warning=no-timestamp', '--warning=no-unknown-keyword'];
  const { stderr, status } = spawnSync('tar', [...options, '-C', folder], {
    input: tarOf(archive),
    encoding: 'utf8',
  });
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
  const root = Buffer.from(`${folder}/`);
  for (const { entry, content } of archive) {
    const path = Buffer.concat([root, encodeName(entry.path)]);
    const found = lstatSync(path);
    if (entry.type === 'symlink') {
      expect(decodeName(readlinkSync(path, { encoding: 'buffer' }))).toBe(entry.target);
      continue;
    }
    expect(found.isDirectory()).toBe(entry.type === 'dir');
    expect(found.mode & 0o1777).toBe(entry.mode & 0o1777);
    if (entry.type === 'dir') continue;
    expect(Math.floor(found.mtimeMs / 1000)).toBe(Math.floor(entry.mtime / 1000));
    chmodSync(path, 0o600);
    expect(readFileSync(path)).toEqual(content);
  }
}
