// Carries out a restore plan: undo copy, staging, proof of every byte, and only then the target.
import { StrongroomError } from '../../errors.ts';
import type { Entry } from '../../pack/entry.ts';
import { openStaging } from '../../pack/place/stage.ts';
import type { PlaceReport } from '../../pack/place/types.ts';
import { readFiles } from '../read-files.ts';
import { callOptions, type UnlockedVault } from '../vault.ts';
import { type RestorePlan, refuseRestore } from './plan.ts';
import { dropUndo, keepUndo } from './undo.ts';

export interface RestoreResult extends PlaceReport {
  readonly snapshot: string;
  readonly set: string;
  /** Files placed. */
  readonly files: number;
  /** Bytes of the files placed. */
  readonly bytes: number;
  /** Id of the copy of what was replaced, for `restore --undo`. */
  readonly undo: string | undefined;
  readonly seconds: number;
}

export { pendingRestore } from '../../pack/place/pending.ts';
export { recoverPlacement } from '../../pack/place/recover.ts';

const PLACED = new Set(['create', 'replace', 'bak', 'aside']);

/**
 * @param onProgress files and bytes proven so far
 * @throws ConflictError `target-exists`, `in-the-way`, `changed-since-plan`; IntegrityError with nothing changed;
 *   StrongroomError `disk-full` with nothing changed; InterruptedError
 */
export async function applyRestore(
  vault: UnlockedVault,
  plan: RestorePlan,
  onProgress?: (done: { readonly files: number; readonly bytes: number }) => void,
): Promise<RestoreResult> {
  const began = performance.now();
  const { snapshot, placement, options } = plan;
  refuseRestore(plan);
  const undo = await keepUndo(vault, placement, options.destination, options.undoStore);
  try {
    const report = await place(vault, plan, onProgress);
    const placed = placement.entries.filter((e) => e.entry.type === 'file' && PLACED.has(e.action));
    return {
      ...report,
      snapshot: snapshot.id,
      set: snapshot.set,
      files: placed.length,
      bytes: placed.reduce((sum, e) => sum + e.entry.size, 0),
      undo: undo?.id,
      seconds: Math.round(performance.now() - began) / 1000,
    };
  } catch (error) {
    // Nothing was replaced, so the copy would only stand before the one that `--undo` should find. When that is
    // not certain, it stays.
    const isWhole = error instanceof StrongroomError && error.code !== 'restore-half-done';
    if (undo && isWhole) await dropUndo(options.undoStore, undo).catch(() => {});
    throw error;
  }
}

/** Stages every file, each proven, and puts them all in place at once. */
async function place(
  vault: UnlockedVault,
  { snapshot, contents, placement, options }: RestorePlan,
  onProgress: ((done: { readonly files: number; readonly bytes: number }) => void) | undefined,
): Promise<PlaceReport> {
  const staging = await openStaging(placement, {
    stateDirectory: options.stateDirectory,
    ...callOptions(vault),
  });
  const done = { files: 0, bytes: 0 };
  const count = (entry: Entry) => {
    done.files++;
    done.bytes += entry.size;
    onProgress?.(done);
  };
  try {
    await readFiles(vault, snapshot, contents, {
      wants: (entry) => staging.wants(entry.path),
      file(entry, content) {
        staging.file(entry, content);
        count(entry);
      },
      open(entry) {
        const file = staging.openFile(entry);
        return {
          write: (chunk) => file.write(chunk),
          async close() {
            await file.close();
            count(entry);
          },
        };
      },
    });
    return await staging.commit();
  } catch (error) {
    await staging.discard();
    throw error;
  }
}
