// How a setting of a stream names a secret without holding it: `{ file: PATH }`, `{ env: NAME }` or
// `{ dotenv: PATH, key: NAME }`. It is read when a dump begins, and stands in no message.
import { constants } from 'node:fs';
import { type FileHandle, open, realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import { UsageError } from '../../errors.ts';
import { StreamError, type StreamGround } from '../stream.ts';
import { line, type StreamShape } from './shapes.ts';

const LARGEST = 64 * 1024;
const LARGEST_DOTENV = 1024 * 1024;
/** Where an orchestrator puts secrets, with modes of its own choosing. */
const MANAGED = ['/run/secrets', '/var/run/secrets'];

/** A secret that a setting names. */
export interface SecretSource {
  /** For messages: `variable PGPASSWORD`, `DB_PASSWORD in .env`. */
  readonly where: string;
  /** @throws StreamError `stream-secret` that says what is missing */
  read(): Promise<string>;
}

/** The shape of such a setting. @param what such as `the password` */
export function secretShape(what: string): StreamShape {
  return {
    kind: 'object',
    summary: `Where ${what} is read from: a file, a variable, or a key of an environment file`,
    hint: 'no setting holds a secret: write { dotenv: .env, key: NAME }, { file: PATH } or { env: NAME }; one that stood here should be changed',
    fields: {
      file: line('A file that holds it and nothing else'),
      env: line('A variable of the environment'),
      dotenv: line('An environment file, with key'),
      key: line('The name it has in that file'),
    },
  };
}

/**
 * @param setting what `secretShape` takes; undefined where it is not set
 * @param name of the stream and the setting, for messages: `password of stream db`
 * @throws UsageError bad-setting when it does not name exactly one place
 */
export function secretOf(
  setting: unknown,
  name: { readonly stream: string; readonly setting: string },
  ground: StreamGround,
): SecretSource | undefined {
  if (setting === undefined) return undefined;
  const { file, env, dotenv, key } = setting as Readonly<Record<string, string | undefined>>;
  const isOne = [file, env, dotenv].filter((place) => place !== undefined).length === 1;
  if (!isOne || (key === undefined) !== (dotenv === undefined)) {
    throw new UsageError('bad-setting', `${name.setting} of stream ${name.stream} must name one place`, {
      object: name.setting,
      hint: 'one of { file: PATH }, { env: NAME } and { dotenv: PATH, key: NAME }',
    });
  }
  const refuse = (why: string, hint?: string, cause?: unknown): StreamError =>
    new StreamError('stream-secret', `stream ${name.stream}: its ${name.setting} cannot be read: ${why}`, {
      ...(hint === undefined ? {} : { hint }),
      cause,
    });
  if (env !== undefined) {
    return {
      where: `variable ${env}`,
      async read() {
        const value = ground.env[env];
        if (!value) throw refuse(`variable ${env} is not set`);
        return checked(value, refuse);
      },
    };
  }
  if (file !== undefined) {
    return {
      where: file,
      async read() {
        const text = await readPrivate(resolve(ground.root, file), {
          source: file,
          most: LARGEST,
          isOnlySecret: true,
          ground,
          refuse,
        });
        return checked(text.replace(/\r?\n$/, ''), refuse);
      },
    };
  }
  const path = dotenv ?? '';
  return {
    where: `${key} in ${path}`,
    async read() {
      const text = await readPrivate(resolve(ground.root, path), {
        source: path,
        most: LARGEST_DOTENV,
        isOnlySecret: false,
        ground,
        refuse,
      });
      return checked(await valueIn(text, path, key ?? '', refuse), refuse);
    },
  };
}

/**
 * An address says where a server is, and so do other settings.
 * @param others the settings that an address takes the place of
 * @throws UsageError bad-setting when one of them stands beside a `url`
 */
export function refuseBeside(
  stream: string,
  settings: Readonly<Record<string, unknown>>,
  others: readonly string[],
): void {
  const own = others.filter((key) => settings[key] !== undefined);
  if (own.length === 0) return;
  throw new UsageError('bad-setting', `stream ${stream} has a url, and ${own.join(', ')} besides`, {
    object: stream,
    hint: 'give one or the other: which is meant must not be a guess',
  });
}

type Refuse = (why: string, hint?: string, cause?: unknown) => StreamError;

function checked(value: string, refuse: Refuse): string {
  if (value === '') throw refuse('it is empty');
  if (value.includes('\0')) throw refuse('it holds a zero byte');
  return value;
}

async function valueIn(text: string, path: string, key: string, refuse: Refuse): Promise<string> {
  const { readDotenv } = await import('../../compare/dotenv.ts');
  const values = (() => {
    try {
      return readDotenv(text);
    } catch {
      // What it says of a line is a phrase of its own; here the file is what matters.
      throw refuse(`${path} is no sound environment file`);
    }
  })();
  // The last one counts, as for Compose.
  const value = values.findLast((found) => found.name === key)?.text.toString();
  if (value === undefined) throw refuse(`${path} has no ${key}`);
  if (/\$\{[A-Za-z_]\w*/.test(value)) {
    throw refuse(`${key} in ${path} refers to other variables`, 'write it out: references are not filled in');
  }
  return value;
}

interface Reading {
  /** As the setting has it. */
  readonly source: string;
  /** Bytes. */
  readonly most: number;
  /** Whether it holds nothing else, and so need not be as wide as its application has it. */
  readonly isOnlySecret: boolean;
  readonly ground: StreamGround;
  readonly refuse: Refuse;
}

/** The text of a file; one that is there for this must be its owner's alone. */
async function readPrivate(
  path: string,
  { source, most, isOnlySecret, ground, refuse }: Reading,
): Promise<string> {
  // Not blocking: opening a FIFO would wait for its writer for ever.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: unknown) => {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    throw refuse(
      code === 'ENOENT' ? `there is no file ${source}` : `${source} (${String(code)})`,
      undefined,
      cause,
    );
  });
  try {
    const { mode } = await regular(handle, source, refuse);
    // As ssh does: what others can read is no secret, and using it would hide that.
    if (
      isOnlySecret &&
      process.platform !== 'win32' &&
      (mode & 0o077) !== 0 &&
      !(await isManaged(path, ground))
    ) {
      throw refuse(`others can read ${source}`, `chmod 600 ${source}`);
    }
    const buffer = Buffer.alloc(most + 1);
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, null);
    if (bytesRead > most)
      throw refuse(`${source} is larger than ${most / 1024} KiB`, 'is it the right file?');
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(buffer.subarray(0, bytesRead));
  } catch (cause) {
    if (cause instanceof StreamError) throw cause;
    throw refuse(cause instanceof TypeError ? `${source} is not UTF-8 text` : source, undefined, cause);
  } finally {
    await handle.close();
  }
}

async function regular(handle: FileHandle, source: string, refuse: Refuse): Promise<{ mode: number }> {
  const stats = await handle.stat();
  if (!stats.isFile()) throw refuse(`${source} is not a regular file`);
  return stats;
}

/** Judged by real paths: `/run/secrets/../../home/me/pass` is not managed. */
async function isManaged(path: string, { env }: StreamGround): Promise<boolean> {
  const real = await realpath(path).catch(() => undefined);
  if (real === undefined) return false;
  const credentials = env.CREDENTIALS_DIRECTORY;
  for (const directory of [...MANAGED, ...(credentials?.startsWith('/') ? [credentials] : [])]) {
    const base = await realpath(directory).catch(() => undefined);
    if (base !== undefined && base !== '/' && real.startsWith(`${base}/`)) return true;
  }
  return false;
}
