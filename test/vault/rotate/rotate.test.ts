import { describe, expect, it } from 'vitest';
import { decryptBytes } from '../../../src/crypt/age.ts';
import { generateIdentity, recipientOf } from '../../../src/crypt/identity.ts';
import { loadFiles } from '../../../src/vault/load.ts';
import { pinOf } from '../../../src/vault/pin.ts';
import { reencrypt } from '../../../src/vault/rotate/reencrypt.ts';
import { readSnapshots } from '../../../src/vault/snapshots.ts';
import { get, namesOf } from '../../support/forge.ts';
import { rotateVault } from '../../support/rotation.ts';
import { makeVault, openLocked, openUnlocked, withKey, withPassphrase } from '../../support/vault.ts';

async function filesOf(opened: Awaited<ReturnType<typeof openUnlocked>>) {
  const { snapshots } = await readSnapshots(opened);
  const all = await Promise.all(snapshots.map((s) => loadFiles(opened, s)));
  return all.map((files) => String(files.get('.env')));
}

describe('a rotation', () => {
  it('gives the vault a new identity, and each key opens it and everything before', async () => {
    const vault = await makeVault();
    await vault.backup({ '.env': 'A=1\n' });
    const { pin, plan, made } = await rotateVault(vault, await openUnlocked(vault));
    expect(plan).toMatchObject({ generation: 2, without: [], leftOut: [] });
    expect(made).toEqual([{ name: 'passphrase' }, { name: 'age' }]);
    expect(pin).toMatchObject({ vault: vault.pin.vault, generation: 2, revision: 2 });
    expect(pin.recipient).not.toBe(vault.pin.recipient);
    expect(pin.authority).not.toBe(vault.pin.authority);
    for (const credential of [await withPassphrase(), await withKey(vault.key)]) {
      for (const held of [pin, vault.pin]) {
        const opened = await openUnlocked(vault, { pin: held, credential });
        expect(await filesOf(opened)).toEqual(['A=1\n']);
      }
    }
  });

  it('leaves nothing that opens the old identity alone', async () => {
    const vault = await makeVault();
    await vault.backup({ '.env': 'A=1\n' });
    await rotateVault(vault, await openUnlocked(vault));
    const names = await namesOf(vault.store, 'keys/');
    expect(names.every((name) => name.startsWith('keys/2/'))).toBe(true);
    expect(names).toHaveLength(3);
    const previous = names.find((name) => name.startsWith('keys/2/previous-'))!;
    const { identity } = await openUnlocked(vault);
    const plain = await decryptBytes(await get(vault.store, previous), [identity]);
    expect(plain.toString()).toContain(vault.identity);
    expect(await namesOf(vault.store, 'vault/')).toEqual(['vault/1.json', 'vault/2.json']);
  });

  it('loses nothing of a host that has not heard of it', async () => {
    const vault = await makeVault();
    const first = await openUnlocked(vault);
    await rotateVault(vault, first);
    await vault.backup({ '.env': 'STRAGGLER=1\n' });
    const { document } = await openLocked(vault);
    const opened = await openUnlocked(vault, { pin: pinOf(document) });
    const { snapshots, findings } = await readSnapshots(opened);
    expect(snapshots.map((s) => s.generation)).toEqual([1]);
    expect(findings).toEqual([]);
    expect(await filesOf(opened)).toEqual(['STRAGGLER=1\n']);
  });

  it('opens what is many generations old', async () => {
    const vault = await makeVault();
    let opened = await openUnlocked(vault);
    for (let n = 1; n <= 5; n++) {
      await vault.backup({ '.env': `N=${n}\n` }, { pin: pinOf(opened.document) });
      opened = (await rotateVault(vault, opened)).vault;
    }
    expect(opened.document.generation).toBe(6);
    const again = await openUnlocked(vault, { credential: await withKey(vault.key) });
    expect(await filesOf(again)).toEqual([1, 2, 3, 4, 5].map((n) => `N=${n}\n`));
  });

  it('without a colleague leaves his key out, and opens with the others', async () => {
    const vault = await makeVault();
    const { plan } = await rotateVault(vault, await openUnlocked(vault), { without: ['age'] });
    expect(plan.without.map((s) => s.name)).toEqual(['age']);
    await expect(openUnlocked(vault, { credential: await withKey(vault.key) })).rejects.toMatchObject({
      code: 'no-key-fits',
      exitCode: 12,
    });
    expect((await openUnlocked(vault)).openedBy).toBe('passphrase');
  });

  it('leaves out a passphrase that nobody is there to give, and says so', async () => {
    const vault = await makeVault();
    const { plan } = await rotateVault(vault, await openUnlocked(vault), { passphrase: null });
    expect(plan.leftOut.map((s) => s.name)).toEqual(['passphrase']);
    expect((await openLocked(vault)).document.slots.map((s) => s.name)).toEqual(['age']);
  });

  it('marks what came before when the key leaked', async () => {
    const vault = await makeVault();
    await rotateVault(vault, await openUnlocked(vault));
    await rotateVault(vault, await openUnlocked(vault), { compromised: true });
    const { document } = await openLocked(vault);
    expect(document.generations.map((g) => g.compromised)).toEqual([true, true, false]);
  });

  it('to a post-quantum identity leaves the classic snapshots readable', async () => {
    const vault = await makeVault();
    await vault.backup({ '.env': 'A=1\n' });
    const { pin } = await rotateVault(vault, await openUnlocked(vault), { postQuantum: true });
    expect(pin.recipient).toMatch(/^age1pq1/);
    await vault.backup({ '.env': 'A=2\n' }, { pin });
    expect(await filesOf(await openUnlocked(vault, { pin }))).toEqual(['A=1\n', 'A=2\n']);
  });

  it.each<[string, object, string, number]>([
    ['without a key that is not there', { without: ['bob'] }, 'no-such-key', 10],
    ['without any key', { without: ['passphrase', 'age'] }, 'last-key', 11],
    [
      'with nothing but a passphrase that nobody gives',
      { without: ['age'], passphrase: null },
      'last-key',
      11,
    ],
    ['with no key that could be tried', { without: ['passphrase'], credentials: [] }, 'no-tested-key', 11],
  ])('%s is refused, and changes nothing', async (_, options, code, exitCode) => {
    const vault = await makeVault();
    const before = await namesOf(vault.store);
    await expect(rotateVault(vault, await openUnlocked(vault), options)).rejects.toMatchObject({
      code,
      exitCode,
    });
    expect(await namesOf(vault.store)).toEqual(before);
  });

  it('with somebody else’s identity at hand is not tested by it', async () => {
    const vault = await makeVault();
    const stranger = await generateIdentity('x25519');
    expect(await recipientOf(stranger)).not.toBe(await recipientOf(vault.key));
    await expect(
      rotateVault(vault, await openUnlocked(vault), {
        without: ['passphrase'],
        credentials: [await withKey(stranger)],
      }),
    ).rejects.toMatchObject({ code: 'no-tested-key' });
  });

  it('at the same time as another one: one wins, the other is told, nothing is lost', async () => {
    const vault = await makeVault();
    await vault.backup({ '.env': 'A=1\n' });
    const [a, b] = [await openUnlocked(vault), await openUnlocked(vault)];
    const ends = await Promise.allSettled([rotateVault(vault, a), rotateVault(vault, b)]);
    const lost = ends.filter((end) => end.status === 'rejected');
    expect(lost.map((end) => end.reason.code)).toEqual(['rotated-meanwhile']);
    expect(await namesOf(vault.store, 'keys/')).toHaveLength(3);
    expect(await filesOf(await openUnlocked(vault))).toEqual(['A=1\n']);
  });

  it('that was only followed, by the old key’s word, is read and never written on', async () => {
    const vault = await makeVault();
    await vault.backup({ '.env': 'A=1\n' });
    await rotateVault(vault, await openUnlocked(vault));
    const followed = await openUnlocked(vault, { credential: await withKey(vault.key) });
    expect(await filesOf(followed)).toEqual(['A=1\n']);
    const before = await namesOf(vault.store);
    const refused = {
      code: 'old-pin',
      exitCode: 2,
      hint: expect.stringContaining('strongroom trust SHA256:'),
    };
    await expect(rotateVault(vault, followed)).rejects.toMatchObject(refused);
    await expect(reencrypt(followed)).rejects.toMatchObject(refused);
    expect(await namesOf(vault.store)).toEqual(before);
    // A passphrase proves it: whoever made up a rotation could not have locked it with that.
    const { memory } = vault;
    await rotateVault(vault, await openUnlocked(vault, { memory }));
    // And whoever rotated knows what he did, whatever an older configuration says.
    const known = await openUnlocked(vault, { memory, credential: await withKey(vault.key) });
    expect(known).toMatchObject({ isProven: true, pin: { generation: 3 } });
  });
});
