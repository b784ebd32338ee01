// A dump of Redis, proven: how it begins, how it ends, and the checksum over all of it. redis-check-rdb reads files
// alone, and no plaintext is put on a disk.
import { StreamError } from '../stream.ts';
import { crc64 } from './crc64.ts';

/** Redis to 7.x and Valkey to 8 write the first, Valkey 9 the second. */
const MAGIC = /^(?:REDIS\d{4}|VALKEY\d{3})$/;
const MAGIC_BYTES = 9;
/** The opcode that ends a dump, and the checksum of all before: not there at all before version 5. */
const END = 0xff;
const CHECKSUM = 8;
/** What a server that sends without a file marks the end with, and redis-cli hands on: 40 hexadecimal digits. */
const MARK = 40;
const HELD = 1 + CHECKSUM + MARK;

export interface RdbOptions {
  /** The stream, for messages. */
  readonly name: string;
  /** Told that there is no checksum. */
  readonly onNotes?: ((text: string) => void) | undefined;
}

/**
 * Passes a dump on, without what is not part of it.
 * @throws StreamError stream-unfinished
 */
export async function* provenRdb(
  dump: AsyncIterable<Buffer>,
  { name, onNotes }: RdbOptions,
): AsyncGenerator<Buffer> {
  const refuse = (why: string) => new StreamError('stream-unfinished', `stream ${name}: the dump ${why}`);
  const crc = crc64();
  let held: Buffer = Buffer.alloc(0);
  let isBegun = false;
  for await (const chunk of dump) {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    if (!isBegun && held.length >= MAGIC_BYTES) {
      if (!MAGIC.test(held.toString('latin1', 0, MAGIC_BYTES))) throw refuse('is none of Redis');
      isBegun = true;
    }
    if (!isBegun || held.length <= HELD) continue;
    const sure = held.subarray(0, held.length - HELD);
    held = held.subarray(sure.length);
    crc.update(sure);
    yield sure;
  }
  const isMarked =
    held[0] === END && held.length === HELD && /^[\da-f]{40}$/.test(held.toString('latin1', HELD - MARK));
  const last = isMarked ? held.subarray(0, HELD - MARK) : held;
  yield last;
  const end = last.length - CHECKSUM;
  if (!isBegun || end < 1 || last[end - 1] !== END) throw refuse('has no end');
  const checksum = last.subarray(end);
  if (checksum.every((byte) => byte === 0)) {
    onNotes?.('the dump has no checksum (rdbchecksum is off): that it is whole is known from its end alone');
    return;
  }
  crc.update(last.subarray(0, end));
  if (!crc.is(checksum)) throw refuse('is not whole: its checksum is wrong');
}
