// A model of a few lines says what any restore into any tree must come to.

import { rmSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ConflictError } from '../../../src/errors.ts';
import type { Existing } from '../../../src/pack/place/types.ts';
import { journalsOf, type Node, restore, STAMP, scene, survey, type Tree } from './scene.ts';

const runs = process.env.STRONGROOM_LONG === '1' ? 5000 : 250;

type Nest = Node | { readonly below: Readonly<Record<string, Nest>> };

const name = fc.constantFrom('a', 'b', 'c', '-r', 'two words');
const leaf: fc.Arbitrary<Nest> = fc.oneof(
  fc.record({
    text: fc.constantFrom('one', 'two', ''),
    mode: fc.constantFrom(0o600, 0o644, 0o755, 0o700, 0o400),
  }),
  fc.record({ link: fc.constantFrom('a', 'b', '../c', '/nowhere') }),
);
const { nest } = fc.letrec<{ nest: Nest }>((tie) => ({
  nest: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    leaf,
    fc.record({ below: fc.dictionary(name, tie('nest'), { maxKeys: 4 }) }),
  ),
}));
const forest = fc.dictionary(name, nest, { maxKeys: 4 });

/** @param withDirectories whether directories are entries of their own */
function flatten(
  nests: Readonly<Record<string, Nest>>,
  withDirectories: boolean,
  above = '',
): Record<string, Node> {
  const flat: Record<string, Node> = {};
  for (const [key, value] of Object.entries(nests)) {
    const path = `${above}${key}`;
    if (!('below' in value)) flat[path] = value;
    else {
      if (withDirectories) flat[path] = { dir: true };
      Object.assign(flat, flatten(value.below, withDirectories, `${path}/`));
    }
  }
  return flat;
}

type Found = Record<string, string>;

function born(node: Node): string {
  if ('link' in node) return `link ${node.link}`;
  if ('dir' in node) return 'dir 0700';
  return `file ${(node.mode ?? 0) & 0o100 ? '0700' : '0600'} ${node.text}`;
}

/** What stays as it is: whatever has the same content, in any mode. */
function isSame(there: string, node: Node): boolean {
  const bare = (text: string) => text.replace(/^file \d+/, 'file');
  return bare(there) === bare(born(node));
}

/** @returns what the target holds afterwards, or undefined for a conflict */
function model(before: Found, tree: Readonly<Record<string, Node>>, existing: Existing): Found | undefined {
  const after: Found = { ...before };
  for (const [path, node] of Object.entries(tree)) {
    for (let slash = path.indexOf('/'); slash !== -1; slash = path.indexOf('/', slash + 1)) {
      const above = path.slice(0, slash);
      if (before[above] !== undefined && !before[above].startsWith('dir')) return undefined;
      after[above] ??= 'dir 0700';
    }
    const there = before[path];
    if (there === undefined) after[path] = born(node);
    else if ('dir' in node || there.startsWith('dir')) {
      if (!('dir' in node && there.startsWith('dir'))) return undefined;
    } else if (!isSame(there, node)) {
      if (existing === 'refuse') return undefined;
      if (existing !== 'skip') after[path] = born(node);
      if (existing === 'bak') after[`${path}.${STAMP}.bak`] = there.replace(/^file \d+/, 'file 0600');
    }
  }
  return after;
}

test('a restore comes to what the model says, or changes nothing', async () => {
  const policy = fc.constantFrom<Existing>('refuse', 'replace', 'bak', 'skip');
  const outcomes = { done: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(
      fc.option(forest, { nil: undefined }),
      forest,
      policy,
      fc.boolean(),
      async (old, fresh, existing, withDirectories) => {
        const place = scene(old === undefined ? undefined : (flatten(old, true) as Tree));
        try {
          const before = old === undefined ? {} : survey(place.target);
          const tree = flatten(fresh, withDirectories);
          const expected = model(before, tree, existing);
          if (expected === undefined) {
            await expect(restore(place, tree, { existing })).rejects.toBeInstanceOf(ConflictError);
            outcomes.refused++;
          } else {
            await restore(place, tree, { existing });
            outcomes.done++;
          }
          if (old !== undefined || expected !== undefined)
            expect(survey(place.target)).toEqual(expected ?? before);
          expect(journalsOf(place)).toEqual([]);
          // Done again, there is nothing left to do.
          if (expected !== undefined && existing !== 'skip') {
            const again = await restore(place, tree, { existing: 'refuse' });
            expect(again.counts.same).toBe(Object.keys(tree).length);
          }
        } finally {
          rmSync(place.directory, { recursive: true, force: true });
        }
      },
    ),
    { numRuns: runs },
  );
  expect(Math.min(outcomes.done, outcomes.refused)).toBeGreaterThan(runs / 20);
});
