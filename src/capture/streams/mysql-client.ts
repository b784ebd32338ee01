// The client of MariaDB or MySQL on one server: databases that it makes, fills, asks and drops.
import { StreamError } from '../stream.ts';
import type { MysqlServer } from './mysql-server.ts';
import { DROPPING, delayed, written } from './rehearse.ts';
import { runTool, type ToolOptions, toolText } from './tool.ts';
import { whichOf } from './which.ts';

/** Statements, and values in what is said of them. */
const QUOTED = /^(?!ERROR \d).+$|(?<=^ERROR \d+ \(\w+\) at line \d+: .*?)(?<!\w)'.*$/gm;
/** Seconds that a lock is waited for by what is to take a database away. */
const LOCKED = 60;

export interface MysqlClient {
  /** Such as `mariadb`. */
  readonly program: string;
  /** @returns whether it was not there */
  create(database: string): Promise<boolean>;
  /** Runs the SQL of a dump. */
  feed(dump: AsyncIterable<Buffer>, database: string): Promise<void>;
  /** Asks it, and changes nothing. */
  ask(sql: string, database: string): AsyncGenerator<Buffer>;
  /** With whatever still runs in it, if it is there; an interruption does not keep it. */
  drop(database: string): Promise<void>;
}

/** @param run without what the server has of its own; `signal` is for all but `drop` */
export async function mysqlClient(server: MysqlServer, run: ToolOptions): Promise<MysqlClient> {
  const program = await whichOf(['mariadb', 'mysql'], run.env);
  const tools: ToolOptions = { ...run, adds: server.adds, secrets: server.secrets, hides: QUOTED };
  const { signal: _, ...rest } = tools;
  const dropping = { ...rest, timeout: DROPPING };
  const fixed = [
    ...server.options(program === 'mariadb'),
    // A dump may ask for files of whoever loads it (LOAD DATA LOCAL INFILE).
    '--local-infile=0',
    '--batch',
    '--skip-column-names',
  ];
  const execute = (sql: string, options: ToolOptions): Promise<string> =>
    toolText(program, [...fixed, `--execute=${sql}`], options);
  // What comes in is SQL, and no command of the client's.
  const fed = [...fixed, '--binary-mode', '--default-character-set=utf8mb4'];
  return {
    program,
    async create(database) {
      try {
        await execute(`CREATE DATABASE ${quoted(database)}`, { ...tools, signal: delayed(run.signal) });
        return true;
      } catch (error) {
        if (error instanceof StreamError && /ERROR 1007 /.test(error.stderr)) return false;
        throw explained(error);
      }
    },
    async feed(dump, database) {
      await toolText(program, [...fed, '--', database], { ...tools, stdin: dump });
    },
    ask(sql, database) {
      // A view may call a function of the dump. It has no more rights than the load had, and changes nothing at all.
      const stdin = written(`SET SESSION TRANSACTION READ ONLY;\n${sql}\n`);
      return runTool(program, [...fed, '--quick', '--', database], { ...tools, stdin });
    },
    async drop(database) {
      // A server goes on with what a client that is gone has begun, and that may hold what is to be dropped.
      const name = `convert(0x${Buffer.from(database).toString('hex')} using utf8mb4)`;
      const where = `WHERE db = ${name} AND id <> connection_id()`;
      const running = await execute(`SELECT id FROM information_schema.processlist ${where}`, dropping);
      for (const id of running.match(/^\d+$/gm) ?? []) {
        // It may have ended meanwhile.
        await execute(`KILL ${id}`, dropping).catch(() => {});
      }
      const sql = `SET SESSION lock_wait_timeout = ${LOCKED}; DROP DATABASE IF EXISTS ${quoted(database)}`;
      await execute(sql, dropping);
    },
  };
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

export function explained(error: unknown): unknown {
  if (!(error instanceof StreamError)) return error;
  const { code, message, stderr } = error;
  const hint = HINTS.find(([said]) => said.test(stderr))?.[1];
  return hint === undefined ? error : new StreamError(code, message, { hint, stderr, cause: error });
}
