// Feeds a dump of MariaDB or MySQL back: into a new database, which is dropped again if that fails. Their DDL knows no
// transaction: what is to be replaced is replaced only when a new database has taken the whole dump.
import { randomBytes } from 'node:crypto';
import { ConflictError, InterruptedError } from '../../errors.ts';
import { type Loaded, type LoadOptions, StreamError } from '../stream.ts';
import { dumpMysql } from './mysql-dump.ts';
import type { MysqlServer } from './mysql-server.ts';
import { scratchName } from './scratch.ts';
import { type ToolOptions, toolText } from './tool.ts';
import { whichOf } from './which.ts';

/** Longest name of a database, in characters. */
const NAME = 64;
/** Statements, and values in what is said of them. */
const QUOTED = /^(?!ERROR \d).+$|(?<=^ERROR \d+ \(\w+\) at line \d+: .*?)(?<!\w)'.*$/gm;

export interface MysqlLoadOptions extends LoadOptions {
  readonly server: MysqlServer;
  readonly run: ToolOptions;
}

/** @throws as `Stream.load` */
export async function loadMysql(
  dump: AsyncIterable<Buffer>,
  { server, into, isLive = false, signal, run: base }: MysqlLoadOptions,
): Promise<Loaded> {
  const { adds, secrets } = server;
  const run: ToolOptions = { ...base, signal, adds, secrets, hides: QUOTED };
  const client = await whichOf(['mariadb', 'mysql'], run.env);
  const tell = async (args: readonly string[], options: ToolOptions = run): Promise<string> =>
    toolText(
      client,
      [
        ...server.options(client === 'mariadb'),
        // A dump may ask for files of whoever loads it (LOAD DATA LOCAL INFILE).
        '--local-infile=0',
        '--batch',
        '--skip-column-names',
        ...args,
      ],
      options,
    );
  const execute = (sql: string, options?: ToolOptions) => tell([`--execute=${sql}`], options);
  const feed = (bytes: AsyncIterable<Buffer>, database: string) =>
    // What the dump holds is SQL, and no command of the client's.
    tell(['--binary-mode', '--default-character-set=utf8mb4', '--', database], { ...run, stdin: bytes });

  const { signal: _, ...uninterrupted } = run;
  const drop = (database: string) => execute(`DROP DATABASE IF EXISTS ${quoted(database)}`, uninterrupted);

  let name = into ?? scratchName(server.database, NAME, randomBytes(5));
  const isThere = !(await create(name, execute));
  if (isThere) {
    if (!isLive) throw inTheWay(name);
    name = scratchName(name, NAME, randomBytes(5));
    await create(name, execute);
  }
  try {
    await feed(dump, name);
  } catch (error) {
    await drop(name).catch(() => {});
    throw explained(error);
  }
  if (!isThere || into === undefined)
    return { into: `database ${name}`, hint: `${client} ${name} to look at it` };
  try {
    await feed(dumpMysql(server, { database: name }, run), into);
  } catch (error) {
    throw halfReplaced(error, run.name, into, name);
  }
  await drop(name);
  return {
    into: `database ${into}`,
    hint: 'what the dump does not hold, such as tables made since, is as it was',
  };
}

/** @param from where all of the dump is, and stays: there is no other way to know its name */
function halfReplaced(error: unknown, stream: string, into: string, from: string): unknown {
  const why = `database ${into} is only half replaced`;
  const where = `all of the dump is in database ${from}`;
  if (error instanceof InterruptedError) {
    const hint = `${where}: load it once more, and drop that`;
    return new InterruptedError('interrupted', `interrupted: ${why}`, { hint, cause: error });
  }
  if (!(error instanceof StreamError)) return error;
  const hint = `${where}: see what is in the way, and use or copy that`;
  return new StreamError(error.code, `stream ${stream}: ${why}`, {
    hint,
    stderr: error.stderr,
    cause: error,
  });
}

/** @returns whether it was not there */
async function create(name: string, execute: (sql: string) => Promise<string>): Promise<boolean> {
  try {
    await execute(`CREATE DATABASE ${quoted(name)}`);
    return true;
  } catch (error) {
    if (error instanceof StreamError && /ERROR 1007 /.test(error.stderr)) return false;
    throw explained(error);
  }
}

function inTheWay(name: string): ConflictError {
  return new ConflictError('target-exists', `there is a database ${name} already`, {
    object: name,
    hint: 'name another one, or say that it is to be replaced',
  });
}

function quoted(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

/** What the server says, and what to do about it. */
const HINTS: readonly (readonly [RegExp, string])[] = [
  [/ERROR 1044 /, 'its user must be allowed to create databases: a dump is loaded into a new one first'],
  [
    /ERROR 1227 /,
    'what belongs to other users needs the right SET USER (MariaDB) or SET_ANY_DEFINER (MySQL)',
  ],
];

function explained(error: unknown): unknown {
  if (!(error instanceof StreamError)) return error;
  const { code, message, stderr } = error;
  const hint = HINTS.find(([said]) => said.test(stderr))?.[1];
  return hint === undefined ? error : new StreamError(code, message, { hint, stderr, cause: error });
}
