// The shipped program on machines of its own: each has its own home, XDG directories, host name and working
// directory, and no terminal. Bundled once for all test files.

import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { generateIdentity, recipientOf } from '../../src/crypt/identity.ts';
import { bundleProgram, type Program } from '../cli/program.ts';

/** What a run of the program came to. */
export interface Ran {
  /** Exit code; null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Raw stdout, for `cat`. */
  readonly bytes: Buffer;
  /** Every line of stdout as JSON (`--json`); throws when one is not. */
  lines(): Message[];
  /** The last line of stdout as JSON, which must be the summary. */
  summary(): Message;
  /** The `exit_error` line of stderr, under `--json`. */
  failure(): Message;
  /** The `warning` lines of stderr, under `--json`. */
  warnings(): Message[];
}

/** One JSON line of the program's. */
// biome-ignore lint/suspicious/noExplicitAny: a test reads whatever fields it expects.
export type Message = Record<string, any>;

export interface RunOptions {
  readonly cwd?: string;
  /** Added to the machine's own; undefined takes a variable away. */
  readonly env?: Record<string, string | undefined>;
  /** Bytes for stdin, which otherwise is empty. */
  readonly input?: string | Buffer;
  /** A program and arguments to run it under, such as `['setpriv', '--reuid=65534', '--']`. */
  readonly under?: readonly string[];
}

/** A machine of its own, as far as the program can tell. */
export interface Machine {
  /** Everything of the machine is below it. */
  readonly directory: string;
  /** The working directory of its runs, empty at first. */
  readonly work: string;
  /** XDG state, cache, data and config directories of strongroom. */
  readonly state: string;
  readonly cache: string;
  readonly data: string;
  readonly config: string;
  /** Its environment, with `extra` on top; without anything of the test's own process but PATH. */
  env(extra?: RunOptions['env']): Record<string, string>;
  /** The command line of the program with these arguments. */
  argv(args: readonly string[]): string[];
  run(args: readonly string[], options?: RunOptions): Promise<Ran>;
  /** As `run`, and throws with what it said when the exit code is not `code` (0 unless given). */
  ok(args: readonly string[], options?: RunOptions & { readonly code?: number }): Promise<Ran>;
  /** Writes a file below the working directory, 0600, and the directories above it; returns its absolute path. */
  write(path: string, content: string | Buffer, mode?: number): string;
  /** Makes an age identity file outside the working directory. */
  identity(name?: string): Promise<{ file: string; recipient: string; identity: string }>;
  /** Makes a passphrase file, 0600, outside the working directory. */
  passphrase(text?: string, name?: string): string;
}

/** Strong enough for `init`. */
export const PASSPHRASE = 'staple orbit velvet canyon marble thirteen';

/** A program that was built already, such as dist/main.cjs; otherwise the tests bundle their own. */
const BUILT = process.env.STRONGROOM_PROGRAM;

/**
 * Call it at the top of a test file or of a `describe`.
 * @returns makes machines; their directories go when the tests have ended
 */
export function machines(): (name?: string) => Machine {
  let program: Program;
  let count = 0;
  beforeAll(async () => {
    program = await bundleProgram();
  });
  afterAll(() => program.remove());
  return (name = 'machine') =>
    machineIn(join(program.directory, `${++count}-${name}`), name, BUILT ?? program.main);
}

function machineIn(directory: string, name: string, main: string): Machine {
  const at = (...path: string[]) => join(directory, ...path);
  const work = at('work');
  mkdirSync(work, { recursive: true, mode: 0o700 });
  mkdirSync(at('home'), { mode: 0o700 });
  mkdirSync(at('tmp'), { mode: 0o700 });
  const own: Record<string, string> = {
    PATH: process.env.PATH ?? '',
    HOME: at('home'),
    TMPDIR: at('tmp'),
    TERM: 'dumb',
    TZ: 'UTC',
    XDG_STATE_HOME: at('xdg', 'state'),
    XDG_CACHE_HOME: at('xdg', 'cache'),
    XDG_DATA_HOME: at('xdg', 'data'),
    XDG_CONFIG_HOME: at('xdg', 'config'),
    STRONGROOM_HOST: name,
  };
  const write = (path: string, content: string | Buffer, mode: number): string => {
    mkdirSync(join(path, '..'), { recursive: true, mode: 0o700 });
    writeFileSync(path, content, { mode });
    return path;
  };
  const env: Machine['env'] = (extra = {}) =>
    Object.fromEntries(
      Object.entries({ ...own, ...extra }).filter((pair): pair is [string, string] => pair[1] !== undefined),
    );
  const argv: Machine['argv'] = (args) => [process.execPath, main, ...args];
  const run: Machine['run'] = (args, options = {}) =>
    start([...(options.under ?? []), ...argv(args)], options.cwd ?? work, env(options.env), options.input);
  return {
    directory,
    work,
    state: at('xdg', 'state', 'strongroom'),
    cache: at('xdg', 'cache', 'strongroom'),
    data: at('xdg', 'data', 'strongroom'),
    config: at('xdg', 'config', 'strongroom'),
    env,
    argv,
    run,
    async ok(args, options = {}) {
      const ran = await run(args, options);
      const expected = options.code ?? 0;
      if (ran.code === expected) return ran;
      throw new Error(
        `strongroom ${args.join(' ')}: exit ${ran.code ?? ran.signal}, not ${expected}\n${ran.stdout}${ran.stderr}`,
      );
    },
    write: (path, content, mode = 0o600) => write(join(work, path), content, mode),
    async identity(name = 'me.txt') {
      const identity = await generateIdentity('x25519');
      return {
        file: write(at('keys', name), `${identity}\n`, 0o600),
        recipient: await recipientOf(identity),
        identity,
      };
    },
    passphrase: (text = PASSPHRASE, name = 'passphrase') => write(at('keys', name), `${text}\n`, 0o600),
  };
}

function start(
  argv: readonly string[],
  cwd: string,
  env: Record<string, string>,
  input?: string | Buffer,
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const [command = '', ...args] = argv;
    // A session of its own has no controlling terminal: nothing can be asked, wherever the tests run.
    const child = spawn(command, args, { cwd, env, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    // It may end before it has read everything.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    child.on('error', reject);
    child.on('close', (code, signal) =>
      resolve(ranOf(code, signal, Buffer.concat(out), Buffer.concat(err).toString())),
    );
  });
}

function ranOf(code: number | null, signal: NodeJS.Signals | null, bytes: Buffer, stderr: string): Ran {
  const stdout = bytes.toString();
  const messages = (text: string): Message[] =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Message);
  const only = (found: Message | undefined, type: string): Message => {
    if (found?.message_type === type) return found;
    throw new Error(`no ${type} in\n${stdout}${stderr}`);
  };
  return {
    code,
    signal,
    stdout,
    stderr,
    bytes,
    lines: () => messages(stdout),
    summary: () => only(messages(stdout).pop(), 'summary'),
    failure: () =>
      only(
        messages(stderr).find((m) => m.message_type === 'exit_error'),
        'exit_error',
      ),
    warnings: () => messages(stderr).filter((m) => m.message_type === 'warning'),
  };
}
