// Schedules that are whole files of ours: which there are, and what would be written over.

import { ConflictError } from '../../errors.ts';
import { type Change, type Format, type Installed, namesIn, readText } from './ground.ts';
import type { Scope, Written } from './plan.ts';
import { readMark } from './seal.ts';

/**
 * @param pattern of the name of the file that stands for the schedule
 * @param besides further files of the same schedule
 */
export function installedFiles(
  directory: string,
  pattern: RegExp,
  format: Format,
  scope: Scope,
  besides: (path: string) => readonly string[] = () => [],
): Installed[] {
  return namesIn(directory)
    .filter((name) => pattern.test(name))
    .flatMap((name) => {
      const path = `${directory}/${name}`;
      const read = readMark(readText(path) ?? '');
      if (!read) return [];
      // What is not ours stays, whatever it is called.
      const others = besides(path).flatMap((other) => {
        const text = readText(other);
        const mark = text === undefined ? undefined : readMark(text);
        return mark ? [{ other, isChanged: mark.isChanged }] : [];
      });
      const isChanged = read.isChanged || others.some((other) => other.isChanged);
      return [
        { format, scope, mark: read.mark, isChanged, places: [path, ...others.map(({ other }) => other)] },
      ];
    });
}

/** @throws ConflictError `not-ours` */
export function changesOf(written: readonly Written[]): Change[] {
  return written.map(({ path, text }) => {
    const there = readText(path);
    if (there !== undefined && readMark(there) === undefined) {
      throw new ConflictError('not-ours', `${path} exists, and strongroom did not write it`, {
        object: path,
        hint: 'give the schedule another name: --name',
      });
    }
    return { path, text, isThere: there === text };
  });
}
