import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseIdentity } from '../../../src/crypt/identity.ts';
import { StoreError } from '../../../src/errors.ts';
import { checkKit, type MadeKit } from '../../../src/vault/recovery/add-kit.ts';
import { setNames } from '../../../src/vault/recovery/set-names.ts';
import { makeVault, scratch, withKey } from '../../support/vault.ts';
import { type Call, denied, Killed, killedAfter, putOnly, watched } from '../stores.ts';
import { type Drawer, makeKit, openUnlocked } from './kits.ts';

const names = async (vault: Awaited<ReturnType<typeof makeVault>>) => {
  const found: string[] = [];
  for await (const { name } of vault.store.list('keys/'))
    found.push(name.replace(/-[0-9a-z]{10}\./, '-RANDOM.'));
  return found.sort();
};

describe('a recovery key', () => {
  it.each(['x25519', 'hybrid'] as const)(
    'is a key of the vault like others, and opens it: %s',
    async (kind) => {
      const vault = await makeVault({ kind });
      const { identity, slot } = await makeKit(await openUnlocked(vault));
      expect(parseIdentity(identity).kind).toBe(kind);
      expect(slot).toMatchObject({
        name: 'kit',
        method: 'age',
        by: 'web-1',
        added: '2026-11-20T05:58:12Z',
        kit: true,
      });
      const opened = await openUnlocked(vault, { credential: await withKey(identity) });
      expect([opened.openedBy, opened.document.revision]).toEqual(['kit', 2]);
      expect(await names(vault)).toEqual([
        'keys/1/age-RANDOM.age',
        'keys/1/kit-RANDOM.age',
        'keys/1/passphrase-RANDOM.age',
      ]);
    },
  );

  it.skipIf(spawnSync('age', ['--version']).status !== 0)(
    'opens by the age program (needs age)',
    async () => {
      const vault = await makeVault();
      const { identity, slot } = await makeKit(await openUnlocked(vault));
      const directory = scratch();
      writeFileSync(join(directory, 'kit.txt'), `${identity}\n`);
      writeFileSync(join(directory, 'slot.age'), (await vault.store.get(slot.object))!);
      const { stdout } = spawnSync('age', ['-d', '-i', 'kit.txt', 'slot.age'], {
        cwd: directory,
        encoding: 'utf8',
      });
      expect(stdout).toContain(`vault=${vault.pin.vault} generation=1\n`);
      expect(stdout).toContain(vault.identity);
    },
  );

  it('takes the place of the one before only when that is asked for, and that one opens nothing then', async () => {
    const vault = await makeVault();
    const first = await makeKit(await openUnlocked(vault));
    await expect(makeKit(await openUnlocked(vault))).rejects.toMatchObject({
      code: 'key-exists',
      exitCode: 11,
    });
    const second = await makeKit(await openUnlocked(vault), 'kit', true);
    expect(second.vault.document.slots.map((s) => s.name)).toEqual(['passphrase', 'age', 'kit']);
    expect(await names(vault)).toHaveLength(3);
    await openUnlocked(vault, { credential: await withKey(second.identity) });
    const old = openUnlocked(vault, { credential: await withKey(first.identity) });
    await expect(old).rejects.toMatchObject({ exitCode: 12 });
  });

  it('never takes the place of what is no age key, nor a name that cannot be', async () => {
    const vault = await openUnlocked(await makeVault());
    const code = (name: string, replace: boolean) => {
      try {
        checkKit(vault, name, replace);
      } catch (error) {
        return (error as { code: string }).code;
      }
      return 'fine';
    };
    expect(code('kit', false)).toBe('fine');
    expect(code('kit', true)).toBe('no-such-key');
    expect(code('passphrase', true)).toBe('not-a-kit');
    expect(code('passphrase', false)).toBe('key-exists');
    expect(code('previous', false)).toBe('name-taken');
    expect(code('Kit!', false)).toBe('bad-name');
  });

  it('is added although somebody else changes the keys at the same time', async () => {
    const vault = await makeVault();
    const [a, b] = [await openUnlocked(vault), await openUnlocked(vault)];
    const [one, two] = await Promise.all([makeKit(a, 'kit'), makeKit(b, 'kit-2')]);
    for (const { identity } of [one, two]) await openUnlocked(vault, { credential: await withKey(identity) });
    const both = await Promise.allSettled([makeKit(one.vault, 'kit-3'), makeKit(two.vault, 'kit-3')]);
    expect(both.map((r) => r.status).sort()).toEqual(['fulfilled', 'rejected']);
  });
});

