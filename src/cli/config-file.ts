// Finds strongroom.yaml and reads it, if nobody else could have written it. What is in it is not its business.

import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync, type Stats } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { UsageError } from '../errors.ts';
import { namePattern } from './config-shape.ts';

const largest = 1024 * 1024;

export interface ConfigRequest {
  readonly cwd: string;
  /** `--config`, and STRONGROOM_CONFIG. */
  readonly flag: string | undefined;
  readonly variable: string | undefined;
  /** `--env`. */
  readonly env: string | undefined;
  /** The command makes the file: it need not be there yet, and one above is another deployment's. */
  readonly isToBeMade?: boolean;
}

/** A file that may be believed. */
export interface ConfigText {
  /** Absolute. */
  readonly path: string;
  readonly text: string;
}

/**
 * The config file that applies: the one named, else strongroom.yaml, or strongroom.ENV.yaml, here or above.
 * @returns undefined where there is none and none was asked for
 * @throws UsageError config-not-found, config-unsafe, config-unreadable, bad-value
 */
export function findConfig(request: ConfigRequest): ConfigText | undefined {
  const { cwd, flag, variable, env, isToBeMade = false } = request;
  const missing = (name: string): undefined => (isToBeMade ? undefined : notFound(name));
  if (flag !== undefined && env !== undefined) {
    throw new UsageError('bad-value', '--config and --env name two files', { hint: 'give one of them' });
  }
  const named = flag ?? (env === undefined ? variable || undefined : undefined);
  // A broken file here or above must not stand between a person and a restore that needs none.
  if (named === 'none') return undefined;
  if (named !== undefined) return readConfig(resolve(cwd, named)) ?? missing(named);
  if (env !== undefined && !namePattern.test(env)) {
    throw new UsageError('bad-value', '--env must be a name: lower-case letters, digits, dots, dashes', {
      object: '--env',
    });
  }
  const name = env === undefined ? 'strongroom.yaml' : `strongroom.${env}.yaml`;
  for (let directory = resolve(cwd); ; directory = dirname(directory)) {
    const found = readConfig(join(directory, name));
    if (found !== undefined) return found;
    if (isToBeMade || directory === dirname(directory)) break;
  }
  return env === undefined ? undefined : missing(name);
}

function notFound(name: string): never {
  throw new UsageError('config-not-found', `there is no ${name}`, {
    object: name,
    hint: 'give --config FILE, or run `strongroom init` to make one',
  });
}

function readConfig(path: string): ConfigText | undefined {
  let fd: number;
  try {
    // Not blocking: opening a FIFO would wait for its writer for ever.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new UsageError('config-unreadable', `cannot read ${path} (${String(code)})`, {
      object: path,
      hint: 'check its permissions, or name another file with --config',
      cause: error,
    });
  }
  try {
    const stats = fstatSync(fd);
    refuseUnsafe(path, stats);
    return { path, text: readFileSync(fd, 'utf8') };
  } finally {
    closeSync(fd);
  }
}

/** As git does: a config from somebody else's hand would have us read, and send, what they like. */
function refuseUnsafe(path: string, stats: Stats): void {
  const unsafe = (why: string, hint: string): never => {
    throw new UsageError('config-unsafe', `${path} ${why}`, { object: path, hint });
  };
  if (!stats.isFile()) unsafe('is not a regular file', 'give --config FILE');
  if (stats.size > largest) unsafe('is larger than 1 MiB', 'is it the right file?');
  const me = process.getuid?.();
  // Windows has no owners of this kind.
  if (me === undefined) return;
  const link = lstatSync(path, { throwIfNoEntry: false });
  const owners = [stats.uid, link?.uid ?? stats.uid];
  if (owners.some((uid) => uid !== me && uid !== 0)) {
    unsafe('belongs to another user', 'read it, then take it over with chown, or run as its owner');
  }
  if ((stats.mode & 0o022) !== 0) unsafe('can be changed by other users', `chmod go-w ${path}`);
}
