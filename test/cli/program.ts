// The program as it ships: bundled once for all test files, and run as a process of its own.

import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { build } from 'esbuild';
import { once } from '../support/once.ts';

const root = resolve(import.meta.dirname, '../..');

export interface Program {
  /** Path of the bundled main. */
  readonly main: string;
  /** A directory for the test file's own use. */
  readonly directory: string;
  run(args: readonly string[], options?: RunOptions): Outcome;
  /** Starts it without waiting. */
  start(args: readonly string[], options?: RunOptions): ChildProcessWithoutNullStreams;
  /** Runs a line of bash in which `strongroom` is the program. */
  bash(line: string, options?: RunOptions): Outcome;
  remove(): void;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
  readonly input?: string;
}

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Bundles a main module.
 * @param entry relative to the project
 */
export async function bundleProgram(entry = 'src/main.ts'): Promise<Program> {
  const directory = mkdtempSync(join(tmpdir(), 'strongroom-cli-'));
  const output = await once(basename(entry, '.ts'), (outdir) =>
    build({
      entryPoints: { main: resolve(root, entry) },
      outdir,
      outExtension: { '.js': '.mjs' },
      bundle: true,
      splitting: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      logLevel: 'error',
      banner: {
        js: "import { createRequire as __cr } from 'node:module'; const require = __cr(import.meta.url);",
      },
    }),
  );
  const main = join(output, 'main.mjs');
  const environment = (env: Record<string, string> = {}): Record<string, string> => ({
    PATH: process.env.PATH ?? '',
    HOME: directory,
    TERM: 'xterm',
    ...env,
  });
  return {
    main,
    directory,
    run(args, { cwd = directory, env, input = '' } = {}) {
      const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
        cwd,
        env: environment(env),
        input,
        encoding: 'utf8',
      });
      return { code: status, stdout, stderr };
    },
    start: (args, { cwd = directory, env } = {}) =>
      spawn(process.execPath, [main, ...args], { cwd, env: environment(env) }),
    bash(line, { cwd = directory, env, input = '' } = {}) {
      const script = `strongroom() { "$NODE" "$MAIN" "$@"; }\n${line}`;
      const { status, stdout, stderr } = spawnSync('bash', ['-c', script], {
        cwd,
        env: { ...environment(env), NODE: process.execPath, MAIN: main },
        input,
        encoding: 'utf8',
      });
      return { code: status, stdout, stderr };
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}
