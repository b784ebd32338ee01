// An SQLite database of a dump in a file of its own, for a drill.
import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Rehearsal, RehearseOptions } from '../stream.ts';
import { type DatabaseFile, scratchFile } from './database-file.ts';
import { answerOf, askable, once, type Refusals, runIn } from './rehearse.ts';
import { loadSqlite, type SqliteLoadOptions } from './sqlite-load.ts';
import { askSqlite } from './sqlite-shell.ts';

const REFUSALS: Refusals = [
  [/no such table/, 'there is no such table'],
  [/no such column/, 'there is no such column'],
  [/syntax error|incomplete input|unrecognized token/, 'it is no SQL'],
  [/readonly database/, 'it would change something'],
  [/unsafe use of/, 'what it reads calls a function that reaches other files'],
  [/unknown option/, 'it needs sqlite3 3.37 or later'],
  [/no such (?:function|collation|module)/, 'it needs what sqlite3 does not have'],
];

export type SqliteRehearseOptions = RehearseOptions & Omit<SqliteLoadOptions, 'into' | 'isLive'>;

/** @param from the database that was dumped @throws as `Stream.rehearse` */
export async function rehearseSqlite(
  dump: AsyncIterable<Buffer>,
  from: DatabaseFile,
  { directory, ...given }: SqliteRehearseOptions,
): Promise<Rehearsal> {
  const { name } = from;
  const options = { ...given, run: runIn(directory, given.run) };
  const path = scratchFile(join(directory, basename(from.path)));
  const { into } = await loadSqlite(dump, from, { ...options, into: path });
  const run = { ...options.run, signal: options.signal };
  return {
    into,
    query: async (text) => await answerOf(name, askSqlite(path, askable(name, text), run), REFUSALS),
    drop: once(() => rm(path, { force: true })),
  };
}
