// Decides the final mode and owner of an entry. Owner-only unless somebody asked for more.

import { UsageError } from '../../errors.ts';
import type { Entry } from '../entry.ts';
import { globMatcher } from '../globs.ts';
import type { PlaceOptions } from './types.ts';

export interface Access {
  readonly mode: number;
  /** What stands there may keep this mode too: the recorded one, set-id bits and all. */
  readonly orMode?: number;
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
  /** Mode and owner were asked for, so what exists must have exactly these. */
  readonly exact: boolean;
}

/** The mode that an entry is created with, whatever it ends with. */
export function bornMode(entry: Entry): number {
  return entry.type === 'dir' || (entry.mode & 0o100) !== 0 ? 0o700 : 0o600;
}

// Whoever signs a backup would get a program that runs as root out of a root that restores it. The sticky bit stays:
// without it a directory that all may write to would be wider than recorded.
const SET_ID = 0o6000;

/** Whether `mode` lacks a permission bit of `recorded`. */
export function isNarrower(mode: number, recorded: number): boolean {
  return (recorded & ~mode) !== 0;
}

/** A mode without set-id bits. */
export function withoutSetId(mode: number): number {
  return mode & ~SET_ID;
}

/** Whether `mode` lacks a set-id bit of `recorded`. */
export function lacksSetId(mode: number, recorded: number): boolean {
  return (recorded & ~mode & SET_ID) !== 0;
}

/**
 * @returns a function from an entry to its final mode and owner
 * @throws UsageError `bad-mode` when a mode is not three octal digits, with or without a leading zero: set-id
 *   bits come back only where `setId` says so
 */
export function accessRules(
  options: Pick<PlaceOptions, 'asRecorded' | 'setId' | 'modes' | 'owner'>,
): (entry: Entry) => Access {
  const rules: { directories: boolean; matches: (path: string) => boolean; mode: number }[] = [];
  for (const [glob, octal] of Object.entries(options.modes ?? {})) {
    if (!/^0?[0-7]{3}$/.test(octal)) {
      throw new UsageError('bad-mode', `'${octal}' is not a mode`, { hint: "write it like '0444'" });
    }
    const directories = glob.endsWith('/');
    const matches = globMatcher(directories ? glob.slice(0, -1) : glob);
    rules.unshift({ directories, matches, mode: Number.parseInt(octal, 8) });
  }
  return (entry) => {
    const rule = rules.find((one) => one.directories === (entry.type === 'dir') && one.matches(entry.path));
    const recorded = options.asRecorded ? { uid: entry.uid, gid: entry.gid } : undefined;
    const given = options.setId ? entry.mode : withoutSetId(entry.mode);
    return {
      mode: rule?.mode ?? (options.asRecorded ? given : bornMode(entry)),
      ...(rule === undefined && options.asRecorded ? { orMode: entry.mode } : {}),
      owner: options.owner ?? recorded,
      exact: rule !== undefined || options.asRecorded,
    };
  };
}
