import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { armor, decodeBase64, readWire, wireMpint, wireString, wireUint32 } from '../../src/sign/wire.ts';

describe('reading fields', () => {
  it('gives back what was written, and is done at the end', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), fc.nat(0xffffffff), (fields, number) => {
        const wire = readWire(Buffer.concat([...fields.map(wireString), wireUint32(number)]));
        for (const field of fields) expect([...wire.string()]).toEqual([...field]);
        expect(wire.done()).toBe(false);
        expect(wire.uint32()).toBe(number);
        expect(wire.done()).toBe(true);
      }),
    );
  });

  it('never throws nor reads past the end, and stays unsound once it tried', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), (bytes) => {
        const wire = readWire(Buffer.concat([wireUint32(bytes.length + 1), bytes]));
        expect(wire.string()).toHaveLength(0);
        expect(wire.sound()).toBe(false);
        expect([wire.uint32(), wire.take(0).length, wire.rest().length]).toEqual([0, 0, 0]);
        expect(wire.done()).toBe(false);
      }),
    );
  });

  it('tells what is left over from what is missing', () => {
    const wire = readWire(Buffer.from('abc'));
    expect(wire.take(2).toString()).toBe('ab');
    expect([wire.sound(), wire.done()]).toEqual([true, false]);
    expect(wire.rest().toString()).toBe('c');
    expect(wire.done()).toBe(true);
  });

  it('counts text in bytes of UTF-8', () => {
    expect(wireString('é').toString('hex')).toBe('00000002c3a9');
  });
});

describe('a positive number', () => {
  it.each([
    ['', '00000000'],
    ['09a378f9b2e332a7', '0000000809a378f9b2e332a7'],
    ['80', '000000020080'],
  ])('%j is written as in the examples of RFC 4251', (value, expected) => {
    expect(wireMpint(Buffer.from(value, 'hex')).toString('hex')).toBe(expected);
  });
});

describe('armour', () => {
  it('breaks lines at 70 and leaves no empty one', () => {
    const lines = (length: number): number[] =>
      armor('X', Buffer.alloc(length))
        .split('\n')
        .map((line) => line.length);
    expect(armor('X', Buffer.from('abc'))).toBe('-----BEGIN X-----\nYWJj\n-----END X-----\n');
    expect(lines(0)).toEqual([17, 15, 0]);
    expect(lines(105)).toEqual([17, 70, 70, 15, 0]);
    expect(lines(106)).toEqual([17, 70, 70, 4, 15, 0]);
  });
});

describe('base64', () => {
  it('is taken in its canonical spelling only', () => {
    expect(decodeBase64('YWI=')?.toString()).toBe('ab');
    for (const text of ['YWI', 'YWJ=', 'YW I=', 'YWI==', 'YWI=\n', 'YW-_', 'Y'])
      expect(decodeBase64(text)).toBeUndefined();
  });
});
