// Owns the bytes of a tar: for each entry one ustar block, after a PAX header when a value does not fit. The
// bytes follow from the entry alone (docs/format.md), so the reader compares and never parses. Refuses GNU
// extensions, user names, and entries that no file system can have held.

import { checkEntry, type Entry, type EntryType } from './entry.ts';
import { encodeName } from './names.ts';

const BLOCK_BYTES = 512;
// What the fields of a ustar block hold. The last byte of a name stays NUL, for readers that insist on it.
const MAX_USTAR_NAME = 99;
const MAX_USTAR_ID = 0o7777777;
const MAX_USTAR_NUMBER = 0o77777777777;

const TYPE_FLAGS: Record<EntryType, string> = { file: '0', dir: '5', symlink: '2' };
const PAX_FLAG = 'x';

// Where the fields begin that are not right behind the one before (POSIX.1-2017, pax, "ustar Interchange Format").
const NUMBERS_AT = 100;
const CHECKSUM_AT = 148;
const LINK_AT = 157;
const MAGIC_AT = 257;
const DEVICE_AT = 329;
const MAGIC = 'ustar\x0000';
const NO_DEVICE = '000000 \x00000000 \x00';
// The checksum counts itself as spaces. MAGIC and NO_DEVICE are the same in every block.
const BLANK_CHECKSUM = '        ';
const FIXED = Buffer.from(BLANK_CHECKSUM + MAGIC + NO_DEVICE, 'latin1');
const FIXED_SUM = FIXED.reduce((sum, byte) => sum + byte, 0);

interface UstarFields {
  readonly flag: string;
  /** ASCII, at most 99 characters. */
  readonly path: string;
  readonly linkpath: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** Whole seconds since the epoch. */
  readonly mtime: number;
}

/**
 * The header of one entry: a ustar block, after a PAX header when a name is longer than 99 bytes or not ASCII, when
 * a number is too large for its octal field, or when the time is before 1970. Times are cut to whole seconds.
 *
 * @param entry the same entry gives the same bytes, always
 * @returns 512 bytes, or more with a PAX header
 * @throws IntegrityError `bad-path`, `bad-name` or `bad-entry`, as `checkEntry`
 * @see POSIX.1-2017, pax: "pax Interchange Format", "ustar Interchange Format"
 */
export function tarHeader(entry: Entry): Buffer {
  checkEntry(entry);
  const target = entry.target ?? '';
  const records: Buffer[] = [];
  const block = ustarBlock({
    flag: TYPE_FLAGS[entry.type],
    path: fitName('path', entry.type === 'dir' ? `${entry.path}/` : entry.path, records),
    linkpath: fitName('linkpath', target, records),
    mode: entry.mode,
    uid: fitNumber('uid', entry.uid, MAX_USTAR_ID, records),
    gid: fitNumber('gid', entry.gid, MAX_USTAR_ID, records),
    size: fitNumber('size', entry.size, MAX_USTAR_NUMBER, records),
    mtime: fitNumber('mtime', Math.floor(entry.mtime / 1000), MAX_USTAR_NUMBER, records),
  });
  if (records.length === 0) return block;
  // POSIX: PAX values are UTF-8 unless this record comes first. libarchive insists, GNU tar does not mind.
  if (!entry.path.isWellFormed() || !target.isWellFormed()) {
    records.unshift(paxRecord('hdrcharset', Buffer.from('BINARY')));
  }
  const pax = Buffer.concat(records);
  return Buffer.concat([paxBlock(pax.length), pax, Buffer.alloc(tarPadding(pax.length)), block]);
}

/**
 * How many zero bytes follow content of `size` bytes, so that the next header starts on a block.
 *
 * @returns 0 to 511
 */
export function tarPadding(size: number): number {
  return (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES;
}

/** The end of every tar: two blocks of zeros, and nothing after them. */
export function tarEnd(): Buffer {
  return Buffer.alloc(2 * BLOCK_BYTES);
}

// Ours, as these bytes are part of the format: a library would be free to write a number differently tomorrow.
function ustarBlock({ flag, path, linkpath, mode, uid, gid, size, mtime }: UstarFields): Buffer {
  const block = Buffer.allocUnsafe(BLOCK_BYTES).fill(0);
  const ids = octal(mode, 8) + octal(uid, 8) + octal(gid, 8);
  const numbers = ids + octal(size, 12) + octal(mtime, 12);
  block.write(path, 0, 'latin1');
  block.write(numbers, NUMBERS_AT, 'latin1');
  block.write(flag + linkpath, LINK_AT - 1, 'latin1');
  const sum = FIXED_SUM + sumOf(block, MAGIC_AT);
  block.write(octal(sum, 8), CHECKSUM_AT, 'latin1');
  block.write(MAGIC, MAGIC_AT, 'latin1');
  block.write(NO_DEVICE, DEVICE_AT, 'latin1');
  return block;
}

// Digits for all but two of the field's bytes, a space, a NUL; one digit more takes the place of the space.
function octal(value: number, width: number): string {
  const digits = value.toString(8);
  return digits.length === width - 1 ? `${digits}\0` : `${digits.padStart(width - 2, '0')} \0`;
}

function sumOf(bytes: Buffer, end: number): number {
  let sum = 0;
  for (let at = 0; at < end; at++) sum += bytes[at]!;
  return sum;
}

function paxBlock(size: number): Buffer {
  const path = 'PaxHeader';
  return ustarBlock({
    flag: PAX_FLAG,
    path,
    linkpath: '',
    mode: 0o600,
    uid: 0,
    gid: 0,
    size,
    mtime: 0,
  });
}

// Returns what the ustar field says. A name that does not fit goes to PAX; the field then holds a shortened one
// that leads nowhere else, should a reader not know PAX.
function fitName(keyword: string, name: string, records: Buffer[]): string {
  if (name.length <= MAX_USTAR_NAME && /^[\x01-\x7f]*$/.test(name)) return name;
  records.push(paxRecord(keyword, encodeName(name)));
  return name.replace(/[^ -~]|\.\./g, '_').slice(0, MAX_USTAR_NAME);
}

function fitNumber(keyword: string, value: number, max: number, records: Buffer[]): number {
  if (value >= 0 && value <= max) return value;
  records.push(paxRecord(keyword, Buffer.from(String(value))));
  return 0;
}

// "%d %s=%s\n": the number counts the whole record, its own digits included.
function paxRecord(keyword: string, value: Buffer): Buffer {
  const rest = ` ${keyword}=`.length + value.length + 1;
  const length = rest + String(rest + String(rest).length).length;
  return Buffer.concat([Buffer.from(`${length} ${keyword}=`), value, Buffer.from('\n')]);
}
