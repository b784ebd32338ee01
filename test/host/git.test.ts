import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { trackedFiles } from '../../src/host/git.ts';
import { scratch } from '../support/vault.ts';

let base: string;
let env: Record<string, string>;
beforeEach(() => {
  base = scratch();
  env = { PATH: process.env.PATH ?? '', HOME: join(base, 'home') };
  mkdirSync(join(base, 'home'));
});

function write(path: string, text = 'x\n'): string {
  const at = join(base, path);
  mkdirSync(join(at, '..'), { recursive: true });
  writeFileSync(at, text);
  return at;
}

const git = (directory: string, ...args: string[]) => {
  mkdirSync(join(base, directory), { recursive: true });
  execFileSync('git', ['-c', 'user.name=x', '-c', 'user.email=x@example.org', ...args], {
    cwd: join(base, directory),
    env,
  });
};

async function answers(paths: string[], more: Record<string, string> = {}) {
  const tracked = await trackedFiles(paths, { env: { ...env, ...more } });
  return paths.map(tracked);
}

describe('whether git tracks a file', () => {
  it('is asked of the repository that it lies in, whatever its name', async () => {
    const paths = [
      write('a/.env'),
      write('a/deep/wörd\nx.key'),
      write('a/new.txt'),
      write('a/inner/own.txt'),
      write('free/.env'),
    ];
    git('a', 'init', '-q');
    git('a', 'add', '.env', 'deep');
    git('a/inner', 'init', '-q');
    git('a/inner', 'add', 'own.txt');
    expect(await answers(paths)).toEqual([true, true, false, true, false]);
    // Variables could point git elsewhere.
    expect(await answers(paths, { GIT_DIR: join(base, 'nowhere') })).toEqual([
      true,
      true,
      false,
      true,
      false,
    ]);
  });

  it('is unknown without git, and in a repository that is none', async () => {
    const path = write('a/.env');
    git('a', 'init', '-q');
    expect(await answers([path], { PATH: join(base, 'nowhere') })).toEqual([undefined]);
    write('b/.git', 'gitdir: /nowhere\n');
    expect(await answers([write('b/.env'), path])).toEqual([undefined, false]);
  });

  it('runs nothing that a repository has configured', async () => {
    const path = write('a/.env');
    const hook = write('hook', `#!/bin/sh\ntouch ${join(base, 'ran')}\n`);
    chmodSync(hook, 0o755);
    git('a', 'init', '-q');
    git('a', 'add', '.env');
    git('a', 'config', 'core.fsmonitor', hook);
    git('a', 'config', 'core.hooksPath', base);
    expect(await answers([path])).toEqual([true]);
    expect(existsSync(join(base, 'ran'))).toBe(false);
  });

  it('fetches nothing that is not there: a remote may be a command', async () => {
    const paths = [write('a/top.txt'), write('a/deep/.env'), write('a/more/x')];
    git('a', 'init', '-q');
    git('a', 'add', '.');
    git('a', 'commit', '-q', '-m', 'x');
    git('a', 'sparse-checkout', 'set', '--cone', '--sparse-index', 'more');
    const deep = execFileSync('git', ['rev-parse', 'HEAD:deep'], { cwd: join(base, 'a'), env })
      .toString()
      .trim();
    rmSync(join(base, 'a/.git/objects', deep.slice(0, 2), deep.slice(2)));
    const hook = write('hook', `#!/bin/sh\ntouch ${join(base, 'ran')}\n`);
    chmodSync(hook, 0o755);
    git('a', 'config', 'protocol.ext.allow', 'always');
    git('a', 'config', 'remote.origin.url', `ext::${hook}`);
    git('a', 'config', 'remote.origin.promisor', 'true');
    git('a', 'config', 'extensions.partialClone', 'origin');
    git('a', 'config', 'core.repositoryFormatVersion', '1');
    await answers(paths);
    expect(existsSync(join(base, 'ran'))).toBe(false);
    // The repository is one that would.
    execFileSync('git', ['ls-files', '--cached'], { cwd: join(base, 'a'), env, stdio: 'ignore' });
    expect(existsSync(join(base, 'ran'))).toBe(true);
  });

  it('is not asked once interrupted', async () => {
    const path = write('a/.env');
    git('a', 'init', '-q');
    await expect(trackedFiles([path], { env, signal: AbortSignal.abort() })).rejects.toMatchObject({
      exitCode: 130,
    });
  });
});
