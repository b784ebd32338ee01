// Contents: the encrypted index of a snapshot (docs/format.md section 7). Its proof is the record's hash of its
// gzip bytes, so it is checked before this file sees a byte; what a listed host says in it is checked here.
import { randomBytes } from 'node:crypto';
import { IntegrityError } from '../../errors.ts';
import { checkEntries, type Entry } from '../../pack/entry.ts';
import { checkGlobs } from '../../pack/globs.ts';
import { parseStrictJson } from '../../sign/strict-json.ts';
import { type FileFinding, readFindings } from './findings.ts';
import type { SnapshotRecord } from './record.ts';
import { type Fields, fields } from './shape.ts';
import { readStreams, type StreamInfo } from './streams.ts';

export interface Warning {
  readonly kind: string;
  readonly path: string;
  readonly reason: string;
  /** Whether it makes the snapshot incomplete. */
  readonly incomplete: boolean;
}

/** What a deployment needs beside 0600 and 0700, kept so that a fresh machine knows it. */
export interface RestoreWishes {
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** Globs to octal modes such as `0444`, the first that matches counts. */
  readonly modes?: Readonly<Record<string, string>>;
}

export interface Contents {
  readonly vault: string;
  readonly set: string;
  readonly id: string;
  readonly host: string;
  readonly tool: string;
  readonly description?: string;
  /** Absolute path of the set's root on the host. */
  readonly root: string;
  readonly sources: { readonly include: readonly string[]; readonly exclude: readonly string[] };
  readonly restore?: RestoreWishes;
  readonly warnings: readonly Warning[];
  /** What was noticed in the files when they were packed. */
  readonly findings: readonly FileFinding[];
  readonly artifacts: readonly { readonly name: string; readonly size: number; readonly sha256: string }[];
  readonly streams: readonly StreamInfo[];
  /** Of all files; streams aside. */
  readonly bytes: number;
  readonly entries: readonly Entry[];
}

const LINES = 100;
const ROOM_BYTES = 128 * 1024;

/**
 * The JSON of contents, with a fresh nonce. As one text it would take more memory than all the rest.
 * @yields pieces, each good until the next is asked for
 */
export function* writeContents(contents: Contents): Generator<Buffer> {
  const { entries, ...head } = contents;
  const text = JSON.stringify({
    format: 1,
    type: 'contents',
    nonce: randomBytes(32).toString('base64'),
    ...head,
    entries: [],
  });
  yield Buffer.from(text.slice(0, -2));
  const room = Buffer.allocUnsafe(ROOM_BYTES);
  // One entry a line: a person with stock tools finds a file with grep.
  for (let from = 0; from < entries.length; from += LINES) {
    const lines = entries.slice(from, from + LINES).map(lineOf);
    const piece = `${from === 0 ? '' : ','}\n${lines.join(',\n')}`;
    // No character has more than three bytes a UTF-16 unit.
    yield piece.length * 3 > ROOM_BYTES ? Buffer.from(piece) : room.subarray(0, room.write(piece));
  }
  yield Buffer.from('\n]}\n');
}

// Spelt out, as spreading objects is slow where there are 100,000.
function lineOf({ path, type, mode, uid, gid, mtime, size, sha256, torn, target }: Entry): string {
  const octal = mode.toString(8).padStart(4, '0');
  return JSON.stringify({ path, type, mode: octal, uid, gid, mtime, size, sha256, torn, target });
}

const SHA256 = /^[0-9a-f]{64}$/;
const MODE = /^[0-7]{4}$/;
// Wishes are followed without being asked for, so a host that was taken over must get no set-id file out of root.
const WISHED_MODE = /^0[0-7]{3}$/;
const TYPES: readonly string[] = ['file', 'dir', 'symlink'];

