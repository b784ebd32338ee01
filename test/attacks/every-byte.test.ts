// Every byte of every object of a small vault, flipped, cut away or followed by one more: verify says so and names
// the object; a restore refuses with nothing changed, or did not need it. By default a sample of the bytes is tried;
// STRONGROOM_LONG=1 tries every one.

import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { IntegrityError } from '../../src/errors.ts';
import type { Store } from '../../src/store/store.ts';
import { applyDelete, planDelete } from '../../src/vault/delete.ts';
import { chooseSnapshot } from '../../src/vault/select.ts';
import { readSnapshots } from '../../src/vault/snapshots.ts';
import { verify } from '../../src/vault/verify/verify.ts';
import { flipped, objectsOf, put, storeOf } from '../support/forge.ts';
import {
  makeVault,
  openLocked,
  openUnlocked,
  restoreInto,
  scratch,
  type TestVault,
  treeOf,
} from '../support/vault.ts';

const LONG = process.env.STRONGROOM_LONG === '1';
const FILES = { '.env': 'TOKEN=4711\n', 'certs/tls.key': 'not a key\n' };
const RESTORED = {
  '.': '700/',
  '.env': `600:${FILES['.env']}`,
  certs: '700/',
  'certs/tls.key': `600:${FILES['certs/tls.key']}`,
};
/** Objects that a restore by passphrase has to read. */
const NEEDED = /^(?:vault|snapshots|data)\/|^keys\/1\/passphrase-/;

type Damage = 'flipped' | 'cut short';
type Client = 'pinned' | 'without a pin';

let vault: TestVault;
let objects: ReadonlyMap<string, Buffer>;
let store: Store;

beforeAll(async () => {
  vault = await makeVault();
  const { snapshot: deleted } = await vault.backup(FILES);
  await vault.backup(FILES);
  const locked = await openLocked(vault);
  const { snapshots } = await readSnapshots(locked);
  await applyDelete(locked, planDelete(snapshots.filter((s) => s.id === deleted)), vault.host);
  objects = await objectsOf(vault.store);
  store = await storeOf(objects, vault.clock.now);
});

/**
 * Damages each object at every `stride`th byte, and at both ends, one damage at a time. In the long mode at every
 * byte, but for what costs minutes and adds little: objects that the check does not read, by `sparse`.
 */
async function everywhere(
  damage: Damage,
  stride: number,
  sparse: (name: string) => boolean,
  check: (name: string, what: string) => Promise<void>,
) {
  for (const [name, bytes] of objects) {
    const last = bytes.length - 1;
    const positions = new Set([0, last]);
    const step = !LONG ? stride : sparse(name) ? 16 : 1;
    // Begins elsewhere in each object, so that not the same bytes of a common form are always left out.
    for (let at = name.length % step; at <= last; at += step) positions.add(at);
    for (const at of positions) {
      await put(store, name, damage === 'flipped' ? flipped(bytes, at, at % 8) : bytes.subarray(0, at));
      await check(name, `${name}, ${damage} at ${at} of ${bytes.length}`);
    }
    if (damage === 'cut short') {
      await put(store, name, Buffer.concat([bytes, Buffer.from('\n')]));
      await check(name, `${name}, with a byte more`);
    }
    await put(store, name, bytes);
  }
}

/** What verify came to: the objects that it names as bad. */
async function named(run: () => ReturnType<typeof verify>): Promise<string[]> {
  try {
    const { findings } = await run();
    return findings.filter((f) => f.severity === 'error').map((f) => f.object);
  } catch (error) {
    if (!(error instanceof IntegrityError)) throw error;
    return [error.object ?? ''];
  }
}

const CASES: [Damage, Client][] = [
  ['flipped', 'pinned'],
  ['flipped', 'without a pin'],
  ['cut short', 'pinned'],
  ['cut short', 'without a pin'],
];

describe.each(CASES)('any byte of any object %s, on a client %s', (damage, who) => {
  const opening = () => ({ store, ...(who === 'pinned' ? {} : { pin: null }) });

  it('is named by verify', { timeout: LONG ? 600_000 : 30_000 }, async () => {
    await everywhere(
      damage,
      17,
      () => false,
      async (name, what) => {
        expect(await named(async () => verify(await openLocked(vault, opening()))), what).toContain(name);
      },
    );
  });

  it('is named by verify --read-data', { timeout: LONG ? 1_800_000 : 30_000 }, async () => {
    await everywhere(
      damage,
      97,
      (name) => who !== 'pinned' || name === 'RECOVERY.md',
      async (name, what) => {
        const found = await named(async () => {
          const unlocked = await openUnlocked(vault, opening());
          return await verify(unlocked, { unlocked });
        });
        expect(found, what).toContain(name);
      },
    );
  });

  it('never reaches a restored file', { timeout: LONG ? 3_600_000 : 30_000 }, async () => {
    const base = scratch();
    const target = join(base, 'target');
    await everywhere(
      damage,
      211,
      (name) => who !== 'pinned' || !NEEDED.test(name),
      async (name, what) => {
        const restoring = (async () => {
          const unlocked = await openUnlocked(vault, opening());
          const { snapshot } = chooseSnapshot(await readSnapshots(unlocked), { set: 'app' });
          await restoreInto(unlocked, snapshot, target, base);
        })();
        if (NEEDED.test(name)) {
          await expect(restoring, what).rejects.toBeInstanceOf(IntegrityError);
          expect(existsSync(target), what).toBe(false);
        } else {
          await restoring;
          expect(treeOf(target), what).toEqual(RESTORED);
          rmSync(target, { recursive: true });
        }
        expect(
          readdirSync(base).filter((child) => child !== 'state'),
          what,
        ).toEqual([]);
      },
    );
  });
});

it('is the vault that it should be: every kind of object, all sound', async () => {
  const kinds = [...objects.keys()].map((name) => name.replace(/\/.*/, ''));
  expect(new Set(kinds)).toEqual(new Set(['RECOVERY.md', 'data', 'keys', 'ledger', 'snapshots', 'vault']));
  const unlocked = await openUnlocked(vault, { store });
  expect((await verify(unlocked, { unlocked })).findings).toEqual([]);
});
