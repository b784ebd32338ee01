// The undo copy: before a restore replaces anything, what stands there is packed, encrypted to the vault and kept
// in a small local store of its own, its record signed by the authority. Ciphertext only, and no vault: nothing in
// it ever counts as a snapshot.
import { createHash } from 'node:crypto';
import { IntegrityError, NotFoundError } from '../../errors.ts';
import { packSources } from '../../pack/pack.ts';
import { placeOf } from '../../pack/place/target.ts';
import type { Destination, PlacementPlan } from '../../pack/place/types.ts';
import { sourcesAt } from '../../pack/sources-at.ts';
import { NAMESPACES } from '../../sign/authority.ts';
import { openDocument, sealDocument } from '../../sign/document.ts';
import type { Store } from '../../store/store.ts';
import { TOOL } from '../../version.ts';
import { readSnapshotContents } from '../artifact-read.ts';
import { writeArtifact } from '../artifact-write.ts';
import { type Warning, writeContents } from '../documents/contents.ts';
import { readRecord, type SnapshotRecord, storedBytes } from '../documents/record.ts';
import { newestGeneration } from '../documents/vault-document.ts';
import {
  artifactComment,
  CONTENTS_ARTIFACT,
  FILES_ARTIFACT,
  LIMITS,
  newDataDirectory,
  recordName,
} from '../layout.ts';
import { newSnapshotId, timeOfSnapshotId } from '../names.ts';
import type { Snapshot } from '../snapshots.ts';
import { callOptions, type UnlockedVault } from '../vault.ts';

/** Set and host of an undo copy's record. */
const UNDO = 'undo';
/** Labels that say where paths under @outside/ belong. */
const IN_PLACE = 'in-place';
const IN_TARGET = 'in-target';
/** Older copies go when a new one is kept. */
const KEPT = 10;

/** An undo copy, opened as if it were a snapshot of a vault in the undo store. */
export interface UndoCopy {
  readonly vault: UnlockedVault;
  readonly snapshot: Snapshot;
  readonly destination: Destination;
}

/**
 * Keeps what a plan would replace.
 * @param store the local store of undo copies
 * @returns the record of the copy, or undefined when nothing is replaced
 * @throws IntegrityError `undo-incomplete` when some of it cannot be read; StoreError
 */
export async function keepUndo(
  vault: UnlockedVault,
  plan: PlacementPlan,
  destination: Destination,
  store: Store,
): Promise<SnapshotRecord | undefined> {
  const sources = sourcesAt(plan.replaces.map((e) => ({ path: e.entry.path, at: e.destination })));
  if (sources.length === 0) return undefined;
  const { document } = vault;
  const { generation, recipient } = newestGeneration(document);
  const kept = await copies(vault, store);
  const id = newSnapshotId(vault.now(), kept[0]?.id);
  const data = newDataDirectory(UNDO, id, generation);
  const written: string[] = [];
  const target = {
    store,
    recipient,
    data,
    room: [],
    beforeObject: (name: string) => void written.push(name),
    ...callOptions(vault),
  };
  try {
    const packed = packSources(sources, callOptions(vault));
    const comment = (name: string) => ({ comment: artifactComment(document.vault, UNDO, id, name) });
    const files = await writeArtifact(target, FILES_ARTIFACT, packed.stream, comment(FILES_ARTIFACT));
    const { entries, bytes, problems } = packed.result();
    const broken = problems.find((p) => p.incomplete);
    if (broken) {
      throw new IntegrityError(
        'undo-incomplete',
        `what would be replaced cannot be kept: ${broken.path} ${broken.reason}`,
        {
          object: broken.path,
          hint: 'nothing was changed; use --existing bak, or another --target',
        },
      );
    }
    const contents = writeContents({
      vault: document.vault,
      set: UNDO,
      id,
      host: UNDO,
      tool: TOOL,
      root: plan.root,
      sources: { include: [], exclude: [] },
      warnings: additionsOf(plan),
      findings: [],
      streams: [],
      artifacts: [{ name: FILES_ARTIFACT, ...files.gzip }],
      bytes,
      entries,
    });
    const index = await writeArtifact(target, CONTENTS_ARTIFACT, contents, comment(CONTENTS_ARTIFACT));
    const artifacts = [files.artifact, index.artifact];
    const record: SnapshotRecord = {
      format: 1,
      type: 'record',
      object: recordName(UNDO, id),
      vault: document.vault,
      time: timeOfSnapshotId(id)!,
      tool: TOOL,
      revision: document.revision,
      generation,
      set: UNDO,
      id,
      host: UNDO,
      seconds: 0,
      complete: true,
      entries: entries.length,
      stored: storedBytes({ artifacts }),
      label: destination.outside === undefined ? IN_TARGET : IN_PLACE,
      data,
      artifacts,
      contents: index.gzip.sha256,
      previous: null,
    };
    await store.create(
      record.object,
      sealDocument(record, NAMESPACES.record, [vault.authority]),
      callOptions(vault),
    );
    for (const old of kept.slice(KEPT - 1)) await dropUndo(store, old);
    return record;
  } catch (error) {
    await store.remove(written).catch(() => {});
    throw error;
  }
}

