// Reads a secret from a file, a descriptor or a command, within limits. What the secret is for is not known here.

import { constants, fstat, read, type Stats } from 'node:fs';
import { open, realpath } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Environment, SecretText } from '../commands/context.ts';
import { InterruptedError, UnlockError, UsageError } from '../errors.ts';

const largest = 64 * 1024;
/** How often a pipe is looked at, and how long one may have nobody who writes to it, in milliseconds. */
const PIPE_LOOK = 20;
const PIPE_GRACE = 3000;
const readSome = promisify(read);
const statOf = promisify(fstat);

/** Where an orchestrator puts secrets, with modes of its own choosing. */
const managedDirectories = ['/run/secrets', '/var/run/secrets'];

/**
 * Reads a secret file that only its owner can read.
 * @param path absolute
 * @param source as the person wrote it, for messages
 * @param env for $CREDENTIALS_DIRECTORY (systemd)
 * @param signal ends the wait for a pipe
 * @throws UsageError secret-file, secret-file-readable, secret-empty, secret-too-large, secret-not-text; InterruptedError
 */
export async function readSecretFile(
  path: string,
  source: string,
  env: Environment,
  signal: AbortSignal,
): Promise<SecretText> {
  const details = { object: source };
  // Not blocking: a FIFO without a writer would hold a thread that nothing can end, and with it the process.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: unknown) => {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    const why = code === 'ENOENT' ? 'there is no file' : `cannot read (${String(code)})`;
    throw new UsageError('secret-file', `${why} ${source}`, { ...details, cause });
  });
  try {
    const stats = await handle.stat();
    if (!stats.isFile() && !stats.isFIFO()) {
      throw new UsageError('secret-file', `${source} is not a regular file`, details);
    }
    await refuseReadable(path, source, stats, env);
    const pipe = stats.isFIFO() ? signal : undefined;
    const text = textOf(await readDescriptor(handle.fd, source, pipe), source);
    return { source, path, text };
  } finally {
    await handle.close();
  }
}

/** As ssh does: a key that others can read is no secret, and using it would hide that. */
async function refuseReadable(path: string, source: string, stats: Stats, env: Environment): Promise<void> {
  if (process.platform === 'win32' || (stats.mode & 0o077) === 0) return;
  if (await isManaged(path, env)) return;
  throw new UsageError('secret-file-readable', `others can read ${source}`, {
    object: source,
    hint: `chmod 600 ${source}`,
  });
}

/** Judged by real paths: `/run/secrets/../../home/me/pass` is not managed. */
async function isManaged(path: string, env: Environment): Promise<boolean> {
  const real = await realpath(path).catch(() => undefined);
  if (real === undefined) return false;
  const credentials = env.CREDENTIALS_DIRECTORY;
  for (const directory of [...managedDirectories, ...(credentials?.startsWith('/') ? [credentials] : [])]) {
    const base = await realpath(directory).catch(() => undefined);
    if (base !== undefined && base !== '/' && real.startsWith(`${base}/`)) return true;
  }
  return false;
}

/**
 * Reads a descriptor to its end.
 * @param pipe for a pipe that was opened without blocking: ends the wait for whoever writes to it
 * @throws UsageError bad-value for one that is not open, secret-empty, secret-too-large; InterruptedError
 */
export async function readDescriptor(fd: number, source: string, pipe?: AbortSignal): Promise<Uint8Array> {
  const end = performance.now() + PIPE_GRACE;
  const buffer = Buffer.alloc(largest + 1);
  let length = 0;
  try {
    await statOf(fd);
    while (length < buffer.length) {
      const bytesRead = await readSome(fd, buffer, length, buffer.length - length, null).then(
        (some) => some.bytesRead,
        (error: unknown) => {
          if (pipe && error instanceof Error && 'code' in error && error.code === 'EAGAIN') return undefined;
          throw error;
        },
      );
      // Nobody has it open to write yet, or whoever has says nothing yet.
      const isEarly = pipe && length === 0 && performance.now() < end;
      if (bytesRead === undefined || (bytesRead === 0 && isEarly)) {
        await sleep(PIPE_LOOK, undefined, pipe && { signal: pipe });
        continue;
      }
      if (bytesRead === 0) break;
      length += bytesRead;
    }
  } catch (cause) {
    if (pipe?.aborted) throw new InterruptedError('interrupted', 'interrupted');
    throw new UsageError('bad-value', `cannot read from ${source}`, { object: source, cause });
  }
  if (length === 0) throw new UsageError('secret-empty', `${source} is empty`, { object: source });
  if (length > largest) {
    throw new UsageError('secret-too-large', `${source} is larger than 64 KiB`, {
      object: source,
      hint: 'is it the right file?',
    });
  }
  return buffer.subarray(0, length);
}

/** Bytes as UTF-8 text. @throws UsageError secret-not-text */
export function textOf(bytes: Uint8Array, source: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    // The decoder's error quotes nothing, and says nothing either.
    throw new UsageError('secret-not-text', `${source} is not UTF-8 text`, { object: source });
  }
}

/**
 * What a shell command prints. Its stdin and stderr are ours, so that it may ask a question of its own.
 * @param env the command's whole environment
 * @throws UnlockError secret-command, InterruptedError, UsageError secret-empty, secret-too-large
 */
export async function runSecretCommand(
  command: string,
  source: string,
  env: Environment,
  signal: AbortSignal,
): Promise<string> {
  const { spawn } = await import('node:child_process');
  if (signal.aborted) throw new InterruptedError('interrupted', 'interrupted');
  const child = spawn('sh', ['-c', command], { stdio: ['inherit', 'pipe', 'inherit'], env });
  const chunks: Buffer[] = [];
  let length = 0;
  // Programs that the shell started may outlive it: closing our end of the pipe ends the wait for them too.
  const stop = (): void => {
    child.kill();
    child.stdout.destroy();
  };
  signal.addEventListener('abort', stop, { once: true });
  child.stdout.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length <= largest) chunks.push(chunk);
    else stop();
  });
  const ended = await new Promise<string | number>((resolve) => {
    child.on('error', () => resolve('could not be started'));
    child.on('close', (status, killer) => resolve(status ?? `was ended by ${killer}`));
  });
  signal.removeEventListener('abort', stop);
  if (signal.aborted) throw new InterruptedError('interrupted', 'interrupted');
  if (length > largest)
    throw new UsageError('secret-too-large', `${source} prints more than 64 KiB`, { object: source });
  if (ended !== 0) {
    // The command itself is not shown: people put secrets in it.
    const how = typeof ended === 'number' ? `failed with status ${ended}` : ended;
    throw new UnlockError('secret-command', `the command in ${source} ${how}`, {
      object: source,
      hint: 'run it by hand to see why',
    });
  }
  if (length === 0)
    throw new UsageError('secret-empty', `the command in ${source} printed nothing`, { object: source });
  return textOf(Buffer.concat(chunks), source);
}
