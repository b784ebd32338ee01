import { beforeEach, describe, expect, it } from 'vitest';
import { newSshKey } from '../../../src/keys/ssh.ts';
import { generateSigningKey } from '../../../src/sign/key.ts';
import { checkEnrollment, enrollHost } from '../../../src/vault/hosts/enroll.ts';
import type { Applicant } from '../../../src/vault/hosts/line.ts';
import { removeHost } from '../../../src/vault/hosts/remove.ts';
import { revise } from '../../../src/vault/revise.ts';
import { wrapSlot } from '../../../src/vault/slots.ts';
import { digestsOf, namesOf, put } from '../../support/forge.ts';
import { keeper } from '../../support/hosts.ts';
import { faultsOf } from '../../support/refusals.ts';
import { rotateVault } from '../../support/rotation.ts';
import { makeVault, openLocked, type TestVault } from '../../support/vault.ts';
import { watched } from '../stores.ts';

let vault: TestVault;
beforeEach(async () => {
  vault = await makeVault();
});

const asking = (name: string, more: Partial<Applicant> = {}): Applicant => ({
  name,
  key: generateSigningKey().publicKey,
  sets: ['app'],
  may: ['write'],
  ...more,
});
const open = (store = vault.store) => keeper(vault, store);
const hostNames = async () => (await openLocked(vault)).document.hosts.map((h) => h.name);

