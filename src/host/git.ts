// Which files git tracks. Asks the git that is installed, and lets no setting of a repository run anything.
import { spawn } from 'node:child_process';
import { lstatSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { InterruptedError } from '../errors.ts';

const TIMEOUT_MS = 10_000;
/** Names of some hundred thousand files. */
const MAX_BYTES = 64 * 2 ** 20;
const MAX_REPOSITORIES = 50;

export interface GitOptions {
  /** Only PATH and HOME are handed on: a variable could point git elsewhere. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
}

/** How a file stands to git; undefined where git cannot say. */
export type AskGit = (path: string) => boolean | undefined;

/**
 * Which of some files git tracks. Where there is no repository, none is; where git is not installed, or does not trust
 * whoever owns a repository, nobody knows.
 *
 * @param paths absolute; each counts in the repository that it lies in
 * @throws InterruptedError
 */
export async function trackedFiles(paths: readonly string[], options: GitOptions): Promise<AskGit> {
  const find = repositoryFinder();
  const repositoryOf = new Map(paths.map((path) => [path, find(dirname(path))]));
  const listed = new Map<string, ReadonlySet<string> | undefined>();
  for (const repository of repositoryOf.values()) {
    if (repository === undefined || listed.has(repository)) continue;
    const isAsked = listed.size < MAX_REPOSITORIES;
    listed.set(repository, isAsked ? await list(repository, options) : undefined);
  }
  return (path) => {
    const repository = repositoryOf.get(path);
    return repository === undefined ? false : listed.get(repository)?.has(path);
  };
}

/** The directory above, or the one itself, that holds a `.git`. */
function repositoryFinder(): (directory: string) => string | undefined {
  const known = new Map<string, string | undefined>();
  const find = (directory: string): string | undefined => {
    if (known.has(directory)) return known.get(directory);
    const above = dirname(directory);
    const isOne = lstatSync(join(directory, '.git'), { throwIfNoEntry: false }) !== undefined;
    const found = isOne ? directory : above === directory ? undefined : find(above);
    known.set(directory, found);
    return found;
  };
  return (directory) => {
    try {
      return find(directory);
    } catch {
      // What cannot be looked at is no repository that git could be asked about.
      return undefined;
    }
  };
}

const ARGUMENTS = [
  '-c',
  'core.fsmonitor=false',
  '-c',
  'core.hooksPath=/dev/null',
  'ls-files',
  '-z',
  '--cached',
];

/** @returns absolute paths; undefined when git cannot say */
async function list(
  repository: string,
  { env, signal }: GitOptions,
): Promise<ReadonlySet<string> | undefined> {
  if (signal?.aborted) throw new InterruptedError('interrupted', 'interrupted');
  const chunks: Buffer[] = [];
  let size = 0;
  const ended = await new Promise<boolean>((resolve) => {
    const child = spawn('git', ['-C', repository, ...ARGUMENTS], {
      env: {
        PATH: env.PATH,
        HOME: env.HOME,
        LC_ALL: 'C',
        GIT_OPTIONAL_LOCKS: '0',
        GIT_TERMINAL_PROMPT: '0',
        // An object that is not there is asked of a remote by default: `ext::COMMAND` is one, too.
        GIT_ALLOW_PROTOCOL: 'none',
        GIT_NO_LAZY_FETCH: '1',
        // A repository further up is not the one that was found.
        GIT_CEILING_DIRECTORIES: dirname(repository),
      },
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: TIMEOUT_MS,
      killSignal: 'SIGKILL',
      ...(signal ? { signal } : {}),
    });
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_BYTES) child.kill('SIGKILL');
      else chunks.push(chunk);
    });
    child.on('error', () => resolve(false));
    child.on('close', (code) => resolve(code === 0));
  });
  if (signal?.aborted) throw new InterruptedError('interrupted', 'interrupted');
  if (!ended) return undefined;
  const names = Buffer.concat(chunks).toString('utf8').split('\0');
  return new Set(names.filter((name) => name !== '').map((name) => join(repository, name)));
}
