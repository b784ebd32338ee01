// Whether the backups of a vault are as they should be, by what stands in the store and not by the word of any job. Needs
// no key. Reads and judges; changes nothing.

import type { Store } from '../../store/store.ts';
import { readDrills } from '../drill/evidence.ts';
import type { Finding } from '../finding.ts';
import { isPresent, takeInventory } from '../prune/inventory.ts';
import { readSnapshots } from '../snapshots.ts';
import type { UnlockedVault, Vault } from '../vault.ts';
import {
  type Drilled,
  type DrillObjectives,
  drilledPart,
  drilledWhole,
  isToldBy,
  judgeDrilledPart,
  judgeDrilledWhole,
} from './drills.ts';
import { judgeFindings } from './findings.ts';
import { type Group, groupsOf, type Objective } from './groups.ts';
import { judgeHeldFiles } from './held-files.ts';
import {
  judgeHosts,
  judgeSets,
  judgeUnwritten,
  type Unwritten,
  unwrittenHosts,
  unwrittenSets,
} from './hosts.ts';
import { judgeClock, judgeGroup } from './judge.ts';
import type { Problem } from './problem.ts';
import { judgeReplicas } from './replicas.ts';

/** Of a set without an objective: a daily backup, and two hours' grace. Silence about a month would be worse. */
export const DEFAULT_MAX_AGE_MS = 26 * 60 * 60 * 1000;

const DAY_MS = 24 * 60 * 60 * 1000;

/** What a backup of some paths puts after the name of the configured set that they are part of. */
const OF_PATHS = '-paths';

export interface HealthOptions {
  /** Only this set, or what is of no set. */
  readonly set?: string;
  readonly host?: string;
  /** Over every objective, in milliseconds. */
  readonly maxAge?: number;
  /** The sets that are configured, and how old the newest snapshot of each may be, in milliseconds. */
  readonly sets?: ReadonlyMap<string, number | undefined>;
  /** How old the last drill may be. */
  readonly drills?: DrillObjectives;
  /** Other places of the vault, to see by names whether they keep up. */
  readonly replicas?: readonly Store[];
  /** The vault with its key in hand, to look into the newest snapshots too. */
  readonly unlocked?: UnlockedVault;
}

export interface Health {
  readonly time: Date;
  readonly groups: readonly Group[];
  readonly drills: Drills;
  /** Sets that are configured and have no snapshot, and hosts that have none. */
  readonly unwritten: readonly Unwritten[];
  /** What is wrong first. */
  readonly problems: readonly Problem[];
  /** Snapshots that count and are under an older key. */
  readonly underOlderKey: number;
  /** Whether the newest snapshots were looked into. */
  readonly isOpened: boolean;
}

/** When what stands there was last drilled. */
export interface Drills {
  readonly parts: ReadonlyMap<Group, Drilled>;
  /** Undefined where not all groups were asked for, or there are none. */
  readonly whole: Drilled | undefined;
}

