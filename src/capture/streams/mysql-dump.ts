// A database of MariaDB or MySQL as SQL, proven by the line it ends in.
import { StreamError } from '../stream.ts';
import type { MysqlServer } from './mysql-server.ts';
import { endingIn, notEmpty } from './proof.ts';
import { scrub } from './scrub.ts';
import { runTool, type ToolOptions, toolText } from './tool.ts';
import { whichOf } from './which.ts';

/** Names of tables in a note, at most. */
const NAMED = 20;
/** What a dump ends in. */
export const TRAILER = /\n-- Dump completed(?: on [^\n]*)?\n$/;

export interface MysqlTables {
  readonly database: string;
  /** All where empty. */
  readonly tables?: readonly string[];
  readonly excludeTables?: readonly string[];
}

/**
 * As it is at one moment, where its tables know transactions.
 * @throws StreamError
 */
export async function* dumpMysql(
  server: MysqlServer,
  { database, tables = [], excludeTables = [] }: MysqlTables,
  run: ToolOptions,
): AsyncGenerator<Buffer> {
  const tool = await whichOf(['mariadb-dump', 'mysqldump'], run.env);
  const isMariadb = tool === 'mariadb-dump';
  const args = [
    ...server.options(isMariadb),
    '--single-transaction',
    '--quick',
    '--routines',
    '--triggers',
    '--events',
    '--hex-blob',
    // No --local-infile=0: it knows no such option, and gives a server no file, as it asks for none itself.
    // It needs the right PROCESS otherwise, which has nothing to do with a dump.
    '--no-tablespaces',
    '--default-character-set=utf8mb4',
    // Would be about the whole server, and needs rights of its own to be loaded.
    ...(isMariadb ? [] : ['--loose-set-gtid-purged=OFF']),
    ...excludeTables.map((table) => `--ignore-table=${database}.${table}`),
    '--',
    database,
    ...tables,
  ];
  const options = { ...run, adds: server.adds, secrets: server.secrets };
  yield* endingIn(TRAILER, notEmpty(runTool(tool, args, options), run.name, tool), run.name, tool);
  if (!run.onNotes) return;
  const without = await withoutTransactions(server, database, run);
  const dumped = without.filter((table) => !excludeTables.includes(table));
  const asked = tables.length === 0 ? dumped : dumped.filter((table) => tables.includes(table));
  if (asked.length === 0) return;
  const names = scrub(asked.slice(0, NAMED).join(', '), server.secrets);
  run.onNotes(`each of these tables is as it was at another moment, as they know no transactions: ${names}`);
}

/** Tables that one transaction does not keep still. None where that cannot be told: the dump is whole all the same. */
async function withoutTransactions(
  server: MysqlServer,
  database: string,
  { onNotes: _, ...run }: ToolOptions,
): Promise<string[]> {
  const client = await whichOf(['mariadb', 'mysql'], run.env);
  const name = `convert(0x${Buffer.from(database).toString('hex')} using utf8mb4)`;
  const sql = `select table_name from information_schema.tables join information_schema.engines using (engine)
    where table_schema = ${name} and table_type = 'BASE TABLE' and transactions <> 'YES' order by 1`;
  const args = [
    ...server.options(client === 'mariadb'),
    '--local-infile=0',
    '--batch',
    '--raw',
    '--skip-column-names',
    `--execute=${sql}`,
  ];
  const options = { ...run, adds: server.adds, secrets: server.secrets };
  try {
    return (await toolText(client, args, options)).split('\n').filter((table) => table !== '');
  } catch (error) {
    if (error instanceof StreamError) return [];
    throw error;
  }
}
