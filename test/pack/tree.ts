// Builds directory trees for tests, and takes them away again.

import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { fsPath } from '../../src/pack/names.ts';

/** Paths to content; `null` is a directory, `{ link }` a symbolic link. Parents come by themselves. */
export type Tree = Record<string, string | Buffer | { link: string } | null>;

/** An empty directory that goes when the test ends. Real path. */
export function emptyDirectory(): string {
  const directory = mkdtempSync(join(realpathSync(tmpdir()), 'strongroom-'));
  onTestFinished(() => {
    // What a test has locked, its owner cannot remove either.
    if (process.getuid?.() !== 0) execFileSync('chmod', ['-R', 'u+rwX', directory]);
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}

/**
 * A directory with this in it.
 *
 * @returns its real path
 */
export function tree(content: Tree): string {
  const root = emptyDirectory();
  for (const [path, what] of Object.entries(content)) {
    const whole = `${root}/${path}`;
    mkdirSync(fsPath(what === null ? whole : dirname(whole)), { recursive: true });
    if (what === null) continue;
    if (typeof what === 'string' || Buffer.isBuffer(what)) writeFileSync(fsPath(whole), what);
    else symlinkSync(fsPath(what.link), fsPath(whole));
  }
  return root;
}

/**
 * Runs something with the rights of an ordinary user, whom permission bits stop.
 *
 * @param root a tree of this test: that user may enter it
 */
export async function asNobody<T>(root: string, run: () => Promise<T>): Promise<T> {
  if (process.getuid?.() !== 0) return run();
  chmodSync(root, 0o755);
  const groups = process.getgroups!();
  process.setgroups!([]);
  process.setegid!(65534);
  process.seteuid!(65534);
  try {
    return await run();
  } finally {
    process.seteuid!(0);
    process.setegid!(0);
    process.setgroups!(groups);
  }
}

/** How many files this process has open; the same number always where the system does not tell. */
export function openDescriptors(): number {
  return existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : 0;
}
