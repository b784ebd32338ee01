// The text of strongroom.yaml to a checked `Config`. Knows nothing of files, flags or the environment.

import { dirname } from 'node:path';
import type { Discoverer } from '../capture/discover/reference.ts';
import type {
  Config,
  PinSetting,
  ReplicaConfig,
  RestoreConfig,
  RetentionConfig,
  SetConfig,
  StreamConfig,
} from '../commands/context.ts';
import { UsageError } from '../errors.ts';
import type { ObjectLock, S3Options } from '../store/s3/options.ts';
import {
  drillOf,
  objectivesOf,
  type RawDrill,
  type RawObjectives,
  type RawWholeDrill,
  wholeDrillOf,
} from './config-drill-schema.ts';
import { type RawNotify, receiversOf } from './config-notify-schema.ts';
import { takenBy } from './config-set-schema.ts';
import { milliseconds } from './config-shape.ts';
import { parseConfigText } from './config-yaml.ts';
import { absolute } from './paths.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/** What the file holds once it fits `configShape`. */
interface RawConfig {
  readonly location?: string;
  readonly pin?: PinSetting;
  readonly sets?: Readonly<Record<string, RawSet>>;
  readonly s3?: RawS3;
  readonly kms?: readonly string[];
  readonly replicas?: readonly (string | RawReplica)[];
  readonly notify?: RawNotify;
  readonly prune?: PruneWhen;
  readonly objectives?: RawObjectives;
  readonly drill?: RawWholeDrill;
}

type RawS3 = Omit<S3Options, 'deadline' | 'stall' | 'storageClasses' | 'objectLock'> & {
  readonly objectLock?: {
    readonly mode: 'governance' | 'compliance';
    readonly days?: number;
    readonly until?: string;
  };
  readonly deadline?: string;
  readonly stall?: string;
};

interface RawReplica {
  readonly location: string;
  readonly s3?: RawS3;
  readonly patience?: string;
}

type PruneWhen = 'after-backup' | 'by-hand';

interface RawSet {
  readonly root?: string;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  readonly discover?: readonly Discoverer[];
  readonly outside?: readonly string[];
  readonly streams?: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, unknown>>>>>>;
  readonly compress?: 'none' | 'gzip';
  readonly retention?: Omit<RetentionConfig, 'within'> & { readonly within?: string };
  readonly prune?: PruneWhen;
  readonly objectives?: RawObjectives;
  readonly drill?: RawDrill;
  readonly storageClass?: string;
  readonly restore?: { readonly owner?: string; readonly modes?: Readonly<Record<string, string>> };
}

/**
 * Parses and checks a config file.
 * @param path absolute; relative paths in the file start from its directory
 * @param home absolute, for `~/`
 * @throws UsageError bad-yaml, unknown-key, bad-setting; with the line, never with a value
 */
export async function parseConfig(text: string, path: string, home: string): Promise<Config> {
  const raw = (await parseConfigText(text, path)) as RawConfig;
  const from = (place: string): string => absolute(place, dirname(path), home);
  return {
    location: raw.location === undefined ? undefined : from(raw.location),
    pin: raw.pin,
    sets: new Map(Object.entries(raw.sets ?? {}).map(([name, set]) => [name, setOf(name, set, raw, from)])),
    objectives: objectivesOf(raw.objectives),
    drill: wholeDrillOf(raw.drill, from),
    s3: s3Of(raw),
    kms: raw.kms ?? [],
    replicas: (raw.replicas ?? []).map((replica) => replicaOf(replica, raw, from)),
    ...(raw.notify ? { notify: receiversOf(raw.notify, from) } : {}),
  };
}

function setOf(name: string, raw: RawSet, all: RawConfig, from: (place: string) => string): SetConfig {
  const streams = Object.entries(raw.streams ?? {}).map(([stream, kinds]) => streamOf(name, stream, kinds));
  return {
    name,
    root: from(raw.root ?? '.'),
    include: raw.include ?? [],
    exclude: raw.exclude ?? [],
    discover: raw.discover,
    outside: raw.outside ?? [],
    streams,
    compress: raw.compress ?? 'gzip',
    retention: raw.retention && retentionOf(raw.retention),
    ...((raw.prune ?? all.prune) === 'after-backup' ? { pruneAfterBackup: true } : {}),
    objectives: objectivesOf(raw.objectives),
    drill: drillOf(name, new Map(streams.map((stream) => [stream.name, stream.type])), raw.drill),
    restore: restoreOf(raw.restore ?? {}),
  };
}

