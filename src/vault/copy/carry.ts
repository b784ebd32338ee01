// What is on its way in a run of copying: each object is read, proven and placed; one that is not sound is named, and the
// others go on.
import { StoreError } from '../../errors.ts';
import { readPart } from '../artifact-read.ts';
import { finding, isFault } from '../finding.ts';
import type { Named as Piece } from '../locations/named-by.ts';
import type { Snapshot } from '../snapshots.ts';
import { callOptions } from '../vault.ts';
import { atOnce, together } from './at-once.ts';
import { fetchPiece, place } from './piece.ts';
import type { CopyFinding, CopyPlan, Missing } from './plan.ts';

export interface Run {
  readonly plan: CopyPlan;
  readonly findings: CopyFinding[];
  readonly mended: string[];
  objects: number;
  bytes: number;
}

/** Brings one object, if it is sound. @returns whether it stands at the copy now */
export async function carry(run: Run, piece: Piece): Promise<boolean> {
  const { source, target } = run.plan;
  const bytes = await orFinding(run, () => fetchPiece(source, piece));
  if (!bytes) return false;
  const placed = await place(target.vault, piece, bytes, target.mayRead);
  if (placed !== 'there') {
    run.objects++;
    run.bytes += bytes.length;
  }
  if (placed === 'mended') run.mended.push(piece.object);
  return true;
}

export async function isThere({ plan: { target } }: Run, piece: Piece): Promise<boolean> {
  if (!target.sizes.has(piece.object)) return false;
  if (!target.mayRead)
    return target.sizes.get(piece.object) === (piece.size ?? target.sizes.get(piece.object));
  try {
    await fetchPiece(target.vault, piece);
    return true;
  } catch (error) {
    if (!isFault(error)) throw error;
    return false;
  }
}

/** @returns snapshots of which every part stands at the copy now */
export async function carryData(run: Run, group: readonly Missing[]): Promise<Set<Snapshot>> {
  const { source, target } = run.plan;
  const sound = new Set(group.map((m) => m.snapshot));
  const parts = group.flatMap(({ snapshot, parts }) => parts.map((part) => ({ snapshot, part })));
  const largest = parts.reduce((most, { part }) => Math.max(most, part.size ?? 0), 0);
  await atOnce(parts, together(largest), async ({ snapshot, part }) => {
    if (!sound.has(snapshot)) return;
    const { size = 0, sha256, object } = part;
    const bytes = await orFinding(run, () =>
      readPart(source.store, { object, size, sha256 }, callOptions(source)),
    );
    if (!bytes) {
      sound.delete(snapshot);
      return;
    }
    const placed = await place(target.vault, part, bytes, target.mayRead);
    if (placed !== 'there') {
      run.objects++;
      run.bytes += size;
    }
    if (placed === 'mended') run.mended.push(object);
  });
  return sound;
}

/** What is wrong with one object of the vault is no reason not to copy the others. */
async function orFinding(run: Run, read: () => Promise<Buffer>): Promise<Buffer | undefined> {
  try {
    return await read();
  } catch (error) {
    const isArchived = error instanceof StoreError && error.code === 'archived';
    if (!isFault(error) && !isArchived) throw error;
    const { code, object = '', message } = error;
    const severity = error instanceof StoreError ? 'warning' : 'error';
    run.findings.push({ ...finding(code, object, message, severity), at: 'vault' });
    return undefined;
  }
}

export function recordOf({ object, recordSha256 }: Snapshot): Piece {
  return { object, sha256: recordSha256 };
}
