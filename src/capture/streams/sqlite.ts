// SQLite: the bytes of a database's file, while a reader of SQLite's own keeps them still. Nothing of a dump is lost
// that way (text with zero bytes, rowids, the page size), and nothing in it is ever run. How it is fed back is in
// sqlite-load.ts.
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { InterruptedError } from '../../errors.ts';
import { type Stream, StreamError, type StreamKind } from '../stream.ts';
import { bytesOf, type DatabaseFile, openFile, rightsFor } from './database-file.ts';
import { scrub } from './scrub.ts';
import type { Session } from './session.ts';
import { duration, line, timeout, timeoutOf } from './shapes.ts';
import { loadSqlite } from './sqlite-load.ts';
import { rehearseSqlite } from './sqlite-rehearse.ts';
import { check, explained, isMalformed, needsItsApplication, type Shell, shellOf } from './sqlite-shell.ts';

/** Milliseconds between two attempts to have the whole database in its file. */
const PAUSE = 100;

export const sqlite: StreamKind = {
  type: 'sqlite',
  shape: {
    kind: 'object',
    summary: 'an SQLite database, as its file, by sqlite3',
    required: ['file'],
    fields: {
      file: line('The database: a path, relative to the root of the set'),
      busy: duration('How long to wait for a lock (30s unless set)'),
      timeout,
    },
  },
  takes: ({ file }) => ['', '-wal', '-shm', '-journal'].map((end) => `${file}${end}`),
  open(name, settings, ground) {
    const shown = String(settings.file);
    const file: DatabaseFile = { name, shown, path: resolve(ground.root, shown) };
    const busy = timeoutOf(settings.busy ?? '30s');
    const run = { name, env: ground.env, cwd: ground.root, timeout: timeoutOf(settings.timeout) };
    return {
      name,
      type: 'sqlite',
      facts: { file: shown, format: 'SQLite file' },
      async *dump({ signal, onNotes } = {}) {
        const handle = await openFile(file, ground.root);
        let shell: Shell | undefined;
        try {
          shell = shellOf(file.path, busy, { ...run, signal, as: await rightsFor(handle, file) });
          const held = await hold(shell, file, { busy, signal });
          const found = await check(held);
          yield* bytesOf(file, handle, signal);
          await held.ask('COMMIT;');
          if (!(await isSound(held, file, found))) {
            onNotes?.(`${shown} was not checked: it needs functions of its own application`);
          }
        } catch (error) {
          throw explained(error, file);
        } finally {
          await shell?.stop();
          await handle.close();
        }
      },
      async load(dump, options) {
        return await loadSqlite(dump, file, { ...options, busy, run, root: ground.root });
      },
      async rehearse(dump, options) {
        return await rehearseSqlite(dump, file, { ...options, busy, run, root: ground.root });
      },
    } satisfies Stream;
  },
};

/**
 * A reader for whom the file alone is the whole database, and as long as it reads nobody changes the file.
 *
 * Without a write-ahead log each reader is such a one (sqlite.org/lockingv3.html, SHARED). With one, the file holds all
 * of it once a checkpoint has come to the log's end, and no checkpoint goes beyond what the oldest reader sees
 * (sqlite.org/wal.html, 2.2). So writers are stopped for as long as it takes to see that both have the same end; from
 * then on they write to the log.
 * @throws StreamError stream-locked, and what the shell fails with
 */
async function hold(
  shell: Shell,
  file: DatabaseFile,
  { busy, signal }: { busy: number; signal: AbortSignal | undefined },
): Promise<Session> {
  const held = await shell.lenient();
  const [mode] = await held.ask('PRAGMA journal_mode;');
  if (mode === undefined) return await refused(held);
  if (mode !== 'wal') return await reading(held);
  const others = await shell.strict();
  const writer = await shell.strict();
  for (const end = performance.now() + busy; ; await sleep(PAUSE)) {
    if (signal?.aborted) throw new InterruptedError('interrupted', 'interrupted');
    // Most of the work, before anybody has to wait.
    await others.ask('PRAGMA wal_checkpoint(PASSIVE);');
    await writer.ask('BEGIN IMMEDIATE;');
    await reading(held);
    const [answer = ''] = await others.ask('PRAGMA wal_checkpoint(PASSIVE);');
    await writer.ask('ROLLBACK;');
    const [isBusy, logged, moved] = answer.split('|');
    if (isBusy === '0' && Number(logged) >= 0 && logged === moved) {
      await writer.close();
      await others.close();
      return held;
    }
    await held.ask('ROLLBACK;');
    if (performance.now() < end) continue;
    throw new StreamError(
      'stream-locked',
      `stream ${file.name}: ${file.shown} has a reader that does not end`,
      {
        hint: 'end it, raise busy, or dump it as SQL with a stream of the kind command (see docs/streams.md)',
      },
    );
  }
}

async function reading(held: Session): Promise<Session> {
  const [tables] = await held.ask('BEGIN;', 'SELECT count(*) FROM sqlite_master;');
  return tables === undefined ? await refused(held) : held;
}

/** One that printed nothing says why at its end. */
async function refused(held: Session): Promise<never> {
  await held.close();
  throw new Error('a reader that sees nothing');
}

/**
 * The reader was there to its end, and found nothing amiss.
 * @returns false where it cannot know
 * @throws StreamError stream-unfinished, and what the shell failed with
 */
async function isSound(held: Session, file: DatabaseFile, found: readonly string[]): Promise<boolean> {
  const failure = await held.close().then(
    () => undefined,
    (error: unknown) => error,
  );
  const isDamaged = found.length > 0 ? found[0] !== 'ok' : isMalformed(failure);
  if (isDamaged) {
    const said = failure instanceof StreamError ? failure.stderr : '';
    throw new StreamError(
      'stream-unfinished',
      `stream ${file.name}: ${file.shown} is damaged, as integrity_check finds`,
      {
        hint: 'take the last complete snapshot, or see sqlite3’s .recover',
        stderr: scrub([...found, said].join('\n'), []),
        cause: failure,
      },
    );
  }
  if (failure !== undefined && !needsItsApplication(failure)) throw failure;
  return failure === undefined;
}
