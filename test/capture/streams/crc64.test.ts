import fc from 'fast-check';
import { expect, it } from 'vitest';
import { crc64 } from '../../../src/capture/streams/crc64.ts';

/** As Redis's own crc64 test and its comment have it: bit after bit. */
function slowly(bytes: Uint8Array): Buffer {
  let crc = 0n;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ 0x95ac9329ac4bc9b5n : crc >> 1n;
  }
  const written = Buffer.alloc(8);
  written.writeBigUInt64LE(crc);
  return written;
}

it('is the checksum that Redis has', () => {
  const crc = crc64();
  crc.update(Buffer.from('123456789'));
  expect(crc.is(Buffer.from('e9c6d914c4b8d9ca', 'hex').reverse())).toBe(true);
  expect(crc.is(Buffer.from('e9c6d914c4b8d9cb', 'hex').reverse())).toBe(false);
  expect(crc.is(Buffer.from('e8c6d914c4b8d9ca', 'hex').reverse())).toBe(false);
});

it('is the same in pieces of any size', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 }), (pieces) => {
      const crc = crc64();
      for (const piece of pieces) crc.update(piece);
      return crc.is(slowly(Buffer.concat(pieces)));
    }),
  );
});
