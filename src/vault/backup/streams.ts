// Writes the streams of a snapshot: each the output of a program, on its way to the store while the program runs. One
// that fails makes the snapshot incomplete; what it printed is kept, and marked.
import { createHash } from 'node:crypto';
import { type Stream, StreamError } from '../../capture/stream.ts';
import { type ArtifactTarget, type WrittenArtifact, writeArtifact } from '../artifact-write.ts';
import type { StreamInfo } from '../documents/streams.ts';
import { artifactComment, streamArtifact } from '../layout.ts';
import type { BackupProblem } from './plan.ts';

export interface StreamOptions {
  readonly vault: string;
  readonly set: string;
  readonly id: string;
  readonly level?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: { readonly stream: string; readonly bytes: number }) => void;
}

export interface WrittenStreams {
  readonly written: readonly (WrittenArtifact & { readonly info: StreamInfo })[];
  readonly problems: readonly BackupProblem[];
}

/**
 * One after the other: databases of one machine have the same disk.
 * @throws as `writeArtifact`; InterruptedError. A stream that fails throws nothing
 */
export async function writeStreams(
  target: ArtifactTarget,
  streams: readonly Stream[],
  options: StreamOptions,
): Promise<WrittenStreams> {
  const written: (WrittenArtifact & { info: StreamInfo })[] = [];
  const problems: BackupProblem[] = [];
  for (const stream of streams) {
    const { name, type } = stream;
    const watched = watch(stream, options, problems);
    // The first bytes are waited for, as a program that is missing leaves nothing to keep.
    const first = await watched.bytes.next();
    if (first.done) continue;
    const artifact = streamArtifact(name);
    const { vault, set, id, level } = options;
    const comment = artifactComment(vault, set, id, artifact);
    const how = { comment, ...(level === undefined ? {} : { level }) };
    try {
      const made = await writeArtifact(target, artifact, goOn(first.value, watched.bytes), how);
      // Some are known only now: the database of an address, the version of its server.
      const { facts } = stream;
      written.push({ ...made, info: { name, type, facts, ...watched.result() } });
    } finally {
      // Whoever stops reading, such as a full disk, stops the program too.
      await watched.bytes.return(undefined);
    }
  }
  return { written, problems };
}

type Result = Pick<StreamInfo, 'bytes' | 'sha256' | 'seconds' | 'complete'>;

function watch(
  stream: Stream,
  { signal, onProgress }: StreamOptions,
  problems: BackupProblem[],
): { bytes: AsyncGenerator<Buffer>; result(): Result } {
  const began = performance.now();
  const hash = createHash('sha256');
  let bytes = 0;
  let complete = false;
  async function* observed(): AsyncGenerator<Buffer> {
    try {
      const onNotes = (text: string) => void problems.push(problemOf(stream, text, false));
      for await (const chunk of stream.dump({ onNotes, ...(signal ? { signal } : {}) })) {
        hash.update(chunk);
        bytes += chunk.length;
        onProgress?.({ stream: stream.name, bytes });
        yield chunk;
      }
      complete = true;
    } catch (error) {
      if (!(error instanceof StreamError)) throw error;
      problems.push(problemOf(stream, reasonOf(error), true));
    }
  }
  const seconds = () => Math.round(performance.now() - began) / 1000;
  return {
    bytes: observed(),
    result: () => ({ bytes, sha256: hash.digest('hex'), seconds: seconds(), complete }),
  };
}

/** What the tool said comes with it: for a person at three in the morning the exit code alone is no reason. */
function reasonOf({ message, hint, stderr }: StreamError): string {
  const said = stderr.trim();
  return [message, hint, said === '' ? undefined : `it said: ${said}`].filter(Boolean).join('; ');
}

function problemOf({ name }: Stream, text: string, incomplete: boolean): BackupProblem {
  // A reason is one line, and contents hold no longer text.
  const reason = text
    .trim()
    .replace(/\s*\n\s*/g, ' | ')
    .slice(0, 4000);
  return { kind: 'stream', path: `stream ${name}`, reason, incomplete };
}

async function* goOn(first: Buffer, rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  yield* rest;
}
