// The real ssh-keygen, in a directory of its own per test file.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

/** @returns a temporary directory that goes when the test file is done */
export function workspace(): string {
  const directory = mkdtempSync(join(tmpdir(), 'strongroom-sign-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Runs ssh-keygen. @returns its stdout; throws with its stderr when it fails */
export function sshKeygen(args: string[], input: Uint8Array | string = ''): string {
  return execFileSync('ssh-keygen', args, { input, encoding: 'utf8', stdio: 'pipe' });
}

/** Has ssh-keygen make a key pair. @returns the path and the text of the private key file, and the public line */
export function makeKey(
  directory: string,
  name: string,
  args: string[],
  passphrase = '',
): { path: string; text: string; publicLine: string } {
  const path = join(directory, name);
  sshKeygen(['-q', '-a', '1', '-N', passphrase, '-C', `${name} comment`, '-f', path, ...args]);
  return { path, text: readFileSync(path, 'utf8'), publicLine: readFileSync(`${path}.pub`, 'utf8').trim() };
}

/** Writes a file with mode 0600, as ssh-keygen wants its keys. @returns its path */
export function place(directory: string, name: string, content: string | Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, content, { mode: 0o600 });
  return path;
}

/** @returns the `code` of the error that `action` throws, or undefined when it throws none */
export function codeOf(action: () => unknown): unknown {
  try {
    action();
    return undefined;
  } catch (error) {
    return (error as { code?: unknown }).code ?? error;
  }
}
