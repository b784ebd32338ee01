// What a file or directory is to whoever asks: who owns it, who can reach it, on which disk it is. Reads nothing of it.
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { PathFacts } from '../vault/doctor/machine-checks.ts';

/** @param path absolute; what is not there yet is on the disk of the directory above it */
export async function pathFacts(path: string): Promise<PathFacts> {
  try {
    const { mode, uid, dev } = await stat(path);
    const me = process.getuid?.();
    return {
      path,
      exists: true,
      mode: mode & 0o7777,
      ours: me === undefined || uid === me || uid === 0,
      device: dev,
    };
  } catch {
    const above = dirname(path);
    const device = above === path ? 0 : (await pathFacts(above)).device;
    return { path, exists: false, mode: 0, ours: true, device };
  }
}
