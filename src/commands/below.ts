// Whether one path is inside another.
import { isAbsolute, relative, sep } from 'node:path';

/** @returns false for the directory itself */
export function isBelow(path: string, directory: string): boolean {
  const way = relative(directory, path);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}
