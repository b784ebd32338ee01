// Carries out a copy, in the order of docs/format.md section 10: keys, vault documents, ledger, then of each snapshot data
// before its record, and only then what goes. Killed anywhere, the copy is a sound vault, and the next run goes on.
import { IntegrityError, StoreError } from '../../errors.ts';
import type { Finding } from '../finding.ts';
import { holdAgain } from '../keep.ts';
import { KEYS, LIMITS } from '../layout.ts';
import { type CountingEntry, readLedger } from '../ledger.ts';
import { type OldVersion, oldVersionOf } from '../old-versions.ts';
import { sideBySide } from '../side-by-side.ts';
import type { Snapshot } from '../snapshots.ts';
import { callOptions } from '../vault.ts';
import { atOnce, together } from './at-once.ts';
import { carry, carryData, isThere, type Run, recordOf } from './carry.ts';
import type { CopyFinding, CopyPlan } from './plan.ts';

export interface CopyProgress {
  readonly snapshots: number;
  readonly of: number;
  readonly bytes: number;
}

export interface CopyResult {
  /** Snapshots that are whole at the copy now and were not before. */
  readonly copied: readonly Snapshot[];
  /** Those that could not be copied: the vault's own bytes are damaged or cannot be had, or something is in their way. */
  readonly failed: readonly Snapshot[];
  /** Objects that were written, and their bytes. */
  readonly objects: number;
  readonly bytes: number;
  /** Objects that stood at the copy and were damaged, or planted there; they were replaced. */
  readonly mended: readonly string[];
  /** Objects that went. */
  readonly removed: number;
  /** Objects that should have gone, and why they did not. */
  readonly left: number;
  readonly leftBecause?: StoreError;
  /** Whether keys, or what a re-encryption replaced, are among them. */
  readonly leftOpens: boolean;
  /** What the place keeps of what went. */
  readonly old?: OldVersion;
  readonly findings: readonly CopyFinding[];
}

/**
 * @throws IntegrityError when no key of the vault can be copied, `two-vaults`; StoreError when one of the places cannot be
 *   reached, or the copy is full or may not be written to; InterruptedError. What stands at the copy by then is sound.
 */
export async function applyCopy(
  plan: CopyPlan,
  options: { readonly onProgress?: (done: CopyProgress) => void } = {},
): Promise<CopyResult> {
  const run: Run = { plan, findings: [...plan.findings], mended: [], objects: 0, bytes: 0 };
  await carryKeys(run);
  const isCurrent = await carryDocuments(run);
  await atOnce(plan.ledger, together(LIMITS.ledger), (piece) => carry(run, piece).then(() => {}));
  const { copied, failed: unread } = await carrySnapshots(run, options.onProgress);
  const gone = await removedMeanwhile(run, unread);
  const failed = unread.filter((s) => !gone.includes(s));
  const done = new Set([...plan.there, ...copied.map((s) => s.object)]);
  for (const entry of plan.replacing) if (maySay(plan, entry, done)) await carry(run, entry);
  for (const piece of plan.drills) await carry(run, piece);
  if (copied.length > 0 || plan.ledger.some((e) => e.action === 'keep')) {
    const unheld = await holdAgain(plan.target.vault, [...plan.snapshots.values()]);
    run.findings.push(...unheld.map((f) => ({ ...f, at: 'copy' as const })));
  }
  const { objects, bytes, mended, findings } = run;
  const isOver = ({ at, object }: CopyFinding) =>
    at === 'copy'
      ? mended.includes(object)
      : gone.some((s) => object === s.object || object.startsWith(`${s.data}/`));
  const left = findings.filter((f) => !isOver(f));
  return { copied, failed, objects, bytes, mended, ...(await remove(plan, done, isCurrent)), findings: left };
}

/** What somebody deleted or re-encrypted while this ran is no damage. */
async function removedMeanwhile(
  { plan: { source } }: Run,
  unread: readonly Snapshot[],
): Promise<readonly Snapshot[]> {
  if (unread.length === 0) return [];
  const { removes, replaces } = await readLedger(source);
  return unread.filter(
    ({ set, id, sha256, recordSha256, generation }) =>
      removes(set, id, sha256) || replaces(set, id, recordSha256, generation),
  );
}

