// The writing half of a backup, in the order of docs/format.md section 10: parts, contents, record.
import { type FindingsWatch, watchFindings } from '../../compare/findings.ts';
import { StrongroomError } from '../../errors.ts';
import type { Source } from '../../pack/collect.ts';
import type { Entry } from '../../pack/entry.ts';
import { packSources } from '../../pack/pack.ts';
import { TOOL } from '../../version.ts';
import { writeArtifact } from '../artifact-write.ts';
import { atPlace } from '../client.ts';
import { writeContents } from '../documents/contents.ts';
import type { FileFinding } from '../documents/findings.ts';
import type { SnapshotRecord } from '../documents/record.ts';
import type { StreamInfo } from '../documents/streams.ts';
import type { VaultDocument } from '../documents/vault-document.ts';
import { artifactComment, CONTENTS_ARTIFACT, FILES_ARTIFACT, LIMITS, newDataDirectory } from '../layout.ts';
import { newSnapshotId } from '../names.ts';
import type { Pin } from '../pin.ts';
import { callOptions, type VaultContext } from '../vault.ts';
import type { BackupOptions } from './backup.ts';
import type { KeyWatch } from './forbidden.ts';
import type { BackupPlan, BackupProblem } from './plan.ts';
import { writeStreams } from './streams.ts';
import { checkTime, writeRecord } from './write-record.ts';

export interface WriteOptions extends BackupOptions {
  readonly pin: Pin;
  readonly document: VaultDocument | undefined;
  /** Taken over: packing empties it. */
  readonly found: BackupPlan;
  /** Finds the sources once more. */
  collectAgain(): Promise<BackupPlan>;
  readonly watch: KeyWatch;
  readonly began: number;
  readonly beganAt: Date;
  /** Objects that no record names yet. */
  readonly written: Set<string>;
}

/** A snapshot that exists now. */
export interface Made {
  readonly record: SnapshotRecord;
  readonly recordSha256: string;
  readonly entries: readonly Entry[];
  readonly problems: readonly BackupProblem[];
  readonly streams: readonly StreamInfo[];
  readonly findings: readonly FileFinding[];
  readonly complete: boolean;
}

/**
 * Writes parts, contents and last the record.
 * @throws as `backup`; `options.written` then names what must be removed
 */
export async function writeSnapshot(context: VaultContext, options: WriteOptions): Promise<Made> {
  const { set, host, pin, sources } = options;
  let { found } = options;
  const { store } = context;
  const lastOne = async () => (await context.memory.vault(pin.vault)).wrote[atPlace(set, store.location)];
  const id = newSnapshotId(options.beganAt, (await lastOne())?.id);
  const level = options.level === undefined ? {} : { level: options.level };
  const room: Buffer[] = [];
  let inspected: Promise<void> | undefined;
  let rest: () => readonly Source[] = () => found.sources;
  const target = (data: string) => ({
    store,
    recipient: pin.recipient,
    data,
    room,
    // A set may be larger than one part, so a key in it may not have come by yet.
    async beforeObject(name: string) {
      checkTime(options);
      inspected ??= options.watch.inspectRest(rest(), context.signal);
      await inspected;
      options.written.add(name);
    },
    ...callOptions(context),
  });

  // A large file that changed while it was streamed cannot be taken back, so everything is packed once more.
  for (let attempt = 1; ; attempt++) {
    const data = newDataDirectory(set, id, pin.generation);
    const noticed = watchFindings();
    const packed = packSources(found.sources, {
      inspect(path, content) {
        options.watch.inspect(path, content);
        noticed.look(path, content);
      },
      ...(options.onProgress ? { onProgress: options.onProgress } : {}),
      ...callOptions(context),
    });
    rest = packed.rest;
    const comment = artifactComment(pin.vault, set, id, FILES_ARTIFACT);
    const files = await writeArtifact(target(data), FILES_ARTIFACT, settled(packed.stream, options.watch), {
      comment,
      ...level,
    });
    const { entries, problems: reading, bytes, tornLarge } = packed.result();
    if (tornLarge.length > 0 && attempt === 1) {
      await store.remove([...options.written]).catch(() => {});
      options.written.clear();
      inspected = undefined;
      found = await options.collectAgain();
      continue;
    }
    const dumps = await writeStreams(target(data), options.streams ?? [], {
      vault: pin.vault,
      set,
      id,
      ...level,
      ...(options.onStream ? { onProgress: options.onStream } : {}),
      ...callOptions(context),
    });
    const findings = await noticed.settle();
    const problems = [...found.problems, ...reading, ...dumps.problems, ...leftOut(noticed)];
    const complete = !problems.some((p) => p.incomplete);
    const streams = dumps.written.map(({ info }) => info);
    const contents = writeContents({
      vault: pin.vault,
      set,
      id,
      host: host.name,
      tool: TOOL,
      ...(options.description ? { description: options.description } : {}),
      root: 'memory' in sources ? '' : sources.root,
      sources:
        'memory' in sources
          ? { include: [], exclude: [] }
          : { include: sources.include, exclude: sources.exclude },
      ...(options.restore ? { restore: options.restore } : {}),
      warnings: problems.map(({ kind, path, reason, incomplete }) => ({ kind, path, reason, incomplete })),
      findings,
      artifacts: [files, ...dumps.written].map(({ artifact, gzip }) => ({ name: artifact.name, ...gzip })),
      streams,
      bytes,
      entries,
    });
    const index = await writeArtifact(target(data), CONTENTS_ARTIFACT, bounded(contents, set), {
      comment: artifactComment(pin.vault, set, id, CONTENTS_ARTIFACT),
      ...level,
    });
    const artifacts = [files, ...dumps.written, index].map(({ artifact }) => artifact);
    const written = await writeRecord(context, options, {
      id,
      data,
      artifacts,
      complete,
      entries: entries.length,
      contents: index.gzip.sha256,
      previous: (await lastOne()) ?? null,
    });
    return { ...written, entries, problems, streams, findings, complete };
  }
}

/** What was too much to look into: it is in the snapshot all the same. */
function leftOut(noticed: FindingsWatch): BackupProblem[] {
  return noticed.leftOut().map((reason) => ({ kind: 'findings', path: '', reason, incomplete: false }));
}

/** Passes the tar on only after every key found in it was judged. */
async function* settled(stream: AsyncIterable<Buffer>, watch: KeyWatch): AsyncGenerator<Buffer> {
  for await (const chunk of stream) {
    await watch.settle();
    yield chunk;
  }
}

function* bounded(contents: Iterable<Buffer>, set: string): Generator<Buffer> {
  let size = 0;
  for (const piece of contents) {
    size += piece.length;
    if (size > LIMITS.contents) {
      throw new StrongroomError(
        'too-many-entries',
        `the set ${set} has more entries than a snapshot can hold`,
        { hint: 'back it up as several sets' },
      );
    }
    yield piece;
  }
}
