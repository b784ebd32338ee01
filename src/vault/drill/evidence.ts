// Evidence of drills: written when one is over, and read for health, which asks when the last one was.
import { createHash } from 'node:crypto';
import { ConflictError, UsageError } from '../../errors.ts';
import { NAMESPACES } from '../../sign/authority.ts';
import { openDocument, sealDocument } from '../../sign/document.ts';
import type { StoredObject } from '../../store/store.ts';
import { TOOL } from '../../version.ts';
import { type CheckCount, type Drill, type DrilledPart, readDrill } from '../documents/drill.ts';
import type { Generation } from '../documents/vault-document.ts';
import { type Finding, finding, isFault } from '../finding.ts';
import { DRILLS, LIMITS, newDrillName } from '../layout.ts';
import { documentTime } from '../names.ts';
import { readEnds } from '../received.ts';
import { drillerOf, judgeDrill } from '../standing.ts';
import { callOptions, requireProven, type UnlockedVault, type Vault } from '../vault.ts';
import type { Check, DrillPart, DrillResult } from './result.ts';

/** Evidence that counts. */
export interface CountingDrill extends Drill {
  /** SHA-256 of the whole object. */
  readonly sha256: string;
}

export interface Drills {
  /** Newest last. */
  readonly drills: readonly CountingDrill[];
  /** Warnings: what does not count proves nothing, and harms nothing. */
  readonly findings: readonly Finding[];
}

export interface ReadDrillsOptions {
  /** Names that are not looked at. */
  readonly isPassedOver?: (object: string) => boolean;
  /** Asked now and then with what was read, newest first: whether older ones would tell nothing new. */
  readonly isEnough?: (newest: readonly Drill[]) => boolean;
}

const AT_ONCE = 16;

/**
 * Keeps, signed by the vault's authority, how a drill went.
 * @returns the name of its object
 * @throws UsageError `old-pin`, `evidence-too-large`; ConflictError `object-exists`; StoreError; InterruptedError
 */
export async function writeEvidence(vault: UnlockedVault, result: DrillResult): Promise<string> {
  requireProven(vault);
  const { document, store } = vault;
  // A clock that was set back meanwhile.
  const now = new Date(Math.max(vault.now().getTime(), result.began.getTime()));
  const drill: Drill = {
    format: 1,
    type: 'drill',
    object: newDrillName(now),
    vault: document.vault,
    time: documentTime(now),
    tool: TOOL,
    revision: document.revision,
    generation: document.generation,
    began: documentTime(result.began),
    seconds: rounded(result.seconds),
    passed: result.passed,
    ...recoveryOf(result),
    scratch: result.scratch,
    manual: result.manual.length,
    checks: countsOf(result.checks),
    parts: result.parts.map(partOf),
  };
  const bytes = sealDocument(drill, NAMESPACES.drill, [vault.authority]);
  if (bytes.length > LIMITS.drill) {
    throw new UsageError(
      'evidence-too-large',
      `the evidence of ${result.parts.length} sets and hosts is more than one object holds`,
      { hint: 'drill fewer at a time, with --set' },
    );
  }
  if ((await store.create(drill.object, bytes, callOptions(vault))) === 'exists')
    throw new ConflictError('object-exists', `${drill.object} exists already`, { hint: 'try again' });
  return drill.object;
}

function partOf(part: DrillPart): DrilledPart {
  const { set, host, snapshot, isOlder, passed, checks } = part;
  return {
    set,
    // Of a set that is configured and that nobody wrote.
    ...(host === '' ? {} : { host }),
    ...(snapshot ? { id: snapshot.id, sha256: snapshot.sha256 } : {}),
    older: isOlder,
    passed,
    ...recoveryOf(part),
    // Everyone can read this, and exact sizes are nobody's business.
    files: snapshot?.entries ?? 0,
    bytes: snapshot?.stored ?? 0,
    checks: countsOf(checks),
  };
}

function recoveryOf({
  recoveryPoint,
  recoveryTime,
}: Pick<DrillPart, 'recoveryPoint' | 'recoveryTime'>): Pick<Drill, 'recoveryPoint' | 'recoveryTime'> {
  return {
    ...(recoveryPoint === undefined ? {} : { recoveryPoint: rounded(recoveryPoint) }),
    ...(recoveryTime === undefined ? {} : { recoveryTime: rounded(recoveryTime) }),
  };
}

/** To milliseconds. */
function rounded(seconds: number): number {
  return Math.max(0, Math.round(seconds * 1000) / 1000);
}

function countsOf(checks: readonly Check[]): CheckCount[] {
  const counts = new Map<string, { check: string; passed: number; failed: number; skipped: number }>();
  for (const { check, outcome } of checks) {
    const count = counts.get(check) ?? { check, passed: 0, failed: 0, skipped: 0 };
    count[outcome]++;
    counts.set(check, count);
  }
  return [...counts.values()];
}

/** What is no news: a key that leaked is in the vault document, and that keys were rotated since as well. */
const KNOWN: readonly string[] = ['exposed-key', 'stored-late'];
/** Nobody knows until when: so nothing of that key counts. */
const NEVER = new Date(0);

/**
 * Reads and judges the evidence of drills. What was signed with a key that leaked counts no more, nor what the store had
 * only once the key was rotated out.
 * @throws StoreError when the store cannot be read; InterruptedError
 */
export async function readDrills(vault: Vault, options: ReadDrillsOptions = {}): Promise<Drills> {
  const { isPassedOver = () => false, isEnough = () => false } = options;
  const objects: StoredObject[] = [];
  for await (const object of vault.store.list(DRILLS, callOptions(vault)))
    if (!isPassedOver(object.name)) objects.push(object);
  const drills: CountingDrill[] = [];
  const findings: Finding[] = [];
  let ends: ReturnType<typeof readEnds> | undefined;
  const untilOf: UntilOf = async ({ generation }) => {
    if (generation === vault.document.generation) return undefined;
    ends ??= readEnds(vault);
    return (await ends).get(generation) ?? NEVER;
  };
  while (objects.length > 0 && !isEnough(drills)) {
    const newest = objects.splice(-AT_ONCE).reverse();
    for (const read of await Promise.all(newest.map((object) => readOne(vault, object, untilOf)))) {
      if (read && 'severity' in read) findings.push(read);
      else if (read) drills.push(read);
    }
  }
  return { drills: drills.reverse(), findings: findings.reverse() };
}

/** Until when a generation was the newest; undefined for the one that is. */
type UntilOf = (generation: Generation) => Promise<Date | undefined>;

/** @returns undefined when it is gone, or does not count for what is known */
async function readOne(
  vault: Vault,
  { name, modified }: StoredObject,
  untilOf: UntilOf,
): Promise<CountingDrill | Finding | undefined> {
  const { store, document } = vault;
  try {
    const bytes = await store.get(name, { maxBytes: LIMITS.drill, ...callOptions(vault) });
    if (bytes === null) return undefined;
    const options = { namespace: NAMESPACES.drill, object: name, maxBytes: LIMITS.drill };
    const { signers, parse } = openDocument(bytes, options);
    const signer = drillerOf(document, signers, name);
    const drill = readDrill(parse(), name, document.vault);
    judgeDrill(drill, { signer, modified, until: await untilOf(signer) });
    return { ...drill, sha256: createHash('sha256').update(bytes).digest('hex') };
  } catch (error) {
    if (!isFault(error)) throw error;
    return KNOWN.includes(error.code) ? undefined : finding(error.code, name, error.message, 'warning');
  }
}
