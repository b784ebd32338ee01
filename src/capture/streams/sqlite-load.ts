// Puts an SQLite database back: as a new file, or into one that is there by SQLite's own backup interface, which waits
// for whoever uses it and is undone as a whole if it does not come to its end.
import { chown, rm, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Loaded, type LoadOptions, StreamError } from '../stream.ts';
import {
  type DatabaseFile,
  nameNew,
  openFile,
  receive,
  refuseExisting,
  rightsFor,
  scratchFile,
} from './database-file.ts';
import { ALONE, check, explained, needsItsApplication, type Shell, shellOf } from './sqlite-shell.ts';
import type { ToolOptions } from './tool.ts';

/** What a database that was not closed leaves beside its file. SQLite would apply it to a new one. */
const LEFT_OVER = ['-wal', '-journal', '-shm'];

export interface SqliteLoadOptions extends LoadOptions {
  readonly root: string;
  /** Milliseconds to wait for a lock. */
  readonly busy: number;
  readonly run: Pick<ToolOptions, 'name' | 'env' | 'cwd' | 'timeout'>;
}

/** @throws as `Stream.load`; ConflictError target-exists */
export async function loadSqlite(
  dump: AsyncIterable<Buffer>,
  from: DatabaseFile,
  { into, isLive = false, signal, root, busy, run }: SqliteLoadOptions,
): Promise<Loaded> {
  const path = into === undefined ? scratchFile(from.path) : resolve(root, into);
  const file: DatabaseFile = { name: from.name, shown: into ?? path, path };
  const isThere = isLive && into !== undefined && (await stat(path).catch(() => undefined)) !== undefined;
  if (!isThere) await refuseExisting(file, LEFT_OVER);
  const beside = await receive(dump, file, signal);
  try {
    const options = { ...run, signal };
    await proven(beside, file, options);
    if (isThere) await overwrite(beside, file, { busy, root }, options);
    else await nameNew(beside, file);
  } finally {
    await rm(beside, { force: true });
  }
  return {
    into: `file ${file.shown}`,
    ...(isThere ? {} : { hint: `sqlite3 ${quoted(path)} to look at it` }),
  };
}

/** @throws StreamError stream-unfinished */
async function proven(beside: string, file: DatabaseFile, options: ToolOptions): Promise<void> {
  const shell = shellOf(beside, 0, options, ALONE);
  const refuse = (stderr: string, cause?: unknown) =>
    new StreamError('stream-unfinished', `stream ${file.name}: the dump is not a sound SQLite database`, {
      stderr,
      cause,
    });
  try {
    const session = await shell.lenient();
    const found = await check(session);
    const [pages, size] = await session.ask('PRAGMA page_count;', 'PRAGMA page_size;');
    await session.close();
    // What is missing of the last page is read as zeros.
    if ((await stat(beside)).size < Number(pages) * Number(size)) throw refuse('');
    if (found[0] !== 'ok') throw refuse('');
  } catch (error) {
    if (!(error instanceof StreamError) || error.code !== 'stream-failed') throw error;
    if (!needsItsApplication(error)) throw refuse(error.stderr, error);
  } finally {
    await shell.stop();
  }
}

async function overwrite(
  beside: string,
  file: DatabaseFile,
  { busy, root }: Pick<SqliteLoadOptions, 'busy' | 'root'>,
  options: ToolOptions,
): Promise<void> {
  const handle = await openFile(file, root);
  let shell: Shell | undefined;
  try {
    const as = await rightsFor(handle, file);
    if (as) await chown(beside, as.uid, as.gid);
    shell = shellOf(file.path, busy, { ...options, as });
    const session = await shell.strict();
    await session.ask(`.restore main "${pathToFileURL(beside)}?immutable=1"`);
    await session.close();
  } catch (error) {
    throw explained(error, file);
  } finally {
    await shell?.stop();
    await handle.close();
  }
}

function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