/** @throws StoreError when the store cannot be read; InterruptedError */
export async function readHealth(vault: Vault, options: HealthOptions = {}): Promise<Health> {
  const { maxAge, sets = new Map<string, number | undefined>(), unlocked } = options;
  const time = vault.now();
  const { document } = vault;
  // Every set: what a host did is not told by one of them.
  const read = await readSnapshots(vault);
  const inventory = await takeInventory(vault, options.set);
  const isAsked = ({ set, host }: { readonly set?: string; readonly host?: string }) =>
    (set === undefined || options.set === undefined || set === options.set) &&
    (host === undefined || options.host === undefined || host === options.host);
  const asked = read.snapshots.filter(isAsked);
  const objectiveOf = (set: string): Objective => {
    if (maxAge !== undefined) return { maxAge, from: 'flag' };
    const rpo = sets.get(set);
    if (rpo !== undefined) return { maxAge: rpo, from: 'config' };
    return { maxAge: DEFAULT_MAX_AGE_MS, from: 'default' };
  };
  const groups = groupsOf(asked, {
    now: time,
    hosts: document.hosts,
    // Listed after the pieces: one whose record has gone meanwhile was pruned or re-encrypted, not damaged.
    isWhole: (s) =>
      isPresent(inventory, s) || !inventory.held.get(`${s.set}/${s.id}`)?.records.includes(s.object),
    objectiveOf,
    isOneOff: (set) => !sets.has(set) && set.endsWith(OF_PATHS) && sets.has(set.slice(0, -OF_PATHS.length)),
  });
  const all = [...sets.keys()].map((set) => ({ set, objective: objectiveOf(set) }));
  const expected = { now: time, sets: all, other: objectiveOf('') };
  const configured = { ...expected, sets: options.host === undefined ? all.filter(isAsked) : [] };
  const [noSets, noHosts] = [
    unwrittenSets(document, groups, configured),
    unwrittenHosts(document, read, expected).filter(isAsked),
  ];
  const isAll = options.set === undefined && options.host === undefined;
  const { drills, findings } = await lookAtDrills(vault, groups, isAll);
  const underOlderKey = read.snapshots.filter((s) => s.generation < document.generation).length;
  const problems = [
    ...judgeFindings([...vault.findings, ...read.findings, ...findings]),
    ...judgeClock(groups, time),
    ...noSets.map(judgeUnwritten),
    ...judgeSets(groups, configured),
    ...(read.snapshots.length === 0 ? [EMPTY] : []),
    ...groups.flatMap(judgeGroup),
    ...judgeDrills(drills, options.drills, time),
    ...(document.reencrypt ? [reencryptionOpen(underOlderKey, Date.parse(document.time), time)] : []),
    ...noHosts.map(judgeUnwritten),
    ...judgeHosts(document, read),
    ...(await judgeReplicas(vault, options.replicas ?? [], groups, asked, time)),
    ...(unlocked ? await judgeHeldFiles(unlocked, groups, time) : []),
  ].filter(isAsked);
  return {
    time,
    groups,
    drills,
    unwritten: [...noSets, ...noHosts],
    problems: [
      ...problems.filter((p) => p.severity === 'wrong'),
      ...problems.filter((p) => p.severity === 'warning'),
    ],
    underOlderKey,
    isOpened: unlocked !== undefined,
  };
}

async function lookAtDrills(
  vault: Vault,
  groups: readonly Group[],
  isAll: boolean,
): Promise<{ drills: Drills; findings: readonly Finding[] }> {
  const isWhole = isAll && groups.some((g) => g.isExpected);
  const { drills, findings } = await readDrills(vault, {
    isEnough: (read) => isToldBy(read, groups, isWhole),
  });
  const parts = new Map(groups.map((group) => [group, drilledPart(group, drills)]));
  return { drills: { parts, whole: isWhole ? drilledWhole(groups, drills) : undefined }, findings };
}

function judgeDrills(
  { parts, whole }: Drills,
  { sets, whole: maxAge }: DrillObjectives = { sets: new Map() },
  now: Date,
): Problem[] {
  const all = [...parts];
  const since = Math.min(...all.filter(([g]) => g.isExpected).map(([g]) => g.since.getTime()));
  const ofParts = all.flatMap(([group, drilled]) =>
    judgeDrilledPart(group, drilled, sets.get(group.set), now),
  );
  // That it failed by a part is said once, where nothing is promised of the whole.
  const isSaid = maxAge === undefined && ofParts.some((p) => p.code === 'drill-failed');
  return [...ofParts, ...(whole && !isSaid ? judgeDrilledWhole(whole, maxAge, new Date(since), now) : [])];
}

/** Whether nothing is wrong; warnings do not count. */
export function isHealthy({ problems }: Pick<Health, 'problems'>): boolean {
  return problems.every((p) => p.severity === 'warning');
}

const EMPTY: Problem = {
  code: 'empty-vault',
  severity: 'wrong',
  message: 'the vault has no snapshot that counts',
  fix: 'run `strongroom backup`',
};

/** @param since of the newest vault document, in milliseconds @param now a run of it takes no day */
function reencryptionOpen(underOlderKey: number, since: number, now: Date): Problem {
  return {
    code: 'reencryption-open',
    severity: now.getTime() - since > DAY_MS ? 'wrong' : 'warning',
    message: `the key was rotated, and the re-encryption is not over: ${underOlderKey} snapshots are under an older key`,
    fix: 'unless it is running at this moment, run `strongroom keys rotate --finish`',
  };
}