// Written out instead of through `fields`: a snapshot may hold a hundred thousand entries.
function readEntry(value: unknown, fail: (what: string) => never): Entry {
  const { path, type, mode, uid, gid, mtime, size, sha256, target, torn } = (value ?? {}) as Record<
    string,
    unknown
  >;
  const whole = (n: unknown, min: number): n is number =>
    typeof n === 'number' && Number.isSafeInteger(n) && n >= min;
  if (typeof path !== 'string' || typeof type !== 'string' || !TYPES.includes(type))
    return fail('of a known type');
  if (typeof mode !== 'string' || !MODE.test(mode)) return fail('with a mode');
  if (!whole(uid, 0) || !whole(gid, 0) || !whole(mtime, Number.MIN_SAFE_INTEGER))
    return fail('with owner and time');
  const entry: Entry = {
    path,
    type: type as Entry['type'],
    mode: Number.parseInt(mode, 8),
    uid,
    gid,
    mtime,
    size: 0,
  };
  if (type === 'file') {
    if (!whole(size, 0) || typeof sha256 !== 'string' || !SHA256.test(sha256))
      return fail('with size and SHA-256');
    entry.size = size;
    entry.sha256 = sha256;
    if (torn === true) entry.torn = true;
  } else if (type === 'symlink') {
    if (typeof target !== 'string' || target === '' || target.includes('\0')) return fail('with a target');
    entry.target = target;
  }
  return entry;
}

/**
 * Refuses wishes that no reader would take: a restore would have to match them against every path.
 * @throws UsageError `bad-pattern`
 */
export function checkWishes({ modes = {} }: RestoreWishes): void {
  checkGlobs(Object.keys(modes));
}

function readWishes(f: Fields): RestoreWishes | undefined {
  const wishes = f.optionalObject('restore');
  if (!wishes) return undefined;
  const owner = wishes.optionalObject('owner');
  const modes = wishes.optionalObject('modes');
  const globs = modes?.pairs().map(([glob]) => glob) ?? [];
  if (!areSound(globs)) wishes.fail('modes', 'a thousand globs at most');
  return {
    ...(owner ? { owner: { uid: owner.integer('uid'), gid: owner.integer('gid') } } : {}),
    ...(modes
      ? { modes: Object.fromEntries(globs.map((glob) => [glob, modes.text(glob, { pattern: WISHED_MODE })])) }
      : {}),
  };
}

function areSound(globs: readonly string[]): boolean {
  try {
    checkGlobs(globs);
    return true;
  } catch {
    return false;
  }
}

/**
 * Reads contents and holds it to its record.
 * @param bytes the decompressed JSON, whose gzip bytes had the record's hash
 * @param object name for messages, the snapshot's
 * @throws IntegrityError `bad-document`, `bad-path`, or `contents-differ` when it speaks of another snapshot
 */
export function readContents(bytes: Buffer, record: SnapshotRecord, object: string): Contents {
  const json = parseStrictJson(bytes.toString('utf8'), object);
  const f = fields(json, object);
  if (f.integer('format') !== 1 || f.text('type') !== 'contents')
    f.fail('type', 'one that this version reads');
  for (const key of ['vault', 'set', 'id', 'host'] as const) {
    if (f.text(key) !== record[key]) {
      throw new IntegrityError('contents-differ', `${object}: what it lists is of another ${key}`, {
        object,
      });
    }
  }
  const fail = (what: string): never => f.fail('entries', `a list of entries, each ${what}`);
  const list = (json as { entries?: unknown }).entries;
  const entries = Array.isArray(list) ? list.map((e) => readEntry(e, fail)) : fail('an object');
  // A path twice, or below something that is no directory, is how an archive writes through a link of its own.
  checkEntries(entries);
  if (entries.length !== record.entries) {
    throw new IntegrityError(
      'contents-differ',
      `${object}: it lists other entries than its snapshot counts`,
      { object },
    );
  }
  // What a reader plans its memory and its disk by must be what the entries come to.
  const size = entries.reduce((sum, e) => sum + e.size, 0);
  if (f.integer('bytes') !== size) f.fail('bytes', 'the sizes of all files');
  const description = f.optionalText('description', { max: 65536 });
  const sources = f.object('sources');
  const restore = readWishes(f);
  const artifacts = f.list('artifacts', (a) => ({
    name: a.text('name'),
    size: a.integer('size'),
    sha256: a.sha256('sha256'),
  }));
  return {
    vault: record.vault,
    set: record.set,
    id: record.id,
    host: record.host,
    tool: f.text('tool', { max: 256 }),
    ...(description === undefined ? {} : { description }),
    root: f.text('root', { max: 8192 }),
    sources: { include: sources.texts('include'), exclude: sources.texts('exclude') },
    ...(restore ? { restore } : {}),
    warnings: f.list('warnings', (w) => ({
      kind: w.text('kind'),
      path: w.text('path', { max: 8192 }),
      reason: w.text('reason'),
      incomplete: w.flag('incomplete'),
    })),
    findings: readFindings(f),
    artifacts,
    streams: readStreams(f, artifacts),
    bytes: size,
    entries,
  };
}
