// Flags over environment over file, resolved once into one value.

import type { Environment, Settings } from '../commands/context.ts';
import { UsageError } from '../errors.ts';
import { findConfig } from './config-file.ts';
import { absolute } from './paths.ts';

/** The global flags that settings come from. */
export interface SettingFlags {
  readonly location: string | undefined;
  readonly config: string | undefined;
  readonly env: string | undefined;
  /** The command makes the config file. */
  readonly makesConfig?: boolean;
}

export interface Place {
  readonly cwd: string;
  readonly home: string;
  readonly env: Environment;
}

/**
 * Finds, reads and merges the settings.
 * @throws UsageError as `findConfig` and `parseConfig`
 */
export async function resolveSettings(flags: SettingFlags, { cwd, home, env }: Place): Promise<Settings> {
  const origins = new Map<string, string>();
  const variable = (name: string): string | undefined => env[name] || undefined;
  const found = findConfig({
    cwd,
    flag: flags.config,
    variable: variable('STRONGROOM_CONFIG'),
    env: flags.env,
    isToBeMade: flags.makesConfig ?? false,
  });
  const config = found && (await (await import('./config.ts')).parseConfig(found.text, found.path, home));
  if (found !== undefined) origins.set('configFile', configOrigin(flags, variable('STRONGROOM_CONFIG')));
  if (flags.env !== undefined) origins.set('env', '--env');
  if (found !== undefined && config?.pin !== undefined) origins.set('pin', found.path);
  if (found !== undefined && config !== undefined && config.sets.size > 0) origins.set('sets', found.path);
  if (flags.location === '') {
    throw new UsageError('bad-value', '--location is empty', {
      object: '--location',
      hint: 'give a directory',
    });
  }
  const location = choose(
    [
      ['--location', flags.location, cwd],
      ['STRONGROOM_LOCATION', variable('STRONGROOM_LOCATION'), cwd],
      [found?.path ?? '', config?.location, ''],
    ],
    home,
    origins,
  );
  return { location, env: flags.env, configFile: found?.path, config, origins };
}

type Source = readonly [origin: string, location: string | undefined, base: string];

function choose(sources: readonly Source[], home: string, origins: Map<string, string>): string | undefined {
  for (const [origin, location, base] of sources) {
    if (location === undefined) continue;
    origins.set('location', origin);
    return absolute(location, base, home);
  }
  return undefined;
}

function configOrigin(flags: SettingFlags, variable: string | undefined): string {
  if (flags.config !== undefined) return '--config';
  if (flags.env !== undefined) return '--env';
  return variable === undefined ? 'found here or above' : 'STRONGROOM_CONFIG';
}
