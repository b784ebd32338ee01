// The commit of a directory's repository, read from its files and held against what git itself says.

import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  lchownSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { gitCommit } from '../../src/host/git-commit.ts';
import { scratch } from '../support/vault.ts';

function git(at: string, ...args: string[]): string {
  const own = ['-c', 'user.name=x', '-c', 'user.email=x@x', '-c', 'commit.gpgsign=false'];
  return execFileSync('git', ['-C', at, ...own, ...args], { encoding: 'utf8', stdio: 'pipe' }).trim();
}

function repository(): string {
  const at = join(scratch(), 'repo');
  mkdirSync(join(at, 'deep/er'), { recursive: true });
  git(at, 'init', '-q', '-b', 'main');
  git(at, 'commit', '-q', '--allow-empty', '-m', 'one');
  return at;
}

describe('the commit', () => {
  it('is that of the branch, from anywhere below', () => {
    const at = repository();
    expect(gitCommit(join(at, 'deep/er'))).toBe(git(at, 'rev-parse', 'HEAD'));
  });

  it('is found when references are packed, and when none is checked out', () => {
    const at = repository();
    const commit = git(at, 'rev-parse', 'HEAD');
    git(at, 'pack-refs', '--all');
    expect(gitCommit(at)).toBe(commit);
    git(at, 'checkout', '-q', '--detach');
    expect(gitCommit(at)).toBe(commit);
  });

  it('is that of a work tree of its own', () => {
    const at = repository();
    git(at, 'worktree', 'add', '-q', '../other', '-b', 'other');
    git(join(at, '../other'), 'commit', '-q', '--allow-empty', '-m', 'two');
    const commit = git(join(at, '../other'), 'rev-parse', 'HEAD');
    expect(gitCommit(join(at, '../other'))).toBe(commit);
    expect(gitCommit(at)).not.toBe(commit);
  });

  it('is none where there is no repository, no commit, or nonsense', () => {
    const at = scratch();
    expect(gitCommit(at)).toBeUndefined();
    git(at, 'init', '-q');
    expect(gitCommit(at)).toBeUndefined();
    for (const head of [
      'ref: refs/../../../etc/passwd',
      'ref: refs/heads/$(id)',
      'x'.repeat(40),
      '',
      'a'.repeat(5000),
    ]) {
      writeFileSync(join(at, '.git/HEAD'), head);
      expect(gitCommit(at), head).toBeUndefined();
    }
    rmSync(join(at, '.git'), { recursive: true });
    symlinkSync('/dev/zero', join(at, '.git'));
    expect(gitCommit(at)).toBeUndefined();
  });
});

describe('nothing is published that the owner of the directory could not read', () => {
  const secret = 'ab'.repeat(32);

  it('through a link in the place of any file or directory of the repository', () => {
    for (const name of ['HEAD', 'refs/heads/main', 'refs/heads', 'refs']) {
      const at = repository();
      const elsewhere = join(scratch(), 'elsewhere');
      const git = join(at, '.git');
      const isFile = name === 'HEAD' || name.endsWith('main');
      if (isFile) writeFileSync(elsewhere, secret, { mode: 0o600 });
      else renameSync(join(git, name), elsewhere);
      rmSync(join(git, name), { recursive: true, force: true });
      symlinkSync(elsewhere, join(git, name));
      expect(gitCommit(at), name).toBeUndefined();
    }
    const at = repository();
    renameSync(join(at, '.git'), join(at, '../moved'));
    symlinkSync('../moved', join(at, '.git'));
    expect(gitCommit(at)).toBeUndefined();
  });

  // Only root can give files to somebody else; .ci/run is root, and scripts/test.sh says what is skipped elsewhere.
  const asRoot = it.skipIf(process.getuid?.() !== 0);

  asRoot("from a repository above that is somebody else's", () => {
    const at = repository();
    execFileSync('chown', ['-R', '4321', join(at, '.git')]);
    expect(gitCommit(join(at, 'deep'))).toBeUndefined();
    execFileSync('chown', ['-R', '4321', at]);
    expect(gitCommit(join(at, 'deep'))).toBe(readFileSync(join(at, '.git/refs/heads/main'), 'utf8').trim());
  });

  asRoot('from a file of root that was moved there, or is where he says', () => {
    const at = repository();
    execFileSync('chown', ['-R', '4321', at]);
    const head = join(at, '.git/HEAD');
    writeFileSync(head, secret);
    chmodSync(head, 0o600);
    expect(gitCommit(at)).toBe(secret);
    chmodSync(head, 0);
    expect(gitCommit(at)).toBeUndefined();
    chmodSync(head, 0o600);
    chownSync(head, 0, 0);
    expect(gitCommit(at)).toBeUndefined();
    chmodSync(head, 0o644);
    expect(gitCommit(at)).toBe(secret);
    renameSync(join(at, '.git'), join(at, '../roots'));
    chownSync(join(at, '../roots'), 0, 0);
    writeFileSync(join(at, '.git'), 'gitdir: ../roots\n');
    lchownSync(join(at, '.git'), 4321, 4321);
    expect(gitCommit(at)).toBeUndefined();
    lchownSync(join(at, '.git'), 0, 0);
    expect(gitCommit(at)).toBe(secret);
  });
});
