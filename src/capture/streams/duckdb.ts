// DuckDB: the bytes of a database's file, while a reader of DuckDB's own keeps writers away. A file that a writer has
// is left alone: DuckDB has no way to read it, and a copy would be torn. How it is fed back is in duckdb-load.ts.
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Stream, StreamError, type StreamKind } from '../stream.ts';
import { bytesOf, type DatabaseFile, openFile } from './database-file.ts';
import { loadDuckdb, logsOf } from './duckdb-load.ts';
import { rehearseDuckdb } from './duckdb-rehearse.ts';
import { type DuckdbEngine, openDuckdb, packageEngine, programEngine, readAll } from './duckdb-shell.ts';
import type { Session } from './session.ts';
import { line, timeout, timeoutOf } from './shapes.ts';
import type { ToolOptions } from './tool.ts';

/** @param engine what DuckDB there is */
export function duckdbBy(engine: () => DuckdbEngine): StreamKind {
  return {
    type: 'duckdb',
    shape: {
      kind: 'object',
      summary: 'a DuckDB database, as its file',
      required: ['file'],
      fields: { file: line('The database: a path, relative to the root of the set'), timeout },
    },
    takes: ({ file }) => ['', '.wal'].map((end) => `${file}${end}`),
    open(name, settings, ground) {
      const shown = String(settings.file);
      const file: DatabaseFile = { name, shown, path: resolve(ground.root, shown) };
      const run = { name, env: ground.env, cwd: ground.root, timeout: timeoutOf(settings.timeout) };
      return {
        name,
        type: 'duckdb',
        facts: { file: shown, format: 'DuckDB file' },
        async *dump({ signal, onNotes } = {}) {
          const handle = await openFile(file, ground.root);
          const by = engine();
          try {
            const held = await opened(by, file, { ...run, signal });
            try {
              yield* bytesOf(file, handle, signal);
              // Another one, whose end at a damaged block leaves the file held.
              const unread = await readAll(await openDuckdb(by, file, { ...run, signal }), file);
              await held.close();
              if (unread !== '') onNotes?.(unread);
            } finally {
              await held.stop();
            }
          } finally {
            await handle.close();
          }
        },
        async load(dump, options) {
          return await loadDuckdb(dump, file, { ...options, root: ground.root, engine: engine(), run });
        },
        async rehearse(dump, options) {
          const { root } = ground;
          return await rehearseDuckdb(dump, file, { ...options, root, engine: engine(), run });
        },
      } satisfies Stream;
    },
  };
}

export const duckdb: StreamKind = duckdbBy(() => packageEngine() ?? programEngine);

/** A reader of all that there is. @throws StreamError stream-unfinished for a file that is not, and as `openDuckdb` */
async function opened(engine: DuckdbEngine, file: DatabaseFile, options: ToolOptions): Promise<Session> {
  try {
    const session = await openDuckdb(engine, file, options);
    await refuseLog(file).catch(async (error: unknown) => {
      await session.stop();
      throw error;
    });
    return session;
  } catch (error) {
    // Not every log can be read by somebody who may not write.
    if (error instanceof StreamError && error.code === 'stream-failed') await refuseLog(file);
    throw error;
  }
}

/** Nothing of it is in the file, and DuckDB moves it there only for a writer. @throws StreamError stream-unfinished */
async function refuseLog({ name, shown, path }: DatabaseFile): Promise<void> {
  for (const at of await logsOf(path)) {
    const log = await stat(at).catch(() => undefined);
    if (!log || log.size === 0) continue;
    throw new StreamError(
      'stream-unfinished',
      `stream ${name}: ${shown} has a log that is not yet in its file`,
      {
        hint: `its writer did not end well; open it for writing once (duckdb ${shown} -c CHECKPOINT), then try again`,
      },
    );
  }
}
