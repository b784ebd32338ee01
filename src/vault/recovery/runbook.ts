// What a disaster-recovery document says of a vault: its keys, its hosts, its sets in their order, and when a restore was
// last proven. Needs no key. What is in a snapshot, only a key tells.

import type { Host, Slot } from '../documents/vault-document.ts';
import { readDrills } from '../drill/evidence.ts';
import type { Objectives } from '../drill/result.ts';
import type { DrillSettings } from '../drill/settings.ts';
import type { Finding } from '../finding.ts';
import { type Drilled, drilledPart, drilledWhole, isToldBy } from '../health/drills.ts';
import { type Group, groupsOf } from '../health/groups.ts';
import { streamOfArtifact } from '../layout.ts';
import { type Pin, pinOf, pinText } from '../pin.ts';
import { readSnapshots, type Snapshot } from '../snapshots.ts';
import type { Vault } from '../vault.ts';
import { type LocalStream, type RunbookStream, streamFacts } from './runbook-streams.ts';

/** Where the vault can be read. */
export interface Place {
  /** An absolute directory, or `s3://…`. */
  readonly location: string;
  /** Of a bucket, where the configuration names them. */
  readonly region?: string | undefined;
  readonly endpoint?: string | undefined;
}

/** A set as the configuration here has it. */
export interface LocalSet {
  readonly name: string;
  /** Absolute. */
  readonly root: string;
  /** It consists of streams, and takes no files. */
  readonly isStreamsOnly: boolean;
  readonly objectives: Objectives;
  readonly restore: {
    readonly owner: { readonly uid: number; readonly gid: number } | undefined;
    readonly modes: readonly { readonly glob: string; readonly mode: number }[];
  };
  readonly streams: readonly LocalStream[];
  readonly drill: DrillSettings;
}

/** What this machine adds to what the vault says of itself. */
export interface LocalFacts {
  /** This machine. */
  readonly host: string;
  /** In the order in which to try them; the first is the one that is read now. */
  readonly places: readonly Place[];
  /** Absolute path of strongroom.yaml; undefined where there is none. */
  readonly configFile: string | undefined;
  /** Whether that file says where the vault is. */
  readonly isLocated: boolean;
  /** In the order of the configuration. */
  readonly sets: readonly LocalSet[];
  readonly objectives: Objectives;
  readonly manual: readonly string[];
}

/** A set of one host. */
export interface RunbookGroup {
  readonly host: string;
  /** Whether that host may still write it. */
  readonly isExpected: boolean;
  /** The newest complete one. */
  readonly newest: Snapshot | undefined;
  /** Names of the dumps in it. */
  readonly streams: readonly string[];
  readonly drilled: Drilled;
  /** In seconds, by the last drill that passed. */
  readonly recoveryTime: number | undefined;
  readonly recoveryPoint: number | undefined;
}

export interface RunbookSet {
  readonly name: string;
  /** Undefined where the configuration here does not know it. */
  readonly local: LocalSet | undefined;
  /** As configured, in the order in which to load them: roles before what belongs to them. */
  readonly streams: readonly RunbookStream[];
  /** Those that may still write it first, and of these the one with the newest snapshot. */
  readonly groups: readonly RunbookGroup[];
}

export interface RunbookHost extends Host {
  /** Of all that it wrote and that counts. */
  readonly newest: Snapshot | undefined;
}

export interface Runbook {
  readonly written: Date;
  readonly local: LocalFacts;
  readonly name: string;
  readonly pin: Pin;
  /** As strongroom.yaml holds it. */
  readonly pinLine: string;
  /** When the revision was written. */
  readonly revised: Date;
  readonly isPinned: boolean;
  readonly keys: readonly Slot[];
  /** Without those that were removed. */
  readonly hosts: readonly RunbookHost[];
  /** Those of the configuration in its order, then the others by name. */
  readonly sets: readonly RunbookSet[];
  readonly drilled: Drilled | undefined;
}

/** @throws StoreError when the store cannot be read; InterruptedError */
export async function readRunbook(
  vault: Vault,
  local: LocalFacts,
): Promise<{ readonly runbook: Runbook; readonly findings: readonly Finding[] }> {
  const { document } = vault;
  const pin = pinOf(document);
  const written = vault.now();
  const { snapshots, findings: found } = await readSnapshots(vault);
  const groups = groupsOf(snapshots, {
    now: written,
    hosts: document.hosts,
    // Whether every stored byte is there is the question of verify and of health.
    isWhole: () => true,
    objectiveOf: () => ({ maxAge: Number.POSITIVE_INFINITY, from: 'default' }),
  });
  const isWritten = groups.some((group) => group.isExpected);
  const { drills, findings: doubts } = await readDrills(vault, {
    isEnough: (read) => isToldBy(read, groups, isWritten),
  });
  const facts = (group: Group): RunbookGroup => {
    const { set, host, isExpected, newest } = group;
    const own = drills.flatMap(({ parts }) => parts.filter((p) => p.set === set && p.host === host));
    const proven = own.findLast((part) => part.passed);
    return {
      host,
      isExpected,
      newest,
      streams: (newest?.artifacts ?? []).flatMap(({ name }) => streamOfArtifact(name) ?? []),
      drilled: drilledPart(group, drills),
      recoveryTime: proven?.recoveryTime,
      recoveryPoint: proven?.recoveryPoint,
    };
  };
  const configured = new Map(local.sets.map((set) => [set.name, set]));
  const others = groups.map(({ set }) => set).filter((set) => !configured.has(set));
  const newestOf = (host: string) =>
    snapshots.findLast((snapshot) => snapshot.host === host && snapshot.complete);
  return {
    runbook: {
      written,
      local,
      name: document.name,
      pin,
      pinLine: pinText(pin),
      revised: new Date(document.time),
      isPinned: vault.trust !== 'unproven',
      keys: document.slots,
      hosts: document.hosts
        .filter(({ removed }) => removed === undefined)
        .map((host) => ({ ...host, newest: newestOf(host.name) })),
      sets: [...configured.keys(), ...new Set(others)].map((name) => ({
        name,
        local: configured.get(name),
        streams: (configured.get(name)?.streams ?? [])
          .map(streamFacts)
          .sort((a, b) => Number(b.way === 'roles') - Number(a.way === 'roles')),
        groups: groups
          .filter(({ set }) => set === name)
          .sort(byUse)
          .map(facts),
      })),
      drilled: isWritten ? drilledWhole(groups, drills) : undefined,
    },
    findings: [...vault.findings, ...found, ...doubts],
  };
}

function byUse(a: Group, b: Group): number {
  const time = ({ newest }: Group) => newest?.time ?? '';
  return Number(b.isExpected) - Number(a.isExpected) || (time(a) < time(b) ? 1 : -1);
}
