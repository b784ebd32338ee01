// One run of the command line: find the command, parse, call, render, and map what happened to an exit code. It
// touches the world only through what main.ts hands it, and never ends the process.

import type { Input } from '../commands/command.ts';
import type { Context, GlobalOptions, Paths, World } from '../commands/context.ts';
import { type AnyCommand, type Group, registry } from '../commands/index.ts';
import { beginTelling } from '../commands/notified.ts';
import { InterruptedError, StrongroomError, UsageError } from '../errors.ts';
import { takesColour } from './colour.ts';
import { type Asked, parseCommandLine } from './commander.ts';
import { readInput } from './input.ts';
import { ReaderGone, type Sink } from './output.ts';
import { findPaths } from './paths.ts';
import { failureOf, renderFailure } from './render.ts';
import { makeSecrets, takeSecrets } from './secrets.ts';
import { openSession, type Session } from './session.ts';
import { openTerminal } from './terminal.ts';

/** The real world, or a test's. */
export interface Surroundings {
  /** The words after the program's name. */
  readonly argv: readonly string[];
  /** `process.env` itself: secrets are taken out of it. */
  readonly env: Record<string, string | undefined>;
  cwd(): string;
  /** Absolute. */
  readonly home: string;
  readonly isRoot: boolean;
  /** The umask that the program was started with; what it makes itself is for its owner only. */
  readonly umask?: number;
  /** How it was started: Node and the program, absolute. */
  readonly program?: readonly string[];
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly signal: AbortSignal;
  readonly version: string;
  now(): Date;
  /** Milliseconds of a clock that never goes back. */
  monotonic(): number;
  /** The composition root; called when a command first needs an adapter. */
  world(parts: WorldParts): Promise<World>;
}

/** What the composition root gets to build with. */
export interface WorldParts {
  readonly env: Context['env'];
  readonly cwd: string;
  readonly paths: Paths;
  readonly signal: AbortSignal;
  readonly secrets: Context['secrets'];
  now(): Date;
}

/**
 * Runs a command line from beginning to end.
 * @param groups the commands there are
 * @returns the exit code
 */
export async function run(world: Surroundings, groups: readonly Group[] = registry): Promise<number> {
  const { argv, env, stdout, stderr } = world;
  const words = takeSecrets(env);
  const colour = takesColour(stderr, env);
  const debug = env.STRONGROOM_DEBUG === '1';
  // Known before parsing, since parsing is what may fail.
  const json = argv.slice(0, argv.includes('--') ? argv.indexOf('--') : undefined).includes('--json');
  try {
    const style = { columns: stdout.columns(), colour: takesColour(stdout, env) };
    const asked = await parseCommandLine(argv, { groups, version: world.version, style });
    if (asked.kind === 'command') return await runCommand(asked, world, words);
    (asked.kind === 'text' ? stdout : stderr).write(asked.text);
    return asked.kind === 'text' ? 0 : 2;
  } catch (error) {
    if (error instanceof ReaderGone) return 0;
    const failure = interrupted(error, world.signal);
    stderr.write(renderFailure(failure, { json, colour }, debug));
    return failureOf(failure).exitCode;
  }
}

async function runCommand(
  { path, command, args, flags, globals }: Asked & { kind: 'command' },
  world: Surroundings,
  words: ReturnType<typeof takeSecrets>,
): Promise<number> {
  const env = Object.freeze({ ...world.env });
  const input = readInput(command, args, flags, env);
  const options = switches(globals);
  const session = openSession(command, options, env, world);
  const cwd = workingDirectory(world);
  const paths = findPaths(env, world.home, world.isRoot);
  const { signal } = world;
  const now = (): Date => world.now();
  const terminal = openTerminal({
    yes: options.yes,
    colour: takesColour(world.stderr, env),
    signal,
    before: session.flush,
  });
  const settingFlags = {
    location: text(globals.location),
    config: text(globals.config),
    env: text(globals.env),
    makesConfig: command.makesConfig ?? false,
  };
  const secrets = makeSecrets({ words, env, cwd, terminal, signal });
  const context: Context = {
    ...session.channels,
    options,
    secrets,
    terminal,
    signal,
    now,
    cwd,
    env,
    paths,
    ...(world.umask === undefined ? {} : { umask: world.umask }),
    ...(world.program === undefined ? {} : { program: world.program }),
    settings: memo(async () => {
      const { resolveSettings } = await import('./settings.ts');
      return resolveSettings(settingFlags, { cwd, home: world.home, env });
    }),
    world: memo(() => world.world({ env, cwd, paths, signal, secrets, now })),
    configSchema: async () => (await import('./config-schema.ts')).jsonSchema(),
  };
  try {
    return await work(path, command, input, context, session);
  } catch (error) {
    try {
      session.end(1);
    } catch (also) {
      // What went wrong first is the news, even where the output fails too.
      if (!(also instanceof StrongroomError)) throw also;
    }
    throw error;
  }
}

async function work(
  path: readonly string[],
  command: AnyCommand,
  input: Input,
  context: Context,
  session: Session,
): Promise<number> {
  const telling = await beginTelling(path, command, input, context);
  let result: unknown;
  try {
    result = await command.run(input, context);
  } catch (error) {
    await telling?.failed(interrupted(error, context.signal));
    throw error;
  }
  const code = command.exitCode?.(result) ?? 0;
  try {
    if (context.options.json) session.summary(command.json(result, session.line));
    else command.human(result, session.out);
    session.flush();
  } finally {
    // It has happened, even if nobody reads of it here.
    await telling?.ended(result, code);
  }
  session.end(code);
  return code;
}

function switches(globals: Readonly<Record<string, unknown>>): GlobalOptions {
  const on = (name: string): boolean => globals[name] === true;
  return {
    json: on('json'),
    quiet: on('quiet'),
    verbose: on('verbose'),
    yes: on('yes'),
    config: text(globals.config),
  };
}

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

function memo<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

function workingDirectory(world: Surroundings): string {
  try {
    return world.cwd();
  } catch (cause) {
    throw new UsageError('no-directory', 'the working directory does not exist any more', {
      hint: 'change to one that does',
      cause,
    });
  }
}

/** An abort that Node's own functions report in their own way. */
function interrupted(error: unknown, signal: AbortSignal): unknown {
  if (!signal.aborted || !(error instanceof Error) || error.name !== 'AbortError') return error;
  return new InterruptedError('interrupted', 'interrupted', { cause: error });
}
