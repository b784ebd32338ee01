// The writing half of a backup, in the order of docs/format.md section 10: parts, contents, record.
import { createHash } from 'node:crypto';
import { ConflictError, StrongroomError } from '../../errors.ts';
import type { Problem, Source } from '../../pack/collect.ts';
import type { Entry } from '../../pack/entry.ts';
import { packSources } from '../../pack/pack.ts';
import { NAMESPACES } from '../../sign/authority.ts';
import { sealDocument } from '../../sign/document.ts';
import { TOOL } from '../../version.ts';
import { writeArtifact } from '../artifact-write.ts';
import { atPlace } from '../client.ts';
import { writeContents } from '../documents/contents.ts';
import { type SnapshotRecord, storedBytes } from '../documents/record.ts';
import type { VaultDocument } from '../documents/vault-document.ts';
import {
  artifactComment,
  CONTENTS_ARTIFACT,
  FILES_ARTIFACT,
  LIMITS,
  newDataDirectory,
  recordName,
} from '../layout.ts';
import { documentTime, newSnapshotId, timeOfSnapshotId } from '../names.ts';
import type { Pin } from '../pin.ts';
import { callOptions, type VaultContext } from '../vault.ts';
import type { BackupOptions } from './backup.ts';
import type { KeyWatch } from './forbidden.ts';

/** From its beginning to its record, by a monotonic clock: a record that comes later would be backdated. */
const MAX_MS = 24 * 60 * 60 * 1000;

export interface WriteOptions extends BackupOptions {
  readonly pin: Pin;
  readonly document: VaultDocument | undefined;
  /** Taken over: packing empties it. */
  readonly found: Collected;
  /** Finds the sources once more. */
  collectAgain(): Promise<Collected>;
  readonly watch: KeyWatch;
  readonly began: number;
  readonly beganAt: Date;
  /** Objects that no record names yet. */
  readonly written: Set<string>;
}

export interface Collected {
  readonly sources: Source[];
  readonly problems: readonly Problem[];
}

/** A snapshot that exists now. */
export interface Made {
  readonly record: SnapshotRecord;
  readonly recordSha256: string;
  readonly entries: readonly Entry[];
  readonly problems: readonly Problem[];
  readonly complete: boolean;
}

/**
 * Writes parts, contents and last the record.
 * @throws as `backup`; `options.written` then names what must be removed
 */
export async function writeSnapshot(context: VaultContext, options: WriteOptions): Promise<Made> {
  const { set, host, pin, sources, written } = options;
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
      written.add(name);
    },
    ...callOptions(context),
  });

  // A large file that changed while it was streamed cannot be taken back, so everything is packed once more.
  for (let attempt = 1; ; attempt++) {
    const data = newDataDirectory(set, id, pin.generation);
    const packed = packSources(found.sources, {
      inspect: options.watch.inspect,
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
      await store.remove([...written]).catch(() => {});
      written.clear();
      inspected = undefined;
      found = await options.collectAgain();
      continue;
    }
    const problems = [...found.problems, ...reading];
    const complete = !problems.some((p) => p.incomplete);
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
      artifacts: [{ name: FILES_ARTIFACT, ...files.gzip }],
      bytes,
      entries,
    });
    const index = await writeArtifact(target(data), CONTENTS_ARTIFACT, bounded(contents, set), {
      comment: artifactComment(pin.vault, set, id, CONTENTS_ARTIFACT),
      ...level,
    });
    const artifacts = [files.artifact, index.artifact];
    const record: SnapshotRecord = {
      format: 1,
      type: 'record',
      object: recordName(set, id),
      vault: pin.vault,
      time: timeOfSnapshotId(id) ?? documentTime(options.beganAt),
      tool: TOOL,
      revision: options.document?.revision ?? pin.revision,
      generation: pin.generation,
      set,
      id,
      host: host.name,
      seconds: Math.round(performance.now() - options.began) / 1000,
      complete,
      entries: entries.length,
      stored: storedBytes({ artifacts }),
      ...(options.label === undefined ? {} : { label: options.label }),
      ...(options.tags && Object.keys(options.tags).length > 0 ? { tags: options.tags } : {}),
      data,
      artifacts,
      contents: index.gzip.sha256,
      previous: (await lastOne()) ?? null,
    };
    const recordSha256 = await commit(context, record, options);
    return { record, recordSha256, entries, problems, complete };
  }
}

function checkTime({ began, set }: WriteOptions): void {
  if (performance.now() - began <= MAX_MS) return;
  throw new StrongroomError(
    'took-too-long',
    `the backup of ${set} took more than 24 hours and was abandoned`,
    {
      hint: 'back it up as several sets, or nearer to its store',
    },
  );
}

/** Writes the record: from here on the snapshot exists. */
async function commit(context: VaultContext, record: SnapshotRecord, options: WriteOptions): Promise<string> {
  const bytes = sealDocument(record, NAMESPACES.record, [options.host.key]);
  if (bytes.length > LIMITS.record) {
    throw new StrongroomError(
      'record-too-large',
      `the set ${record.set} is larger than a snapshot can hold`,
      {
        hint: 'back it up as several sets',
      },
    );
  }
  checkTime(options);
  options.written.add(record.object);
  if ((await context.store.create(record.object, bytes, callOptions(context))) === 'exists') {
    options.written.delete(record.object);
    throw new ConflictError('object-exists', `${record.object} exists already`, {
      object: record.object,
      hint: 'try again',
    });
  }
  // Whatever fails after this must not take the snapshot away again.
  options.written.clear();
  return createHash('sha256').update(bytes).digest('hex');
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
