// Verifies a vault at every place where it stands, and says what each of them lacks. A replica that is only behind is no
// alarm: what it lacks stands elsewhere.
import { StrongroomError } from '../../errors.ts';
import type { Store } from '../../store/store.ts';
import { type Finding, finding } from '../finding.ts';
import { parseRecordName } from '../layout.ts';
import { readLedger } from '../ledger.ts';
import type { Snapshot } from '../snapshots.ts';
import { openVault, type UnlockedVault, type Vault } from '../vault.ts';
import { type VerifyOptions, type VerifyResult, verify } from '../verify/verify.ts';

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

interface Looked {
  readonly vault: Vault;
  readonly checked: VerifyResult;
}

type Options = Omit<VerifyOptions, 'unlocked'> & { readonly unlocked?: UnlockedVault };

/**
 * @param vault as it stands at the first place
 * @returns the first place, then each replica in order
 * @throws StoreError when the first place cannot be read; InterruptedError
 */
export async function verifyPlaces(
  vault: Vault,
  replicas: readonly Store[],
  options: Options = {},
): Promise<VerifiedPlace[]> {
  const looked: (Looked | StrongroomError)[] = [{ vault, checked: await verify(vault, options) }];
  for (const store of replicas) looked.push(await lookAt(vault, store, options));
  const known = looked.filter((one): one is Looked => !(one instanceof StrongroomError));
  const all = new Map(known.flatMap(({ checked }) => checked.snapshots.map((s) => [keyOf(s), s])));
  // What was removed and is still at a replica, as nobody has copied since, is missing nowhere.
  const ledgers = await Promise.all(known.map((one) => readLedger(one.vault)));
  for (const [key, s] of all) if (ledgers.some((l) => l.removes(s.set, s.id, s.sha256))) all.delete(key);
  const newest = known.map((one) => one.vault).reduce((a, b) => (isNewer(b, a) ? b : a));
  return looked.map((one, i) => {
    const { location } = i === 0 ? vault.store : replicas[i - 1]!;
    if (one instanceof StrongroomError) return { location, error: one, revision: 0, findings: [], lacks: [] };
    const here = new Set(one.checked.snapshots.map(keyOf));
    const lacks = [...all].filter(([key]) => !here.has(key)).map(([, snapshot]) => snapshot);
    const findings = judged(one, i === 0, newest, all);
    return { location, revision: one.vault.document.revision, checked: one.checked, findings, lacks };
  });
}

async function lookAt(
  first: Vault,
  store: Store,
  { unlocked, ...options }: Options,
): Promise<Looked | StrongroomError> {
  const { pin } = first;
  try {
    // One that nobody has copied to since a change shows an older document: that is said, and no alarm.
    const vault = await openVault({ ...first, store }, { ...(pin ? { pin } : {}), trustOlder: true });
    const open = unlocked && { unlocked: { ...unlocked, store, document: vault.document } };
    return { vault, checked: await verify(vault, { ...options, ...open }) };
  } catch (error) {
    if (!(error instanceof StrongroomError) || error.exitCode === 130) throw error;
    return error;
  }
}

function keyOf({ set, id, sha256 }: Snapshot): string {
  return `${set}/${id}/${sha256}`;
}

function isNewer({ document: a }: Vault, { document: b }: Vault): boolean {
  return a.generation > b.generation || (a.generation === b.generation && a.revision > b.revision);
}

/** Findings of a place, those that another place explains as warnings. */
function judged(
  { vault, checked }: Looked,
  isFirst: boolean,
  newest: Vault,
  all: ReadonlyMap<string, Snapshot>,
): Finding[] {
  const isBehind = isNewer(newest, vault);
  const { object, revision } = vault.document;
  const message = `it shows revision ${revision} of the vault document, and ${newest.store.location} has ${newest.document.revision}`;
  // The first place is where they are written: there it has gone back.
  const behind = isBehind ? [finding('older-document', object, message, isFirst ? 'error' : 'warning')] : [];
  if (isFirst) return [...behind, ...checked.findings];
  const standing = [...all.values()];
  const objects = new Set(standing.map((s) => s.object));
  const here = new Map(checked.snapshots.map((s) => [s.object, s]));
  const isExplained = ({ code, object: about }: Finding): boolean => {
    if (code === 'missing-predecessor') {
      const named = here.get(about)?.previous?.sha256;
      return standing.some((s) => s.sha256 === named);
    }
    if (code === 'missing-newest') {
      const place = parseRecordName(about);
      return standing.some((s) => s.set === place?.set && s.id === place.id);
    }
    return isBehind && (code === 'hidden-document' || objects.has(about));
  };
  const found = checked.findings.map((f) => (isExplained(f) ? { ...f, severity: 'warning' as const } : f));
  return [...behind, ...found];
}
