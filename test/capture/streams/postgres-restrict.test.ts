// What psql gets of a plain dump: a key first that nobody knows, and no key of the dump's own.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { restricted } from '../../../src/capture/streams/postgres-restrict.ts';
import { inChunks, whole } from '../../contract/stream.ts';

const FIRST = /^\\restrict ([\da-f]{64})\n/;

async function sent(dump: string, size = 65_536): Promise<string> {
  const text = (await whole(restricted(inChunks(Buffer.from(dump), size)))).toString();
  expect(text).toMatch(FIRST);
  return text.replace(FIRST, '');
}

describe('a plain dump', () => {
  it('is sent after a key, another one each time', async () => {
    const keys = new Set<string>();
    for (let i = 0; i < 20; i++) keys.add((await whole(restricted(inChunks(Buffer.alloc(0))))).toString());
    expect(keys.size).toBe(20);
  });

  it.each([
    [
      '--\n-- dump\n--\n\n\\restrict Ab1\n\nselect 1;\n--\n\n\\unrestrict Ab1\n\n',
      '--\n-- dump\n--\n\n\nselect 1;\n--\n\n\n\n',
    ],
    // Whose end is another's, or is not the end.
    ['\\restrict a\nselect 1;\n\\unrestrict b\n', 'select 1;\n\\unrestrict b\n'],
    ['\\restrict a\n\\unrestrict a\nselect 1;\n', '\\unrestrict a\nselect 1;\n'],
    ['\\restrict a\n\\unrestrict a\n\\unrestrict a\n', '\\unrestrict a\n\n'],
  ])('loses the key of its own, once: %j', async (dump, expected) => {
    expect(await sent(dump)).toBe(expected);
  });

  it.each([
    'select 1;\n\\restrict a\nselect 2;\n\\unrestrict a\n',
    'select 1;\n\\unrestrict a\n',
    '\\restrict a; \\! id\n\\unrestrict a\n',
    ' \\restrict a\n',
    '/* */\\restrict a\n',
    '',
  ])('is left as it is otherwise: %j', async (dump) => {
    expect(await sent(dump)).toBe(dump);
  });

  it('is the same however it comes', async () => {
    const line = fc.constantFrom(
      '-- c\n',
      '\n',
      '\\restrict a\n',
      '\\unrestrict a\n',
      'select 1;\n',
      `${'é'.repeat(400)}\n`,
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { maxLength: 12 }),
        fc.integer({ min: 1, max: 700 }),
        async (lines, size) => {
          const dump = lines.join('');
          expect(await sent(dump, size)).toBe(await sent(dump));
        },
      ),
    );
  });
});