describe('what is on paper', () => {
  it('is kept before the vault is changed: what cannot be kept is not added, and the old kit opens', async () => {
    const vault = await makeVault();
    const old = await makeKit(await openUnlocked(vault));
    const before = await names(vault);
    const full = new Error('no space');
    const kept = {
      get kept(): MadeKit[] {
        throw full;
      },
    };
    await expect(makeKit(await openUnlocked(vault), 'kit', true, kept)).rejects.toBe(full);
    expect([await names(vault), (kept as Drawer).mayOpen]).toEqual([before, false]);
    await openUnlocked(vault, { credential: await withKey(old.identity) });
  });

  it('is made anew when somebody else was quicker, and names what is in the vault then', async () => {
    const vault = await makeVault();
    const [a, b] = [await openUnlocked(vault), await openUnlocked(vault)];
    await makeKit(a, 'kit');
    const drawer: Drawer = { kept: [] };
    const { slot, identity } = await makeKit(b, 'kit-2', false, drawer);
    expect(drawer.kept).toHaveLength(2);
    expect(drawer.kept.at(-1)!.slot).toEqual(slot);
    expect(await vault.store.get(drawer.kept[0]!.slot.object)).toBeNull();
    const opened = await openUnlocked(vault, { credential: await withKey(identity) });
    expect(opened.document.slots).toContainEqual(slot);
  });

  it.each([0, 1, 2])('survives a kill after %i objects: the old kit or the new one opens', async (count) => {
    const vault = await makeVault();
    const old = await makeKit(await openUnlocked(vault));
    const drawer: Drawer = { kept: [] };
    const store = killedAfter(vault.store, count);
    const killed = await makeKit({ ...(await openUnlocked(vault)), store }, 'kit', true, drawer).catch(
      (e) => e,
    );
    if (count < 2) expect(killed).toBeInstanceOf(Killed);
    const ways = [old.identity, drawer.kept.at(-1)!.identity];
    const opens = await Promise.all(
      ways.map(async (identity) =>
        openUnlocked(vault, { credential: await withKey(identity) }).then(
          () => true,
          () => false,
        ),
      ),
    );
    expect(opens).toEqual(count < 2 ? [true, false] : [false, true]);
  });

  it.each([
    ['came through', true, true],
    ['was refused', false, false],
  ])('is given up only when the change surely failed: it %s', async (_, comesThrough, mayOpen) => {
    const vault = await makeVault();
    const isCommit = ({ verb, name }: Call) => verb === 'create' && name.startsWith('vault/');
    const lost = () => new StoreError('store-unreachable', 'the reply was lost');
    const store = watched(
      vault.store,
      (call) => {
        if (isCommit(call) && !comesThrough) throw denied('write vault/');
      },
      (call) => {
        if (isCommit(call)) throw lost();
      },
    );
    const drawer: Drawer = { kept: [] };
    const made = makeKit({ ...(await openUnlocked(vault)), store }, 'kit', false, drawer);
    await expect(made).rejects.toMatchObject({ code: comesThrough ? 'store-unreachable' : 'store-denied' });
    expect(drawer.mayOpen).toBe(mayOpen);
  });

  it('of two who replace the same kit at once, one is told that somebody was quicker', async () => {
    const vault = await makeVault();
    await makeKit(await openUnlocked(vault));
    const [a, b] = [await openUnlocked(vault), await openUnlocked(vault)];
    const first = await makeKit(a, 'kit', true);
    const drawer: Drawer = { kept: [] };
    await expect(makeKit(b, 'kit', true, drawer)).rejects.toMatchObject({
      code: 'changed-meanwhile',
      exitCode: 11,
      object: 'kit',
    });
    expect(drawer.mayOpen).toBe(false);
    await openUnlocked(vault, { credential: await withKey(first.identity) });
    expect(await names(vault)).toHaveLength(3);
  });
});

describe('a page names the sets that the vault holds', () => {
  it('sorted, each once; none where the snapshots may not be read', async () => {
    const vault = await makeVault();
    expect(await setNames(await openUnlocked(vault))).toEqual([]);
    await vault.backup({ a: 'x' }, { set: 'web' });
    await vault.backup({ a: 'x' });
    await vault.backup({ a: 'y' });
    expect(await setNames(await openUnlocked(vault))).toEqual(['app', 'web']);
    const opened = await openUnlocked(vault);
    expect(await setNames({ ...opened, store: putOnly(vault.store) })).toEqual([]);
  });

  it('and none that somebody put beside them, however many', async () => {
    const vault = await makeVault();
    const { snapshot } = await vault.backup({ a: 'x' });
    const record = (await vault.store.get(`snapshots/app/${snapshot}.json`))!;
    for (let i = 0; i < 120; i++)
      await vault.store.create(`snapshots/aa${i}/${snapshot}.json`, i === 0 ? record : Buffer.from('junk'));
    expect(await setNames(await openUnlocked(vault))).toEqual(['app']);
  });
});
