// Removes a host: what still counts of it is written down by digest and signed, before the vault document says that it
// is gone. Dates that it wrote itself say nothing; whoever stole its key can write any.
import { createHash } from 'node:crypto';
import { ConflictError, NotFoundError, StoreError, UsageError } from '../../errors.ts';
import type { Host, May, VaultDocument } from '../documents/vault-document.ts';
import { finding } from '../finding.ts';
import type { CountingEntry, Ledger } from '../ledger.ts';
import { documentTime } from '../names.ts';
import { readRecords } from '../read-records.ts';
import { type ReceivedAt, readReceivedAt, vouchedFor } from '../received.ts';
import { revise } from '../revise.ts';
import { readSnapshots, type Snapshot } from '../snapshots.ts';
import { callOptions, type UnlockedVault, type Vault } from '../vault.ts';
import { ownerBy } from './activity.ts';
import { sealRemoval } from './seal-removal.ts';

/** How far the host is believed; all that counts now, when neither is given. */
export interface Belief {
  /**
   * Snapshots of it that are known to be good, by their id, the beginning of one, or SET/ID. They count, what came
   * before each, and what the store held by then.
   */
  readonly lastGood?: readonly string[];
  /** Instead of that last: what the store held before this time. */
  readonly since?: Date;
}

export interface HostRemoval {
  readonly host: Host;
  /** Its snapshots that go on counting, oldest first. */
  readonly counts: readonly Snapshot[];
  /** Those that do not any more. */
  readonly stops: readonly Snapshot[];
  /** When the store had received each of these. */
  readonly receivedAt: ReceivedAt;
  /** Its ledger entries that go on counting: deletions, wishes to keep, and releases of those. */
  readonly entries: readonly CountingEntry[];
  /**
   * Those that do not any more: what they removed counts again, where it is still there; what they kept may be deleted;
   * what they released is kept again.
   */
  readonly undone: readonly UndoneEntry[];
  /** It may maintain, and no other host may. */
  readonly isLastMaintainer: boolean;
  /** It may write, and no other host may. */
  readonly isLastWriter: boolean;
  /** Ledger entries of removals that nothing names: one was cut off. */
  readonly stale: readonly string[];
}

export interface UndoneEntry extends CountingEntry {
  /** The snapshots that it is about. */
  readonly about: readonly { readonly set: string; readonly id: string }[];
}

/**
 * What removing a host would do. A host that was removed already may be judged again, and more narrowly: what does not
 * count any more never comes back.
 * @throws NotFoundError `no-host`, `no-snapshot`; ConflictError `host-removed`; UsageError `ambiguous`
 */
export async function planHostRemoval(vault: Vault, name: string, belief: Belief = {}): Promise<HostRemoval> {
  const { document } = vault;
  const host = findHost(document, name, belief);
  const { snapshots, ledger } = await readSnapshots(vault);
  const ownerOf = ownerBy(document.hosts, ledger.outlasts);
  const isOwn = (s: Snapshot) => s.host === name && ownerOf(name, 'records', s.sha256) === host;
  const present = snapshots.filter(isOwn);
  const good = (belief.lastGood ?? []).map((id) => goodOne(present, id, name));
  const isInTime = await limitOf(vault, belief, good);
  const entries = ledger.entries.filter((e) => e.by === name && ownerOf(name, 'entries', e.sha256) === host);
  const undone = entries.filter((e) => !isInTime(e.modified));
  const own = [...present, ...(await returning(vault, ledger, undone)).filter(isOwn)].sort(byId);
  const receivedAt = await readReceivedAt(vault, own);
  const inTime = own.filter((s) => isInTime(receivedAt(s)));
  const counting = withPredecessors(own, [...inTime, ...good]);
  const isLast = (what: May) =>
    host.removed === undefined &&
    host.may.includes(what) &&
    !document.hosts.some((h) => h.removed === undefined && h !== host && h.may.includes(what));
  return {
    host,
    counts: own.filter((s) => counting.has(s)),
    stops: own.filter((s) => !counting.has(s)),
    receivedAt,
    entries: entries.filter((e) => !undone.includes(e)),
    undone: undone.map((e) => ({ ...e, about: aboutOf(e, ledger) })),
    isLastMaintainer: isLast('maintain'),
    isLastWriter: isLast('write'),
    stale: ledger.findings.filter((f) => f.code === 'unnamed-removal').map((f) => f.object),
  };
}

function findHost({ name: vault, hosts }: VaultDocument, name: string, { lastGood, since }: Belief): Host {
  const named = hosts.filter((host) => host.name === name);
  const listed = named.find((host) => host.removed === undefined);
  const last = named.at(-1);
  if (listed) return listed;
  if (!last) {
    throw new NotFoundError('no-host', `the vault ${vault} has no host called ${JSON.stringify(name)}`, {
      hint: 'see which there are with `strongroom hosts list`',
    });
  }
  if (since || lastGood?.length) return last;
  throw new ConflictError('host-removed', `${name} was removed from the vault ${vault} already`, {
    object: name,
    hint: 'to let less of what it wrote count, add --since or --last-good',
  });
}

