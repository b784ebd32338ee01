// What is wrong with who writes: hosts that never did, that write to an older key, and sets that nobody writes. Pure.
import type { Host, VaultDocument } from '../documents/vault-document.ts';
import { ownerBy } from '../hosts/activity.ts';
import { inScope } from '../names.ts';
import type { Snapshots } from '../snapshots.ts';
import { authorityFingerprint } from '../vault.ts';
import type { Group, Objective } from './groups.ts';
import { lengthText, type Problem } from './problem.ts';

/** What is to be backed up and has no snapshot: a configured set, or whatever a host writes. */
export interface Unwritten {
  readonly set?: string;
  readonly host?: string;
  readonly objective: Objective;
  /** Whether it could have been there for longer than a snapshot may be old. */
  readonly isLate: boolean;
}

export interface Expected {
  readonly now: Date;
  /** The sets that are configured. */
  readonly sets: readonly { readonly set: string; readonly objective: Objective }[];
  /** Of whatever is not configured. */
  readonly other: Objective;
}

/** Configured sets without a snapshot. They could be there since a host may write them, else since there is a vault. */
export function unwrittenSets(
  { hosts }: VaultDocument,
  groups: readonly Group[],
  { now, sets }: Expected,
): Unwritten[] {
  return sets
    .filter(({ set }) => !groups.some((g) => g.set === set))
    .map(({ set, objective }) => {
      const writers = hosts.filter((h) => mayWrite(h) && inScope(set, h.sets));
      const listed = (writers.length > 0 ? writers : hosts).map((h) => Date.parse(h.added));
      return { set, objective, isLate: now.getTime() - Math.min(...listed) > objective.maxAge };
    });
}

/** Hosts that may write and have no snapshot. Of what one may write, the set that is due least often counts. */
export function unwrittenHosts(
  document: VaultDocument,
  { snapshots, ledger }: Snapshots,
  { now, sets, other }: Expected,
): Unwritten[] {
  const ownerOf = ownerBy(document.hosts, ledger.outlasts);
  const wrote = new Set(snapshots.map((s) => ownerOf(s.host, 'records', s.sha256)));
  return document.hosts
    .filter((host) => mayWrite(host) && !wrote.has(host))
    .map((host) => {
      const own = sets.filter(({ set }) => inScope(set, host.sets)).map(({ objective }) => objective);
      const objective = own.sort((a, b) => b.maxAge - a.maxAge)[0] ?? other;
      const isLate = now.getTime() - Date.parse(host.added) > objective.maxAge;
      return { host: host.name, objective, isLate };
    });
}

const mayWrite = (host: Host): boolean => host.removed === undefined && host.may.includes('write');

/** @param read every set of the vault: a host may have written any of them */
export function judgeHosts(document: VaultDocument, { snapshots, ledger }: Snapshots): Problem[] {
  const ownerOf = ownerBy(document.hosts, ledger.outlasts);
  const last = new Map(snapshots.map((s) => [ownerOf(s.host, 'records', s.sha256), s]));
  return document.hosts.flatMap((host) => {
    const newest = last.get(host);
    if (!mayWrite(host) || !newest) return [];
    const wroteTo = newest.original?.generation ?? newest.generation;
    return wroteTo < document.generation ? [behind(document, host, wroteTo)] : [];
  });
}

/** One that has been there long enough is as wrong as a late one: what vanished wholly looks like it. */
export function judgeUnwritten({ set, host, objective: { maxAge, from }, isLate }: Unwritten): Problem {
  const since = isLate ? `, after more than ${lengthText(maxAge)}` : '';
  if (host !== undefined)
    return {
      code: 'never-wrote',
      severity: isLate ? 'wrong' : 'warning',
      message: `${host} may write to the vault, and has no snapshot there${since}`,
      host,
      fix: `run \`strongroom backup\` on ${host}; where it need not write, \`strongroom hosts remove ${host}\``,
    };
  return {
    code: 'no-snapshot',
    severity: isLate || from === 'config' ? 'wrong' : 'warning',
    message: `${set} is configured, and has no snapshot${since}`,
    ...(set === undefined ? {} : { set }),
    fix: `run \`strongroom backup --set ${set}\``,
  };
}

function behind(document: VaultDocument, { name }: Host, key: number): Problem {
  const leaked = document.generations[key - 1]?.compromised ?? false;
  return {
    code: 'old-key',
    severity: leaked ? 'wrong' : 'warning',
    message: `${name} wrote its newest snapshot to key number ${key}${leaked ? ', which leaked' : ''}; the vault has number ${document.generation}`,
    host: name,
    fix: `on ${name}: \`strongroom trust ${authorityFingerprint(document)}\``,
  };
}

/** Configured sets that have snapshots, and nobody who may make another. */
export function judgeSets(groups: readonly Group[], { sets }: Pick<Expected, 'sets'>): Problem[] {
  return sets.flatMap(({ set }): Problem[] => {
    const ofSet = groups.filter((g) => g.set === set);
    if (ofSet.length === 0 || ofSet.some((g) => g.isExpected)) return [];
    const hosts = ofSet.map((g) => g.host).join(', ');
    const message = `${set} is configured, and nobody writes it any more: ${hosts} may not`;
    const fix = 'let a host write it: `strongroom hosts enroll`';
    return [{ code: 'no-writer', severity: 'wrong', message, set, fix }];
  });
}
