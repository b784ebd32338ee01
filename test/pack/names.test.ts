import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkEntryPath, decodeName, encodeName, fsPath, printableName } from '../../src/pack/names.ts';
import { paths } from './arbitraries.ts';

// Python's answers: bytes.decode('utf-8', 'surrogateescape').
const DECODED: [string, number[], string][] = [
  ['ASCII', [0x61, 0x2e, 0x62], 'a.b'],
  ['valid UTF-8', [0xc3, 0xa9, 0xf0, 0x9f, 0x98, 0x80], 'é😀'],
  ['a byte order mark, which stays', [0xef, 0xbb, 0xbf, 0x61], '\ufeffa'],
  ['a stray byte', [0x61, 0xff, 0x62], 'a\udcffb'],
  ['a lead byte without its continuation', [0xc3, 0x28], '\udcc3('],
  ['a sequence cut short', [0xe2, 0x82, 0x41], '\udce2\udc82A'],
  ['an overlong slash', [0xc0, 0xaf], '\udcc0\udcaf'],
  ['an encoded surrogate', [0xed, 0xb2, 0x80], '\udced\udcb2\udc80'],
  ['a code point above U+10FFFF', [0xf4, 0x90, 0x80, 0x80], '\udcf4\udc90\udc80\udc80'],
  ['Latin-1 between UTF-8', [0xc3, 0xa9, 0xe9, 0xc3, 0xa9], 'é\udce9é'],
];

describe('decoding and encoding names', () => {
  it.each(DECODED)('keeps %s', (_, bytes, name) => {
    expect(decodeName(Uint8Array.from(bytes))).toBe(name);
    expect([...encodeName(name)]).toEqual(bytes);
  });

  it('gives back any bytes, also by way of JSON', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const name = decodeName(bytes);
        expect([...encodeName(name)]).toEqual([...bytes]);
        expect(JSON.parse(JSON.stringify(name))).toBe(name);
      }),
    );
  });

  it('gives back any well-formed string', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        expect(decodeName(encodeName(name))).toBe(name);
      }),
    );
  });

  it.each([
    ['a high surrogate', 'a\ud800'],
    ['a low surrogate that stands for an ASCII byte', '\udc41'],
    ['a low surrogate above the range', '\udd00'],
    ['a second spelling of é', '\udcc3\udca9'],
    ['a second spelling of é beside a stray byte', '\udcff\udcc3\udca9'],
  ])('refuses %s', (_, name) => {
    expect(() => encodeName(name)).toThrow(expect.objectContaining({ code: 'bad-name' }));
  });

  it('names real files', () => {
    const folder = mkdtempSync(join(tmpdir(), 'names-'));
    try {
      const names = ['plain', 'é', decodeName(Uint8Array.of(0x61, 0xff))];
      for (const name of names) writeFileSync(at(folder, name), encodeName(name));
      const found = readdirSync(Buffer.from(folder), { encoding: 'buffer' }).map(decodeName);
      expect(found.sort()).toEqual(names.sort());
      for (const name of names) expect(readFileSync(at(folder, name))).toEqual(encodeName(name));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

function at(folder: string, name: string): string | Buffer {
  return fsPath(`${folder}/${name}`);
}

describe('printable names', () => {
  it.each([
    ['plain.txt', 'plain.txt'],
    ['über 日本 😀', 'über 日本 😀'],
    ['a\nb\tc\r', 'a\\nb\\tc\\r'],
    ['\x1b[2J\x07', '\\x1b[2J\\x07'],
    ['\x7f\x00', '\\x7f\\x00'],
    ['\x85\x9b', '\\u0085\\u009b'],
    ['gpj\u202e.exe', 'gpj\\u202e.exe'],
    ['\u200b\u2066\ufeff\u00ad\u2028', '\\u200b\\u2066\\ufeff\\u00ad\\u2028'],
    ['\u{e0041}', '\\u{e0041}'],
    ['\u3164\u2800', '\\u3164\\u2800'],
    ['a\udcff', 'a\\xff'],
    ['\ud800', '\\ud800'],
    ['C:\\x1b', 'C:\\\\x1b'],
  ])('shows %j as %s', (name, shown) => {
    expect(printableName(name)).toBe(shown);
  });

  it('holds nothing that a terminal obeys, and still tells any two names apart', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.uint8Array().map(decodeName)), (name) => {
        const shown = printableName(name);
        expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
        expect(unshown(shown)).toBe(name);
      }),
    );
  });
});

function unshown(shown: string): string {
  const short: Record<string, string> = { n: '\n', r: '\r', t: '\t', '\\': '\\' };
  return shown.replace(/\\(?:x(..)|u\{(\w+)\}|u(....)|(.))/gu, (_, byte, astral, unit, letter) => {
    if (letter !== undefined) return short[letter]!;
    const code = Number.parseInt(byte ?? astral ?? unit, 16);
    return byte !== undefined && code > 0x7f
      ? String.fromCharCode(0xdc00 + code)
      : String.fromCodePoint(code);
  });
}

describe('checking paths', () => {
  it.each([
    '',
    '/etc/passwd',
    '.',
    '..',
    '../a',
    'a/../b',
    'a/..',
    './a',
    'a/./b',
    'a//b',
    'a/',
    'a\0b',
    'x'.repeat(256),
    'é'.repeat(128),
    `${'x'.repeat(200)}/`.repeat(21).slice(0, -1),
  ])('refuses %j', (path) => {
    expect(() => checkEntryPath(path)).toThrow(expect.objectContaining({ code: 'bad-path' }));
  });

  it.each(['a', '...', '..a', '-rf', 'a b', 'a\nb', '@outside/etc/x', 'x'.repeat(255), '\udcff'.repeat(255)])(
    'accepts %j',
    (path) => {
      checkEntryPath(path);
    },
  );

  it('accepts whatever a tree can hold, and that never leads out of it', () => {
    fc.assert(
      fc.property(paths, (path) => {
        checkEntryPath(path);
        expect(posix.join('/target', path)).toBe(`/target/${path}`);
      }),
    );
  });

  it('never shows a hostile path as it is', () => {
    expect(() => checkEntryPath('../\x1b]0;')).toThrow("'../\\x1b]0;'");
  });
});
