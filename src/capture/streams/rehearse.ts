// What drills have in common, whatever kind of stream is loaded. What answers a query holds what a host dumped, be it one
// that was taken over: so not more of it is taken than is looked at, and of a refusal only which one it is. The words
// of an engine may quote a value, or be those of a function that came with the dump.
import { existsSync } from 'node:fs';
import { UsageError } from '../../errors.ts';
import { StreamError } from '../stream.ts';

/** The most that an answer may have, in bytes. */
const ANSWER = 64 * 1024;
/** Milliseconds that taking something away may take, however little time there is for a query. */
export const DROPPING = 5 * 60_000;
/** Milliseconds that making a database goes on for after an interruption. */
const MAKING = 10_000;

/** What engines say when they refuse a query, and what is said of it. */
export type Refusals = readonly (readonly [RegExp, string])[];

/**
 * What a tool or an engine printed for a query.
 * @param name of the stream
 * @throws StreamError stream-answer, and what `printed` fails with, without its words
 */
export async function answerOf(
  name: string,
  printed: AsyncIterable<Buffer>,
  refusals: Refusals,
): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of printed) {
      size += chunk.length;
      if (size > ANSWER) throw tooLong(name);
      chunks.push(chunk);
    }
  } catch (error) {
    throw refused(name, error, refusals);
  }
  return Buffer.concat(chunks).toString('utf8').replace(/\n$/, '');
}

function tooLong(name: string): StreamError {
  return new StreamError('stream-answer', `stream ${name}: the answer to a query is longer than 64 KiB`, {
    hint: 'have it count, or give it a LIMIT',
  });
}

function refused(name: string, error: unknown, refusals: Refusals): unknown {
  if (!(error instanceof StreamError) || error.stderr === '') return error;
  const { code, message, stderr } = error;
  if (code !== 'stream-failed') return new StreamError(code, message, error.hint ? { hint: error.hint } : {});
  const why = refusals.find(([said]) => said.test(stderr))?.[1];
  return new StreamError(code, `stream ${name}: a query failed${why === undefined ? '' : `: ${why}`}`, {
    hint: 'load the stream into a scratch database (strongroom restore --load) and ask it by hand',
  });
}

/** @returns the query, which asks something @throws UsageError stream-not-askable */
export function askable(name: string, query: string): string {
  if (query.trim() !== '' && !query.includes('\0')) return query;
  throw new UsageError('stream-not-askable', `stream ${name} is asked nothing`, {
    object: name,
    hint: 'write a query, such as SELECT count(*) FROM trades',
  });
}

/**
 * Where tools run in a drill. The root of the set is there only on the machine that is backed up.
 * @param directory of the drill
 */
export function runIn<Run extends { readonly cwd: string }>(directory: string, run: Run): Run {
  return existsSync(run.cwd) ? run : { ...run, cwd: directory };
}

/** Takes something away once. A failure is told, and may be followed by another try. */
export function once(work: () => Promise<void>): () => Promise<void> {
  let begun: Promise<void> | undefined;
  return () => {
    begun ??= work().catch((error: unknown) => {
      begun = undefined;
      throw error;
    });
    return begun;
  };
}

/**
 * A signal that comes later: a client that is ended does not end what its server has begun, and a database that comes to
 * be after it was dropped would stay.
 */
export function delayed(signal: AbortSignal | undefined): AbortSignal | undefined {
  if (!signal || signal.aborted) return signal;
  const later = new AbortController();
  signal.addEventListener('abort', () => setTimeout(() => later.abort(), MAKING).unref(), { once: true });
  return later.signal;
}

/** A text as a tool reads it. */
export async function* written(text: string): AsyncGenerator<Buffer> {
  yield Buffer.from(text);
}
