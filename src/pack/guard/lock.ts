// Locks the roots of a guard for all who can open them, whatever state directory they keep their journals in: root and
// the user of the application, say. The kernel holds the lock, so a guard that is killed leaves none.

import { spawnSync } from 'node:child_process';
import { closeSync, constants, existsSync, fstatSync, openSync } from 'node:fs';
import { ConflictError } from '../../errors.ts';
import { fsPath, printableName } from '../names.ts';

/** Its exit code where another has the lock. */
const TAKEN = 1;

/**
 * @param roots real paths of directories; one that cannot be opened, or is not there, is not locked
 * @returns gives the locks back; they go with this process in any case
 * @throws ConflictError `guard-running`
 */
export function lockRoots(roots: readonly string[]): () => void {
  const opened = new Map<string, number>();
  const release = (): void => {
    for (const fd of opened.values()) closeSync(fd);
    opened.clear();
  };
  const program = ['/usr/bin/flock', '/bin/flock'].find((path) => existsSync(path));
  for (const root of program === undefined ? [] : roots) {
    const fd = open(root);
    if (fd === undefined) continue;
    const { dev, ino } = fstatSync(fd);
    const key = `${dev} ${ino}`;
    // Two descriptors of our own would be in each other's way.
    if (opened.has(key)) {
      closeSync(fd);
      continue;
    }
    opened.set(key, fd);
    // The program locks what it was handed and ends; we still have that open, so the lock stays with us.
    const how = { stdio: ['ignore', 'ignore', 'ignore', fd], cwd: '/', env: {} } as const;
    if (spawnSync(program!, ['-n', '3'], { ...how, stdio: [...how.stdio] }).status !== TAKEN) continue;
    release();
    throw new ConflictError('guard-running', `another guard is under way in '${printableName(root)}'`, {
      object: printableName(root),
      hint: 'wait for it to end; it may be of another user',
    });
  }
  return release;
}

function open(root: string): number | undefined {
  try {
    return openSync(fsPath(root), constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch {
    return undefined;
  }
}
