// Schedules that are whole files of ours: which there are, and what would be written over.

import { ConflictError } from '../../errors.ts';
import { type Change, type Format, type Installed, namesIn, readText } from './ground.ts';
import type { Scope, Written } from './plan.ts';
import { readMark } from './seal.ts';

/**
 * Ours are those that say of themselves what they are called: a copy that somebody made under another name is theirs.
 * @param pattern of the names of the files; its group is the name of the schedule
 * @param count how many files a schedule has
 */
export function installedFiles(
  directory: string,
  pattern: RegExp,
  format: Format,
  scope: Scope,
  count = 1,
): Installed[] {
  const found = new Map<string, Installed>();
  // A timer before its service: nothing is to start what is gone.
  for (const file of namesIn(directory).reverse()) {
    const name = pattern.exec(file)?.[1];
    const path = `${directory}/${file}`;
    const read = name === undefined ? undefined : readMark(readText(path) ?? '');
    if (name === undefined || read?.mark.name !== name) continue;
    const { mark = read.mark, isChanged = false, places = [] } = found.get(name) ?? {};
    found.set(name, {
      format,
      scope,
      mark,
      isChanged: isChanged || read.isChanged,
      isWhole: places.length + 1 === count,
      places: [...places, path],
    });
  }
  return [...found.values()].reverse();
}

/** @param name of the schedule @throws ConflictError `not-ours` */
export function changesOf(name: string, written: readonly Written[]): Change[] {
  return written.map(({ path, text }) => {
    const there = readText(path);
    if (there !== undefined && readMark(there)?.mark.name !== name) {
      throw new ConflictError('not-ours', `${path} exists, and strongroom did not write it`, {
        object: path,
        hint: 'give the schedule another name: --name',
      });
    }
    return { path, text, isThere: there === text };
  });
}
