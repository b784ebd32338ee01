// Lets a run die at its n-th change to the disk: in this process, by making that call and every later one fail
// (for the disk that is the same), or for good, by SIGKILL to the process that loads this.

import fs, { readFileSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { journalsOf, type Scene, survey } from './trees.ts';

const CHANGES = [
  'chmodSync',
  'chownSync',
  'fchmodSync',
  'fchownSync',
  'ftruncateSync',
  'futimesSync',
  'lchownSync',
  'linkSync',
  'lutimesSync',
  'mkdirSync',
  'openSync',
  'renameSync',
  'rmSync',
  'rmdirSync',
  'symlinkSync',
  'unlinkSync',
  'utimesSync',
  'writeFileSync',
  'writeSync',
] as const;

type Call = (...args: unknown[]) => unknown;
const builtin = fs as unknown as Record<string, Call>;
const originals = new Map<string, Call>(CHANGES.map((name) => [name, builtin[name]!]));

class Crash extends Error {}

export interface Fuse {
  /** How many changes there were. */
  count(): number;
  remove(): void;
}

/**
 * @param after how many changes are let through
 * @param die what happens then, before each further change
 */
export function crashAfter(after: number, die: () => void): Fuse {
  let count = 0;
  for (const [name, original] of originals) {
    builtin[name] = (...args) => {
      if (name === 'openSync' && !(Number(args[1]) & fs.constants.O_CREAT)) return original(...args);
      if (count++ >= after) {
        // A write is torn.
        if (name === 'writeSync' && count === after + 1) tear(args);
        die();
      }
      return original(...args);
    };
  }
  syncBuiltinESMExports();
  return {
    count: () => count,
    remove() {
      for (const [name, original] of originals) builtin[name] = original;
      syncBuiltinESMExports();
    },
  };
}

function tear([fd, bytes, at]: unknown[]): void {
  const rest = (bytes as Buffer).subarray(Number(at ?? 0));
  originals.get('writeSync')!(fd, rest.subarray(0, rest.length >> 1));
}

/**
 * Runs until the given number of changes, and lets nothing be changed from then on.
 *
 * @returns whether it came to its end
 */
export async function dieAfter(changes: number, act: () => Promise<unknown>): Promise<{ ended: boolean }> {
  const fuse = crashAfter(changes, () => {
    throw new Crash();
  });
  try {
    await act();
  } catch {
    // What the run makes of its own death is of no interest.
  } finally {
    fuse.remove();
  }
  return { ended: fuse.count() <= changes };
}

/** This process lives on: lets the journals say otherwise. */
export function bury(place: Scene): void {
  for (const name of journalsOf(place)) {
    if (name.endsWith('.part')) continue;
    const path = join(place.stateDirectory, 'restores', name);
    const journal = JSON.parse(readFileSync(path, 'utf8'));
    journal.runner.started = '1';
    writeFileSync(path, JSON.stringify(journal));
  }
}

/** All that is there but for what a restore keeps for itself while it works. */
export function seen(place: Scene): Record<string, string> {
  const all = Object.entries(survey(place.directory));
  return Object.fromEntries(all.filter(([path]) => !/^(state|trace)|\.strongroom-restore-/.test(path)));
}
