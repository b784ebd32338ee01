// Where this user's files live: the XDG base directories, systemd's for a unit, and the system's for root.

import { isAbsolute, join, resolve } from 'node:path';
import type { Environment, Paths } from '../commands/context.ts';

/**
 * The directories of strongroom for a user.
 * @param env XDG_*_HOME; a relative value is ignored, as the XDG specification says. $STATE_DIRECTORY (systemd)
 *   names our own directory and goes first.
 * @param home absolute
 * @param isRoot root has /etc and /var unless XDG_*_HOME says otherwise
 */
export function findPaths(env: Environment, home: string, isRoot: boolean): Paths {
  const choose = (variable: string, system: string, user: string): string => {
    const base = ifAbsolute(env[variable]);
    if (base !== undefined) return join(base, 'strongroom');
    return isRoot ? system : join(home, user, 'strongroom');
  };
  // systemd separates several directories by a colon; the first is the unit's own.
  const unit = ifAbsolute(env.STATE_DIRECTORY?.split(':')[0]);
  return {
    config: choose('XDG_CONFIG_HOME', '/etc/strongroom', '.config'),
    state: unit ?? choose('XDG_STATE_HOME', '/var/lib/strongroom', '.local/state'),
    cache: choose('XDG_CACHE_HOME', '/var/cache/strongroom', '.cache'),
    data: choose('XDG_DATA_HOME', '/var/lib/strongroom/vaults', '.local/share'),
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

function ifAbsolute(path: string | undefined): string | undefined {
  return path !== undefined && isAbsolute(path) ? path : undefined;
}
