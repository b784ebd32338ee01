// Redis and Valkey: the whole server as an RDB dump, which it sends as to a replica. A server reads such a file only
// when it starts: so it is fed back as a file for one to start with.
import { rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Loaded, LoadOptions, Stream, StreamGround, StreamKind } from '../stream.ts';
import {
  type DatabaseFile,
  nameNew,
  receive,
  refuseExisting,
  replace,
  scratchFile,
} from './database-file.ts';
import { type HeadFacts, noteHead, textAfter } from './head-facts.ts';
import { notEmpty } from './proof.ts';
import { provenRdb } from './rdb.ts';
import { rehearseRedis } from './redis-rehearse.ts';
import { serverFields, serverOf } from './redis-server.ts';
import { timeout, timeoutOf } from './shapes.ts';
import { runTool } from './tool.ts';
import { whichOf } from './which.ts';

/** What redis-cli tells of its progress. */
const PROGRESS = /^(?:sending REPLCONF|SYNC sent to|Transfer finished).*$\n?/gm;

export const redis: StreamKind = {
  type: 'redis',
  shape: {
    kind: 'object',
    summary: 'a Redis or Valkey server, as an RDB dump by redis-cli',
    fields: { ...serverFields, timeout },
  },
  open(name, settings, ground) {
    const server = serverOf(name, settings, ground);
    const found: HeadFacts = {};
    const run = {
      name,
      env: ground.env,
      cwd: ground.root,
      timeout: timeoutOf(settings.timeout),
      package: 'redis-tools',
    };
    return {
      name,
      type: 'redis',
      get facts() {
        return { format: 'rdb', ...found };
      },
      async *dump({ signal, onNotes } = {}) {
        const { options, adds, secrets } = await server();
        const tool = await whichOf(['redis-cli', 'valkey-cli'], ground.env);
        const printed = runTool(tool, [...options, '--rdb', '-'], {
          ...run,
          adds,
          secrets,
          signal,
          onNotes: (text) => {
            const rest = text.replace(PROGRESS, '').trim();
            if (rest !== '') onNotes?.(rest);
          },
        });
        const proven = provenRdb(notEmpty(printed, name, tool), { name, onNotes });
        yield* noteHead(proven, found, (head) => textAfter(/(?:redis|valkey)-ver[^\d.]/, head));
      },
      async load(dump, options) {
        return await load(dump, name, { ...options, ground });
      },
      async rehearse(dump, options) {
        return await rehearseRedis(dump, {
          ...options,
          run,
          load: (bytes, asked) => load(bytes, name, { ...asked, ground }),
        });
      },
    } satisfies Stream;
  },
};

async function load(
  dump: AsyncIterable<Buffer>,
  name: string,
  { into, isLive = false, signal, ground }: LoadOptions & { ground: StreamGround },
): Promise<Loaded> {
  const path = into === undefined ? scratchFile(join(ground.root, 'dump.rdb')) : resolve(ground.root, into);
  const file: DatabaseFile = { name, shown: into ?? path, path };
  const isThere = isLive && into !== undefined && (await stat(path).catch(() => undefined)) !== undefined;
  if (!isThere) await refuseExisting(file, []);
  const beside = await receive(provenRdb(dump, { name }), file, signal);
  try {
    await (isThere ? replace(beside, path) : nameNew(beside, file));
  } finally {
    await rm(beside, { force: true });
  }
  return {
    into: `file ${file.shown}`,
    hint: 'stop Redis, set appendonly no, move it to its dir and dbfilename, chown it to Redis, start, and see DBSIZE',
  };
}
