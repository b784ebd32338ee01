// What many test files of a run need, such as the bundled program, is made once: by whoever asks first, while others wait.
// Vitest
// calls `setup` before all test files and `teardown` after them.

import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inject } from 'vitest';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** A directory of this run, which all of its test files see. */
    shared: string;
  }
}

let shared: string;

export function setup(project: TestProject): void {
  shared = mkdtempSync(join(tmpdir(), 'strongroom-run-'));
  // Programs in it are also run as somebody else.
  chmodSync(shared, 0o755);
  project.provide('shared', shared);
  // Watching: the sources are others then.
  project.onTestsRerun(() => {
    for (const name of readdirSync(shared)) rmSync(join(shared, name), { recursive: true });
  });
}

export function teardown(): void {
  rmSync(shared, { recursive: true, force: true });
}

/**
 * @param name of what is made, as a file name
 * @param make fills an empty directory, which is moved afterwards
 * @returns that directory; nobody may change anything in it
 */
export async function once(name: string, make: (directory: string) => unknown): Promise<string> {
  const made = join(inject('shared'), name);
  const making = `${made}.making`;
  for (;;) {
    if (existsSync(made)) return made;
    try {
      mkdirSync(making, { mode: 0o755 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      await sleep(20);
      continue;
    }
    try {
      // Somebody may have been done just before.
      if (existsSync(made)) rmSync(making, { recursive: true });
      else {
        await make(making);
        renameSync(making, made);
      }
    } catch (error) {
      rmSync(making, { recursive: true, force: true });
      throw error;
    }
  }
}
