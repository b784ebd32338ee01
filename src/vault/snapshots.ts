// Which snapshots there are, and what is wrong with them as a whole: what is hidden, missing, or out of its time.
import { atPlace } from './client.ts';
import type { SnapshotRecord } from './documents/record.ts';
import { type Finding, finding } from './finding.ts';
import { parseRecordName } from './layout.ts';
import { type Ledger, NOTES_KEPT_MS, readLedger } from './ledger.ts';
import { checkName, timeOfSnapshotId } from './names.ts';
import { type ReadRecordsOptions, readRecords } from './read-records.ts';
import { tryToRemember } from './remember.ts';
import { isDisownedBy, type RefusedRecord, type Snapshot } from './snapshot.ts';
import type { Vault } from './vault.ts';

export type { RefusedRecord, Snapshot } from './snapshot.ts';

export interface Snapshots {
  /** Those that count, oldest first. */
  readonly snapshots: readonly Snapshot[];
  /** Records that a later one of the same snapshot stands in for: a re-encryption was cut off before it removed them. */
  readonly superseded: readonly Snapshot[];
  /** Records under the id of another snapshot, whose own record a re-encryption replaced: they do not count. */
  readonly intruding: readonly Snapshot[];
  readonly refused: readonly RefusedRecord[];
  /** Everything that came to light, the refused records included. */
  readonly findings: readonly Finding[];
  /** What they were judged by. */
  readonly ledger: Ledger;
}

/** Clocks are set by seconds every day. */
const CLOCK_SLACK_SECONDS = 60;

/**
 * Reads every record and the ledger. Never throws for a record that is bad: that is what it reports.
 * @throws UsageError `bad-name`; StoreError; InterruptedError
 */
export async function readSnapshots(vault: Vault, options: ReadRecordsOptions = {}): Promise<Snapshots> {
  if (options.set !== undefined) checkName(options.set, 'set');
  const ledger = await readLedger(vault);
  const read = await readRecords(vault, ledger, options);
  const { snapshots, superseded, intruding, refused, findings: found } = read;
  // They were read side by side.
  snapshots.sort((a, b) => inOrder(a.id, b.id) || inOrder(a.set, b.set));
  refused.sort((a, b) => inOrder(a.finding.object, b.finding.object));
  found.sort((a, b) => inOrder(a.object, b.object));
  const gone = await missingNewest(vault, snapshots, refused, ledger, options.set);
  sayElsewhere(vault, snapshots);
  // The newest one's disappearance must stop `latest` as its damage does.
  for (const fault of gone) {
    const place = parseRecordName(fault.object);
    if (place) refused.push({ ...place, finding: fault });
  }
  const findings = [
    ...found,
    ...hiddenDocuments(vault, snapshots),
    ...missingPredecessors(snapshots, refused, ledger),
    ...clockFaults(snapshots),
    ...exposed(vault, snapshots),
    ...gone,
  ];
  return { snapshots, superseded, intruding, refused, findings, ledger };
}

/** Of the records that count, those that another place had to give. */
function sayElsewhere({ store, elsewhere }: Vault, snapshots: readonly Snapshot[]): void {
  const from = store.location;
  const byPlace = new Map<string, Snapshot[]>();
  for (const snapshot of snapshots) {
    const to = elsewhere?.readAt(snapshot.object);
    if (to !== undefined) byPlace.set(to, [...(byPlace.get(to) ?? []), snapshot]);
  }
  for (const [to, read] of byPlace)
    elsewhere?.say({ code: 'records-elsewhere', newest: read.at(-1)!, count: read.length, from, to });
}

