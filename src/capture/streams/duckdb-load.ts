// Puts a DuckDB database back: as a new file, or in the place of one that nobody has open for writing.
import { realpath, rm, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Loaded, type LoadOptions, StreamError } from '../stream.ts';
import {
  type DatabaseFile,
  nameNew,
  receive,
  refuseExisting,
  replace,
  scratchFile,
} from './database-file.ts';
import { type DuckdbEngine, openDuckdb, readAll } from './duckdb-shell.ts';
import type { Session } from './session.ts';
import type { ToolOptions } from './tool.ts';

/** The log of what is not yet in the file, and its forms while it is being moved there. */
const LOGS = ['.wal', '.wal.checkpoint', '.wal.recovery'];

export interface DuckdbLoadOptions extends LoadOptions {
  readonly root: string;
  readonly engine: DuckdbEngine;
  readonly run: Pick<ToolOptions, 'name' | 'env' | 'cwd' | 'timeout'>;
}

/** @throws as `Stream.load`; ConflictError target-exists */
export async function loadDuckdb(
  dump: AsyncIterable<Buffer>,
  from: DatabaseFile,
  { into, isLive = false, signal, root, engine, run }: DuckdbLoadOptions,
): Promise<Loaded> {
  const path = into === undefined ? scratchFile(from.path) : resolve(root, into);
  const file: DatabaseFile = { name: from.name, shown: into ?? path, path };
  const isThere = isLive && into !== undefined && (await stat(path).catch(() => undefined)) !== undefined;
  if (!isThere) await refuseExisting(file, LOGS);
  const beside = await receive(dump, file, signal);
  try {
    const given = { name: from.name, shown: 'the dump', path: beside };
    await readAll(await openDuckdb(engine, given, { ...run, signal }), given);
    if (isThere) await takePlace(beside, file, () => openDuckdb(engine, file, { ...run, signal }));
    else await nameNew(beside, file);
  } finally {
    await rm(beside, { force: true });
  }
  return { into: `file ${file.shown}` };
}

/** Nobody can open the old one for writing until the new one is there. */
async function takePlace(beside: string, file: DatabaseFile, open: () => Promise<Session>): Promise<void> {
  // One that nobody can open is replaced as well: that may be why.
  const held = await open().catch((error: unknown) => {
    if (error instanceof StreamError && error.code === 'stream-failed') return undefined;
    throw error;
  });
  try {
    // DuckDB would take them for the new one's.
    for (const log of await logsOf(file.path)) await rm(log, { force: true });
    await replace(beside, await realpath(file.path));
    await held?.close();
  } finally {
    await held?.stop();
  }
}

/** Where they would be: through a link, beside either name. */
export async function logsOf(path: string): Promise<string[]> {
  return [...new Set([path, await realpath(path)])].flatMap((at) => LOGS.map((ending) => at + ending));
}
