// The text of strongroom.yaml to a checked `Config`. Knows YAML; knows nothing of files, flags or the environment.

import { dirname, join, resolve } from 'node:path';
import type { Config, PinSetting, RestoreConfig, RetentionConfig, SetConfig } from '../commands/context.ts';
import { UsageError } from '../errors.ts';
import type { ObjectLock, S3Options } from '../store/s3/options.ts';
import { firstProblem, type Problem } from './config-check.ts';
import { configShape } from './config-schema.ts';
import { milliseconds } from './config-shape.ts';

/** What the file holds once it fits `configShape`. */
interface RawConfig {
  readonly location?: string;
  readonly pin?: PinSetting;
  readonly sets?: Readonly<Record<string, RawSet>>;
  readonly s3?: Omit<S3Options, 'deadline' | 'stall' | 'storageClasses' | 'objectLock'> & {
    readonly objectLock?: {
      readonly mode: 'governance' | 'compliance';
      readonly days?: number;
      readonly until?: string;
    };
    readonly deadline?: string;
    readonly stall?: string;
  };
  readonly kms?: readonly string[];
}

interface RawSet {
  readonly root?: string;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  readonly retention?: RetentionConfig;
  readonly objectives?: { readonly rpo?: string };
  readonly storageClass?: string;
  readonly restore?: { readonly owner?: string; readonly modes?: Readonly<Record<string, string>> };
}

/**
 * Parses and checks a config file.
 * @param path absolute; relative paths in the file start from its directory
 * @param home absolute, for `~/`
 * @throws UsageError bad-yaml, unknown-key, not-yet, bad-setting; with the line, never with a value
 */
export async function parseConfig(text: string, path: string, home: string): Promise<Config> {
  const raw = (await parseYaml(text, path)) as RawConfig;
  const from = (place: string): string => absolute(place, dirname(path), home);
  return {
    location: raw.location === undefined ? undefined : from(raw.location),
    pin: raw.pin,
    sets: new Map(Object.entries(raw.sets ?? {}).map(([name, set]) => [name, setOf(name, set, from)])),
    s3: s3Of(raw),
    kms: raw.kms ?? [],
  };
}

/**
 * A directory as an absolute path; `~/` is the home directory. What is no path stays as it is: `s3://…`, and
 * `~name`, which the store refuses.
 */
export function absolute(place: string, base: string, home: string): string {
  if (/^[A-Za-z][A-Za-z0-9+.-]*:/.test(place)) return place;
  if (place === '~' || place.startsWith('~/')) return join(home, place.slice(1));
  return place.startsWith('~') ? place : resolve(base, place);
}

function setOf(name: string, raw: RawSet, from: (place: string) => string): SetConfig {
  return {
    name,
    root: from(raw.root ?? '.'),
    include: raw.include ?? [],
    exclude: raw.exclude ?? [],
    retention: raw.retention,
    objectives: { rpo: raw.objectives?.rpo === undefined ? undefined : milliseconds(raw.objectives.rpo) },
    restore: restoreOf(raw.restore ?? {}),
  };
}

function s3Of({ s3 = {}, sets = {} }: RawConfig): S3Options {
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

type RawLock = NonNullable<NonNullable<RawConfig['s3']>['objectLock']>;

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
      const kept = retention ? horizon(retention) : 0;
      return kept > 0 ? [[name, kept]] : [];
    }),
  );
  const longest = Math.max(0, ...Object.values(daysOf));
  if (longest > 0) return { mode, days: longest, daysOf };
  throw new UsageError(
    'bad-setting',
    's3.objectLock goes by the retention of sets, but none has one in days',
    {
      hint: 'give sets a retention with daily, weekly, monthly or yearly, or s3.objectLock days',
    },
  );
}

/** Days after which a retention keeps no snapshot any more, but for the newest ones. */
function horizon({ hourly = 0, daily = 0, weekly = 0, monthly = 0, yearly = 0 }: RetentionConfig): number {
  return Math.max(Math.ceil(hourly / 24), daily, weekly * 7, monthly * 31, yearly * 366);
}

function restoreOf({ owner, modes = {} }: NonNullable<RawSet['restore']>): RestoreConfig {
  const [uid, gid] = (owner ?? '').split(':').map(Number);
  return {
    owner: uid === undefined || gid === undefined ? undefined : { uid, gid },
    modes: Object.entries(modes).map(([glob, mode]) => ({ glob, mode: Number.parseInt(mode, 8) })),
  };
}

/** YAML 1.2 core, one document, no tags of its own, few aliases; then held against the shape. */
async function parseYaml(text: string, path: string): Promise<unknown> {
  const yaml = await import('./yaml.ts');
  const lines = new yaml.LineCounter();
  const bad = (line: number | undefined, cause: unknown): UsageError =>
    new UsageError(
      'bad-yaml',
      `${path}${line === undefined ? '' : ` line ${line}`}: this is not valid YAML`,
      {
        object: path,
        // The parser's own words quote the file: only their kind is passed on, and no cause.
        hint: hintOf(cause),
      },
    );
  let value: unknown;
  let document: import('yaml').Document.Parsed;
  try {
    document = yaml.parseDocument(text, {
      version: '1.2',
      schema: 'core',
      strict: true,
      uniqueKeys: true,
      stringKeys: true,
      merge: false,
      prettyErrors: false,
      logLevel: 'error',
      lineCounter: lines,
    });
    const [error] = [...document.errors, ...document.warnings];
    if (error !== undefined) throw bad(lines.linePos(error.pos[0]).line, error);
    value = document.toJS({ maxAliasCount: 100 }) ?? {};
  } catch (error) {
    // Too many aliases, or nesting deeper than the stack.
    throw error instanceof UsageError ? error : bad(undefined, error);
  }
  const problem = firstProblem(value, configShape);
  if (problem === undefined) return value;
  const line = lineOf(problem, document, lines, yaml);
  throw new UsageError(
    problem.code,
    `${path}${line === undefined ? '' : ` line ${line}`}: ${problem.message}`,
    {
      object: path,
      ...(problem.hint === undefined ? {} : { hint: problem.hint }),
    },
  );
}

function hintOf(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'DUPLICATE_KEY') return 'a key is there twice';
  if (code === 'TAB_AS_INDENT') return 'indent with spaces, not tabs';
  if (code === 'BAD_INDENT') return 'see the indentation';
  if (code === 'MULTIPLE_DOCS') return 'the file must hold one document';
  if (code === 'TAG_RESOLVE_FAILED') return 'tags (words after !) are not allowed';
  if (cause instanceof ReferenceError) return 'it has too many aliases';
  return 'see the quotes, the colons and the indentation of that line';
}

function lineOf(
  { path, atKey }: Problem,
  document: import('yaml').Document.Parsed,
  lines: import('yaml').LineCounter,
  yaml: typeof import('./yaml.ts'),
): number | undefined {
  const parent = document.getIn(path.slice(0, -1), true);
  const pair = yaml.isMap(parent)
    ? parent.items.find(({ key }) => yaml.isScalar(key) && String(key.value) === path.at(-1))
    : undefined;
  const node = atKey || path.length === 0 ? pair?.key : document.getIn(path, true);
  for (const place of [node, pair?.key, parent, document.contents]) {
    if (yaml.isNode(place) && place.range) return lines.linePos(place.range[0]).line;
  }
  return undefined;
}