/** What a restore adds, which an undo leaves; a thousand at most, as it is only there to be said. */
function additionsOf({ entries }: PlacementPlan): Warning[] {
  const created = entries.filter(({ action, entry }) => action === 'create' && entry.path.length <= 4096);
  const reason = 'was added by that restore and stays';
  return created
    .slice(0, 1000)
    .map(({ entry }) => ({ kind: 'created', path: entry.path, reason, incomplete: false }));
}

/** The undo copies of this vault, newest first. What does not verify is none. */
async function copies(vault: UnlockedVault, store: Store): Promise<Snapshot[]> {
  const found: Snapshot[] = [];
  for await (const { name, modified } of store.list(`snapshots/${UNDO}/`, callOptions(vault))) {
    try {
      const bytes = await store.get(name, { maxBytes: LIMITS.record, ...callOptions(vault) });
      if (bytes === null) continue;
      const opened = openDocument(bytes, {
        namespace: NAMESPACES.record,
        object: name,
        maxBytes: LIMITS.record,
      });
      // Copies of another vault's restores may stand here too.
      if (!vault.document.generations.some((g) => g.authority === opened.signers[0])) continue;
      const record = readRecord(opened.parse(), name, vault.document.vault);
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      found.push({ ...record, sha256, recordSha256: sha256, modified });
    } catch (error) {
      if (!(error instanceof IntegrityError)) throw error;
    }
  }
  return found.sort((a, b) => (a.id < b.id ? 1 : -1));
}

/** Removes an undo copy that has served. */
export async function dropUndo(store: Store, copy: SnapshotRecord): Promise<void> {
  await store.remove([copy.object, ...copy.artifacts.flatMap((a) => a.parts.map((p) => p.object))]);
}

/**
 * The newest undo copy of a target.
 * @param target absolute
 * @throws NotFoundError `no-undo`; IntegrityError
 */
export async function findUndo(vault: UnlockedVault, store: Store, target: string): Promise<UndoCopy> {
  const root = placeOf(target);
  const undoVault = { ...vault, store };
  for (const snapshot of await copies(vault, store)) {
    const contents = await readSnapshotContents(undoVault, snapshot);
    if (contents.root !== root) continue;
    const outside = snapshot.label === IN_PLACE ? { outside: '/' } : {};
    return { vault: undoVault, snapshot, destination: { root, ...outside } };
  }
  throw new NotFoundError('no-undo', `no restore into ${root} replaced anything that was kept`, {
    hint: 'undo copies are kept by `restore --existing replace`, the ten newest of this user; with --existing bak the old files are beside the new ones, as NAME.<time>.bak',
  });
}
