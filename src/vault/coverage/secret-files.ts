// Which files are secret and nobody's, or seen by more than they should be: tracked by git, or readable by others.
import { posix } from 'node:path';
import type { Ground } from '../../capture/discover/ground.ts';
import { secretLooking } from '../../capture/secrets/look.ts';
import { isSettings, MAX_SETTINGS_BYTES, namedSecrets } from '../../capture/secrets/named.ts';
import { ENVIRONMENT_FILE } from '../../capture/secrets/names.ts';
import type { SecretFinding } from '../../capture/secrets/scan.ts';
import type { CoverageItem, SecretFile, SnapshotState } from './item.ts';
import { readableBy } from './readable.ts';
import type { Taken } from './taken.ts';

/** Which of these files git tracks: a function that says undefined where git cannot, which is not the same as no. */
export type Tracked = (paths: readonly string[]) => Promise<(path: string) => boolean | undefined>;

export type Looking = ReadonlyMap<string, readonly SecretFinding[]>;

/** What looks secret in itself, whoever may see it. @throws InterruptedError */
export function lookingSecret(ground: Ground): Looking {
  return new Map(secretLooking(ground).map((file) => [file.path, file.findings]));
}

export interface Sight {
  readonly ground: Ground;
  readonly looking: Looking;
  readonly items: readonly CoverageItem[];
  readonly taken: Taken;
  /** What opens the vault itself is known, and not looked for. */
  readonly isOwn: (path: string) => boolean;
  readonly tracked: Tracked;
  readonly held: ((path: string) => SnapshotState) | undefined;
}

/** @returns in the order of the paths; `gitKnown` as `RootCoverage` */
export async function secretFiles({
  ground,
  looking,
  items,
  taken,
  isOwn,
  tracked,
  held,
}: Sight): Promise<{ secrets: SecretFile[]; gitKnown: boolean }> {
  const referred = new Set(items.map((item) => item.path));
  const onDisk = items.filter(({ secret, state }) => secret && !NOT_THERE.has(state));
  const environment = new Set(onDisk.filter(({ as }) => ENVIRONMENT.test(as)).map(({ path }) => path));
  const sure = new Set(onDisk.map(({ path }) => path));
  const settings = ground.files().filter((path) => isSettings(posix.relative(ground.root, path)));
  const paths = [...new Set([...sure, ...looking.keys(), ...settings])].sort();
  const known = await tracked(paths);
  const readable = readableBy();
  const secrets = paths.flatMap((path): SecretFile[] => {
    const looks = looking.get(path) ?? [];
    const seen = { tracked: known(path), readable: readable(path) };
    const covered = taken.has(path);
    const isReferred = referred.has(path) || isOwn(path);
    const stray = looks.length > 0 && !isReferred && !covered;
    const isSeen = seen.tracked === true || seen.readable !== undefined;
    if (!stray && !isSeen) return [];
    // The name of an environment file says no more than that there may be a secret in it.
    const isOnlyNamed =
      looks.length > 0 ? looks.every(({ rule }) => rule === ENVIRONMENT_FILE) : !sure.has(path);
    const isAsked = isSeen && (isOnlyNamed || (environment.has(path) && looks.length === 0));
    const named = isAsked ? namedIn(ground, path, environment.has(path)) : [];
    if (!stray && isAsked && named?.length === 0) return [];
    const snapshot = held ? { snapshot: held(path) } : {};
    const findings = looks.length > 0 ? looks : (named ?? []);
    return [{ ...snapshot, path, findings, referred: isReferred, covered, stray, ...seen }];
  });
  return { secrets, gitKnown: paths.every((path) => known(path) !== undefined) };
}

const NOT_THERE: ReadonlySet<string> = new Set(['missing', 'outside', 'nothing']);
/** By what it is to the file that names it. */
const ENVIRONMENT = /^(?:env_file|env file|\.env|environment file|env of|envs)/i;

/** @returns undefined where nobody could look, or where it is too large for it */
function namedIn(ground: Ground, path: string, isEnvironment: boolean): SecretFinding[] | undefined {
  const head = ground.head(path, MAX_SETTINGS_BYTES + 1);
  if (head === undefined || head.size > MAX_SETTINGS_BYTES) return isEnvironment ? undefined : [];
  return namedSecrets(path, head.bytes.toString('latin1'), isEnvironment);
}
