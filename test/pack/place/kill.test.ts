// Real processes, really killed: SIGKILL at chosen changes to the disk, and at any time.

import { spawn } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { recoverPlacement } from '../../../src/pack/place/recover.ts';
import type { Job } from './child.ts';
import { childProgram, journalsOf, REAL_DISK, restore, type Scene, scene, survey } from './scene.ts';
import type { Tree } from './trees.ts';

const isLong = process.env.STRONGROOM_LONG === '1';

const OLD: Tree = { '.env': 'old', 'certs/key': 'old key', link: { link: 'old' }, kept: 'kept' };
const NEW: Tree = {
  '.env': 'new',
  'certs/key': 'new key',
  link: { link: 'new' },
  'new/deep/x': 'x',
  more: 'more',
};
const CHOICES = { existing: 'replace' } as const;

const program = childProgram();

function seen({ target }: Scene): Record<string, string> {
  return Object.fromEntries(
    Object.entries(survey(target)).filter(([path]) => !path.startsWith('.strongroom-')),
  );
}

/** Runs a job, and kills it after a time if one is given. @returns the signal that ended it, or its exit code */
async function run(job: Job, killAfterMs?: number): Promise<string | number | null> {
  const child = spawn(process.execPath, [program(), JSON.stringify(job)], { stdio: 'inherit' });
  const ended = new Promise<string | number | null>((settle) => {
    child.once('close', (code, signal) => settle(signal ?? code));
  });
  if (killAfterMs !== undefined) {
    await Promise.race([ended, wait(killAfterMs)]);
    child.kill('SIGKILL');
  }
  return ended;
}

test('a restore killed at a change leaves a target that the next run makes whole', async () => {
  const whole = scene(OLD);
  const old = seen(whole);
  await restore(whole, NEW, CHOICES);
  const done = seen(whole);
  let kills = 0;
  for (let killAfter = 0; ; killAfter += isLong ? 1 : 4) {
    const place = scene(OLD);
    const end = await run({ place, tree: NEW, choices: CHOICES, killAfter });
    if (end === 0) break;
    expect(end).toBe('SIGKILL');
    kills++;
    for (const [path, what] of Object.entries(seen(place))) {
      if (!what.startsWith('dir')) expect([old[path], done[path]], path).toContain(what);
    }
    if (kills % 4 === 3) {
      await run({ place, tree: {}, choices: {}, isRecovery: true, killAfter: killAfter % 19 });
    }
    const outcome = await recoverPlacement(place.target, place);
    if (outcome !== 'nothing') expect(survey(place.target)).toEqual(outcome === 'undone' ? old : done);
    expect([old, done]).toContainEqual(survey(place.target));
    expect(journalsOf(place).filter((name) => !name.endsWith('.part'))).toEqual([]);
    // And what was broken off can be done again.
    await restore(place, NEW, CHOICES);
    expect(survey(place.target)).toEqual(done);
  }
  expect(kills).toBeGreaterThan(10);
});

describe('a restore killed at any time', () => {
  const many = (text: string): Tree =>
    Object.fromEntries(
      Array.from({ length: 300 }, (_, index) => [`d${index % 7}/f${index}`, `${text} ${index}`]),
    );

  test.each([
    ['into an existing target', many('old')],
    ['into a new target', undefined],
  ])('leaves a target that the next run makes whole: %s', async (_, start) => {
    const tree = many('new');
    for (let trial = 0; trial < (isLong ? 100 : 6); trial++) {
      const place = scene(start, REAL_DISK);
      const ms = 40 + Math.random() * 160;
      await run({ place, tree, choices: CHOICES }, ms);
      await recoverPlacement(place.target, place);
      const found = Object.values(start === undefined ? surveyIfThere(place) : survey(place.target));
      const files = found.filter((what) => what.startsWith('file'));
      const news = files.filter((what) => what.includes('new'));
      expect(files.length, `after ${ms} ms`).toBe(start === undefined ? news.length : 300);
      expect([0, 300], `after ${ms} ms`).toContain(news.length);
      expect(Object.keys(survey(place.directory)).join('\n')).not.toContain('.strongroom-');
    }
  });

  function surveyIfThere(place: Scene): Record<string, string> {
    const all = Object.entries(survey(place.directory));
    return Object.fromEntries(all.filter(([path]) => path.startsWith('target/')));
  }
});

test('a restore that is still running is not recovered', async () => {
  const place = scene({ a: 'old' });
  const tree = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`f${index}`, 'new']));
  const job: Job = { place, tree, choices: {} };
  const child = spawn(process.execPath, [program(), JSON.stringify(job)], { stdio: 'inherit' });
  const ended = new Promise((settle) => {
    child.once('close', settle);
  });
  while (journalsOf(place).every((name) => !name.endsWith('.journal'))) await wait(1);
  child.kill('SIGSTOP');
  const refusal = { code: 'restore-running', exitCode: 11 };
  await expect(recoverPlacement(place.target, place)).rejects.toMatchObject(refusal);
  await expect(restore(place, { b: 'b' })).rejects.toMatchObject(refusal);
  child.kill('SIGCONT');
  expect(await ended).toBe(0);
  expect(Object.keys(survey(place.target))).toHaveLength(1001);
});
