// Owns the bytes of a tar: for each entry one ustar block, after a PAX header when a value does not fit. The
// bytes follow from the entry alone (docs/format.md), so the reader compares and never parses. Refuses GNU
// extensions, user names, and entries that no file system can have held.

import { Header } from 'tar/header';
import { checkEntry, type Entry, type EntryType } from './entry.ts';
import { encodeName } from './names.ts';

const BLOCK_BYTES = 512;
// What the fields of a ustar block hold. The last byte of a name stays NUL, for readers that insist on it.
const MAX_USTAR_NAME = 99;
const MAX_USTAR_ID = 0o7777777;
const MAX_USTAR_NUMBER = 0o77777777777;

const HEADER_TYPES = { file: 'File', dir: 'Directory', symlink: 'SymbolicLink' } as const satisfies Record<
  EntryType,
  string
>;

type UstarFields = Required<Pick<Header, 'path' | 'mode' | 'uid' | 'gid' | 'size' | 'linkpath' | 'type'>> & {
  /** Whole seconds since the epoch. */
  mtime: number;
};

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
    type: HEADER_TYPES[entry.type],
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

function ustarBlock(fields: UstarFields): Buffer {
  const header = new Header();
  // Field by field: this runs once a file, and the constructor's own copying takes a third of its time.
  header.type = fields.type;
  header.path = fields.path;
  header.linkpath = fields.linkpath;
  header.mode = fields.mode;
  header.uid = fields.uid;
  header.gid = fields.gid;
  header.size = fields.size;
  header.mtime = new Date(fields.mtime * 1000);
  const block = Buffer.allocUnsafe(BLOCK_BYTES).fill(0);
  header.encode(block);
  return block;
}

function paxBlock(size: number): Buffer {
  const path = 'PaxHeader';
  return ustarBlock({
    type: 'ExtendedHeader',
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
