// What the cache keeps of a record that was verified, and the record out of it. Whether it counts is judged elsewhere.
import type { CachedRecord } from './client.ts';
import type { Artifact, SnapshotRecord } from './documents/record.ts';
import { partName } from './layout.ts';
import type { Snapshot } from './snapshot.ts';

/** A record as it stands: its host's, or that of a re-encryption with what its host's says. */
type Standing = SnapshotRecord & Pick<Snapshot, 'original'>;

/** All of it but its artifacts. */
export type KnownRecord = Omit<Standing, 'artifacts'>;

/** An artifact as it is kept: its name; of each part the size and the hash. */
type KeptArtifact = readonly [name: string, parts: readonly (readonly [size: number, sha256: string])[]];

/**
 * @param record one that names its own data only (`namesOwnData`): what its parts are called is not kept, and made of the
 *   name of its data again
 */
export function keptOf(record: Standing): Pick<CachedRecord, 'record' | 'artifacts'> {
  const { artifacts } = record;
  const kept = artifacts.map(({ name, parts }): KeptArtifact => [name, parts.map((p) => [p.size, p.sha256])]);
  return {
    record: JSON.stringify({ ...record, artifacts: undefined }),
    artifacts: JSON.stringify(kept),
  };
}

/** The reverse of `keptOf`, without the artifacts. */
export function knownRecord({ record }: Pick<CachedRecord, 'record'>): KnownRecord {
  return JSON.parse(record);
}

const KEPT = Symbol('kept');

/** Of all snapshots alike, since V8 makes a slow object of one with a getter of its own. */
const ARTIFACTS = {
  enumerable: true,
  get(this: { readonly data: string; readonly [KEPT]: string }): Artifact[] {
    const kept: KeptArtifact[] = JSON.parse(this[KEPT]);
    return kept.map(([name, parts]) => ({
      name,
      parts: parts.map(([size, sha256], i) => ({ object: partName(this.data, name, i), size, sha256 })),
    }));
  },
};

/**
 * Gives a record its artifacts again. They are read when somebody asks for them: `list` asks for none of ten thousand.
 * @param record is changed
 */
export function withArtifacts<R extends KnownRecord>(
  record: R,
  { artifacts }: Pick<CachedRecord, 'artifacts'>,
): R & Standing {
  Object.defineProperty(record, KEPT, { value: artifacts });
  return Object.defineProperty(record, 'artifacts', ARTIFACTS) as R & Standing;
}
