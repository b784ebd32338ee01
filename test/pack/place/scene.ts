// The directories of one test, and programs of its own that can be killed or watched.

import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { afterAll, beforeAll, onTestFinished } from 'vitest';
import { plant, type Scene, type Tree } from './trees.ts';

export * from './trees.ts';

export const REAL_DISK = tmpdir();
/** Where what is written does not wait for a disk. */
const FAST_DISK = existsSync('/dev/shm') ? '/dev/shm' : REAL_DISK;

/** A fresh directory that goes when the test has finished. */
export function freshDirectory(parent = FAST_DISK): string {
  const directory = mkdtempSync(join(parent, 'strongroom-place-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** @param tree what the target holds; undefined: there is no target */
export function scene(tree?: Tree, parent?: string): Scene {
  const directory = freshDirectory(parent);
  const stateDirectory = join(directory, 'state');
  const target = join(directory, 'target');
  mkdirSync(stateDirectory, { mode: 0o700 });
  if (tree !== undefined) plant(target, tree);
  return { directory, target, stateDirectory };
}

/**
 * Has `child.ts` bundled, for a file of tests, into a program that plain Node runs.
 *
 * @returns where it is then; it takes a job as its only argument
 */
export function childProgram(): () => string {
  const directory = mkdtempSync(join(tmpdir(), 'strongroom-child-'));
  const outfile = join(directory, 'child.cjs');
  beforeAll(() => {
    chmodSync(directory, 0o755); // For other users too.
    buildSync({
      entryPoints: [join(import.meta.dirname, 'child.ts')],
      bundle: true,
      platform: 'node',
      format: 'cjs',
      outfile,
      logLevel: 'error',
    });
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  return () => outfile;
}
