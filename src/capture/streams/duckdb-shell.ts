// DuckDB on one file, always in another process: its own program, or its package for Node. DuckDB locks files as POSIX
// has it, and such a lock is gone as soon as its process closes the file anywhere (fcntl(2)): reading the bytes in the
// process that holds the lock would let a writer in.
import { createRequire } from 'node:module';
import { StreamError } from '../stream.ts';
import type { DatabaseFile } from './database-file.ts';
import { written } from './rehearse.ts';
import { openSession, type Session } from './session.ts';
import { runTool, type ToolOptions } from './tool.ts';

/** An engine: given the file to open for reading, a program and its arguments. */
export interface DuckdbEngine {
  readonly program: string;
  args(path: string): string[];
  /** How a statement is written to it. */
  line(sql: string): string;
}

/** No extension is fetched, and nothing of the database spilled to a disk. */
const SETTINGS = [
  'SET autoinstall_known_extensions = false;',
  'SET autoload_known_extensions = false;',
  "SET temp_directory = '';",
];

/** A view of the dump may name any file of this machine, which a reader of the view would read; nor may it change that. */
const CLOSED = ['SET enable_external_access = false;', 'SET lock_configuration = true;'];

/** What the child of Node runs: a line of JSON in, its rows out. */
const CHILD = `
const [api, file] = process.argv.slice(1);
const { DuckDBInstance } = require(api);
(async () => {
  const instance = await DuckDBInstance.create(file, { access_mode: 'READ_ONLY' });
  const connection = await instance.connect();
  for await (const line of require('node:readline').createInterface({ input: process.stdin })) {
    const rows = (await connection.runAndReadAll(JSON.parse(line))).getRows();
    process.stdout.write(rows.map((row) => row.join('\\t') + '\\n').join(''));
  }
  connection.closeSync();
  instance.closeSync();
})().catch((error) => process.stderr.write(error.message + '\\n', () => process.exit(1)));
`;

/** The package for Node, where it is installed beside strongroom; never one of the directory that is backed up. */
export function packageEngine(): DuckdbEngine | undefined {
  try {
    const here = typeof __filename === 'string' ? __filename : import.meta.url;
    const api = createRequire(here).resolve('@duckdb/node-api');
    return {
      program: process.execPath,
      args: (path) => ['-e', CHILD, api, path],
      line: (sql) => JSON.stringify(sql),
    };
  } catch {
    return undefined;
  }
}

/** DuckDB's own program. */
export const programEngine: DuckdbEngine = {
  program: 'duckdb',
  args: (path) => [
    '-readonly',
    '-batch',
    '-bail',
    '-init',
    '/dev/null',
    '-list',
    '-noheader',
    '-separator',
    '\t',
    path,
  ],
  line: (sql) => sql,
};

/**
 * A reader of a file. As long as it is there nobody can open that for writing.
 * @throws StreamError stream-locked, stream-failed, tool-missing
 */
export async function openDuckdb(
  engine: DuckdbEngine,
  file: DatabaseFile,
  options: Omit<ToolOptions, 'stdin'>,
): Promise<Session> {
  const session = openSession(engine.program, engine.args(file.path), options, engine.line);
  try {
    await session.ask(...SETTINGS);
    return session;
  } catch (error) {
    await session.stop();
    throw explained(error, file);
  }
}

/** What it prints for a query of a file that nobody changes; columns apart by tabs. @param path absolute */
export function askDuckdb(
  engine: DuckdbEngine,
  path: string,
  sql: string,
  options: Omit<ToolOptions, 'stdin'>,
): AsyncGenerator<Buffer> {
  const lines = [...SETTINGS, ...CLOSED, sql].map((statement) => engine.line(statement));
  return runTool(engine.program, engine.args(path), { ...options, stdin: written(`${lines.join('\n')}\n`) });
}

function explained(error: unknown, { name, shown }: DatabaseFile): unknown {
  if (!(error instanceof StreamError)) return error;
  const as = (code: string, what: string, hint: string) =>
    new StreamError(code, `stream ${name}: ${what}`, { hint, stderr: error.stderr, cause: error });
  if (error.code === 'tool-missing') {
    const hint = 'put duckdb on the PATH, or npm install @duckdb/node-api beside strongroom';
    return as('tool-missing', `there is no DuckDB to read ${shown} with`, hint);
  }
  if (error.code !== 'stream-failed') return error;
  if (/Could not set lock|Conflicting lock/i.test(error.stderr)) {
    return as(
      'stream-locked',
      `${shown} is open for writing`,
      'close it there, then try again: DuckDB lets nobody else read it',
    );
  }
  const hint = 'is it a DuckDB database, not encrypted, and of a version that this DuckDB reads?';
  return as('stream-failed', `${shown} cannot be opened by DuckDB`, hint);
}

/**
 * Reads every value of every table, and with it the checksum of each block.
 * @returns what was not checked, and why; empty when all was
 * @throws StreamError stream-unfinished
 */
export async function readAll(session: Session, file: DatabaseFile): Promise<string> {
  try {
    const [counted, ...reads] = await session.ask(TABLES);
    for (const read of reads) await session.ask(Buffer.from(read, 'hex').toString('utf8'));
    await session.close();
    return counted === undefined ? 'it has no list of tables' : '';
  } catch (error) {
    if (!(error instanceof StreamError) || error.code !== 'stream-failed') throw error;
    // What a column's own type or expression makes of its values says nothing of the file.
    if (
      /^(?:Binder|Catalog|Conversion|Invalid Input|Not implemented|Out of Range) Error/im.test(error.stderr)
    ) {
      return `${file.shown} was not wholly checked: a table cannot be read without its extension`;
    }
    throw new StreamError(
      'stream-unfinished',
      `stream ${file.name}: ${file.shown} is damaged, as DuckDB finds`,
      {
        hint: 'take the last complete snapshot',
        stderr: error.stderr,
        cause: error,
      },
    );
  }
}

/** One statement for each table, in hexadecimal: a name may hold a line break. The first line is no statement. */
const TABLES = `
SELECT 'tables' UNION ALL
SELECT hex(encode('SELECT bit_xor(hash(COLUMNS(*))) FROM "' || replace(schema_name, '"', '""') || '"."' ||
  replace(table_name, '"', '""') || '";'))
FROM duckdb_tables() WHERE database_name = current_database() AND NOT internal AND NOT temporary;`.replaceAll(
  '\n',
  ' ',
);
