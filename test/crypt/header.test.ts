import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeHeader, HEADER_LIMIT, macFits, readHeader } from '../../src/crypt/header.ts';
import { readerOf } from '../../src/crypt/reader.ts';
import { IntegrityError, UsageError } from '../../src/errors.ts';
import { base64, FILE_KEY, forgeHeader, forgeMac, VERSION } from './forge.ts';
import { inPieces, pieceSizes, sample } from './streams.ts';

function read(bytes: Uint8Array) {
  return readHeader(readerOf(inPieces(bytes)), 'x.age');
}

const BODY = base64(sample(32));
const FULL_LINE = base64(sample(48));
const STANZA = `-> test a b\n${BODY}\n`;

const argument = fc.stringMatching(/^[!-~]{1,20}$/);
const stanza = fc.record({
  args: fc.array(argument, { minLength: 1, maxLength: 4 }).filter(([type]) => type !== 'scrypt'),
  body: fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(48, 96, 144).map(sample)),
});

describe('a header', () => {
  it('is read as it was written, and its MAC fits, however the file is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(stanza, { minLength: 1, maxLength: 5 }),
        fc.uint8Array({ minLength: 16, maxLength: 16 }),
        fc.uint8Array({ maxLength: 50 }),
        pieceSizes,
        async (stanzas, fileKey, payload, cuts) => {
          const bytes = encodeHeader(stanzas, fileKey);
          const source = readerOf(inPieces(Buffer.concat([bytes, payload]), cuts));
          const header = await readHeader(source, 'x.age');
          const plain = header.stanzas.map(({ args, body }) => ({ args, body: [...body] }));
          expect(plain).toEqual(stanzas.map(({ args, body }) => ({ args, body: [...body] })));
          expect(header.bytes.equals(bytes)).toBe(true);
          expect(macFits(header, fileKey)).toBe(true);
          expect(macFits(header, Buffer.alloc(16, 1))).toBe(false);
          expect((await source.take(100)).equals(payload)).toBe(true);
        },
      ),
    );
  });

  it('is written as the specification says', () => {
    const stanzas = [
      { args: ['test', 'a', 'b'], body: sample(32) },
      { args: ['full'], body: sample(48) },
      { args: ['empty'], body: Buffer.alloc(0) },
    ];
    const expected = forgeHeader(`${STANZA}-> full\n${FULL_LINE}\n\n-> empty\n\n`);
    expect(encodeHeader(stanzas, FILE_KEY).equals(expected)).toBe(true);
  });
});

describe('a header that follows the grammar is read', () => {
  it.each([
    ['an empty body', '-> test\n\n'],
    ['a body that fills its line', `-> test\n${FULL_LINE}\n\n`],
    ['a body of several lines', `-> test\n${FULL_LINE}\n${FULL_LINE}\n${BODY}\n`],
    ['every character an argument may have', `-> ${ALL_VISIBLE()} ${ALL_VISIBLE()}\n${BODY}\n`],
    ['a recipient of an unknown kind', `-> example.com/enigma ? !\n${BODY}\n`],
    ['several recipients', `${STANZA}${STANZA}${STANZA}`],
    ['a passphrase alone', `-> scrypt AAAAAAAAAAAAAAAAAAAAAA 10\n${BODY}\n`],
  ])('%s', async (_, lines) => {
    const header = await read(forgeHeader(lines));
    expect(macFits(header, FILE_KEY)).toBe(true);
  });
});

function ALL_VISIBLE(): string {
  return String.fromCharCode(...Array.from({ length: 0x7e - 0x21 + 1 }, (_, index) => 0x21 + index));
}