describe('enrolling a host', () => {
  it('adds one vault document and nothing else', async () => {
    const before = await digestsOf(vault.store);
    const web = asking('web-2', { sets: ['app', 'web-*', 'app'], may: ['maintain', 'write'] });
    const revised = await enrollHost(await open(), web);
    const listed = {
      ...web,
      sets: ['app', 'web-*'],
      may: ['write', 'maintain'],
      added: '2026-11-20T05:58:12Z',
    };
    expect(revised.document.hosts[1]).toEqual(listed);
    const after = await digestsOf(vault.store);
    expect(Object.keys(after).filter((name) => !(name in before))).toEqual(['vault/2.json']);
    expect(after).toMatchObject(before);
    expect((await openLocked(vault)).document.hosts).toEqual(revised.document.hosts);
    expect(await faultsOf(vault)).toEqual([]);
  });

  it('lets it write its own sets at once', async () => {
    const key = generateSigningKey();
    await enrollHost(await open(), asking('web-2', { key: key.publicKey }));
    const host = { name: 'web-2', key };
    expect(await vault.backup({ '.env': 'A=1\n' }, { host })).toMatchObject({ complete: true });
    await expect(vault.backup({ dump: '' }, { host, set: 'db' })).rejects.toMatchObject({
      code: 'unlisted-host',
      message: expect.stringContaining('may not write the set db'),
    });
    expect(await faultsOf(vault)).toEqual([]);
  });

  it('by two at once lists both', async () => {
    const two = [asking('web-2'), asking('web-3')];
    const opened = await Promise.all(two.map(() => open()));
    await Promise.all(two.map((host, i) => enrollHost(opened[i]!, host)));
    expect((await hostNames()).sort()).toEqual(['web-1', 'web-2', 'web-3']);
    expect(await namesOf(vault.store, 'vault/')).toEqual(['vault/1.json', 'vault/2.json', 'vault/3.json']);
    expect(await faultsOf(vault)).toEqual([]);
  });

  it('by two at once under one name lists one, and tells the other', async () => {
    const two = [asking('web-2'), asking('web-2')];
    const opened = await Promise.all(two.map(() => open()));
    const ended = await Promise.allSettled(two.map((host, i) => enrollHost(opened[i]!, host)));
    expect(ended.map((e) => e.status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(ended.find((e) => e.status === 'rejected')).toMatchObject({ reason: { code: 'name-taken' } });
    expect(await hostNames()).toEqual(['web-1', 'web-2']);
  });

  it('while somebody rotates the key is told, and changes nothing', async () => {
    const opened = await open();
    await rotateVault(vault, await open());
    const before = await namesOf(vault.store);
    await expect(enrollHost(opened, asking('web-2'))).rejects.toMatchObject({
      code: 'rotated-meanwhile',
      exitCode: 11,
      hint: expect.stringContaining('nothing was changed'),
    });
    expect(await namesOf(vault.store)).toEqual(before);
    await enrollHost(await open(), asking('web-2'));
    expect(await hostNames()).toEqual(['web-1', 'web-2']);
  });

  it('goes past what somebody planted in the way, and names it', async () => {
    await put(vault.store, 'vault/2.json', 'planted');
    const { findings, document } = await enrollHost(await open(), asking('web-2'));
    expect(document.revision).toBe(3);
    expect(findings.map((f) => f.code)).toContain('planted-document');
    expect(await hostNames()).toEqual(['web-1', 'web-2']);
  });

  it('writes nothing where it may not', async () => {
    const store = watched(vault.store);
    await expect(enrollHost(await open(store), asking('web-1'))).rejects.toMatchObject({
      code: 'name-taken',
    });
    expect(store.writes).toEqual([]);
  });
});

describe('a host is refused', () => {
  it.each<[string, () => Promise<Partial<Applicant>> | Partial<Applicant>, string, number]>([
    ['under a name in use', () => ({ name: 'web-1' }), 'name-taken', 11],
    ['with a key that is listed', () => ({ key: vault.host.key.publicKey }), 'key-listed', 11],
    ['with the key of the authority', () => ({ key: vault.authority.publicKey }), 'key-in-use', 2],
    ['with a name that is none', () => ({ name: 'Web 2' }), 'bad-name', 2],
    ['in the name of the authority', () => ({ name: 'authority' }), 'bad-scope', 2],
    ['for no set', () => ({ sets: [] }), 'bad-scope', 2],
    ['for a set that is a path', () => ({ sets: ['a/b'] }), 'bad-scope', 2],
    ['that may do nothing', () => ({ may: [] }), 'bad-scope', 2],
    ['with a key that is no Ed25519 key', () => ({ key: 'ssh-rsa AAAA' }), 'bad-public-key', 2],
    [
      'with a key that anybody can sign for',
      () => ({ key: `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${'A'.repeat(43)}` }),
      'bad-public-key',
      2,
    ],
  ])('%s', async (_, change, code, exitCode) => {
    const applicant = asking('web-2', await change());
    const { document } = await openLocked(vault);
    expect(() => checkEnrollment(document, applicant)).toThrow(
      expect.objectContaining({ code, exitCode, hint: expect.any(String) }),
    );
    await expect(enrollHost(await open(), applicant)).rejects.toMatchObject({ code });
    expect(await hostNames()).toEqual(['web-1']);
  });

  it('with an SSH key that opens the vault, whatever its comment', async () => {
    const ssh = generateSigningKey().publicKey;
    await revise(await open(), async (now) => {
      const { slot, object } = await wrapSlot(now, newSshKey('bob', `${ssh} bob@laptop`), 'web-1');
      return { change: { slots: [...now.document.slots, slot] }, objects: [object] };
    });
    const { document } = await openLocked(vault);
    expect(() => checkEnrollment(document, asking('web-2', { key: ssh }))).toThrow(
      expect.objectContaining({ code: 'key-in-use', exitCode: 2 }),
    );
  });

  it('with the key of an authority that was rotated out', async () => {
    await rotateVault(vault, await open());
    const { document } = await openLocked(vault);
    expect(() => checkEnrollment(document, asking('web-2', { key: vault.authority.publicKey }))).toThrow(
      expect.objectContaining({ code: 'key-in-use' }),
    );
  });

  it('with the key of a host that was removed, under whatever name; its name may be given again', async () => {
    const old = asking('old-1');
    await enrollHost(await open(), old);
    await removeHost(await open(), 'old-1');
    for (const name of ['old-1', 'new-1']) {
      await expect(enrollHost(await open(), { ...old, name })).rejects.toMatchObject({
        code: 'key-listed',
        exitCode: 11,
        message: 'that key is of old-1, which was removed from the vault shop',
        hint: expect.stringContaining('hosts enroll --new-key'),
      });
    }
    await enrollHost(await open(), asking('old-1'));
    expect(await hostNames()).toEqual(['web-1', 'old-1', 'old-1']);
  });
});