/** Oldest first. While the records of some are written, one after the other, the bytes of the next ones are on their way. */
async function carrySnapshots(
  run: Run,
  onProgress: ((done: CopyProgress) => void) | undefined,
): Promise<Pick<CopyResult, 'copied' | 'failed'>> {
  const { missing } = run.plan;
  const copied: Snapshot[] = [];
  const failed: Snapshot[] = [];
  const bySnapshot = new Map(missing.map((m) => [m.snapshot, m]));
  const groups = sideBySide(missing.map((m) => m.snapshot));
  const begin = (group: readonly Snapshot[] = []) => {
    const carrying = carryData(
      run,
      group.flatMap((s) => bySnapshot.get(s) ?? []),
    );
    // Its failure is thrown where it is awaited; this only keeps Node from calling it unhandled.
    carrying.catch(() => {});
    return carrying;
  };
  let next = begin(groups[0]);
  for (const [i, group] of groups.entries()) {
    const sound = await next;
    next = begin(groups[i + 1]);
    try {
      for (const snapshot of group) {
        const stands = sound.has(snapshot) && (await carry(run, recordOf(snapshot)));
        (stands ? copied : failed).push(snapshot);
      }
    } catch (error) {
      // Nothing may still be on its way when the caller is told.
      await next.catch(() => {});
      throw error;
    }
    onProgress?.({ snapshots: copied.length + failed.length, of: missing.length, bytes: run.bytes });
  }
  return { copied, failed };
}

/** Without a key, what is copied opens for nobody; without one of several it does. */
async function carryKeys(run: Run): Promise<void> {
  const { keys, source } = run.plan;
  const slots = new Set(source.document.slots.map((s) => s.object));
  let isOpen = false;
  let missing: Finding | undefined;
  for (const piece of keys) {
    const stands = (await isThere(run, piece)) || (await carry(run, piece));
    if (slots.has(piece.object)) isOpen ||= stands;
    if (stands || !piece.object.startsWith(KEYS)) continue;
    missing ??= run.findings.at(-1)!;
    // What leads from the newest key to those before it is there once only.
    if (!slots.has(piece.object)) throw failure(run.findings.at(-1)!);
  }
  if (missing && !isOpen) throw failure(missing);
}

/** @returns whether the newest one stands there: until it does, what is there opens by those before it */
async function carryDocuments(run: Run): Promise<boolean> {
  const { source, target, documents } = run.plan;
  const standing = new Map(target.documents);
  for (const piece of documents) if (await carry(run, piece)) standing.set(piece.object, piece.sha256);
  if (standing.size === 0) throw failure(run.findings.at(-1)!);
  return standing.get(source.document.object) === source.documentSha256;
}

function failure({ code, message, object }: Finding): IntegrityError {
  return new IntegrityError(code, message, {
    object,
    hint: 'the copy would open for nobody: run `strongroom verify`, and put the key back from another copy',
  });
}

/**
 * Whether what says that records are replaced may go to the copy: not while one of them is all that the copy has of its
 * snapshot.
 */
function maySay(
  { snapshots, standing, refused, target }: CopyPlan,
  entry: CountingEntry,
  done: ReadonlySet<string>,
): boolean {
  return entry.removes.every(({ set, id, sha256 }) => {
    const old = standing.get(sha256);
    // It takes nothing from the copy.
    if (target.mayRead && (old?.set !== set || old.id !== id)) return true;
    const now = snapshots.get(`${set}/${id}`);
    if (!now) return !target.mayRead && !refused.has(`${set}/${id}`);
    return now.generation >= entry.generation && done.has(now.object);
  });
}

type Removed = Pick<CopyResult, 'removed' | 'left' | 'leftBecause' | 'leftOpens' | 'old'>;

async function remove(
  { target, removals }: CopyPlan,
  done: ReadonlySet<string>,
  isCurrent: boolean,
): Promise<Removed> {
  const { vault } = target;
  // Where an older document stands, what it names opens the copy.
  if (!isCurrent) return { removed: 0, left: 0, leftOpens: false };
  const replaced = removals.replaced.filter(({ by }) => done.has(by.object)).flatMap((r) => r.objects);
  const opens = [...removals.unnamed, ...replaced];
  const all = [...removals.removed, ...opens];
  if (all.length === 0) return { removed: 0, left: 0, leftOpens: false };
  try {
    await vault.store.remove(all, callOptions(vault));
  } catch (error) {
    if (!(error instanceof StoreError) || error.code === 'store-unreachable') throw error;
    return { removed: 0, left: all.length, leftBecause: error, leftOpens: opens.length > 0 };
  }
  // What the place keeps of one, it keeps of all.
  const old = await oldVersionOf(vault, all[0]!).catch(() => undefined);
  return { removed: all.length, left: 0, leftOpens: false, ...(old ? { old } : {}) };
}