/**
 * The snapshot that somebody vouches for. Whoever has the host's key may give one of another set the same id: which is
 * meant must not be a guess.
 */
function goodOne(own: readonly Snapshot[], selector: string, host: string): Snapshot {
  const [first, ...more] = own.filter((s) => s.id.startsWith(selector) || `${s.set}/${s.id}` === selector);
  if (!first || selector === '') {
    throw new NotFoundError(
      'no-snapshot',
      `${host} has no snapshot ${JSON.stringify(selector)} that counts`,
      {
        hint: `see what it has with \`strongroom list --host ${host}\``,
      },
    );
  }
  if (more.length === 0) return first;
  throw new UsageError('ambiguous', `${JSON.stringify(selector)} could be several snapshots of ${host}`, {
    hint: `say which as SET/ID: ${[first, ...more].map((s) => `${s.set}/${s.id}`).join(', ')}`,
  });
}

/** Whether something that the store received then counts. */
async function limitOf(
  vault: Vault,
  { since }: Belief,
  good: readonly Snapshot[],
): Promise<(received: Date) => boolean> {
  if (since) return (received) => received < since;
  if (good.length === 0) return () => true;
  const receivedAt = await readReceivedAt(vault, good);
  const times = await Promise.all(good.map((s) => vouchedFor(vault, s, receivedAt)));
  const last = Math.max(...times.map((time) => time.getTime()));
  return (received) => received.getTime() <= last;
}

function aboutOf({ removes, keeps = [], releases = [] }: CountingEntry, { entries }: Ledger) {
  const released = entries.filter((e) =>
    releases.some((r) => r.object === e.object && r.sha256 === e.sha256),
  );
  return [...removes, ...keeps, ...released.flatMap((e) => e.keeps ?? [])];
}

const byId = (a: Snapshot, b: Snapshot) => (a.id < b.id ? -1 : 1);

/** Snapshots that entries remove which do not count any more, as far as they are there: deleted in name only. */
async function returning(
  vault: Vault,
  ledger: Ledger,
  undone: readonly CountingEntry[],
): Promise<readonly Snapshot[]> {
  if (undone.length === 0) return [];
  const standing = new Set(
    ledger.entries
      .filter((e) => (e.action === 'delete' || e.action === 'prune') && !undone.includes(e))
      .flatMap((e) => e.removes.map((r) => `${r.set}/${r.id}/${r.sha256}`)),
  );
  const removes: Ledger['removes'] = (set, id, sha256) => standing.has(`${set}/${id}/${sha256}`);
  const { snapshots } = await readRecords(vault, { ...ledger, removes }, {});
  return snapshots.filter((s) => ledger.removes(s.set, s.id, s.sha256));
}

/** These, and all that came before them: whoever signed one named the digest of the one before it. */
function withPredecessors(own: readonly Snapshot[], from: readonly Snapshot[]): ReadonlySet<Snapshot> {
  const byDigest = new Map(own.map((s) => [`${s.set}/${s.sha256}`, s]));
  const found = new Set<Snapshot>();
  for (const one of from) {
    let next: Snapshot | undefined = one;
    while (next && !found.has(next)) {
      found.add(next);
      next = next.previous ? byDigest.get(`${next.set}/${next.previous.sha256}`) : undefined;
    }
  }
  return found;
}

/**
 * Removes a host. What was planned is planned anew on the vault as it is when that is written.
 * @returns what was done, and the vault as it is now
 * @throws as `planHostRemoval` and `revise`; UsageError `removal-too-large`
 */
export async function removeHost(
  vault: UnlockedVault,
  name: string,
  belief: Belief = {},
): Promise<{ readonly vault: UnlockedVault; readonly removal: HostRemoval }> {
  let removal: HostRemoval | undefined;
  const revised = await revise(vault, async (now) => {
    removal = await planHostRemoval(now, name, belief);
    const { key, counts } = removal.host;
    const entry = sealRemoval(now, removal);
    const sha256 = createHash('sha256').update(entry.bytes).digest('hex');
    const removed = removal.host.removed ?? documentTime(now.now());
    const change = { removed, counts: { object: entry.object, sha256 } };
    if (counts) removal = { ...removal, stale: [...removal.stale, counts.object] };
    return {
      change: { hosts: now.document.hosts.map((host) => (host.key === key ? { ...host, ...change } : host)) },
      objects: [entry],
    };
  });
  const done = removal!;
  return { vault: await clean(revised, done.stale), removal: done };
}

/**
 * Removes the entries of removals that were cut off. They were there before the vault document was written: one that
 * somebody else stores now is for a document that ours has beaten, and he makes it anew.
 */
async function clean(vault: UnlockedVault, stale: readonly string[]): Promise<UnlockedVault> {
  if (stale.length === 0) return vault;
  try {
    await vault.store.remove(stale, callOptions(vault));
    return vault;
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    const message = `what a removal that was cut off left could not be removed: ${error.message}`;
    return { ...vault, findings: [...vault.findings, finding('left-over', stale[0]!, message, 'warning')] };
  }
}
