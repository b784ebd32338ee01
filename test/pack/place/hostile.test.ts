// Entries and neighbours that mean harm: nothing is ever written outside the target.

import { spawn } from 'node:child_process';
import { linkSync, lstatSync, mkdirSync, readdirSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { StrongroomError } from '../../../src/errors.ts';
import type { Entry } from '../../../src/pack/entry.ts';
import { planPlacement } from '../../../src/pack/place/plan.ts';
import { recoverPlacement } from '../../../src/pack/place/recover.ts';
import { openStaging } from '../../../src/pack/place/stage.ts';
import { entriesOf, journalsOf, NOW, planFor, plant, restore, scene, survey, type Tree } from './scene.ts';

describe('entries that no honest backup holds', () => {
  const file = (path: string): Entry => ({ ...entriesOf({ x: '' })[0]!, path });
  const link = (path: string, target: string): Entry => ({ ...entriesOf({ x: { link: target } })[0]!, path });
  const cases: [string, Entry[]][] = [
    ['absolute', [file('/etc/passwd')]],
    ['up', [file('../x')]],
    ['up from within', [file('a/../../x')]],
    ['itself', [file('.')]],
    ['a dot within', [file('a/./x')]],
    ['empty', [file('')]],
    ['an empty name', [file('a//x')]],
    ['a slash at the end', [file('a/')]],
    ['a NUL', [file('a\0b')]],
    ['too long a name', [file('x'.repeat(256))]],
    ['too long a path', [file(`${'x/'.repeat(2048)}x`)]],
    ['a name that no bytes make', [file('\ud800')]],
    ['two names for one', [file('a'), file('b'), file('a')]],
    ['a file that is a directory too', [file('a'), file('a/b')]],
    ['a file below a link', [link('a', '/etc'), file('a/passwd')]],
    ['a file below a link, in the other order', [file('a/b/passwd'), link('a', '/etc')]],
    ['a link twice', [link('a', 'x'), link('a', '/etc')]],
    ['up, outside', [file('@outside/../etc/x')]],
  ];
  test.each(cases)('are refused: %s', async (_, entries) => {
    const place = scene({ kept: 'kept' });
    const options = { existing: 'replace', asRecorded: true, now: NOW, ...place } as const;
    const asked = planPlacement(
      entries,
      { root: place.target, outside: join(place.directory, 'o') },
      options,
    );
    await expect(asked).rejects.toMatchObject({ exitCode: 13 });
    expect(survey(place.directory)).toEqual({
      state: 'dir 0700',
      target: 'dir 0700',
      'target/kept': 'file 0600 kept',
    });
  });
});

describe('links', () => {
  test('are made as they were recorded, whatever they say, and those that lead outside are told of', async () => {
    const place = scene();
    const tree: Tree = {
      passwd: { link: '/etc/passwd' },
      up: { link: '../x' },
      'a/up': { link: '../../x' },
      'a/fine': { link: '../b/c' },
      'a/self': { link: '..' },
      'a/absolute': { link: `${place.target}/b` },
      'a/almost': { link: `${place.target}2/b` },
      long: { link: 'x/'.repeat(2000) },
      bytes: { link: 'caf\udce9' },
      odd: { link: 'a\nb \u001b[31m' },
    };
    const report = await restore(place, tree);
    expect(report.links.map(({ entry }) => entry.path)).toEqual(['passwd', 'up', 'a/up', 'a/almost']);
    expect(survey(place.target)).toMatchObject({ passwd: 'link /etc/passwd', 'a/up': 'link ../../x' });
    expect(readdirSync(place.target)).toHaveLength(6);
  });

  test('are made after every file, so nothing is written through one', async () => {
    const place = scene();
    const tree: Tree = { d: { link: '/etc' }, 'e/f': 'f', 'e/g': { link: 'f' } };
    const plan = await planFor(place, tree);
    const staging = await openStaging(plan, place);
    const [marker] = readdirSync(place.directory).filter((name) => name.startsWith('.strongroom'));
    expect(survey(join(place.directory, marker!, 'new'))).toEqual({ '0': 'dir 0700', '0/e': 'dir 0700' });
    staging.file(plan.entries[1]!.entry, Buffer.from('f'));
    await staging.commit();
    expect(survey(place.target)).toMatchObject({ d: 'link /etc', 'e/g': 'link f' });
  });
});

describe('a neighbour', () => {
  test('who gives a file a second name keeps the old content there', async () => {
    const place = scene({ a: 'old' });
    linkSync(join(place.target, 'a'), join(place.directory, 'theirs'));
    await restore(place, { a: 'new' }, { existing: 'replace' });
    expect(survey(place.directory)).toMatchObject({ theirs: 'file 0600 old', 'target/a': 'file 0600 new' });
  });

  const SWAPPER = `
    const fs = require('node:fs');
    const [target, victim] = process.argv.slice(1);
    // It ends by itself, should the tests be killed.
    for (const until = Date.now() + 20_000; Date.now() < until; ) {
      try {
        fs.renameSync(target + '/sub', target + '/away');
        fs.symlinkSync(victim, target + '/sub');
        fs.unlinkSync(target + '/sub');
        fs.renameSync(target + '/away', target + '/sub');
      } catch (error) {
        try { fs.unlinkSync(target + '/sub'); } catch {}
        try { fs.renameSync(target + '/away', target + '/sub'); } catch {}
        fs.rmSync(target + '/away', { recursive: true, force: true });
      }
    }`;

  test('who keeps swapping a directory for a link gets nothing written through it', async () => {
    const place = scene({ 'sub/x': 'old', 'sub/deep/y': 'old', z: 'old' });
    plant(place.directory, { 'victim/x': 'victim', 'victim/deep/y': 'victim' });
    const victim = survey(join(place.directory, 'victim'));
    const swapper = spawn(process.execPath, ['-e', SWAPPER, place.target, join(place.directory, 'victim')]);
    const ended = new Promise((settle) => {
      swapper.once('close', settle);
    });
    onTestFinished(() => {
      swapper.kill('SIGKILL');
    });
    while (!lstatSync(join(place.target, 'sub'), { throwIfNoEntry: false })?.isSymbolicLink()) await wait(1);
    const outcomes: Record<string, number> = {};
    const count = (outcome: string) => {
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    };
    const until = Date.now() + 1200;
    for (let round = 0; Date.now() < until; round++) {
      const text = `round ${round}`;
      const tree: Tree = {
        'sub/x': text,
        'sub/deep/y': text,
        [`sub/new${round}/n`]: text,
        [`sub/l${round}`]: { link: 'x' },
      };
      try {
        await restore(place, tree, { existing: round % 2 === 0 ? 'replace' : 'bak' });
        count('done');
      } catch (error) {
        if (!(error instanceof StrongroomError)) throw error;
        count(error.code);
      }
      await recoverPlacement(place.target, place).catch((error) => count(`recovery: ${error.code}`));
    }
    swapper.kill('SIGKILL');
    await ended;
    expect(survey(join(place.directory, 'victim'))).toEqual(victim);
    // Both happened, or the test has shown nothing.
    expect(Object.keys(outcomes).length, JSON.stringify(outcomes)).toBeGreaterThan(1);
  });

  test('whose directory stands where ours is to go keeps it', async () => {
    const place = scene();
    const plan = await planFor(place, { a: 'a' });
    const staging = await openStaging(plan, place);
    staging.file(plan.entries[0]!.entry, Buffer.from('a'));
    mkdirSync(place.target, { mode: 0o711 });
    await expect(staging.commit()).rejects.toMatchObject({ code: 'changed-since-plan' });
    expect(survey(place.directory)).toMatchObject({ target: 'dir 0711' });
    expect(journalsOf(place)).toEqual([]);
  });

  test('who moves our staging away gets nothing from it', async () => {
    const place = scene({ a: 'old' });
    const plan = await planFor(place, { a: 'new' }, { existing: 'replace' });
    const staging = await openStaging(plan, place);
    const marker = readdirSync(place.target).find((name) => name.startsWith('.strongroom'))!;
    plant(place.directory, { 'victim/new': { dir: true } });
    renameSync(join(place.target, marker), join(place.target, 'away'));
    symlinkSync('../victim', join(place.target, marker));
    staging.file(plan.entries[0]!.entry, Buffer.from('new'));
    await staging.commit();
    expect(survey(join(place.directory, 'victim'))).toEqual({ new: 'dir 0700' });
    expect(survey(place.target)).toMatchObject({ a: 'file 0600 new', away: 'dir 0700' });
  });
});
