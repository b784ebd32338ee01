// The registry of kinds of streams. Adding one is a file beside this one and a row here.
import { UsageError } from '../../errors.ts';
import type { Stream, StreamGround, StreamKind } from '../stream.ts';
import { command } from './command.ts';
import { duckdb } from './duckdb.ts';
import { mysql } from './mysql.ts';
import { postgres } from './postgres.ts';
import { redis } from './redis.ts';
import { sqlite } from './sqlite.ts';

export const streamKinds: readonly StreamKind[] = [postgres, mysql, redis, sqlite, duckdb, command];

/** A stream as the file has it. */
export interface StreamSettings {
  readonly name: string;
  /** Its kind, such as `postgres`. */
  readonly type: string;
  /** As the kind's shape has it. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/** @throws UsageError `bad-setting` for a kind that there is not, and for settings that contradict each other */
export function openStream({ name, type, settings }: StreamSettings, ground: StreamGround): Stream {
  const kind = streamKinds.find((known) => known.type === type);
  if (!kind) {
    throw new UsageError('bad-setting', `stream ${name} is of a kind that there is not: ${type}`, {
      object: name,
      hint: `one of ${streamKinds.map((known) => known.type).join(', ')}`,
    });
  }
  return kind.open(name, settings, ground);
}
