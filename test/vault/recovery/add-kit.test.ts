import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseIdentity } from '../../../src/crypt/identity.ts';
import { checkKit } from '../../../src/vault/recovery/add-kit.ts';
import { setNames } from '../../../src/vault/recovery/set-names.ts';
import { client, makeVault, scratch, withKey } from '../../support/vault.ts';
import { putOnly } from '../stores.ts';
import { makeKit, openUnlocked } from './kits.ts';

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
      expect(slot).toMatchObject({ name: 'kit', method: 'age', by: 'web-1', added: '2026-11-20T05:58:12Z' });
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

it('a page names the sets that the vault holds', async () => {
  const vault = await makeVault();
  expect(await setNames(client(vault))).toEqual([]);
  await vault.backup({ a: 'x' }, { set: 'web' });
  await vault.backup({ a: 'x' });
  await vault.backup({ a: 'y' });
  await vault.store.create('snapshots/stray/x.json', Buffer.from('x'));
  expect(await setNames(client(vault))).toEqual(['app', 'web']);
  expect(await setNames(client({ ...vault, store: putOnly(vault.store) }))).toEqual([]);
});
