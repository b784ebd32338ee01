// What a schedule that runs elsewhere finds there of this machine: only what is mounted, and what is in the repository.
import type { Place } from '../../host/schedule/kubernetes.ts';
import type { Plan } from '../../host/schedule/plan.ts';
import { version } from '../../version.ts';
import { type Context, locationOf, type SetConfig, type Settings } from '../context.ts';
import type { PlanFlags } from './flags.ts';

const isLocal = (location: string): boolean => location.startsWith('/');

/** Directories of this machine that the command works in, but for those of the sets. */
export function placesOf(plan: Plan, flags: PlanFlags, settings: Settings): Place[] {
  const { writes } = plan.needs;
  const replicas = (settings.config?.replicas ?? []).map(({ location }) => location);
  const vault = { name: 'vault', path: locationOf(settings) };
  const others = replicas.map((path, i) => ({ name: `replica-${i + 1}`, path }));
  const used = others.filter(({ path }) => flags.allLocations || writes.includes(path));
  const known = [vault, ...used];
  const metrics = writes.filter((path) => !known.some((place) => place.path === path));
  return [...known, ...metrics.map((path) => ({ name: 'metrics', path }))]
    .filter(({ path }) => isLocal(path))
    .map((place) => ({ ...place, isWritten: writes.includes(place.path) }));
}

/** The sets whose files it reads. */
export function setsTaken({ command = 'backup', set }: PlanFlags, { config }: Settings): SetConfig[] {
  if (command !== 'backup') return [];
  return [...(config?.sets.values() ?? [])].filter(({ name }) => set === undefined || name === set);
}

/** Says what a container will lack, and nothing here can give it. */
export function warnOfPods(flags: PlanFlags, settings: Settings, context: Context): void {
  const beyond = beyondRoots(setsTaken(flags, settings));
  if (beyond.length === 0) return;
  context.warn('not-mounted', `what lies beyond the roots is not in the container: ${beyond.join(', ')}`, {
    object: beyond[0]!,
    hint: 'mount a claim or a secret at each place; without it a snapshot is incomplete',
  });
}

/** Says what a runner of GitHub will lack, and whose program it gets. */
export function warnOfRunners(plan: Plan, flags: PlanFlags, settings: Settings, context: Context): void {
  const [place] = placesOf(plan, flags, settings);
  if (place) {
    context.warn(
      'not-there',
      `${place.path} is a directory of this machine, and no runner of GitHub has it`,
      {
        object: place.path,
        hint: 'a vault that a workflow reaches is in a bucket: s3://BUCKET/PREFIX',
      },
    );
  }
  const beyond = beyondRoots(setsTaken(flags, settings));
  if (beyond.length > 0) {
    context.warn('not-there', `a runner has the repository alone, and not ${beyond.join(', ')}`, {
      object: beyond[0]!,
      hint: 'leave that to a schedule on the machine that has it',
    });
  }
  context.warn('foreign-package', `the workflow installs strongroom@${version} from npm, beside the secret`, {
    object: 'npm',
    hint: `see first that the package there is the one you know: \`npm view strongroom@${version} dist.integrity\` against that of \`npm pack\`; or install your own from a place of yours`,
  });
}

/** What sets take that is not below their roots. */
function beyondRoots(sets: readonly SetConfig[]): string[] {
  const beyond = sets.flatMap(({ root, include, outside }) =>
    [...include, ...outside].filter((glob) => glob.startsWith('/') && !`${glob}/`.startsWith(`${root}/`)),
  );
  return [...new Set(beyond)];
}
