// Real directories, mounts and processes for the tests of the local store.

import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { afterAll } from 'vitest';
import { type OpenOptions, openStore } from '../../src/store/index.ts';
import type { StoreFixture } from '../contract/store.ts';

export const isRoot = process.getuid?.() === 0;

const made: string[] = [];
const mounted: string[] = [];

afterAll(() => {
  for (const path of mounted.splice(0).reverse()) spawnSync('umount', [path]);
  for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true });
});

/** An empty directory that is removed after the tests of the file. */
export function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'strongroom-store-'));
  made.push(path);
  return path;
}

/** Mounts something on a directory until the tests of the file are over; false when this is not allowed here. */
export function mount(path: string, ...args: string[]): boolean {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const done = spawnSync('mount', [...args, path]).status === 0;
  if (done && !args.includes('remount,ro')) mounted.push(path);
  return done;
}

/** Unmounts by itself what another program has mounted there. */
export function unmountLater(path: string): void {
  mounted.push(path);
}

/** Whether this process may mount a tmpfs (root, outside most containers). */
export const canMount = isRoot && mount(temporaryDirectory(), '-t', 'tmpfs', 'none');

/** A fixture for the contract in a fresh directory, after `prepare` has had a look at it. */
export function localFixture(prepare: (directory: string) => void = () => {}): () => Promise<StoreFixture> {
  return async () => {
    const directory = join(temporaryDirectory(), 'vault');
    prepare(directory);
    const open = (options?: OpenOptions) => openStore(directory, options);
    return { store: await open({ create: true }), reopen: () => open({ create: true }) };
  };
}

/** The stores as one plain JavaScript module, for programs that run on their own; readable by any user. */
export function bundleStores(): string {
  const outfile = join(temporaryDirectory(), 'stores.mjs');
  const entry = fileURLToPath(new URL('../../src/store/index.ts', import.meta.url));
  const built = buildSync({
    entryPoints: [entry],
    bundle: true,
    platform: 'node',
    format: 'esm',
    write: false,
  });
  spawnSync('chmod', ['0755', join(outfile, '..')]);
  writeFileSync(outfile, built.outputFiles[0]!.contents, { mode: 0o644 });
  return outfile;
}

export interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  readonly signal: NodeJS.Signals | null;
}

/**
 * Runs a program text in a node of its own.
 *
 * @param code an ES module; its arguments are process.argv[1] and on
 * @param options.killAfter SIGKILL so many milliseconds after its first output
 * @param options.wrapper a program and its arguments that is to run node
 */
export function runNode(
  code: string,
  args: readonly string[],
  options: { killAfter?: number; uid?: number; wrapper?: readonly string[] } = {},
): Promise<Ended> {
  const line = [
    ...(options.wrapper ?? []),
    process.execPath,
    '--input-type=module',
    '-e',
    code,
    '--',
    ...args,
  ];
  return new Promise((resolve, reject) => {
    const child = spawn(line[0]!, line.slice(1), {
      cwd: '/',
      env: {},
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => {
      if (stdout === '' && options.killAfter !== undefined)
        setTimeout(() => child.kill('SIGKILL'), options.killAfter);
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.on('error', reject);
    child.on('close', (_code, signal) => resolve({ stdout, stderr, signal }));
  });
}
