// A DuckDB database of a dump in a file of its own, for a drill.
import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Rehearsal, RehearseOptions } from '../stream.ts';
import { type DatabaseFile, scratchFile } from './database-file.ts';
import { type DuckdbLoadOptions, loadDuckdb } from './duckdb-load.ts';
import { askDuckdb } from './duckdb-shell.ts';
import { answerOf, askable, once, type Refusals, runIn } from './rehearse.ts';

/** By the kind of the error alone. */
const REFUSALS: Refusals = [
  [/Catalog Error/, 'there is no such table, or no such function'],
  [/Binder Error/, 'there is no such column, or it does not fit'],
  [/Parser Error/, 'it is no SQL'],
  [/read-only/, 'it would change something'],
  [/Permission Error/, 'what it reads reaches other files'],
];

export type DuckdbRehearseOptions = RehearseOptions & Omit<DuckdbLoadOptions, 'into' | 'isLive'>;

/** @param from the database that was dumped @throws as `Stream.rehearse` */
export async function rehearseDuckdb(
  dump: AsyncIterable<Buffer>,
  from: DatabaseFile,
  { directory, ...given }: DuckdbRehearseOptions,
): Promise<Rehearsal> {
  const { name } = from;
  const options = { ...given, run: runIn(directory, given.run) };
  const path = scratchFile(join(directory, basename(from.path)));
  const { into } = await loadDuckdb(dump, from, { ...options, into: path });
  const run = { ...options.run, signal: options.signal };
  return {
    into,
    query: async (text) =>
      await answerOf(name, askDuckdb(options.engine, path, askable(name, text), run), REFUSALS),
    drop: once(() => rm(path, { force: true })),
  };
}
