// Where this user's files live: the XDG base directories, systemd's for a unit, and the system's for root.

import { isAbsolute, join } from 'node:path';
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
    const base = absolute(env[variable]);
    if (base !== undefined) return join(base, 'strongroom');
    return isRoot ? system : join(home, user, 'strongroom');
  };
  // systemd separates several directories by a colon; the first is the unit's own.
  const unit = absolute(env.STATE_DIRECTORY?.split(':')[0]);
  return {
    config: choose('XDG_CONFIG_HOME', '/etc/strongroom', '.config'),
    state: unit ?? choose('XDG_STATE_HOME', '/var/lib/strongroom', '.local/state'),
    cache: choose('XDG_CACHE_HOME', '/var/cache/strongroom', '.cache'),
    data: choose('XDG_DATA_HOME', '/var/lib/strongroom/vaults', '.local/share'),
  };
}

function absolute(path: string | undefined): string | undefined {
  return path !== undefined && isAbsolute(path) ? path : undefined;
}