describe('a header that breaks the grammar is refused', () => {
  const good = forgeHeader(STANZA).toString('latin1');
  const mac = good.slice(good.indexOf('--- ') + 4, -1);
  const withoutMac = `${VERSION}${STANZA}`;

  it.each<[rule: string, lines: string]>([
    ['no recipient', ''],
    ['no argument', `->\n${BODY}\n`],
    ['an empty argument', `-> \n${BODY}\n`],
    ['two spaces', `-> test  a\n${BODY}\n`],
    ['a trailing space', `-> test a \n${BODY}\n`],
    ['a tab', `-> test\ta\n${BODY}\n`],
    ['no space after the arrow', `->test\n${BODY}\n`],
    ['another arrow', `=> test\n${BODY}\n`],
    ['a character outside ASCII', `-> t\xe9st\n${BODY}\n`],
    ['a control character', `-> te\x07st\n${BODY}\n`],
    ['a NUL', `-> te\x00st\n${BODY}\n`],
    ['CRLF after the arguments', `-> test\r\n${BODY}\n`],
    ['CRLF after the body', `-> test\n${BODY}\r\n`],
    ['no body', '-> test\n'],
    ['no last line after a full one', `-> test\n${FULL_LINE}\n`],
    ['a line of more than 64 characters', `-> test\n${FULL_LINE}AAAA\n${BODY}\n`],
    ['a short line before the last', `-> test\n${BODY}\n${BODY}\n`],
    ['an empty line too many', `-> test\n${BODY}\n\n`],
    ['padding', `-> test\n${Buffer.from(sample(32)).toString('base64')}\n`],
    ['a character outside base64', `-> test\n${BODY.slice(0, -2)}*A\n`],
    ['the URL alphabet', `-> test\n${BODY.slice(0, -2)}-A\n`],
    ['bits that stand for nothing', `-> test\n${BODY.slice(0, -1)}B\n`],
    ['a space in the body', `-> test\n ${BODY}\n`],
    ['text between recipients', `${STANZA}hello\n${STANZA}`],
    ['a passphrase beside another recipient', `-> scrypt AAAAAAAAAAAAAAAAAAAAAA 10\n${BODY}\n${STANZA}`],
    ['two passphrases', `-> scrypt AAAAAAAAAAAAAAAAAAAAAA 10\n${BODY}\n`.repeat(2)],
  ])('%s', async (_, lines) => {
    await expect(read(forgeHeader(lines))).rejects.toMatchObject({ code: 'bad-header', exitCode: 13 });
  });

  it.each<[rule: string, text: string]>([
    ['no MAC', withoutMac],
    ['no MAC after the dashes', `${withoutMac}---\n`],
    ['no space before the MAC', `${withoutMac}---${mac}\n`],
    ['two spaces before the MAC', `${withoutMac}---  ${mac}\n`],
    ['a space after the MAC', `${withoutMac}--- ${mac} \n`],
    ['CRLF after the MAC', `${withoutMac}--- ${mac}\r\n`],
    ['a short MAC', `${withoutMac}--- ${mac.slice(0, -4)}\n`],
    ['a long MAC', `${withoutMac}--- ${mac.slice(0, -1)}AAAAA\n`],
    ['a MAC with padding', `${withoutMac}--- ${mac}=\n`],
    ['a MAC with bits that stand for nothing', `${withoutMac}--- ${nonCanonical(mac)}\n`],
    ['no line feed after the MAC', `${withoutMac}--- ${mac}`],
    ['a file that ends within a recipient', good.slice(0, VERSION.length + 20)],
    ['another version', good.replace('/v1', '/v2')],
    ['CRLF after the version', good.replace('/v1\n', '/v1\r\n')],
    ['text after the version', good.replace('/v1\n', '/v1 \n')],
  ])('%s', async (_, text) => {
    await expect(read(Buffer.from(text, 'latin1'))).rejects.toMatchObject({ code: 'bad-header' });
  });

  it.each<[what: string, text: string]>([
    ['nothing', ''],
    ['text', 'hello\nworld\n'],
    ['zeros', '\0'.repeat(100_000)],
    ['an empty line first', `\n${good}`],
    ['a version line cut short', 'age-encryption.org/v1'],
    ['another name', good.replace('age-e', 'Age-e')],
  ])('%s is not an age file', async (_, text) => {
    await expect(read(Buffer.from(text, 'latin1'))).rejects.toMatchObject({
      code: 'not-an-age-file',
      message: 'x.age is not an age file',
    });
  });

  it('an armoured file is not read, but named', async () => {
    const text = '-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n-----END AGE ENCRYPTED FILE-----\n';
    await expect(read(Buffer.from(text))).rejects.toMatchObject({
      code: 'not-an-age-file',
      hint: expect.stringContaining('armoured'),
    });
  });
});

/** The same MAC with one of the two unused bits of its last character set. */
function nonCanonical(mac: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  return `${mac.slice(0, -1)}${alphabet[alphabet.indexOf(mac.at(-1)!) + 1]}`;
}

describe('a hostile header', () => {
  it.each([
    ['a line without end', 'A'],
    ['recipients without end', STANZA],
    ['a body without end', `${FULL_LINE}\n`],
    ['empty lines without end', '\n'],
  ])('of %s is given up after its limit', async (_, piece) => {
    let pulled = 0;
    async function* source() {
      yield Buffer.from(piece === STANZA ? VERSION : `${VERSION}-> test\n`);
      for (;;) {
        pulled += 1000 * piece.length;
        yield Buffer.from(piece.repeat(1000));
      }
    }
    await expect(readHeader(readerOf(source()), 'x.age')).rejects.toBeInstanceOf(IntegrityError);
    expect(pulled).toBeLessThanOrEqual(HEADER_LIMIT + 1000 * piece.length);
  });

  it('is at most as long as one that is written', async () => {
    const many = (count: number) =>
      Array.from({ length: count }, () => ({ args: ['X25519', BODY], body: sample(32) }));
    const longest = encodeHeader(many(600), FILE_KEY);
    expect((await read(longest)).stanzas).toHaveLength(600);
    expect(() => encodeHeader(many(800), FILE_KEY)).toThrow(UsageError);
  });
});

describe('writing', () => {
  it.each([
    ['no argument', []],
    ['an empty argument', ['test', '']],
    ['a space in an argument', ['test a b']],
    ['a line feed in an argument', ['test\n--- x']],
  ])('refuses a recipient with %s', (_, args) => {
    const write = () => encodeHeader([{ args, body: sample(32) }], FILE_KEY);
    expect(write).toThrow(expect.objectContaining({ code: 'bad-recipient' }));
  });
});

describe('the MAC', () => {
  it('covers the header up to its dashes', async () => {
    const header = await read(forgeHeader(STANZA));
    expect(header.covered.toString('latin1')).toBe(`${VERSION}${STANZA}---`);
    expect(base64(header.mac)).toBe(forgeMac(header.covered));
  });
});
