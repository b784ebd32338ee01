// Whatever somebody does to the objects of a vault (flips, cuts, removals, swaps, copies, objects of another vault), a
// restore gives exactly what was recorded, or fails as one of ours and leaves the target as it was.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { StrongroomError } from '../../src/errors.ts';
import type { Store } from '../../src/store/store.ts';
import { chooseSnapshot } from '../../src/vault/select.ts';
import { readSnapshots } from '../../src/vault/snapshots.ts';
import { enroll, flipped, objectsOf, put, storeOf } from '../support/forge.ts';
import {
  clockAt,
  makeVault,
  newHost,
  openUnlocked,
  restoreInto,
  type TestVault,
  treeOf,
} from '../support/vault.ts';

const RUNS = process.env.STRONGROOM_LONG === '1' ? 1500 : 60;
const SETS = ['app', 'db'];

let vault: TestVault;
/** Names and bytes of the vault, and of another one of the same host. */
let ours: [string, Buffer][];
let theirs: [string, Buffer][];
/** What each snapshot holds, by id. */
const recorded = new Map<string, string>();
const base = mkdtempSync(join(tmpdir(), 'strongroom-test-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));

beforeAll(async () => {
  const clock = clockAt();
  const fill = async (made: TestVault, text: string): Promise<void> => {
    for (let i = 0; i < 3; i++) {
      for (const set of SETS) {
        const content = `${text} ${set} ${i}\n`;
        const { snapshot } = await made.backup({ '.env': content }, { set, host: made.host });
        if (made.pin.vault === vault.pin.vault) recorded.set(snapshot, content);
      }
    }
  };
  vault = await makeVault({ clock });
  await fill(vault, 'ours');
  const second = await enroll(vault, newHost('web-2'));
  const backup: TestVault['backup'] = (files, more) => vault.backup(files, { ...more, host: second.host });
  await fill({ ...second, backup }, 'ours too');
  vault = { ...vault, document: second.document };
  ours = [...(await objectsOf(vault.store))];
  const other = await makeVault({ clock, passphrase: 'not that of the victim' });
  await fill(other, 'theirs');
  theirs = [...(await objectsOf(other.store))];
});

const index = fc.nat();
const damage = fc.oneof(
  fc.record({ kind: fc.constant('flip' as const), at: index, byte: index, bit: fc.nat(7) }),
  fc.record({ kind: fc.constant('cut' as const), at: index, byte: index }),
  fc.record({ kind: fc.constant('remove' as const), at: index }),
  fc.record({ kind: fc.constant('swap' as const), at: index, with: index }),
  fc.record({ kind: fc.constant('copy' as const), at: index, with: index }),
  fc.record({ kind: fc.constant('plant' as const), at: index }),
  fc.record({ kind: fc.constant('replace' as const), at: index, with: index }),
);
type Damage = typeof damage extends fc.Arbitrary<infer T> ? T : never;

async function maltreat(store: Store, d: Damage): Promise<void> {
  const pick = (from: [string, Buffer][], at: number): [string, Buffer] => from[at % from.length]!;
  const [name, bytes] = pick(ours, d.at);
  switch (d.kind) {
    case 'flip':
      return put(store, name, flipped(bytes, d.byte % bytes.length, d.bit));
    case 'cut':
      return put(store, name, bytes.subarray(0, d.byte % bytes.length));
    case 'remove':
      return store.remove([name]);
    case 'swap': {
      const [other, others] = pick(ours, d.with);
      await put(store, name, others);
      return put(store, other, bytes);
    }
    case 'copy':
      return put(store, name, pick(ours, d.with)[1]);
    case 'plant':
      return put(store, ...pick(theirs, d.at));
    case 'replace':
      return put(store, name, pick(theirs, d.with)[1]);
  }
}

it('a restore gives what was recorded, or nothing at all', { timeout: 600_000 }, async () => {
  let refused = 0;
  let exact = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(damage, { minLength: 1, maxLength: 6 }),
      fc.constantFrom(...SETS),
      fc.constantFrom('latest', 'latest~1', 'an id'),
      index,
      fc.boolean(),
      async (damages, set, selector, which, pinned) => {
        const store = await storeOf(new Map(ours), vault.clock.now);
        for (const d of damages) await maltreat(store, d);
        const target = join(base, 'target');
        mkdirSync(target, { mode: 0o700 });
        writeFileSync(join(target, '.env'), 'OLD=1\n', { mode: 0o600 });
        const before = treeOf(target);
        try {
          const id = [...recorded.keys()][which % recorded.size]!;
          const unlocked = await openUnlocked(vault, { store, pin: pinned ? vault.pin : null });
          expect(unlocked.document.vault).toBe(vault.pin.vault);
          const choice = selector === 'an id' ? { selector: id } : { selector, set };
          const { snapshot } = chooseSnapshot(await readSnapshots(unlocked), choice, 'web-1');
          await restoreInto(unlocked, snapshot, target, base, { existing: 'replace' });
          const content = recorded.get(snapshot.id)!;
          if (selector === 'an id') expect(snapshot.id).toBe(id);
          else expect(content).toContain(` ${set} `);
          expect(treeOf(target)).toEqual({ '.': '700/', '.env': `600:${content}` });
          exact++;
        } catch (error) {
          if (!(error instanceof StrongroomError)) throw error;
          expect(treeOf(target)).toEqual(before);
          refused++;
        } finally {
          rmSync(target, { recursive: true, force: true });
        }
      },
    ),
    { numRuns: RUNS },
  );
  // Neither of the two may be all that ever happens.
  expect(Math.min(refused, exact)).toBeGreaterThan(RUNS / 20);
});
