// Feeds a dump of MariaDB or MySQL back: into a new database, which is dropped again if that fails. Their DDL knows no
// transaction: what is to be replaced is replaced only when a new database has taken the whole dump.
import { randomBytes } from 'node:crypto';
import { ConflictError, InterruptedError } from '../../errors.ts';
import { type Loaded, type LoadOptions, StreamError } from '../stream.ts';
import { explained, mysqlClient } from './mysql-client.ts';
import { dumpMysql } from './mysql-dump.ts';
import type { MysqlServer } from './mysql-server.ts';
import { scratchName } from './scratch.ts';
import type { ToolOptions } from './tool.ts';

/** Longest name of a database, in characters. */
const NAME = 64;

export interface MysqlLoadOptions extends LoadOptions {
  readonly server: MysqlServer;
  readonly run: ToolOptions;
}

export interface MysqlLoaded extends Loaded {
  /** Its name. */
  readonly database: string;
}

/** @throws as `Stream.load` */
export async function loadMysql(
  dump: AsyncIterable<Buffer>,
  { server, into, isLive = false, signal, run: base }: MysqlLoadOptions,
): Promise<MysqlLoaded> {
  const run: ToolOptions = { ...base, signal };
  const client = await mysqlClient(server, run);
  let name = into ?? scratchName(server.database, NAME, randomBytes(5));
  const isThere = !(await client.create(name));
  if (isThere) {
    if (!isLive) throw inTheWay(name);
    name = scratchName(name, NAME, randomBytes(5));
    await client.create(name);
  }
  try {
    await client.feed(dump, name);
  } catch (error) {
    await client.drop(name).catch(() => {});
    throw explained(error);
  }
  if (!isThere || into === undefined)
    return { database: name, into: `database ${name}`, hint: `${client.program} ${name} to look at it` };
  try {
    await client.feed(dumpMysql(server, { database: name }, run), into);
  } catch (error) {
    throw halfReplaced(error, run.name, into, name);
  }
  await client.drop(name);
  return {
    database: into,
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

function inTheWay(name: string): ConflictError {
  return new ConflictError('target-exists', `there is a database ${name} already`, {
    object: name,
    hint: 'name another one, or say that it is to be replaced (--live)',
  });
}
