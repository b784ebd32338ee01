import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Entry } from '../../../src/pack/entry.ts';
import type { Contents } from '../../../src/vault/documents/contents.ts';
import { planRestore, refuseRestore, selectEntries } from '../../../src/vault/restore/plan.ts';
import { readSnapshots } from '../../../src/vault/snapshots.ts';
import { dirEntry, fileEntry } from '../../support/forge.ts';
import { openUnlocked, treeOf } from '../../support/vault.ts';
import { type Scene, scene, write } from './scene.ts';

const entries: Entry[] = [
  dirEntry('@outside'),
  dirEntry('@outside/etc'),
  fileEntry('@outside/etc/shop.key', 'KEY'),
  fileEntry('.env', 'A'),
  dirEntry('certs'),
  fileEntry('certs/a.pem', 'A'),
  dirEntry('certs/old'),
  fileEntry('certs/old/b.pem', 'B'),
  fileEntry('certs.txt', 'C'),
  fileEntry('we[i]rd*.txt', 'D'),
  fileEntry('weird.txt', 'E'),
];
const select = (...paths: string[]) =>
  selectEntries({ entries } as unknown as Contents, paths, 'x').map((e) => e.path);

describe('the entries that a restore takes', () => {
  it.each<[string[], string[]]>([
    [[], entries.map((e) => e.path)],
    [['.'], entries.map((e) => e.path)],
    [['.env'], ['.env']],
    [['./.env'], ['.env']],
    [['certs/../.env'], ['.env']],
    [['certs//old/'], ['certs', 'certs/old', 'certs/old/b.pem']],
    [['certs'], ['certs', 'certs/a.pem', 'certs/old', 'certs/old/b.pem']],
    [['certs/'], ['certs', 'certs/a.pem', 'certs/old', 'certs/old/b.pem']],
    [['certs/old/b.pem'], ['certs', 'certs/old', 'certs/old/b.pem']],
    [['certs/*.pem'], ['certs', 'certs/a.pem']],
    [['**/*.pem'], ['certs', 'certs/a.pem', 'certs/old', 'certs/old/b.pem']],
    [['cert*/old'], ['certs', 'certs/old', 'certs/old/b.pem']],
    [['/etc/shop.key'], ['@outside', '@outside/etc', '@outside/etc/shop.key']],
    [
      ['.env', 'certs.txt'],
      ['.env', 'certs.txt'],
    ],
    [['we[i]rd*.txt'], ['we[i]rd*.txt']],
    [['weird.txt'], ['weird.txt']],
  ])('%j are %j', (paths, expected) => {
    expect(select(...paths)).toEqual(expected);
  });

  it.each(['nope', '*.key', '../.env', '/etc/passwd', '', 'a\u001b[2J'])(
    '%j is nothing, and is said',
    (path) => {
      expect(() => select('.env', path)).toThrow(
        expect.objectContaining({
          code: 'no-path',
          exitCode: 10,
          message: expect.stringMatching(/^x holds nothing that matches /),
        }),
      );
      expect(() => select(path)).toThrow(
        expect.objectContaining({ message: expect.not.stringContaining('\u001b') }),
      );
    },
  );
});

describe('a plan', () => {
  let on: Scene;
  beforeEach(async () => {
    on = await scene();
  });

  it('into a new target creates everything, and changes nothing yet', async () => {
    const plan = await on.plan();
    expect(plan.placement).toMatchObject({
      root: join(on.base, 'out'),
      fresh: true,
      counts: { create: plan.contents.entries.length, conflict: 0 },
    });
    expect(Object.keys(treeOf(on.base))).toEqual(['.']);
  });

  it('in place knows what is the same, whoever may read it, and what changed', async () => {
    writeFileSync(join(on.root, '.env'), 'TOKEN=2\n');
    const { placement } = await on.plan({
      destination: { root: on.root, outside: '/' },
      existing: 'replace',
    });
    const actions = Object.fromEntries(placement.entries.map((e) => [e.entry.path, e.action]));
    expect(actions).toMatchObject({
      '.env': 'replace',
      'certs/site.pem': 'same',
      'certs/old/site.pem': 'same',
      [`@outside${on.outside}/shared.key`]: 'same',
    });
    expect(placement.replaces.map((e) => [e.destination, e.reason])).toEqual([
      [join(on.root, '.env'), 'its content differs'],
    ]);
  });

  it('refuses what is in the way, by name, and a plan that cannot be is refused as a whole', async () => {
    write(join(on.base, 'out/.env'), 'OTHER=1\n');
    const plan = await on.plan();
    expect(plan.placement.conflicts.map((e) => e.entry.path)).toEqual(['.env']);
    expect(() => refuseRestore(plan)).toThrow(
      expect.objectContaining({ code: 'target-exists', exitCode: 11 }),
    );
    refuseRestore(await on.plan({ existing: 'skip' }));
  });

  it('knows the modes that the deployment asked for', async () => {
    await on.vault.backup({ 'run.sh': 'x' }, { restore: { modes: { '*.sh': '0755' } } });
    const { placement } = await on.plan();
    expect(placement.entries).toMatchObject([{ entry: { path: 'run.sh' }, mode: 0o755 }]);
  });

  it('never replaces what it is told to protect', async () => {
    const config = join(on.root, '.env');
    writeFileSync(config, 'TOKEN=2\n');
    const { placement } = await on.plan({
      destination: { root: on.root, outside: '/' },
      existing: 'replace',
      protect: [config],
    });
    expect(placement.entries.find((e) => e.entry.path === '.env')).toMatchObject({ action: 'aside' });
    expect(placement.replaces.map((e) => e.destination)).not.toContain(config);
  });

  it('for a snapshot from memory needs a place', async () => {
    await on.vault.backup({ a: 'A' });
    const open = await openUnlocked(on.vault);
    const snapshot = (await readSnapshots(open)).snapshots.at(-1)!;
    await expect(
      planRestore(open, snapshot, on.options({ destination: { root: '', outside: '/' } })),
    ).rejects.toMatchObject({
      code: 'no-place',
      exitCode: 2,
      message: `${snapshot.id} was not made from files, so it has no place of its own`,
      hint: 'choose one with --target DIR',
    });
  });

  it('into a target below a link says where that really is', async () => {
    mkdirSync(join(on.base, 'real'));
    symlinkSync('real', join(on.base, 'link'));
    const { placement } = await on.plan({ destination: { root: join(on.base, 'link/out') } });
    expect(placement.root).toBe(join(on.base, 'real/out'));
  });
});
