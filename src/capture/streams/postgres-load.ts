// Feeds a dump of PostgreSQL back: into a new database, which is dropped again if that fails, or over one that is there,
// all of it or nothing. Which format the dump is in say the settings: the dump itself is the word of whoever sent it.
import { randomBytes } from 'node:crypto';
import { ConflictError, UsageError } from '../../errors.ts';
import { type Loaded, type LoadOptions, StreamError } from '../stream.ts';
import { peek } from './peek.ts';
import { isCustom } from './postgres-head.ts';
import { canRestrict, restricted } from './postgres-restrict.ts';
import { connectTo, type PostgresServer } from './postgres-server.ts';
import { DROPPING, delayed } from './rehearse.ts';
import { scratchName } from './scratch.ts';
import { runTool, type ToolOptions, toolText } from './tool.ts';

/** Bytes that tell which format a dump is in. */
const HEAD = 512;
/** Longest name of a database, in bytes. */
const NAME = 63;
/** Rows, values and statements, which errors quote. */
const QUOTED =
  /^(?:(?:DETAIL|CONTEXT|STATEMENT|QUERY|LINE \d+|Command was):? ).*(?:\n(?!pg_restore:|psql:).*)*|(?<=: |at or near )".*"/gm;

export type Form = 'custom' | 'plain' | 'globals';

export interface PostgresLoadOptions extends LoadOptions {
  readonly server: PostgresServer;
  /** As the settings have it; a dump in another format is refused. */
  readonly format: Form;
  readonly run: Pick<ToolOptions, 'name' | 'env' | 'cwd' | 'timeout' | 'package'>;
  /** What pg_restore leaves out of a new database: `--no-owner`. */
  readonly without?: readonly string[];
}

export interface PostgresLoaded extends Loaded {
  /** Its name. */
  readonly database: string;
}

/** @throws as `Stream.load` */
export async function loadPostgres(
  dump: AsyncIterable<Buffer>,
  options: PostgresLoadOptions,
): Promise<PostgresLoaded> {
  const { head, whole, close } = await peek(dump, HEAD);
  try {
    if (head.length === 0)
      throw new StreamError('stream-empty', `stream ${options.run.name}: the dump is empty`);
    return await load(whole, isCustom(head) ? 'custom' : formOfText(head), options);
  } finally {
    await close();
  }
}

/** How the tools are run. */
export function toolsOf({ run, server, signal }: PostgresLoadOptions): ToolOptions {
  return { ...run, signal, adds: server.adds, secrets: server.secrets, hides: QUOTED };
}

async function load(
  dump: AsyncIterable<Buffer>,
  form: Form,
  options: PostgresLoadOptions,
): Promise<PostgresLoaded> {
  const { server, into, isLive = false, without = [] } = options;
  const run = toolsOf(options);
  const refuse = (why: string, hint: string) =>
    new UsageError('stream-not-loadable', `stream ${run.name} ${why}`, { object: run.name, hint });
  // A host that was taken over chooses what it sends, not what is run on it.
  if (form !== options.format) {
    throw refuse(
      `holds a dump that is ${form}, and its settings say ${options.format}`,
      `if they were changed since it was dumped, set format: ${form}; if not, find out what happened to the host`,
    );
  }
  if (form === 'globals') {
    const command = `strongroom cat latest --stream ${run.name} | psql -d postgres`;
    throw refuse(
      'holds roles, which belong to a whole server',
      `look at them first, as psql runs commands such as \\! that stand in them, and pipe them: ${command}`,
    );
  }
  if (form === 'plain' && !(await canRestrict(run))) {
    throw refuse(
      'is plain SQL, and this psql would run any command of its own that stands in it, for a shell too',
      'install a psql of August 2025 or later (13.22, 14.19, 15.14, 16.10, 17.6), or dump in the custom format',
    );
  }
  const name = into ?? scratchName(server.database, NAME, randomBytes(5));
  // Whoever may replace a database may be one who may make none.
  if ((isLive && (await isThere(name, run))) || !(await create(name, run))) {
    if (!isLive) throw inTheWay(name);
    if (form === 'custom') return await replace(dump, name, run);
    throw refuse(
      'is plain SQL, which replaces nothing',
      'load it into a new database and rename that, or dump in the custom format',
    );
  }
  try {
    await (form === 'custom' ? restore(dump, name, without, run) : psql(dump, name, run));
  } catch (error) {
    // Whatever becomes of it: the first failure is the one to tell.
    await dropPostgres(name, run).catch(() => {});
    throw explained(error);
  }
  return {
    database: name,
    into: `database ${name}`,
    hint: `psql ${quoted(name)} to look at it, dropdb ${quoted(name)} to drop it`,
  };
}

