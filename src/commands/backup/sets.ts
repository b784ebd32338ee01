// Which sets one run backs up: those of the configuration, or one made of the paths on the command line.
import { realpathSync } from 'node:fs';
import { basename } from 'node:path';
import { NotFoundError, UsageError } from '../../errors.ts';
import type { FileSources } from '../../vault/backup/plan.ts';
import type { RestoreWishes } from '../../vault/documents/contents.ts';
import { checkName, nameFrom } from '../../vault/names.ts';
import { isBelow } from '../below.ts';
import type { RestoreConfig, SetConfig, Settings, StreamConfig } from '../context.ts';

export interface AskedSet {
  readonly set: string;
  readonly sources: FileSources;
  readonly streams: readonly StreamConfig[];
  readonly compress: SetConfig['compress'];
  readonly restore: RestoreWishes | undefined;
  /** How old the newest snapshot may be, in milliseconds. */
  readonly rpo: number | undefined;
}

export interface SetFlags {
  readonly set: string | undefined;
  readonly exclude: readonly string[];
}

/** @throws UsageError `no-sets`, `bad-name`; NotFoundError `no-set` */
export function setsToBackUp(
  paths: readonly string[],
  flags: SetFlags,
  settings: Settings,
  cwd: string,
): AskedSet[] {
  const configured = settings.config?.sets ?? new Map<string, SetConfig>();
  const vault = settings.location;
  if (paths.length > 0) {
    const set = nameOfPaths(paths, flags.set, configured, cwd);
    const own = configured.get(set);
    const inHere = settings.configFile !== undefined && isBelow(settings.configFile, cwd);
    const sources = {
      root: cwd,
      include: paths,
      exclude: excludes(flags.exclude, vault),
      also: inHere ? [settings.configFile!] : [],
    };
    const { compress = 'gzip' } = own ?? {};
    const restore = wishes(own?.restore);
    return [
      {
        set,
        sources,
        streams: [],
        compress,
        restore,
        rpo: own?.objectives.rpo ?? settings.config?.objectives.rpo,
      },
    ];
  }
  if (configured.size === 0) {
    throw new UsageError(
      'no-sets',
      'there is nothing to back up: no paths were given, and no configuration names a set',
      {
        hint: 'say what: `strongroom backup . --set app`, or name sets in strongroom.yaml, which `strongroom init` makes with a vault',
      },
    );
  }
  const wanted = flags.set === undefined ? [...configured.values()] : [configured.get(flags.set)];
  return wanted.map((set) => {
    if (!set) {
      throw new NotFoundError('no-set', `the configuration has no set ${JSON.stringify(flags.set)}`, {
        hint: `it has: ${[...configured.keys()].join(', ')}`,
      });
    }
    // The configuration itself goes into every snapshot: without it a fresh machine has files and no rules.
    const also = settings.configFile ? [settings.configFile] : [];
    const exclude = excludes([...set.exclude, ...flags.exclude], vault);
    return {
      set: set.name,
      sources: { ...sourcesOf(set), exclude, also },
      streams: set.streams,
      compress: set.compress,
      restore: wishes(set.restore),
      rpo: set.objectives.rpo ?? settings.config?.objectives.rpo,
    };
  });
}

/** What a configured set takes. One of streams alone takes no files. */
export function sourcesOf({ root, include, exclude, discover, outside, streams }: SetConfig): FileSources {
  const kinds = discover ?? (streams.length > 0 && include.length === 0 ? [] : undefined);
  const elsewhere = streams.flatMap(({ takes }) => takes);
  return { root, include, exclude, outside, elsewhere, ...(kinds ? { discover: kinds } : {}) };
}

/**
 * The name for a set of paths: never quietly that of a configured set, whose newest snapshot would then hold only
 * these paths.
 */
function nameOfPaths(
  paths: readonly string[],
  given: string | undefined,
  configured: ReadonlyMap<string, SetConfig>,
  cwd: string,
): string {
  if (given === undefined) {
    const name = nameFrom(basename(cwd), 'files');
    return configured.has(name) ? `${name.slice(0, 57)}-paths` : name;
  }
  const own = configured.get(checkName(given, 'set'));
  const isWhole =
    own !== undefined && own.root === cwd && paths.some((path) => path === '.' || path === './');
  if (own === undefined || isWhole) return given;
  throw new UsageError(
    'set-is-configured',
    `the set ${given} is configured, and these paths are not all of it`,
    {
      hint: `back it up without paths, as \`strongroom backup --set ${given}\`, or give these paths a set of another name`,
    },
  );
}

/** A vault inside what it backs up would hold itself, over and over: by its own path, and by that which links lead to. */
function excludes(asked: readonly string[], vault: string | undefined): string[] {
  if (vault === undefined || !vault.startsWith('/')) return [...asked];
  const paths = new Set([vault, realPath(vault)]);
  return [...asked, ...Array.from(paths, (path) => path.replace(/[*?[{\\]/g, '\\$&'))];
}

function realPath(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    return path;
  }
}

function wishes(config: RestoreConfig | undefined): RestoreWishes | undefined {
  if (!config || (config.owner === undefined && config.modes.length === 0)) return undefined;
  const modes = config.modes.map(({ glob, mode }) => [glob, mode.toString(8).padStart(4, '0')]);
  return {
    ...(config.owner ? { owner: config.owner } : {}),
    ...(modes.length > 0 ? { modes: Object.fromEntries(modes) } : {}),
  };
}
