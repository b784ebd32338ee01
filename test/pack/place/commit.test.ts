import {
  mkdirSync,
  readdirSync,
  renameSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { StrongroomError } from '../../../src/errors.ts';
import { recoverPlacement } from '../../../src/pack/place/recover.ts';
import { openStaging } from '../../../src/pack/place/stage.ts';
import { crashAfter } from './crash.ts';
import { journalsOf, planFor, plant, restore, scene, survey, type Tree } from './scene.ts';

describe('a target that changes after the plan', () => {
  const changes: [string, (target: string) => void][] = [
    ['a file is written', (target) => writeFileSync(join(target, 'a'), 'their new text')],
    ['a file is replaced', (target) => swapIn(target, 'a', 'text')],
    ['a file is replaced by one of the same size and time', (target) => swapInAlike(target, 'a')],
    ['a file is gone', (target) => renameSync(join(target, 'a'), join(target, 'elsewhere'))],
    ['a name is taken', (target) => writeFileSync(join(target, 'sub/new'), 'theirs')],
    ['a directory is replaced by a link', (target) => linkAway(target, 'sub')],
    ['a directory is gone', (target) => renameSync(join(target, 'sub'), join(target, 'elsewhere'))],
    ['a name for a directory is taken', (target) => mkdirSync(join(target, 'dir'))],
    ['a name for a link is taken', (target) => writeFileSync(join(target, 'link'), '')],
  ];
  test.each(changes)('is left as it is: %s', async (_, change) => {
    const place = scene({ a: 'old!', z: 'old', 'sub/x': 'x' });
    plant(place.directory, { elsewhere: { dir: true } });
    const tree: Tree = { a: 'new', 'sub/new': 'new', z: 'new', 'dir/x': 'x', link: { link: 'a' } };
    const plan = await planFor(place, tree, { existing: 'replace' });
    const staging = await openStaging(plan, place);
    for (const { entry } of plan.entries) {
      if (entry.type === 'file') staging.file(entry, Buffer.from(tree[entry.path] as string));
    }
    change(place.target);
    const marker = readdirSync(place.target).find((name) => name.startsWith('.strongroom-restore-'))!;
    const before = Object.entries(survey(place.directory)).filter(([path]) => !path.includes(marker));
    await expect(staging.commit()).rejects.toMatchObject({ code: 'changed-since-plan', exitCode: 11 });
    const after = Object.entries(survey(place.directory));
    const withoutJournals = (all: [string, string][]) => all.filter(([path]) => !path.startsWith('state/'));
    expect(withoutJournals(after)).toEqual(withoutJournals(before));
    expect(journalsOf(place)).toEqual([]);
  });

  function swapIn(target: string, name: string, text: string): void {
    writeFileSync(join(target, 'other'), text);
    renameSync(join(target, 'other'), join(target, name));
  }

  function swapInAlike(target: string, name: string): void {
    const { size, mtime } = statSync(join(target, name));
    swapIn(target, name, '?'.repeat(size));
    utimesSync(join(target, name), mtime, mtime);
  }

  function linkAway(target: string, name: string): void {
    renameSync(join(target, name), join(target, 'elsewhere'));
    symlinkSync('../elsewhere', join(target, name));
  }
});

describe('a file that a neighbour puts there while we work', () => {
  /** Restores, and has the neighbour act just before the n-th change; for every n. @returns how often theirs was lost */
  async function lostOf(path: string): Promise<{ lost: number; trials: number }> {
    const tree: Tree = { a: 'new', b: 'new', c: 'new', d: 'new' };
    let lost = 0;
    for (let trials = 0; ; trials++) {
      const place = scene({ a: 'old', b: 'old' });
      let hasActed = false;
      const fuse = crashAfter(trials, () => {
        if (hasActed) return;
        hasActed = true;
        writeFileSync(join(place.directory, 'theirs'), 'theirs');
        renameSync(join(place.directory, 'theirs'), join(place.target, path));
      });
      try {
        await restore(place, tree, { existing: 'replace' }).catch(() => {});
      } finally {
        fuse.remove();
      }
      if (!hasActed) return { lost, trials };
      if (!Object.values(survey(place.target)).some((what) => what.endsWith('theirs'))) lost++;
    }
  }

  test('is lost only when it comes in the instant of the rename', async () => {
    const { lost, trials } = await lostOf('b');
    expect(trials).toBeGreaterThan(30);
    expect(lost).toBeLessThanOrEqual(1);
  });

  test('is never lost where there was none', async () => {
    expect((await lostOf('d')).lost).toBe(0);
  });
});

test.each([1, 2, 3, 4])(
  'a disk that fails for a moment (%d times) leaves the target as it was, or says what to do',
  async (times) => {
    const tree: Tree = { a: 'new', b: 'new', c: 'new', 'd/e': 'new', l: { link: 'a' } };
    const codes = new Set<string>();
    for (let at = 0; ; at++) {
      const place = scene({ a: 'old', b: 'old' });
      const before = survey(place.target);
      let failures = 0;
      const fuse = crashAfter(at, () => {
        if (failures++ < times) throw Object.assign(new Error('EIO'), { code: 'EIO', syscall: 'any' });
      });
      const failure = await restore(place, tree, { existing: 'replace' }).catch((error: unknown) => error);
      fuse.remove();
      if (failures === 0) break;
      if (failure instanceof StrongroomError) codes.add(failure.code);
      else expect(survey(place.target)).toMatchObject({ a: 'file 0600 new', l: 'link a' });
      const outcome = await recoverPlacement(place.target, place);
      if (failure instanceof StrongroomError) expect(survey(place.target), `${at}`).toEqual(before);
      else expect(outcome).not.toBe('undone');
      expect(journalsOf(place).filter((name) => !name.endsWith('.part'))).toEqual([]);
    }
    expect([...codes].sort()).toEqual(times === 1 ? ['place-failed'] : ['place-failed', 'restore-half-done']);
  },
);

describe('a signal', () => {
  test('stops a restore before anything has changed', async () => {
    const place = scene({ a: 'old' });
    const abort = new AbortController();
    const plan = await planFor(place, { a: 'new' }, { existing: 'replace' });
    const staging = await openStaging(plan, { ...place, signal: abort.signal });
    staging.file(plan.entries[0]!.entry, Buffer.from('new'));
    abort.abort();
    await expect(staging.commit()).rejects.toMatchObject({ exitCode: 130 });
    expect(survey(place.target)).toEqual({ a: 'file 0600 old' });
    expect(journalsOf(place)).toEqual([]);
    await expect(restore(place, { a: 'new' }, { existing: 'replace', signal: abort.signal })).rejects.toThrow(
      'interrupted',
    );
  });
});
