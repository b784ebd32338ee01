// What a scheduled command must be left to do: where it writes and reads, whether it goes out, and whose programs it runs.
import { resolve } from 'node:path';
import type { Needs } from '../../host/schedule/plan.ts';
import { type Context, locationOf, type SetConfig, type Settings } from '../context.ts';
import type { PlanFlags } from './flags.ts';

/** @param sets those that it takes files and dumps of @throws UsageError `no-location` */
export function needsOf(
  { command = 'backup', prometheus }: PlanFlags,
  settings: Settings,
  sets: readonly SetConfig[],
  { paths, cwd }: Pick<Context, 'paths' | 'cwd'>,
): Needs {
  const { config } = settings;
  const streams = sets.flatMap((set) => set.streams);
  const told = (config?.notify ?? []).map(({ kind }) => kind);
  const isAny =
    command === 'drill' || told.includes('command') || streams.some(({ type }) => type === 'command');
  const places = [locationOf(settings), ...(config?.replicas ?? []).map(({ location }) => location)];
  const isWritten = command !== 'health' && command !== 'verify';
  const isLocal = (place: string): boolean => place.startsWith('/');
  const others = isAny ? 'any' : streams.length > 0 ? 'dumps' : 'none';
  return {
    writes: [
      ...(isWritten ? places.filter(isLocal) : []),
      ...(prometheus === undefined ? [] : [resolve(cwd, prometheus, '..')]),
    ],
    state: paths.state,
    cache: paths.cache,
    reads: [...new Set(sets.flatMap(({ root, include }) => [root, ...include.filter(isPlainPath)]))],
    network: !places.every(isLocal) || told.length > 0 || others !== 'none',
    others,
  };
}

const isPlainPath = (glob: string): boolean => glob.startsWith('/') && !/[*?[{\\]/.test(glob);