function retentionOf({ within, ...rest }: NonNullable<RawSet['retention']>): RetentionConfig {
  return { ...rest, ...(within === undefined ? {} : { within: milliseconds(within) }) };
}

/** @throws UsageError `bad-setting` unless it is of exactly one kind */
function streamOf(
  set: string,
  name: string,
  kinds: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
): StreamConfig {
  const [first, ...others] = Object.entries(kinds);
  if (first && others.length === 0) {
    const [type, settings] = first;
    return { name, type, settings, takes: takenBy(type, settings) };
  }
  const many = first ? 'is of more than one kind' : 'says no kind';
  throw new UsageError('bad-setting', `sets.${set}.streams.${name} ${many}`, {
    hint: 'give each stream one kind, such as `db: { postgres: { database: shop } }`',
  });
}

function replicaOf(
  raw: string | RawReplica,
  { sets = {} }: RawConfig,
  from: (place: string) => string,
): ReplicaConfig {
  if (typeof raw === 'string') return { location: from(raw) };
  const { location, s3, patience } = raw;
  return {
    location: from(location),
    ...(s3 ? { s3: s3Of({ s3, sets }) } : {}),
    ...(patience === undefined ? {} : { patience: milliseconds(patience) }),
  };
}

function s3Of({ s3 = {}, sets = {} }: Pick<RawConfig, 's3' | 'sets'>): S3Options {
  const { deadline, stall, objectLock, ...rest } = s3;
  const seconds = (name: 'deadline' | 'stall', text: string | undefined) =>
    text === undefined ? {} : { [name]: milliseconds(text) / 1000 };
  const classes = Object.entries(sets).flatMap(([name, set]) =>
    set.storageClass === undefined ? [] : [[name, set.storageClass]],
  );
  return {
    ...rest,
    ...seconds('deadline', deadline),
    ...seconds('stall', stall),
    ...(objectLock ? { objectLock: lockOf(objectLock, sets) } : {}),
    ...(classes.length > 0 ? { storageClasses: Object.fromEntries(classes) } : {}),
  };
}

type RawLock = NonNullable<RawS3['objectLock']>;

/** @throws UsageError `bad-setting` unless it has days, or a set whose retention says how many */
function lockOf({ mode, days, until }: RawLock, sets: Readonly<Record<string, RawSet>>): ObjectLock {
  if ((days === undefined) === (until === undefined)) {
    throw new UsageError('bad-setting', 's3.objectLock needs days, or until: retention', {
      hint: 'give one of them',
    });
  }
  if (days !== undefined) return { mode, days };
  const daysOf = Object.fromEntries(
    Object.entries(sets).flatMap(([name, { retention }]) => {
      const kept = retention ? horizon(retentionOf(retention)) : 0;
      return kept > 0 ? [[name, kept]] : [];
    }),
  );
  const longest = Math.max(0, ...Object.values(daysOf));
  if (longest > 0) return { mode, days: longest, daysOf };
  throw new UsageError(
    'bad-setting',
    's3.objectLock goes by the retention of sets, but none has one in days',
    {
      hint: 'give sets a retention with daily, weekly, monthly, yearly or within, or s3.objectLock days',
    },
  );
}

/** Days after which a retention keeps no snapshot any more, but for the newest ones. */
function horizon({
  hourly = 0,
  daily = 0,
  weekly = 0,
  monthly = 0,
  yearly = 0,
  within = 0,
}: RetentionConfig): number {
  return Math.max(
    Math.ceil(hourly / 24),
    daily,
    weekly * 7,
    monthly * 31,
    yearly * 366,
    Math.ceil(within / DAY_MS),
  );
}

function restoreOf({ owner, modes = {} }: NonNullable<RawSet['restore']>): RestoreConfig {
  const [uid, gid] = (owner ?? '').split(':').map(Number);
  return {
    owner: uid === undefined || gid === undefined ? undefined : { uid, gid },
    modes: Object.entries(modes).map(([glob, mode]) => ({ glob, mode: Number.parseInt(mode, 8) })),
  };
}
