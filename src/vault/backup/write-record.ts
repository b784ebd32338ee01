// The last write of a backup: the record, by which the snapshot exists (docs/format.md sections 6 and 10).
import { createHash } from 'node:crypto';
import { ConflictError, StrongroomError } from '../../errors.ts';
import { NAMESPACES } from '../../sign/authority.ts';
import { sealDocument } from '../../sign/document.ts';
import { TOOL } from '../../version.ts';
import { type SnapshotRecord, storedBytes } from '../documents/record.ts';
import { LIMITS, recordName } from '../layout.ts';
import { documentTime, timeOfSnapshotId } from '../names.ts';
import { callOptions, type VaultContext } from '../vault.ts';
import type { WriteOptions } from './write.ts';

/** From its beginning to its record, by a monotonic clock: a record that comes later would be backdated. */
const MAX_MS = 24 * 60 * 60 * 1000;

/** What a record says of the bytes that were written. */
export type Written = Pick<
  SnapshotRecord,
  'id' | 'data' | 'artifacts' | 'complete' | 'entries' | 'contents' | 'previous'
>;

/**
 * Writes the record: from here on the snapshot exists.
 * @returns it, and the SHA-256 of its bytes
 * @throws StrongroomError `record-too-large`, `took-too-long`; ConflictError `object-exists`; StoreError
 */
export async function writeRecord(
  context: VaultContext,
  options: WriteOptions,
  written: Written,
): Promise<{ record: SnapshotRecord; recordSha256: string }> {
  const { set, host, pin, label, tags = {} } = options;
  const { id, data, artifacts, complete, entries, contents, previous } = written;
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
    entries,
    stored: storedBytes({ artifacts }),
    ...(label === undefined ? {} : { label }),
    ...(Object.keys(tags).length > 0 ? { tags } : {}),
    data,
    artifacts,
    contents,
    previous,
  };
  return { record, recordSha256: await commit(context, record, options) };
}

/** @throws StrongroomError `took-too-long` */
export function checkTime({ began, set }: WriteOptions): void {
  if (performance.now() - began <= MAX_MS) return;
  throw new StrongroomError(
    'took-too-long',
    `the backup of ${set} took more than 24 hours and was abandoned`,
    {
      hint: 'back it up as several sets, or nearer to its store',
    },
  );
}

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