function inOrder(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** A record whose writer knew a newer vault document than there is to read: someone hid one. */
function hiddenDocuments(vault: Vault, snapshots: readonly Snapshot[]): Finding[] {
  const { revision, object } = vault.document;
  const newer = snapshots.filter((s) => s.revision > revision);
  const [first] = newer;
  if (!first) return [];
  const message = `${first.id} was written with revision ${first.revision} of the vault document, but the newest to be found is ${revision}`;
  return [finding('hidden-document', object, message)];
}

/** Under a key that leaked, whenever it was written. */
function exposed({ document }: Vault, snapshots: readonly Snapshot[]): Finding[] {
  const laidOpen = snapshots.filter((s) => document.generations[s.generation - 1]?.compromised);
  const newest = laidOpen.at(-1);
  if (!newest) return [];
  const message = `${laidOpen.length} snapshots, the newest of them ${newest.id} by ${newest.host}, are under a key that leaked: run \`strongroom keys rotate --finish\``;
  return [finding('exposed', document.object, message, 'warning')];
}

/** Each record names the one before it: a gap that no ledger entry explains is a removal that nobody signed. */
function missingPredecessors(
  snapshots: readonly Snapshot[],
  refused: readonly RefusedRecord[],
  ledger: Ledger,
): Finding[] {
  const present = new Map(snapshots.map((s) => [s.sha256, s]));
  return snapshots.flatMap(({ object, set, id, previous }) => {
    if (!previous) return [];
    const there = present.get(previous.sha256);
    if (there?.set === set && there.id === previous.id) return [];
    if (ledger.removes(set, previous.id, previous.sha256) || isDisowned(refused, set, previous.id)) return [];
    const message = `${previous.id}, which ${id} of ${set} names as its predecessor, is gone and nobody signed its removal`;
    return [finding('missing-predecessor', object, message)];
  });
}

/** Whether a record is there and does not count, by itself or as its host was removed: that is said already. */
function isDisowned(refused: readonly RefusedRecord[], set: string, id: string): boolean {
  return refused.some((r) => r.set === set && r.id === id && isDisownedBy(r.finding.code));
}

/**
 * Whether `later` was made after `earlier`, as it says itself, and yet was over before that began: the clock of their
 * host was wrong at one of them. Two that ran side by side are no such case.
 */
export function isAgainstClock(later: SnapshotRecord, earlier: SnapshotRecord): boolean {
  const isNext =
    later.set === earlier.set && later.host === earlier.host && later.previous?.id === earlier.id;
  const over = Date.parse(later.time) + (later.seconds + CLOCK_SLACK_SECONDS) * 1000;
  return isNext && over < Date.parse(earlier.time);
}

function clockFaults(snapshots: readonly Snapshot[]): Finding[] {
  const byId = new Map(snapshots.map((s) => [`${s.set}/${s.host}/${s.id}`, s]));
  return snapshots.flatMap((later) => {
    const earlier = later.previous && byId.get(`${later.set}/${later.host}/${later.previous.id}`);
    if (!earlier || !isAgainstClock(later, earlier)) return [];
    const message = `${later.id} of ${later.set} was made after ${earlier.id}, though its date is before: the clock of ${later.host} was wrong`;
    return [finding('wrong-clock', earlier.object, message)];
  });
}

/**
 * Whether a much newer snapshot of its host goes on from others, each of which is there or signed for: what came before them
 * may have been pruned so long ago that the note of it is gone. A gap shows as a missing predecessor; and whoever has the
 * host's key, and could close it, is noticed for as long as notes are kept.
 */
function isFollowed(
  snapshots: readonly Snapshot[],
  gone: { readonly set: string; readonly host: string; readonly id: string },
): boolean {
  const until = Date.parse(timeOfSnapshotId(gone.id) ?? '') + NOTES_KEPT_MS;
  return snapshots.some(
    (s) => s.set === gone.set && s.host === gone.host && Date.parse(s.time) > until && s.previous !== null,
  );
}

/** The newest record has no successor to miss it, so the client that saw it does. */
async function missingNewest(
  vault: Vault,
  snapshots: readonly Snapshot[],
  refused: readonly RefusedRecord[],
  ledger: Ledger,
  only: string | undefined,
): Promise<Finding[]> {
  const { seen } = await vault.memory.vault(vault.document.vault);
  const present = new Set(snapshots.map((s) => s.sha256));
  const newest: Record<string, { id: string; sha256: string }> = {};
  const { location } = vault.store;
  // What another place gave is not to be missed at this one.
  for (const { set, host, id, sha256, object } of snapshots)
    if (vault.elsewhere?.readAt(object) === undefined)
      newest[atPlace(`${set}/${host}`, location)] = { id, sha256 };
  const findings: Finding[] = [];
  // What was seen at the vault's own place must be at one of those that are read in its stead.
  const places = new Set([location, vault.elsewhere?.first ?? location]);
  for (const [key, { id, sha256 }] of Object.entries(seen)) {
    const set = key.slice(0, key.indexOf('/'));
    if (!places.has(key.slice(key.indexOf(' ') + 1))) continue;
    if ((only !== undefined && only !== set) || present.has(sha256)) continue;
    if (ledger.removes(set, id, sha256)) continue;
    const host = key.slice(set.length + 1, key.indexOf(' '));
    if (isFollowed(snapshots, { set, host, id })) continue;
    // It is there, and this role may not read it: that is said already, and is no removal.
    if (refused.some((r) => r.set === set && r.id === id && r.finding.code === 'store-denied')) continue;
    if (isDisowned(refused, set, id)) continue;
    newest[key] = { id, sha256 };
    const object = `snapshots/${set}/${id}.json`;
    if (findings.some((f) => f.object === object)) continue;
    findings.push(
      finding(
        'missing-newest',
        object,
        `${id} of ${set}, which this machine saw, is gone and nobody signed its removal`,
      ),
    );
  }
  const changed = Object.entries(newest).filter(([key, n]) => seen[key]?.sha256 !== n.sha256);
  // A vault that nothing vouches for may claim any id: what is remembered of the real one must not come from it.
  if (changed.length > 0 && vault.trust === 'pinned') {
    const kept = await tryToRemember(vault, vault.document.vault, (m) => ({
      ...m,
      seen: { ...m.seen, ...Object.fromEntries(changed) },
    }));
    if (!kept) {
      const message = 'this machine cannot remember what it saw, and so will not notice what disappears';
      findings.push(finding('not-remembered', vault.document.object, message, 'warning'));
    }
  }
  return findings;
}
