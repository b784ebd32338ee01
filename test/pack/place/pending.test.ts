import { describe, expect, test } from 'vitest';
import { pendingRestore } from '../../../src/pack/place/pending.ts';
import { recoverPlacement } from '../../../src/pack/place/recover.ts';
import { bury, dieAfter } from './crash.ts';
import { journalsOf, restore, scene, survey, type Tree } from './scene.ts';

const OLD: Tree = { a: 'old', b: 'old' };
const NEW: Tree = { a: 'new', b: 'new', c: 'new' };

describe('a restore that broke off', () => {
  test('is pending from the first change to the target until it was mended, and looking changes nothing', async () => {
    await restore(scene(OLD), NEW, { existing: 'replace' });
    let pending = 0;
    for (let changes = 0; ; changes++) {
      const place = scene(OLD);
      const { ended } = await dieAfter(changes, () => restore(place, NEW, { existing: 'replace' }));
      bury(place);
      if (ended) break;
      const before = survey(place.directory);
      const isPending = pendingRestore(place.target, place);
      expect(survey(place.directory)).toEqual(before);
      if (isPending) pending++;
      const isTouched = Object.keys(before).some((path) => path.includes('.strongroom-restore-'));
      expect([changes, isPending]).toEqual([changes, isTouched]);
      await recoverPlacement(place.target, place);
      expect(pendingRestore(place.target, place)).toBe(false);
    }
    expect(pending).toBeGreaterThan(5);
  });

  test('is not pending in another target, nor where nothing ever was', async () => {
    const place = scene(OLD);
    await dieAfter(20, () => restore(place, NEW, { existing: 'replace' }));
    expect(journalsOf(place)).not.toEqual([]);
    expect(pendingRestore(`${place.target}/other`, place)).toBe(false);
    expect(pendingRestore(scene().target, { stateDirectory: '/nowhere' })).toBe(false);
  });

  test('is pending by any name of its target', async () => {
    const place = scene(OLD);
    await dieAfter(20, () => restore(place, NEW, { existing: 'replace' }));
    expect(pendingRestore(`${place.directory}/x/../target/`, place)).toBe(true);
  });
});
