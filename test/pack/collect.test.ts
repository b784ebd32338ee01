import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { collect, type Problem, sourcesFromMemory } from '../../src/pack/collect.ts';
import { encodeName } from '../../src/pack/names.ts';
import { asNobody, emptyDirectory, tree } from './tree.ts';

const everything = { include: [], exclude: [] };

async function paths(root: string, include: string[], exclude: string[] = []): Promise<string[]> {
  const { sources, problems } = await collect({ root, include, exclude });
  expect(problems).toEqual([]);
  return sources.map(({ path }) => path);
}

async function problems(root: string, include: string[], exclude: string[] = []): Promise<Problem[]> {
  return (await collect({ root, include, exclude })).problems;
}

describe('what is included', () => {
  const deployment = {
    '.env': 'A=1',
    'compose.yaml': '',
    'certs/a.pem': '1',
    'certs/b.key': '2',
    'certs/old/.c.pem': '3',
    'logs/x.log': '',
  };

  it('is everything in the root when nothing is named, dotfiles too', async () => {
    expect(await paths(tree(deployment), [])).toEqual([
      '.env', 'certs', 'certs/a.pem', 'certs/b.key', 'certs/old', 'certs/old/.c.pem', 'compose.yaml', 'logs', 'logs/x.log',
    ]);
  });

  it.each([
    [['.env'], ['.env']],
    [['./certs/../.env'], ['.env']],
    [['certs'], ['certs', 'certs/a.pem', 'certs/b.key', 'certs/old', 'certs/old/.c.pem']],
    [['certs/'], ['certs', 'certs/a.pem', 'certs/b.key', 'certs/old', 'certs/old/.c.pem']],
    [['certs/**'], ['certs', 'certs/a.pem', 'certs/b.key', 'certs/old', 'certs/old/.c.pem']],
    [['certs/*.pem'], ['certs', 'certs/a.pem']],
    [['**/*.pem'], ['certs', 'certs/a.pem', 'certs/old', 'certs/old/.c.pem']],
    [['certs/o*'], ['certs', 'certs/old', 'certs/old/.c.pem']],
    [['{.env,certs/a.pem,nothing}'], ['.env', 'certs', 'certs/a.pem']],
    [['*.yaml', 'compose.yaml', '**/compose.*'], ['compose.yaml']],
    [['.', 'certs/a.pem', 'certs'], ['.env', 'certs', 'certs/a.pem', 'certs/b.key', 'certs/old', 'certs/old/.c.pem', 'compose.yaml', 'logs', 'logs/x.log']],
  ])('for %j is each match once, with what is below it and the directories above it', async (include, expected) => {
    expect(await paths(tree(deployment), include)).toEqual(expected);
  });

  it('may be named absolutely', async () => {
    const root = tree(deployment);
    expect(await paths(root, [`${root}/.env`, `${root}/logs/*`])).toEqual(['.env', 'logs', 'logs/x.log']);
  });

  it('is taken by name before it is taken for a pattern', async () => {
    const root = tree({ '[id].ts': '', 'i.ts': '', 'a*': '', ab: '', '{x,y}/z': '', 'x/z': '' });
    expect(await paths(root, ['[id].ts', 'a*', '{x,y}'])).toEqual(['[id].ts', 'a*', '{x,y}', '{x,y}/z']);
  });

  it.each(['nothing', 'certs/nothing', '.env/nothing', '*.nothing', 'nothing/**', '/nothing-here/*.pem', '{a,b}'])(
    'but %j is not there, so the snapshot is incomplete',
    async (pattern) => {
      const found = await problems(tree(deployment), ['.env', pattern]);
      expect(found).toMatchObject([{ kind: 'missing', path: pattern, incomplete: true }]);
    },
  );

  it.each(['', 'a\0b'])('is refused when a pattern is %j', async (pattern) => {
    await expect(collect({ root: tree({}), include: [pattern], exclude: [] })).rejects.toMatchObject({
      name: 'UsageError',
      code: 'bad-pattern',
    });
  });

  it('is walked from the directory that a glob names, and no deeper than it asks', async () => {
    const root = tree({ 'secure/a.pem': '', 'secure/deep/b.pem': '', 'other/c.pem': '', 'x.pem': '' });
    chmodSync(join(root, 'other'), 0);
    chmodSync(join(root, 'secure/deep'), 0);
    const found = await asNobody(root, () => collect({ root, include: ['secure/*.pem'], exclude: [] }));
    expect(found.problems).toEqual([]);
    expect(found.sources.map(({ path }) => path)).toEqual(['secure', 'secure/a.pem']);
  });
});
