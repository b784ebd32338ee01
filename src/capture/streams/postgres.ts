// PostgreSQL: one database by pg_dump, proven by pg_restore or by the line it ends in, or a cluster's roles by
// pg_dumpall. How it is fed back is in postgres-load.ts.
import { UsageError } from '../../errors.ts';
import { type DumpOptions, type Stream, StreamError, type StreamKind } from '../stream.ts';
import { type HeadFacts, noteHead } from './head-facts.ts';
import { postgresVersion, TRAILERS } from './postgres-head.ts';
import { type Form, loadPostgres } from './postgres-load.ts';
import { rehearsePostgres } from './postgres-rehearse.ts';
import { connectTo, type PostgresServer, serverFields, serverOf } from './postgres-server.ts';
import { endingIn, notEmpty, provenBy } from './proof.ts';
import { duration, lines, oneOf, timeout, timeoutOf } from './shapes.ts';
import { runTool, type ToolOptions } from './tool.ts';

const PACKAGE = 'postgresql-client';
const FORMATS: readonly Form[] = ['custom', 'plain', 'globals'];

/** pg_dump lets its wait for a lock end by the limit of a statement, and has no other. */
const LOCKED = /canceling statement due to (?:lock|statement) timeout/;

export const postgres: StreamKind = {
  type: 'postgres',
  shape: {
    kind: 'object',
    summary: 'a PostgreSQL database, by pg_dump',
    fields: {
      ...serverFields,
      format: oneOf(
        FORMATS,
        'custom (pg_restore, the default), plain (SQL), or globals (roles, by pg_dumpall)',
      ),
      tables: lines('Only these tables, as patterns of pg_dump'),
      excludeTables: lines('All but these tables, as patterns of pg_dump'),
      lockTimeout: duration('How long to wait for tables that somebody has locked (5m unless set)'),
      timeout,
    },
  },
  open(name, settings, ground) {
    const format = (settings.format ?? 'custom') as Form;
    const tables = (settings.tables ?? []) as readonly string[];
    const excludeTables = (settings.excludeTables ?? []) as readonly string[];
    const hasTables = tables.length + excludeTables.length > 0;
    if (format === 'globals' ? hasTables : settings.url === undefined && settings.database === undefined) {
      const why =
        hasTables && format === 'globals' ? 'has tables, and globals have none' : 'names no database';
      throw new UsageError('bad-setting', `stream ${name} ${why}`, {
        object: name,
        ...(format === 'globals' ? {} : { hint: 'give it a database or a url' }),
      });
    }
    const server = serverOf(name, settings, ground);
    const limits = {
      timeout: timeoutOf(settings.timeout),
      lockTimeout: timeoutOf(settings.lockTimeout ?? '5m'),
    };
    const base = { name, env: ground.env, cwd: ground.root, timeout: limits.timeout, package: PACKAGE };
    const found: HeadFacts = {};
    return {
      name,
      type: 'postgres',
      get facts() {
        return {
          ...(typeof settings.database === 'string' ? { database: settings.database } : {}),
          format,
          ...(tables.length > 0 ? { tables: tables.join(', ') } : {}),
          ...(excludeTables.length > 0 ? { excludeTables: excludeTables.join(', ') } : {}),
          ...found,
        };
      },
      async *dump(options = {}) {
        const at = await server();
        if (at.database !== '') found.database = at.database;
        const run = { ...base, adds: at.adds, secrets: at.secrets, ...options };
        const arguments_ = argumentsOf(format, at, { tables, excludeTables, ...limits, name });
        const tool = format === 'globals' ? 'pg_dumpall' : 'pg_dump';
        const printed = noteHead(
          notEmpty(lockNamed(tool, arguments_, run), name, tool),
          found,
          postgresVersion,
        );
        yield* format === 'custom'
          ? provenBy((copy, signal) => readToEnd(copy, { ...run, ...withBoth(options, signal) }), printed)
          : endingIn(TRAILERS[format], printed, name, tool);
      },
      async load(dump, options) {
        return loadPostgres(dump, { ...options, server: await server(), format, run: base });
      },
      // Roles belong to a whole server: there is no place of their own for them.
      rehearse:
        format === 'globals'
          ? undefined
          : async (dump, options) =>
              rehearsePostgres(dump, { ...options, server: await server(), format, run: base }),
    } satisfies Stream;
  },
};

interface What {
  readonly name: string;
  readonly tables: readonly string[];
  readonly excludeTables: readonly string[];
  /** Milliseconds. */
  readonly lockTimeout: number;
}

/** @throws StreamError stream-address */
function argumentsOf(format: Form, { database }: PostgresServer, what: What): string[] {
  const lock = `--lock-wait-timeout=${what.lockTimeout}`;
  if (format === 'globals') {
    return ['--globals-only', '--no-password', lock, ...(database === '' ? [] : [`--database=${database}`])];
  }
  if (database === '') {
    throw new StreamError('stream-address', `stream ${what.name}: its address names no database`, {
      hint: 'it ends in the name: postgresql://host/name',
    });
  }
  return [
    `--format=${format}`,
    // We compress what it prints, and on all cores.
    '--compress=0',
    '--no-password',
    lock,
    ...what.tables.map((table) => `--table=${table}`),
    ...what.excludeTables.map((table) => `--exclude-table=${table}`),
    connectTo(database),
  ];
}

/** Runs the tool, and tells a table that stayed locked from other failures. */
async function* lockNamed(
  tool: string,
  args: readonly string[],
  options: ToolOptions,
): AsyncGenerator<Buffer> {
  try {
    yield* runTool(tool, args, options);
  } catch (error) {
    if (!(error instanceof StreamError) || !LOCKED.test(error.stderr)) throw error;
    throw new StreamError('stream-locked', `stream ${options.name}: a table stayed locked by somebody else`, {
      hint: 'find who holds it (pg_locks), or raise lockTimeout',
      stderr: error.stderr,
      cause: error,
    });
  }
}

/** Half a dump is one that pg_restore cannot read to its end. @throws StreamError stream-unfinished */
async function readToEnd(copy: AsyncIterable<Buffer>, options: ToolOptions): Promise<void> {
  try {
    for await (const _ of runTool('pg_restore', ['--file=/dev/null'], { ...options, stdin: copy }));
  } catch (error) {
    if (!(error instanceof StreamError) || error.code !== 'stream-failed') throw error;
    throw new StreamError(
      'stream-unfinished',
      `stream ${options.name}: pg_restore cannot read what pg_dump printed`,
      { stderr: error.stderr, cause: error },
    );
  }
}

/** The proof ends with the dump, and with whoever asks for an end. What it says is only told when it fails. */
function withBoth({ signal }: DumpOptions, stop: AbortSignal): Pick<ToolOptions, 'signal' | 'onNotes'> {
  return { signal: signal ? AbortSignal.any([signal, stop]) : stop, onNotes: undefined };
}
