import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readSlotPlaintext, writeSlotPlaintext } from '../../src/keys/slot.ts';

const slot = {
  vault: '0123456789abcdefghjkmnpqrs',
  generation: 3,
  recipient: `age1${'q'.repeat(58)}`,
  identity: `AGE-SECRET-KEY-1${'Q'.repeat(58)}`,
};
const object = 'keys/3/passphrase-0123456789.age';
const text = writeSlotPlaintext(slot).toString();
const read = (plain: string | Uint8Array, expected: Partial<typeof slot> = {}) =>
  readSlotPlaintext(Buffer.from(plain), { ...slot, ...expected }, object);

describe('what a slot holds', () => {
  it('is an age identity file that says whose it is', () => {
    expect(text).toBe(
      `# strongroom vault=${slot.vault} generation=3\n# recipient: ${slot.recipient}\n${slot.identity}\n`,
    );
    expect(read(text)).toEqual(slot);
    expect(read(text.replace(slot.identity, `AGE-SECRET-KEY-PQ-1${'Q'.repeat(58)}`)).identity).toMatch(
      /^AGE-SECRET-KEY-PQ-/,
    );
  });

  it.each<[string, string, Partial<typeof slot>]>([
    ['another vault', text, { vault: 'z'.repeat(26) }],
    ['another generation', text, { generation: 2 }],
    ['another recipient', text, { recipient: `age1${'p'.repeat(58)}` }],
    ['nothing', '', {}],
    ['only an identity', `${slot.identity}\n`, {}],
    ['two identities', `${text}${slot.identity}\n`, {}],
    ['a comment more', text.replace('\n', '\n# hi\n'), {}],
    ['Windows line ends', text.replaceAll('\n', '\r\n'), {}],
    ['no last line end', text.trimEnd(), {}],
    ['a generation with a zero in front', text.replace('generation=3', 'generation=03'), {}],
    ['something before', ` ${text}`, {}],
  ])('is refused where it is of %s', (_, plain, expected) => {
    expect(() => read(plain, expected)).toThrow(
      expect.objectContaining({
        code: 'wrong-slot',
        exitCode: 13,
        object,
        message: `${object} opens, but holds no key of this vault`,
        hint: expect.stringContaining('may have replaced it'),
      }),
    );
  });

  it('is refused, without a word of it, whatever else it is', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(() => read(bytes)).toThrow(expect.objectContaining({ code: 'wrong-slot' }));
      }),
    );
  });
});