/** All or nothing: what the dump holds is dropped and made again in one transaction. */
async function replace(dump: AsyncIterable<Buffer>, name: string, run: ToolOptions): Promise<PostgresLoaded> {
  try {
    await restore(dump, name, ['--clean', '--if-exists', '--single-transaction'], run);
  } catch (error) {
    throw explained(error);
  }
  return {
    database: name,
    into: `database ${name}`,
    hint: 'what the dump does not hold, such as tables made since, is as it was',
  };
}

async function restore(
  dump: AsyncIterable<Buffer>,
  database: string,
  args: readonly string[],
  run: ToolOptions,
): Promise<void> {
  const all = ['--no-password', '--exit-on-error', ...args, connectTo(database)];
  await ran('pg_restore', all, { ...run, stdin: dump });
}

async function psql(dump: AsyncIterable<Buffer>, database: string, run: ToolOptions): Promise<void> {
  const args = ['--no-psqlrc', '--no-password', '--quiet', '--set=ON_ERROR_STOP=1', '--output=/dev/null'];
  await ran('psql', [...args, connectTo(database)], { ...run, stdin: restricted(dump) });
}

async function ran(program: string, args: readonly string[], options: ToolOptions): Promise<void> {
  for await (const _ of runTool(program, args, options));
}

/** @returns whether it was not there */
async function create(name: string, run: ToolOptions): Promise<boolean> {
  try {
    // As it was made by initdb: what somebody added to template1 would be in the way.
    const args = ['--no-password', '--template=template0', '--', name];
    await toolText('createdb', args, { ...run, signal: delayed(run.signal) });
    return true;
  } catch (error) {
    if (error instanceof StreamError && /already exists/.test(error.stderr)) return false;
    throw explained(error);
  }
}

async function isThere(name: string, run: ToolOptions): Promise<boolean> {
  const args = ['--no-psqlrc', '--no-password', '--command=select', connectTo(name)];
  try {
    await toolText('psql', args, run);
    return true;
  } catch (error) {
    if (error instanceof StreamError && error.code === 'stream-failed') return false;
    throw error;
  }
}

function inTheWay(name: string): ConflictError {
  return new ConflictError('target-exists', `there is a database ${name} already`, {
    object: name,
    hint: 'name another one, or say that it is to be replaced (--live)',
  });
}

/** With whatever still runs in it; an interruption does not keep it. @throws as `toolText` */
export async function dropPostgres(name: string, run: ToolOptions): Promise<void> {
  const { signal: _, ...rest } = run;
  const args = ['--no-password', '--if-exists', '--force', '--', name];
  await toolText('dropdb', args, { ...rest, timeout: DROPPING });
}

/** What the server says, and what to do about it. */
const HINTS: readonly (readonly [RegExp, string])[] = [
  [/role .* does not exist/, 'its owners are not on this server: load their dump (format: globals) first'],
  [/permission denied to create database/, 'its role needs CREATEDB'],
];

function explained(error: unknown): unknown {
  if (!(error instanceof StreamError)) return error;
  const { code, message, stderr } = error;
  const hint = HINTS.find(([said]) => said.test(stderr))?.[1];
  return hint === undefined ? error : new StreamError(code, message, { hint, stderr, cause: error });
}

function formOfText(head: Buffer): Form {
  return /^-- PostgreSQL database cluster dump$/m.test(head.toString('latin1')) ? 'globals' : 'plain';
}

/** A name as it may be typed in a shell. */
export function quoted(name: string): string {
  return /^[\w.-]+$/.test(name) ? name : `'${name.replaceAll("'", "'\\''")}'`;
}
