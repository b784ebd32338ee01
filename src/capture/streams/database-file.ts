// A database that is a file: its bytes, which must not change while they are read, and how a new one is put in its
// place. Who keeps writers away meanwhile, and who proves what the bytes hold, is the adapter's.
import { randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import { constants, type FileHandle, link, lstat, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, extname, isAbsolute, join } from 'node:path';
import { ConflictError, InterruptedError } from '../../errors.ts';
import { StreamError } from '../stream.ts';
import { scratchName } from './scratch.ts';

const CHUNK = 256 * 1024;
/** Longest name of a file on what Linux and macOS know, in bytes. */
const NAME = 255;

/** A file as a stream means it. */
export interface DatabaseFile {
  /** The stream, for messages. */
  readonly name: string;
  /** As the settings have it, for messages. */
  readonly shown: string;
  /** Absolute. */
  readonly path: string;
}

/** Whose rights a program has. */
export type Rights = Pick<Stats, 'uid' | 'gid'>;

/**
 * @param root of the set: a name relative to it means a file below it, and links are not followed out of it
 * @throws StreamError stream-failed when there is no such file, or none that can be read
 */
export async function openFile({ name, shown, path }: DatabaseFile, root: string): Promise<FileHandle> {
  const refuse = (why: string, cause?: unknown) =>
    new StreamError('stream-failed', `stream ${name}: ${shown} ${why}`, { cause });
  const [real, base] = await Promise.all([realOf(path), realOf(root)]);
  // What is meant stands in the settings; a link is in the hands of whoever owns the directory.
  const isBelow = !isAbsolute(shown) && path.startsWith(`${root}/`);
  if (isBelow && !real.startsWith(`${base}/`))
    throw refuse('is or lies behind a symbolic link out of the root');
  // A pipe would have us wait for ever.
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
  const handle = await open(real, flags).catch((cause: unknown) => {
    const code = codeOf(cause);
    throw refuse(code === 'ENOENT' ? 'is not there' : `cannot be read (${code})`, cause);
  });
  const stats = await handle.stat();
  if (stats.isFile() && stats.size > 0) return handle;
  await handle.close();
  throw refuse(stats.isFile() ? 'is empty' : 'is not a regular file');
}

/**
 * Whose rights an engine needs that opens a database for writing. It does to other files what lies beside the database:
 * a journal that somebody made up has SQLite remove any file that it may remove (sqlite.org/atomiccommit.html, 5.5). So
 * root opens it as the one who owns it.
 * @returns undefined where our own will do
 * @throws StreamError stream-failed for root's own file where others can put a journal beside it
 */
export async function rightsFor(handle: FileHandle, file: DatabaseFile): Promise<Rights | undefined> {
  if (process.geteuid?.() !== 0) return undefined;
  const { uid, gid } = await handle.stat();
  if (uid !== 0) return { uid, gid };
  const directory = await stat(dirname(await realOf(file.path)));
  if (directory.uid === 0 && (directory.mode & 0o022) === 0) return undefined;
  throw new StreamError(
    'stream-failed',
    `stream ${file.name}: ${file.shown} is root's, in a directory that others can write to`,
    { hint: `chown it to the user of its application, or keep others out of ${dirname(file.path)}` },
  );
}

async function realOf(path: string): Promise<string> {
  return await realpath(path).catch(() => path);
}

/**
 * Every byte of a file that nobody should change.
 * @throws StreamError stream-unfinished at the end when somebody did; InterruptedError
 */
export async function* bytesOf(
  file: DatabaseFile,
  handle: FileHandle,
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  const before = await handle.stat({ bigint: true });
  const isThere = async () => {
    const there = await stat(file.path, { bigint: true }).catch(() => undefined);
    return there?.ino === before.ino && there.dev === before.dev;
  };
  // Put in its place meanwhile: what is kept from writers is another file.
  if (!(await isThere())) throw changed(file);
  const size = Number(before.size);
  for (let at = 0; at < size; ) {
    if (signal?.aborted) throw new InterruptedError('interrupted', 'interrupted');
    const buffer = Buffer.allocUnsafeSlow(Math.min(CHUNK, size - at));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) throw changed(file);
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
  const after = await handle.stat({ bigint: true });
  const isSame = before.size === after.size && before.mtimeNs === after.mtimeNs;
  if (!isSame || !(await isThere())) throw changed(file);
}

function changed({ name, shown }: DatabaseFile): StreamError {
  return new StreamError('stream-unfinished', `stream ${name}: ${shown} changed while it was read`, {
    hint: 'something writes to it without the lock of its database: stop that, and try again',
  });
}

/** `data/shop.db` becomes `data/shop_restored_7k3f9.db`. */
export function scratchFile(path: string): string {
  const extension = extname(path);
  const stem = basename(path, extension);
  return join(
    dirname(path),
    scratchName(stem, NAME - Buffer.byteLength(extension), randomBytes(5)) + extension,
  );
}

/**
 * Writes a dump beside where it is to be, readable by nobody else.
 * @returns where; whoever asked removes it
 * @throws StreamError stream-empty, stream-failed; what `dump` throws
 */
export async function receive(
  dump: AsyncIterable<Buffer>,
  { name, shown, path }: DatabaseFile,
  signal?: AbortSignal,
): Promise<string> {
  const beside = join(dirname(path), `.strongroom-${randomBytes(8).toString('hex')}`);
  const failed = (cause: unknown) =>
    new StreamError('stream-failed', `stream ${name}: ${shown} cannot be written (${codeOf(cause)})`, {
      hint:
        codeOf(cause) === 'ENOENT' ? `make the directory ${dirname(path)}` : 'see the disk and the rights',
      cause,
    });
  const handle = await open(beside, 'wx', 0o600).catch((cause: unknown) => {
    throw failed(cause);
  });
  try {
    let size = 0;
    for await (const chunk of dump) {
      if (signal?.aborted) throw new InterruptedError('interrupted', 'interrupted');
      size += chunk.length;
      await handle.writeFile(chunk).catch((cause: unknown) => {
        throw failed(cause);
      });
    }
    if (size === 0) throw new StreamError('stream-empty', `stream ${name}: the dump is empty`);
    await handle.sync();
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
  return beside;
}

/**
 * Refuses what is in the way of a new database: the file itself, or what a database before it left behind, which the
 * engine would take for a part of the new one.
 * @param endings of such files: `-wal`
 * @throws ConflictError target-exists
 */
export async function refuseExisting(file: DatabaseFile, endings: readonly string[]): Promise<void> {
  for (const ending of ['', ...endings]) {
    if (!(await lstat(file.path + ending).catch(() => undefined))) continue;
    throw new ConflictError('target-exists', `there is a file ${file.shown}${ending} already`, {
      object: file.shown + ending,
      hint:
        ending === '' ? 'name another one, or say that it is to be replaced (--live)' : 'move it away first',
    });
  }
}

/** Gives a new file its name. @throws ConflictError target-exists, also when it came to be just now */
export async function nameNew(beside: string, file: DatabaseFile): Promise<void> {
  try {
    await link(beside, file.path);
    await rm(beside);
  } catch (cause) {
    if (codeOf(cause) === 'EEXIST') await refuseExisting(file, []);
    // No hard links there.
    await rename(beside, file.path);
  }
  await syncDirectory(file.path);
}

/** Puts a new file in the place of another, at once. */
export async function replace(beside: string, path: string): Promise<void> {
  const { mode, uid, gid } = await stat(path);
  const handle = await open(beside, 'r+');
  try {
    // Its application must go on; where we may not give it away, its owner is us.
    await handle.chown(uid, gid).catch(() => {});
    await handle.chmod(mode & 0o777);
  } finally {
    await handle.close();
  }
  await rename(beside, path);
  await syncDirectory(path);
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(dirname(path), 'r').catch(() => undefined);
  await directory?.sync().catch(() => {});
  await directory?.close();
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
}
