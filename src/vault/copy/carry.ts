// What is on its way in a run of copying: each object is read, proven and placed; one that is not sound is named, and the
// others go on.
import { IntegrityError, StoreError } from '../../errors.ts';
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
  const { source } = run.plan;
  const bytes = await orFinding(run, () => fetchPiece(source, piece));
  return bytes !== undefined && (await put(run, piece, bytes));
}

/** What stands in the way of one object there is no reason not to copy the others. @returns whether it stands there now */
async function put(run: Run, piece: Piece, bytes: Buffer): Promise<boolean> {
  const { vault, mayRead } = run.plan.target;
  const { object } = piece;
  const refuse = (code: string, message: string): false => {
    const isSaid = run.findings.some((f) => f.at === 'copy' && f.code === code && f.object === object);
    if (!isSaid) run.findings.push({ ...finding(code, object, message), at: 'copy' });
    return false;
  };
  try {
    const placed = await place(vault, piece, bytes, mayRead);
    if (placed === 'denied') return refuse('store-denied', `${object} may not be read`);
    if (placed === 'mended') run.mended.push(object);
    if (placed === 'there') return true;
    run.objects++;
    run.bytes += bytes.length;
    return true;
  } catch (error) {
    if (error instanceof IntegrityError && error.code === 'not-an-object')
      return refuse(error.code, error.message);
    throw error;
  }
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
  const { source } = run.plan;
  const sound = new Set(group.map((m) => m.snapshot));
  const parts = group.flatMap(({ snapshot, parts }) => parts.map((part) => ({ snapshot, part })));
  const largest = parts.reduce((most, { part }) => Math.max(most, part.size ?? 0), 0);
  await atOnce(parts, together(largest), async ({ snapshot, part }) => {
    if (!sound.has(snapshot)) return;
    const { size = 0, sha256, object } = part;
    const bytes = await orFinding(run, () =>
      readPart(source.store, { object, size, sha256 }, callOptions(source)),
    );
    if (!bytes || !(await put(run, part, bytes))) sound.delete(snapshot);
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
