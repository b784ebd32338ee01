// The sqlite3 program on one database: how it is started, what its failures mean. Nothing of its owner's start-up file
// is run, and nothing that a database's own schema would have it do to other files.
import { pathToFileURL } from 'node:url';
import { StreamError } from '../stream.ts';
import type { DatabaseFile } from './database-file.ts';
import { written } from './rehearse.ts';
import { openSession, type Session } from './session.ts';
import { runTool, type ToolOptions } from './tool.ts';

const PROGRAM = 'sqlite3';
/** How a file is opened that nobody else knows of: nothing is written to it, nor beside it. */
export const ALONE = 'mode=ro&immutable=1';
/** Nothing of a start-up file; rows as they are. */
const BATCH = ['-batch', '-init', '/dev/null', '-list', '-noheader'];
/** A CHECK that calls writefile(), which this shell has, is run by integrity_check, trusted or not. */
const SAFE = [
  'PRAGMA trusted_schema=OFF;',
  'PRAGMA ignore_check_constraints=ON;',
  'PRAGMA temp_store=MEMORY;',
];

export interface Shell {
  /** A connection that ends at its first error. */
  strict(): Promise<Session>;
  /** One that goes on, and says at its end that there was one. */
  lenient(): Promise<Session>;
  /** Ends them all. */
  stop(): Promise<void>;
}

/**
 * @param path absolute
 * @param busy milliseconds to wait for a lock
 * @param query of the address: either opens only what is there
 */
export function shellOf(
  path: string,
  busy: number,
  options: Omit<ToolOptions, 'stdin'>,
  query: typeof ALONE | 'mode=rw' = 'mode=rw',
): Shell {
  const sessions: Session[] = [];
  const connect = async (...args: string[]): Promise<Session> => {
    const address = addressOf(path, query);
    const session = openSession(PROGRAM, [...BATCH, ...args, address], { ...options, package: 'sqlite3' });
    sessions.push(session);
    await session.ask(`.timeout ${busy}`, ...SAFE);
    return session;
  };
  return {
    strict: () => connect('-bail'),
    lenient: () => connect(),
    async stop() {
      await Promise.all(sessions.map((session) => session.stop()));
    },
  };
}

/** What it prints for a query of a file that nobody changes; columns apart by tabs. @param path absolute */
export function askSqlite(
  path: string,
  sql: string,
  options: Omit<ToolOptions, 'stdin'>,
): AsyncGenerator<Buffer> {
  // A table of the dump may be one that zipfile() reads from any file of this machine: it is not there then.
  const args = [...BATCH, '-bail', '-safe', '-separator', '\t', addressOf(path, ALONE)];
  const stdin = written(`${[...SAFE, sql].join('\n')}\n`);
  return runTool(PROGRAM, args, { ...options, package: 'sqlite3', stdin });
}

/** As an address no name is taken for a flag, and none is made by opening it. */
function addressOf(path: string, query: string): string {
  return `${pathToFileURL(path)}?${query}`;
}

/** @returns `ok`, or what is wrong; nothing where it cannot be checked, which the end of a lenient session tells */
export async function check(session: Session): Promise<string[]> {
  return await session.ask('PRAGMA integrity_check(20);');
}

/** Whether a check failed only as the schema names functions, orders or modules that sqlite3 does not have. */
export function needsItsApplication(error: unknown): boolean {
  return (
    error instanceof StreamError &&
    error.code === 'stream-failed' &&
    /unknown function|no such function|no such collation|no such module|unsafe use of/.test(error.stderr) &&
    !/cannot commit|malformed|disk I\/O/.test(error.stderr)
  );
}

/** Whether what it read makes no sense. */
export function isMalformed(error: unknown): boolean {
  return error instanceof StreamError && /malformed/.test(error.stderr);
}

/** What sqlite3 failed with, in our words. */
export function explained(error: unknown, { name, shown }: DatabaseFile): unknown {
  if (!(error instanceof StreamError) || error.code !== 'stream-failed') return error;
  const { stderr } = error;
  const as = (code: string, what: string, hint: string) =>
    new StreamError(code, `stream ${name}: ${shown} ${what}`, { hint, stderr, cause: error });
  if (/database (?:table )?is (?:locked|busy)|locking protocol/.test(stderr)) {
    return as('stream-locked', 'stayed locked by somebody else', 'try again when it is idle, or raise busy');
  }
  if (/not a database/.test(stderr)) {
    return as(
      'stream-failed',
      'is not an SQLite database',
      'one that is encrypted needs a stream of the kind command',
    );
  }
  if (/readonly database|unable to open database/.test(stderr)) {
    return as(
      'stream-failed',
      'cannot be opened by sqlite3',
      'it must be able to write there, as every reader of a write-ahead log must',
    );
  }
  return error;
}
