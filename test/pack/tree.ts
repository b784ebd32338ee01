// Builds directory trees for tests, and takes them away again.

import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { fsPath } from '../../src/pack/names.ts';

/** Paths to content; `null` is a directory, `{ link }` a symbolic link. Parents come by themselves. */
export type Tree = Record<string, string | Buffer | { link: string } | null>;

/** An empty directory that goes when the test ends. Real path. */
export function emptyDirectory(): string {
  const directory = mkdtempSync(join(realpathSync(tmpdir()), 'strongroom-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/**
 * A directory with this in it. Nothing in it looks as if it had changed a moment ago.
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
