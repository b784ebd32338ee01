// Byte streams for tests: in pieces of any size, and back together.
import fc from 'fast-check';
import { StrongroomError } from '../../src/errors.ts';

/** The bytes in pieces of these sizes, over and over; a size of 0 makes an empty piece. */
export async function* inPieces(
  bytes: Uint8Array,
  sizes: readonly number[] = [bytes.length],
): AsyncGenerator<Buffer> {
  const whole = Buffer.from(bytes);
  for (let at = 0, turn = 0; at < whole.length; turn++) {
    const size = sizes[turn % sizes.length] || 0;
    yield whole.subarray(at, at + size);
    at += size;
  }
}

/** Sizes of pieces, at least one of them not 0. */
export const pieceSizes: fc.Arbitrary<number[]> = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 1000, max: 200_000 })), {
    minLength: 1,
    maxLength: 8,
  })
  .map((sizes) => [...sizes, 1 + Math.max(...sizes)]);

/** All of a stream. */
export async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** What a stream released until it ended or failed, and the code of the failure. */
export async function drain(
  stream: AsyncIterable<Uint8Array>,
): Promise<{ released: Buffer; code: string | undefined }> {
  const chunks: Uint8Array[] = [];
  let code: string | undefined;
  try {
    for await (const chunk of stream) chunks.push(chunk);
  } catch (error) {
    if (!(error instanceof StrongroomError)) throw error;
    code = error.code;
  }
  return { released: Buffer.concat(chunks), code };
}

/** Bytes that look like nothing, the same for the same length. */
export function sample(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = length + 1;
  for (let at = 0; at < length; at++) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    bytes[at] = state >>> 16;
  }
  return bytes;
}

/** The sizes around which chunks of 64 KiB go wrong. */
export const EDGE_SIZES = [0, 1, 65535, 65536, 65537, 131071, 131072, 131073, 196607, 196608, 196609];
