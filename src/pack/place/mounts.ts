// Knows where file systems are mounted: nothing can be renamed or linked across a mount, not even between two
// mounts of one file system, and a mount point cannot be replaced.

import { readFileSync } from 'node:fs';
import { decodeName } from '../names.ts';

export interface Mounts {
  has(path: string): boolean;
  /** The mount point that an absolute path is below; `''` where that is not known. */
  above(path: string): string;
}

/** Source: proc_pid_mountinfo(5); the fifth field is the mount point, blanks as octal escapes. */
export function readMounts(): Mounts {
  const points = new Set<string>();
  for (const line of mountLines()) {
    const escaped = line.split(' ')[4];
    if (escaped === undefined) continue;
    const bytes = escaped.replace(/\\([0-7]{3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    );
    points.add(decodeName(Buffer.from(bytes, 'latin1')));
  }
  return {
    has: (path) => points.has(path),
    above(path) {
      for (let above = path; above !== ''; above = above.slice(0, above.lastIndexOf('/'))) {
        if (points.has(above)) return above;
      }
      return points.has('/') ? '/' : '';
    },
  };
}

function mountLines(): string[] {
  try {
    return readFileSync('/proc/self/mountinfo', 'latin1').split('\n');
  } catch {
    return []; // No such file outside Linux: device numbers have to do.
  }
}
