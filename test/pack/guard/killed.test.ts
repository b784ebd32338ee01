// What guards leave that are killed, or that two users run: found again whatever the command did to the root.

import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { leftBehind, settleEarlier } from '../../../src/pack/guard/earlier.ts';
import { beginGuard } from '../../../src/pack/guard/guard.ts';
import { abandon } from '../../../src/pack/place/runner.ts';
import { begun, closeLocks, guardScene, type Scene, selectionOf, taken } from './scenes.ts';

const canLock = existsSync('/usr/bin/flock') || existsSync('/bin/flock');

const settle = (place: Scene, roots: readonly string[] | undefined, verdict?: 'undo' | 'keep') =>
  settleEarlier(roots, {
    stateDirectory: place.stateDirectory,
    now: () => new Date(),
    ...(verdict ? { verdict } : {}),
  });

/** `current` leads to the app; a guard of it dies while its command runs, or when it has said that all goes back. */
async function killed(isCondemned = false): Promise<Scene & { readonly current: string }> {
  const place = guardScene({ '.env': 'old' });
  const current = join(place.directory, 'srv', 'current');
  symlinkSync('app', current);
  const { stateDirectory } = place;
  const guard = await beginGuard([current], { stateDirectory, now: () => new Date() });
  await guard.take([{ set: 'app', selection: selectionOf(place, { root: current }) }]);
  writeFileSync(join(place.target, '.env'), 'new');
  if (isCondemned) guard.condemn();
  const [name = ''] = guard.places;
  abandon(name.slice(-16));
  closeLocks(place.target);
  return { ...place, current };
}

const env = (place: Scene) => readFileSync(join(place.target, '.env'), 'utf8');

describe('a guard that was killed is found by what its root was called', () => {
  const flips: [string, (place: Scene & { current: string }) => void][] = [
    [
      'where the link to it leads elsewhere now',
      ({ current, directory }) => {
        mkdirSync(join(directory, 'srv', 'two'));
        unlinkSync(current);
        symlinkSync('two', current);
      },
    ],
    [
      'where the link to it is gone, and its directory was moved away',
      ({ current, directory, target }) => {
        unlinkSync(current);
        mkdirSync(join(directory, 'srv', 'two'));
        renameSync(target, join(directory, 'moved'));
        symlinkSync('two', target);
      },
    ],
  ];

  test.each(flips)('%s', async (_, flip) => {
    for (const isCondemned of [false, true]) {
      const place = await killed(isCondemned);
      flip(place);
      expect(leftBehind(place.stateDirectory).open).toMatchObject([{ code: 'guard-pending' }]);
      if (!isCondemned) {
        const { open } = await settle(place, [place.current]);
        expect(open).toMatchObject([{ code: 'guard-pending', exitCode: 11 }]);
        if (existsSync(place.current))
          await expect(begun({ ...place, target: place.current })).rejects.toMatchObject({
            code: 'guard-pending',
          });
      }
      const { undone, failed } = await settle(place, [place.current], 'undo');
      expect(failed).toEqual([]);
      expect(undone).toMatchObject([{ set: 'app' }]);
      expect(env(place)).toBe('old');
      expect(readFileSync(join(place.current, '.env'), 'utf8')).toBe('old');
      expect(leftBehind(place.stateDirectory).open).toEqual([]);
    }
  });

  test('by the state directory alone, where no root is named', async () => {
    const place = await killed();
    expect(await settle(place, [join(place.directory, 'another')], 'undo')).toMatchObject({ undone: [] });
    expect(leftBehind(place.stateDirectory).open).toHaveLength(1);
    expect(await settle(place, undefined, 'undo')).toMatchObject({ undone: [{ set: 'app' }], failed: [] });
    expect(env(place)).toBe('old');
  });

  test('and one that cannot be settled keeps none of the others from it', async () => {
    const first = await killed();
    const second = { ...guardScene({ '.env': 'old' }), stateDirectory: first.stateDirectory };
    const guard = await taken(second);
    writeFileSync(join(second.target, '.env'), 'new');
    const [copy = ''] = guard.places;
    abandon(copy.slice(-16));
    closeLocks(second.target);
    renameSync(copy, `${copy}.gone`);
    const { undone, failed } = await settle(first, undefined, 'undo');
    expect(undone).toHaveLength(1);
    expect(failed).toHaveLength(1);
    expect([env(first), env(second)]).toEqual(['old', 'new']);
    expect(leftBehind(first.stateDirectory).open).toHaveLength(1);
  });
});

test('what was let stand leaves what a rollback before it had moved aside', async () => {
  const place = guardScene({ '.env': 'old' });
  const guard = await taken(place);
  writeFileSync(join(place.target, 'precious'), 'x');
  await guard.undo();
  const aside = leftBehind(place.stateDirectory).aside;
  const next = await taken(place);
  writeFileSync(join(place.target, 'precious'), 'y');
  await next.undo();
  (await taken(place)).keep();
  await settle(place, undefined, 'keep');
  expect(leftBehind(place.stateDirectory).aside).toEqual(expect.arrayContaining([...aside]));
  const texts = leftBehind(place.stateDirectory).aside.map((at) =>
    readFileSync(join(at, '1/app/precious'), 'utf8'),
  );
  expect(texts.sort()).toEqual(['x', 'y']);
});

test('a guard that is under way is seen after its command has turned the link to the root', async () => {
  const place = guardScene({ '.env': 'old' });
  const current = join(place.directory, 'srv', 'current');
  symlinkSync('app', current);
  const linked = { ...place, target: current };
  const guard = await taken(linked);
  mkdirSync(join(place.directory, 'srv', 'two'));
  unlinkSync(current);
  symlinkSync('two', current);
  await expect(begun(linked)).rejects.toMatchObject({ code: 'guard-running' });
  guard.keep();
  (await begun(linked)).release();
});

describe.runIf(canLock)('a root that somebody else guards, with a state directory of his own', () => {
  test('is not guarded, nor mended, until he has ended', async () => {
    const place = guardScene({ '.env': 'old' });
    const his: Scene = { ...place, stateDirectory: join(place.directory, 'his') };
    const left = await killedPlain(his);
    const mine = await begun(place);
    expect(left.code).toBe('guard-pending');
    await expect(begun({ ...place, stateDirectory: join(place.directory, 'third') })).rejects.toMatchObject({
      code: 'guard-running',
      exitCode: 11,
    });
    const { failed } = await settle(his, undefined, 'undo');
    expect(failed).toMatchObject([{ code: 'guard-running' }]);
    expect(env(place)).toBe('new');
    mine.release();
    expect((await settle(his, undefined, 'undo')).failed).toEqual([]);
    expect(env(place)).toBe('old');
    (await begun({ ...place, stateDirectory: join(place.directory, 'third') })).release();
  });
});

/** A guard that has ended by force: the kernel has taken its lock. */
async function killedPlain(place: Scene): Promise<{ readonly code: string }> {
  const guard = await taken(place);
  writeFileSync(join(place.target, '.env'), 'new');
  const [copy = ''] = guard.places;
  abandon(copy.slice(-16));
  closeLocks(place.target);
  return (await settle(place, [place.target])).open[0]!;
}
