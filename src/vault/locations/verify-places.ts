// Verifies a vault at every place where it stands, and says what each of them lacks. All are judged by one vault document,
// so that no place vouches for itself: one that is only behind lacks things, and what it has must be as signed.
import { StrongroomError } from '../../errors.ts';
import type { Store } from '../../store/store.ts';
import { fetchPiece } from '../copy/piece.ts';
import { type Finding, finding, isFault } from '../finding.ts';
import { parseRecordName } from '../layout.ts';
import { type Ledger, readLedger } from '../ledger.ts';
import type { Pin } from '../pin.ts';
import type { Snapshot } from '../snapshots.ts';
import type { Candidate } from '../trust.ts';
import type { UnlockedVault, Vault, VaultContext } from '../vault.ts';
import { type VerifyOptions, type VerifyResult, verify } from '../verify/verify.ts';
import { isAfter, ownOf } from './agree.ts';
import { areApart, samePlace } from './apart.ts';
import { alone, judgeOf, look, noneAt, orError, plantedAt, type Shown } from './judge.ts';
import { namedBy } from './named-by.ts';

export interface VerifiedPlace {
  readonly location: string;
  /** Why nothing is known of it. */
  readonly error?: StrongroomError;
  readonly revision: number;
  readonly checked?: VerifyResult;
  readonly findings: readonly Finding[];
  /** Snapshots that count at another place and are not here, oldest first. */
  readonly lacks: readonly Snapshot[];
}

export interface VerifyPlacesOptions extends Omit<VerifyOptions, 'unlocked'> {
  /** The pin of the configuration. */
  readonly pin?: Pin;
  /** Go on although all places are older than this client has seen. */
  readonly trustOlder?: boolean;
  readonly unlocked?: UnlockedVault;
}

interface Looked {
  readonly checked: VerifyResult;
  readonly ledger: Ledger;
  readonly findings: readonly Finding[];
  readonly own: Candidate;
}

/**
 * @param context of the vault's own place, the first; it may be gone
 * @returns the document that all were judged by, as a vault; and the first place, then each replica in order
 * @throws IntegrityError where the places contradict each other, `two-successors`, or all are older than seen; NotFoundError,
 *   StoreError where nothing can be read and no pin says which vault is meant; InterruptedError
 */
export async function verifyPlaces(
  context: VaultContext,
  replicas: readonly Store[],
  options: VerifyPlacesOptions = {},
): Promise<{ readonly vault: Vault; readonly places: readonly VerifiedPlace[] }> {
  const stores = [context.store, ...replicas];
  const shown: (Shown | StrongroomError)[] = [];
  for (const [i, store] of stores.entries()) {
    const same = stores.slice(0, i).find((other) => !areApart(other, store));
    shown.push(same ? samePlace(same.location, store.location) : await look(context, store));
  }
  const vault = await judgeOf(context, shown, options);
  const { document } = vault;
  const looked: (Looked | StrongroomError)[] = [];
  for (const one of shown)
    looked.push(one instanceof StrongroomError ? one : await lookAt(vault, one, options));
  const known = looked.filter((one): one is Looked => !(one instanceof StrongroomError));
  const all = new Map(known.flatMap(({ checked }) => checked.snapshots.map((s) => [keyOf(s), s])));
  // What was removed and is still at a replica, as nobody has copied since, is missing nowhere.
  for (const [key, s] of all)
    if (known.some(({ ledger }) => ledger.removes(s.set, s.id, s.sha256))) all.delete(key);
  const holder = stores.find((_, i) => {
    const one = looked[i];
    return one && !(one instanceof StrongroomError) && one.own.sha256 === vault.documentSha256;
  });
  const places = looked.map((one, i): VerifiedPlace => {
    const { location } = stores[i]!;
    if (one instanceof StrongroomError) return { location, error: one, revision: 0, findings: [], lacks: [] };
    const here = new Set(one.checked.snapshots.map(keyOf));
    const lacks = [...all].filter(([key]) => !here.has(key)).map(([, snapshot]) => snapshot);
    const newest = { at: holder?.location ?? context.store.location, document };
    const findings = judged(one, i === 0, newest, all);
    return { location, revision: one.own.document.revision, checked: one.checked, findings, lacks };
  });
  return { vault, places };
}

async function lookAt(
  judge: Vault,
  shown: Shown,
  { unlocked, ...options }: VerifyPlacesOptions,
): Promise<Looked | StrongroomError> {
  const { document } = judge;
  const { store, found } = shown;
  const [own] = ownOf(document, found);
  if (!own) return noneAt(shown);
  return await orError(async () => {
    const vault: Vault = { ...judge, store, findings: plantedAt(judge, found) };
    const open = unlocked && { unlocked: { ...alone(unlocked), ...vault } };
    const checked = await verify(vault, { ...options, ...open });
    return { checked, ledger: await readLedger(vault), findings: await ownFaults(vault, own), own };
  });
}

/** One that is behind opens by what its own document names, until a copy comes. */
async function ownFaults(vault: Vault, { document: own }: Candidate): Promise<Finding[]> {
  const checked = new Set(namedBy(vault.document).map(({ object }) => object));
  const faults: Finding[] = [];
  for (const piece of namedBy(own).filter(({ object }) => !checked.has(object)))
    try {
      await fetchPiece(vault, piece);
    } catch (error) {
      if (!isFault(error)) throw error;
      faults.push(finding(error.code, piece.object, error.message));
    }
  return faults;
}

function keyOf({ set, id, sha256 }: Snapshot): string {
  return `${set}/${id}/${sha256}`;
}

interface Newest {
  readonly at: string;
  readonly document: Vault['document'];
}

/** Findings of a place, those that another place explains as warnings. */
function judged(
  { checked, findings, own }: Looked,
  isFirst: boolean,
  newest: Newest,
  all: ReadonlyMap<string, Snapshot>,
): Finding[] {
  const { document } = own;
  const isBehind = isAfter(newest.document, document);
  const message = `it shows revision ${document.revision} of the vault document, and ${newest.at} has ${newest.document.revision}`;
  // The first place is where they are written: there it has gone back.
  const severity = isFirst ? 'error' : 'warning';
  const behind = isBehind ? [finding('older-document', document.object, message, severity)] : [];
  const found = [...behind, ...checked.findings, ...findings];
  if (isFirst) return found;
  const standing = [...all.values()];
  const here = new Map(checked.snapshots.map((s) => [s.object, s]));
  const had = new Set(namedBy(document).map(({ object }) => object));
  const toCome = new Set(namedBy(newest.document).flatMap(({ object }) => (had.has(object) ? [] : object)));
  const isExplained = ({ code, object: about }: Finding): boolean => {
    if (code === 'missing-predecessor') {
      const named = here.get(about)?.previous?.sha256;
      return standing.some((s) => s.sha256 === named);
    }
    if (code === 'missing-newest') {
      const place = parseRecordName(about);
      return standing.some((s) => s.set === place?.set && s.id === place.id);
    }
    // What it has must be as it was signed, however far behind it is.
    return (code === 'missing-object' || code === 'missing-removal') && toCome.has(about);
  };
  return found.map((f) => (isExplained(f) ? { ...f, severity: 'warning' as const } : f));
}
