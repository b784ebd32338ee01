// Runs a vendor's tool: what it prints, as slowly as it is read; what it says, scrubbed; and its end, whatever happens.
// Which tool, with which arguments and what its output means is the adapter's.
import type { ChildProcess } from 'node:child_process';
import { InterruptedError } from '../../errors.ts';
import { StreamError } from '../stream.ts';
import { drained } from './drain.ts';
import { notStarted } from './not-started.ts';
import { endGroup } from './process-group.ts';
import { scrub } from './scrub.ts';

/** What is kept of stderr before it is scrubbed: more than is shown, so that no secret is cut in two. */
const KEPT = 64 * 1024;
/** Milliseconds that stderr is read on when the program has ended. */
const LINGER = 1000;
/** The most that {@link toolText} collects, in bytes. */
const TEXT = 16 * 1024 * 1024;

export interface ToolOptions {
  /** The stream, for messages: `db`. */
  readonly name: string;
  /** The ground's environment. Whatever begins with STRONGROOM_ is left out, and messages are in English. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What the adapter adds to it; undefined takes a variable out. Secrets go here, never in the arguments. */
  readonly adds?: Readonly<Record<string, string | undefined>>;
  /** Absolute. */
  readonly cwd: string;
  /** Milliseconds for the whole run. */
  readonly timeout: number;
  /** What must not be seen in what the tool says. */
  readonly secrets?: readonly string[];
  /** Further text to hide in it, such as rows that it quotes; global. */
  readonly hides?: RegExp;
  /** Bytes for the tool; nothing otherwise. They are read to the end even if the tool ends well before. */
  readonly stdin?: AsyncIterable<Uint8Array>;
  readonly signal?: AbortSignal | undefined;
  /** Told what it said on stderr though it ended well. */
  readonly onNotes?: ((text: string) => void) | undefined;
  /** Whose rights it has, where not ours. */
  readonly as?: { readonly uid: number; readonly gid: number } | undefined;
  /** The Debian package that has it, for a hint. */
  readonly package?: string;
}

/**
 * Runs a program without a terminal, in a group of its own that is gone when this ends, however it ends; only what
 * makes itself a session of its own (`setsid`) leaves the group, and is not ended.
 * @param args no secret: everybody on the machine can read them
 * @returns what it prints on stdout
 * @throws StreamError tool-missing, stream-failed, stream-timeout; InterruptedError; what `stdin` throws
 */
export async function* runTool(
  program: string,
  args: readonly string[],
  options: ToolOptions,
): AsyncGenerator<Buffer> {
  if (options.signal?.aborted) throw interrupted();
  const run = await start(program, args, options);
  try {
    try {
      for await (const chunk of run.stdout) yield chunk as Buffer;
    } catch (cause) {
      // Closed by ourselves: why is told below.
      if (!run.isStopped()) throw cause;
    }
    await run.ended();
  } finally {
    await run.stop();
  }
}

