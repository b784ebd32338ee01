// Kills guards at every single change that they make to the disk: while they take the copy, while they put it back,
// while they let it go, and while the next run finishes what was begun.

import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { settleEarlier } from '../../../src/pack/guard/earlier.ts';
import type { Guard } from '../../../src/pack/guard/guard.ts';
import { bury as buryRestores, dieAfter } from '../place/crash.ts';
import {
  begun,
  change,
  closeLocks,
  everything,
  guardScene,
  kept,
  type Scene,
  selectionOf,
  taken,
} from './scenes.ts';

const STEP = process.env.STRONGROOM_LONG ? 1 : 5;

const TREE = {
  '.env': 'old env',
  'certs/key': { text: 'old key', mode: 0o640 },
  'certs/current': { link: 'key' },
  dir: { dir: true, mode: 0o750 },
  'dir/a': 'a',
  'dir/b': { text: '#!', mode: 0o755 },
  gone: { dir: true, mode: 0o711 },
  'gone/deep/x': 'x',
  same: 'same',
} as const;

function wreck({ target }: Scene): void {
  for (const one of [
    ['write', '.env', ''],
    ['write', 'dir', 'file'],
    ['remove', 'gone', ''],
    ['chmod', 'certs/key', ''],
    ['write', 'added/deep/y', ''],
    ['link', 'certs/current', 'elsewhere'],
    ['write', 'same/below', ''],
  ] as const)
    change(target, one);
}

const own = (path: string) => /\.strongroom-/.test(path);

/** This process lives on: lets the journals say otherwise. */
function bury(place: Scene): void {
  buryRestores(place);
  for (const name of guardsOf(place)) {
    if (/\.(part|room)$/.test(name)) continue;
    const path = join(place.stateDirectory, 'guards', name);
    const journal = JSON.parse(readFileSync(path, 'utf8'));
    journal.runner.started = '1';
    writeFileSync(path, JSON.stringify(journal));
  }
  closeLocks(place.target);
}

function guardsOf({ stateDirectory }: Scene): string[] {
  try {
    return readdirSync(join(stateDirectory, 'guards'));
  } catch {
    return [];
  }
}

async function settle(place: Scene, verdict?: 'undo' | 'keep') {
  const { failed, ...settled } = await settleEarlier([place.target], {
    stateDirectory: place.stateDirectory,
    now: () => new Date(),
    ...(verdict ? { verdict } : {}),
  });
  if (failed.length > 0) throw failed[0];
  return settled;
}

function whole(place: Scene): Record<string, string> {
  return Object.fromEntries(Object.entries(everything(place.target)).filter(([path]) => !own(path)));
}

/** Every file is one that was there before or after: nothing is half written. */
function expectWholeFiles(place: Scene, trees: readonly Record<string, string>[]): void {
  const known = new Set(
    trees.flatMap((tree) => Object.values(tree).map((text) => text.replace(/^(\S* ){3}/, ''))),
  );
  for (const [path, text] of Object.entries(whole(place)))
    expect(known.has(text.replace(/^(\S* ){3}/, '')), `${path}: ${text}`).toBe(true);
}

interface Story {
  /** What is under way when it dies. */
  readonly act: (guard: Guard, place: Scene) => Promise<unknown>;
  readonly ends: 'old' | 'new' | 'either';
}

const STORIES: readonly [string, Story][] = [
  ['putting back', { act: (guard) => guard.undo(), ends: 'old' }],
  ['letting go', { act: async (guard) => guard.keep(), ends: 'new' }],
];

describe.each(STORIES)('killed while %s', (_, { act, ends }) => {
  test('each file is whole at any time, and the tree after the next run, be it killed too', async () => {
    for (let changes = 0; ; changes += STEP) {
      const place = guardScene(TREE);
      const before = everything(place.target);
      const guard = await taken(place);
      wreck(place);
      const after = everything(place.target);
      const { ended } = await dieAfter(changes, () => act(guard, place));
      bury(place);
      expectWholeFiles(place, [before, after]);
      // The next run may die as well, once.
      if (changes % (3 * STEP) === 0) {
        await dieAfter(changes / 2, () => settle(place));
        bury(place);
        expectWholeFiles(place, [before, after]);
      }
      const { open } = await settle(place);
      if (open.length > 0) {
        // Not even begun: nobody knew how it ended.
        expect(everything(place.target)).toEqual(after);
        await settle(place, ends === 'old' ? 'undo' : 'keep');
      }
      expect(everything(place.target), `after ${changes} changes`).toEqual(ends === 'old' ? before : after);
      // What was moved aside stays until somebody has looked at it.
      for (const one of kept(place)) rmSync(join(one, 'added'), { recursive: true, force: true });
      (await taken(place)).keep();
      expect(kept(place)).toEqual([]);
      expect(guardsOf(place)).toEqual([]);
      rmSync(place.directory, { recursive: true });
      if (ended) break;
    }
  }, 300_000);
});

test('killed while it takes the copy, leaves nothing for long', async () => {
  for (let changes = 0; ; changes += STEP) {
    const place = guardScene(TREE);
    const before = everything(place.target);
    const { ended } = await dieAfter(changes, async () => {
      const guard = await begun(place);
      await guard.take([{ set: 'app', selection: selectionOf(place) }]);
    });
    bury(place);
    expect(everything(place.target)).toEqual(before);
    const { open } = await settle(place);
    if (open.length > 0) await settle(place, 'undo');
    expect(everything(place.target)).toEqual(before);
    expect(kept(place)).toEqual([]);
    expect(guardsOf(place).filter((name) => !name.endsWith('.part'))).toEqual([]);
    rmSync(place.directory, { recursive: true });
    if (ended) break;
  }
}, 120_000);