/** Runs a program for what it prints, which is not much. @throws as {@link runTool} */
export async function toolText(
  program: string,
  args: readonly string[],
  options: ToolOptions,
): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of runTool(program, args, options)) {
    size += chunk.length;
    if (size > TEXT) throw new StreamError('stream-failed', `${of(options, program)} printed too much`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

interface Run {
  readonly stdout: NodeJS.ReadableStream;
  isStopped(): boolean;
  /** Once it ended well. */
  ended(): Promise<void>;
  /** Ends the group, if anything of it is left; once it is gone. */
  stop(): Promise<void>;
}

async function start(program: string, args: readonly string[], options: ToolOptions): Promise<Run> {
  const { spawn } = await import('node:child_process');
  const { signal, timeout, stdin } = options;
  const attempt = (): ChildProcess => {
    try {
      return spawn(program, args, {
        cwd: options.cwd,
        env: environmentOf(options),
        ...options.as,
        // A session of its own: it can be ended with all its children, and can ask for no password at a terminal.
        detached: true,
        stdio: [stdin ? 'pipe' : 'ignore', 'pipe', 'pipe'],
      });
    } catch (cause) {
      throw notStarted(of(options, program), options, cause);
    }
  };
  const child = attempt();
  const begun = new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (cause) => reject(notStarted(of(options, program), options, cause)));
  });
  const { stdout, stderr } = child;
  // There were no descriptors left for them.
  if (!stdout || !stderr) throw await begun.then(() => new Error('a child without pipes'));
  const said = lastOf(stderr);
  const closed = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
    // A program that was left behind may hold stderr open; it has nothing more to say.
    child.once('exit', () => setTimeout(() => stderr.destroy(), LINGER).unref());
  });
  await begun;
  let why: 'asked' | 'late' | 'input' | 'done' | undefined;
  let failed: unknown;
  let stopping: Promise<void> | undefined;
  const stop = (reason: NonNullable<typeof why>): Promise<void> => {
    why ??= reason;
    stopping ??= abandon(child).finally(() => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    });
    return stopping;
  };
  const onAbort = () => void stop('asked');
  const timer = setTimeout(() => void stop('late'), timeout);
  signal?.addEventListener('abort', onAbort, { once: true });
  // It may have fired while the program was started.
  if (signal?.aborted) onAbort();
  const fed = stdin
    ? feed(stdin, child).catch((cause: unknown) => {
        failed = cause;
        void stop('input');
      })
    : undefined;
  return {
    stdout,
    isStopped: () => why !== undefined,
    async ended() {
      await closed;
      const stderrText = () => scrub(said(), options.secrets ?? [], options.hides);
      const { exitCode, signalCode } = child;
      if (exitCode === 0) await fed;
      if (why === 'input') throw failed;
      if (why === 'asked') throw interrupted();
      const tool = of(options, program);
      if (why === 'late') {
        throw new StreamError('stream-timeout', `${tool} took longer than ${inWords(timeout)}`, {
          hint: 'give the stream a longer timeout, or see what it waits for',
          stderr: stderrText(),
        });
      }
      if (exitCode !== 0) {
        const how = signalCode ? `was ended by ${signalCode}` : `failed with status ${exitCode}`;
        throw new StreamError('stream-failed', `${tool} ${how}`, { stderr: stderrText() });
      }
      const notes = stderrText();
      if (notes !== '') options.onNotes?.(notes);
    },
    stop: () => stop('done'),
  };
}

const of = ({ name }: ToolOptions, program: string): string =>
  `stream ${name}: ${program.slice(program.lastIndexOf('/') + 1)}`;

const interrupted = (): InterruptedError => new InterruptedError('interrupted', 'interrupted');

function inWords(ms: number): string {
  return ms >= 120_000 ? `${Math.round(ms / 60_000)} minutes` : `${ms / 1000} s`;
}

/** The child's whole environment. */
function environmentOf({ env, adds }: ToolOptions): Record<string, string> {
  const all = { ...env, LC_ALL: 'C', ...adds };
  return Object.fromEntries(
    Object.entries(all).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && !entry[0].startsWith('STRONGROOM_'),
    ),
  );
}

/** @returns gives the end of what came so far; where something was left out, from the next line on */
function lastOf(stderr: NodeJS.ReadableStream): () => string {
  let chunks: Buffer[] = [];
  let size = 0;
  let isCut = false;
  stderr.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    size += chunk.length;
    if (size > 2 * KEPT) {
      chunks = [Buffer.concat(chunks).subarray(-KEPT)];
      size = KEPT;
      isCut = true;
    }
  });
  // Closed with the program.
  stderr.on('error', () => {});
  return () => {
    const text = Buffer.concat(chunks).toString('utf8');
    return isCut ? text.replace(/^[^\n]*\n?/, '') : text;
  };
}

async function feed(source: AsyncIterable<Uint8Array>, child: ChildProcess): Promise<void> {
  const { stdin } = child;
  if (!stdin) return;
  // A program that stops reading says why by its status.
  stdin.on('error', () => {});
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  for await (const chunk of source) {
    // How it ended tells whether it had enough; a source that never waits would keep us from hearing of it.
    if (stdin.destroyed && child.exitCode === null && child.signalCode === null) await exited;
    if (child.signalCode !== null || (child.exitCode ?? 0) !== 0) return;
    if (!stdin.destroyed && !stdin.write(chunk)) await drained(stdin);
  }
  stdin.end();
}

/** Our ends of the pipes, too: not even a program that left the group holds us up. Never fails. */
async function abandon(child: ChildProcess): Promise<void> {
  for (const stream of child.stdio) stream?.destroy();
  if (child.pid !== undefined) await endGroup(child.pid);
}
