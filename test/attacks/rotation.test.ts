// Somebody held a key until it was rotated, has its identity and its authority still, and may write and delete in the
// store. What he can make clients believe that know the new key, that saw it once, that know the old one, or nothing.
// What he does to records and the ledger is in re-encryption.test.ts.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { decryptBytes } from '../../src/crypt/age.ts';
import { UnlockError } from '../../src/errors.ts';
import type { Credential, NewKey } from '../../src/keys/method.ts';
import { newPassphraseKey } from '../../src/keys/passphrase.ts';
import { newRecipientKey } from '../../src/keys/recipient.ts';
import { type BackupResult, backup } from '../../src/vault/backup/backup.ts';
import { type ClientMemory, noMemory } from '../../src/vault/client.ts';
import type { Slot } from '../../src/vault/documents/vault-document.ts';
import { previousName, revisionOf } from '../../src/vault/layout.ts';
import { loadFiles } from '../../src/vault/load.ts';
import { referenceTo } from '../../src/vault/named-object.ts';
import { type Pin, pinOf } from '../../src/vault/pin.ts';
import { revise } from '../../src/vault/revise.ts';
import { readSnapshots } from '../../src/vault/snapshots.ts';
import { readCandidates, trustPinned } from '../../src/vault/trust.ts';
import { effectivePin } from '../../src/vault/vault.ts';
import { bodyOf, copyOf, flipped, forge, get, namesOf, objectsOf, put, sign } from '../support/forge.ts';
import { briefly, failureOf, faultsOf, refusedRestore, restored } from '../support/refusals.ts';
import { type Rotating, rotateVault } from '../support/rotation.ts';
import { asRotated, type MadeUp, oldDocument, rotation } from '../support/thief.ts';
import {
  client,
  makeVault,
  newHost,
  type Opening,
  openLocked,
  openUnlocked,
  type TestVault,
  tick,
  withKey,
  withPassphrase,
} from '../support/vault.ts';

const NEWEST = { '.env': '600:KEY=2\n' };

/** The vault as the thief knew it; with the pin of generation 1. */
let old: TestVault;
/** As it is: with the pin of generation 2. */
let vault: TestVault;
let thief: ReturnType<typeof newHost>;
/** All that he could keep of the time before. */
let kept: Map<string, Buffer>;

async function rotateFrom(made: TestVault, options: Rotating = {}): Promise<void> {
  old = made;
  await old.backup({ '.env': 'KEY=1\n' });
  kept = await objectsOf(old.store);
  thief = newHost('evil');
  vault = asRotated(old, await rotateVault(old, await openUnlocked(old), options));
  await backsUp({ pin: vault.pin }, 'KEY=2\n');
}

beforeEach(async () => await rotateFrom(await makeVault()));

/** A backup by the listed host, as a client that knows what the opening says. */
async function backsUp({ pin, memory }: Opening, value = 'NEXT=1\n'): Promise<BackupResult> {
  tick(old.clock);
  const sources = { memory: { '.env': value } };
  return await backup(client(old, memory), {
    set: 'app',
    sources,
    host: old.host,
    ...(pin ? { pin } : {}),
  });
}

/** Whether an identity opens every byte of a snapshot. */
async function opens(id: string, identity: string): Promise<boolean> {
  const parts = await namesOf(old.store, `data/app/${id}/`);
  expect(parts.length).toBeGreaterThan(1);
  const work = parts.map(async (part) => await decryptBytes(await get(old.store, part), [identity]));
  const ends = await Promise.allSettled(work);
  const opened = ends.filter((end) => end.status === 'fulfilled').length;
  expect([0, parts.length]).toContain(opened);
  return opened > 0;
}

/** Hides the documents of the rotation. */
async function hideRotation(): Promise<void> {
  await old.store.remove([vault.document.object]);
}

const made = async (revision: number, more: Partial<MadeUp> = {}, from: TestVault = old) =>
  await rotation(from, thief, { revision, ...more });

/** Vault documents that he can make. Each returns what he would have clients go by. */
const ROUTES: Record<string, () => Promise<TestVault>> = {
  'of the old key, with a higher revision': async () => await oldDocument(old, thief, 9),
  'of his own key number 2': async () => await made(9),
  'of a key number 3 after his own number 2': async () => await made(10, {}, await made(9)),
  'of a key number 3 that claims to come after the real number 2': async () =>
    await made(9, { before: vault.document.generations }),
  'of a key number 4 after his own, that has the real number 2 in its past': async () => {
    const third = await made(10, {}, await made(9));
    const [first, , last] = third.document.generations;
    return await made(11, { before: [first!, vault.document.generations[1]!, last!] }, third);
  },
  'of his key number 3 that has the real number 2 in its past, later': async () => {
    const third = await made(10, {}, await made(9));
    return await made(11, { of: third, before: vault.document.generations }, third);
  },
};

describe('a client that is pinned to the new key', () => {
  const pinned = (): Opening => ({ pin: vault.pin });

  for (const [route, plant] of Object.entries(ROUTES)) {
    it(`passes over a document ${route}`, async () => {
      const his = await plant();
      const { document, findings } = await openLocked(old, pinned());
      expect(document).toEqual(vault.document);
      const planted = (await namesOf(old.store, 'vault/')).filter((name) => revisionOf(name)! >= 9);
      expect(findings.map((f) => f.object).sort()).toEqual(planted.sort());
      const { snapshot } = await backsUp(pinned());
      expect([await opens(snapshot, vault.identity), await opens(snapshot, his.identity)]).toEqual([
        true,
        false,
      ]);
      // What he writes under his own document does not count, and is not passed over in silence.
      const { object } = await forge(his, { id: '20261120T120000Z-7k3f9q' });
      expect(await refusedRestore(vault, { set: 'app' })).toBe('unlisted-writer');
      await old.store.remove([object]);
      expect(await restored(vault)).toMatchObject({ '.env': '600:NEXT=1\n' });
    });
  }

  it('refuses everything when its documents are gone or overwritten, whatever is there instead', async () => {
    for (const plant of [undefined, ...Object.values(ROUTES)]) {
      for (const instead of [undefined, 'garbage']) {
        const copy = { ...(await copyOf(old)), pin: vault.pin };
        await copy.store.remove([vault.document.object]);
        if (instead) await put(copy.store, vault.document.object, instead);
        old = copy;
        await plant?.();
        expect((await failureOf(openLocked(copy))).code).toBe('foreign-vault');
        expect((await failureOf(backsUp(pinned()))).code).toBe('foreign-vault');
      }
    }
  });

  it('is not stopped by what the old key signed in a newer format', async () => {
    const body = { ...bodyOf(await get(old.store, 'vault/1.json')), format: 2, object: 'vault/9.json' };
    await put(old.store, 'vault/9.json', sign(body, 'vault', old.authority));
    expect(briefly((await openLocked(vault)).findings)).toEqual(['newer-format vault/9.json']);
    await backsUp(pinned());
  });

  it('takes the next number when he puts documents in the way of its own', async () => {
    await put(old.store, 'vault/3.json', 'garbage');
    await oldDocument(old, thief, 4);
    await made(5);
    const opened = await openUnlocked(vault);
    const changed = await revise(opened, async () => ({ change: { reencrypt: true } }));
    expect(changed.document.revision).toBe(6);
    expect(changed.document.hosts).toEqual(vault.document.hosts);
  });
});

/** A backup that says what it was shown, and encrypts to the recipient of its pin. */
async function backsUpAlarmed(opening: Opening): Promise<void> {
  const { snapshot, problems } = await backsUp(opening);
  expect(problems.map((p) => p.kind)).toEqual(['two-successors']);
  expect(await opens(snapshot, old.identity)).toBe(true);
}

describe('a client that is pinned to the old key and has seen the new one', () => {
  let memory: ClientMemory;
  const seen = (): Opening => ({ pin: old.pin, memory });
  beforeEach(async () => {
    memory = noMemory();
    expect((await openLocked(old, { pin: old.pin, memory })).document.generation).toBe(2);
  });

  for (const [route, plant] of Object.entries(ROUTES)) {
    it(`refuses a document ${route}, in place of the real one`, async () => {
      await hideRotation();
      await plant();
      // Where it leads to another rotation than the one that was seen, and not only back.
      const leads = route.includes('his');
      const code = leads ? 'two-successors' : 'older-revision';
      const opening = { ...seen(), credential: await withKey(old.key) };
      for (const work of [openLocked(old, seen()), openUnlocked(old, opening)])
        expect((await failureOf(work)).code).toBe(code);
      // Whoever held the old key stops no backup with it: that goes to the recipient of the pin.
      if (leads) await backsUpAlarmed(seen());
      else expect((await failureOf(backsUp(seen()))).code).toBe(code);
      // To read what is old may be allowed; to follow another rotation may not.
      const allowed = openLocked(old, { ...seen(), trustOlder: true });
      if (leads) expect((await failureOf(allowed)).code).toBe(code);
      else expect((await allowed).document.generation).toBe(1);
    });
  }

  it('refuses the old document alone', async () => {
    await hideRotation();
    const { code, message } = await failureOf(openLocked(old, seen()));
    expect([code, message]).toEqual([
      'older-revision',
      'the vault shows key number 1, but number 2 was seen before',
    ]);
  });
});

describe('a client that is pinned to the old key and knows nothing of the new one', () => {
  const unaware = (): Opening => ({ pin: old.pin });

  it('reads what is under both, without having moved its pin', async () => {
    const opened = await openUnlocked(old, unaware());
    const { snapshots, findings } = await readSnapshots(opened);
    const files = await Promise.all(snapshots.map((s) => loadFiles(opened, s)));
    expect(files.map((f) => String(f.get('.env')))).toEqual(['KEY=1\n', 'KEY=2\n']);
    expect([findings, opened.pin]).toEqual([[], old.pin]);
  });

  for (const [route, plant] of Object.entries(ROUTES)) {
    it(`encrypts to the recipient of its pin, and to no other, beside a document ${route}`, async () => {
      await hideRotation();
      const his = await plant();
      const { snapshot, problems } = await backsUp(unaware());
      expect(await opens(snapshot, old.identity)).toBe(true);
      if (his.identity !== old.identity) expect(await opens(snapshot, his.identity)).toBe(false);
      const { document } = await openLocked(old, unaware());
      const isTold = document.generation > 1;
      expect(problems.map((p) => p.kind)).toEqual(isTold ? ['rotated'] : []);
      if (isTold) expect(problems[0]!.hint).toContain(pinOf(document).authority);
    });
  }

  it('is told of two successors as long as the real one is there, and follows neither', async () => {
    await made(9);
    for (const work of [openLocked(old, unaware()), openUnlocked(old, unaware())]) {
      expect(await failureOf(work)).toMatchObject({ code: 'two-successors', exitCode: 13 });
    }
    await backsUpAlarmed(unaware());
  });

  it('does not believe the old key any more while the rotation is there', async () => {
    const his = await oldDocument(old, thief, 9);
    expect(briefly((await openLocked(old, unaware())).findings)).toEqual(['superseded-key vault/9.json']);
    await forge(his, { id: '20261120T120000Z-7k3f9q' });
    expect(await refusedRestore(old, { set: 'app' })).toBe('unlisted-writer');
  });

  it('backs up to no recipient that the old key signed for instead of its own', async () => {
    const other = await makeVault();
    const [first] = old.document.generations;
    await oldDocument(old, thief, 9, { generations: [{ ...first!, recipient: other.pin.recipient }] });
    expect((await failureOf(backsUp(unaware()))).code).toBe('foreign-recipient');
    // Nor does a fingerprint lead there, which is of what signs.
    const found = await readCandidates(old.store);
    expect(() => trustPinned(found, { ...old.pin, recipient: other.pin.recipient }, 'there')).toThrow(
      expect.objectContaining({ code: 'foreign-recipient' }),
    );
  });

  it('follows a false rotation when the real one is hidden, as nothing tells them apart: only to read', async () => {
    await hideRotation();
    const his = await made(9);
    const opened = await openUnlocked(old, { ...unaware(), credential: await withKey(old.key) });
    expect(opened.document).toEqual(his.document);
    expect([opened.pin, opened.isProven]).toEqual([old.pin, false]);
    const before = await objectsOf(old.store);
    expect((await failureOf(rotateVault(old, opened))).code).toBe('old-pin');
    expect(await objectsOf(old.store)).toEqual(before);
  });

  it('finds no identity but this vault’s behind a false rotation', async () => {
    await hideRotation();
    const other = await makeVault();
    for (const identity of [other.identity, thief.name]) {
      const object = previousName(2);
      const text = `# strongroom vault=${old.pin.vault} generation=1\n# recipient: ${old.pin.recipient}\n${identity}\n`;
      const own = await made(9);
      const { bytes } = await newRecipientKey('x', own.pin.recipient).wrap(Buffer.from(text), {
        vault: old.pin.vault,
        generation: 2,
      });
      await put(old.store, object, bytes);
      await made(10, { of: own, previous: referenceTo(object, bytes) });
      const opened = await openUnlocked(old, { ...unaware(), credential: await withKey(old.key) });
      expect(opened.document.revision).toBe(10);
      expect(await failureOf(opened.proven(1))).toMatchObject({ code: 'wrong-slot', object });
    }
  });
});

describe('a false rotation that a client once followed', () => {
  let memory: ClientMemory;
  const back = async (pin: Pin) => await openLocked(old, { pin, memory });

  beforeEach(async () => {
    memory = noMemory();
    const real = await get(old.store, vault.document.object);
    await hideRotation();
    await made(900_000);
    expect((await openLocked(old, { pin: old.pin, memory })).document.revision).toBe(900_000);
    await old.store.remove(['vault/900000.json']);
    await put(old.store, vault.document.object, real);
  });

  it('is an alarm when the real one comes back', async () => {
    expect((await failureOf(back(old.pin))).code).toBe('two-successors');
  });

  it('does not outlast the real pin, however high its number was', async () => {
    expect((await back(vault.pin)).document).toEqual(vault.document);
    await backsUp({ pin: vault.pin, memory });
    expect(await memory.vault(old.pin.vault)).toMatchObject({
      generation: 2,
      revision: 2,
      authority: vault.pin.authority,
    });
    // From then on a rollback is noticed again.
    await revise(await openUnlocked(vault), async () => ({ change: { reencrypt: true } }));
    expect((await back(vault.pin)).document.revision).toBe(3);
    await old.store.remove(['vault/3.json']);
    expect((await failureOf(back(vault.pin))).code).toBe('older-revision');
  });
});

it('a vault that somebody once said yes to outweighs no pin, whatever number its key has', async () => {
  const memory = noMemory();
  const real = await objectsOf(old.store);
  const his = await made(10, {}, await made(9));
  await old.store.remove([...real.keys(), 'vault/9.json']);
  const opened = await openUnlocked(old, {
    pin: null,
    memory,
    confirm: true,
    credential: await withKey(old.key),
  });
  expect(opened.document).toEqual(his.document);
  for (const [name, bytes] of real) await put(old.store, name, bytes);
  expect(await effectivePin(client(old, memory), vault.pin)).toEqual(vault.pin);
  const { code } = await failureOf(backsUp({ pin: vault.pin, memory }));
  expect(code).toBe('older-revision');
});

it('a revision that the old key signed does not count for the new one, which a client saw first without it', async () => {
  const memory = noMemory();
  const real = await get(old.store, vault.document.object);
  await hideRotation();
  await oldDocument(old, thief, 900_000);
  expect((await openLocked(old, { pin: old.pin, memory })).document.revision).toBe(900_000);
  await put(old.store, vault.document.object, real);
  expect((await openLocked(old, { pin: old.pin, memory })).document).toEqual(vault.document);
});

describe('a client without a pin', () => {
  const nothing = { pin: null } as const;

  it('that has the passphrase opens the real vault, whatever stands beside it', async () => {
    for (const plant of Object.values(ROUTES)) {
      old = await copyOf(old);
      await plant();
      const opened = await openUnlocked(old, nothing);
      expect(opened.document).toEqual(vault.document);
    }
  });

  it('that has the passphrase does not open a false rotation in place of the real one', async () => {
    await hideRotation();
    const his = await made(9);
    // Not even with the old slot, which the passphrase does open, in his document.
    const [slot] = old.document.slots;
    await put(old.store, slot!.object, kept.get(slot!.object)!);
    const document = { ...his.document, slots: [slot] };
    await put(old.store, 'vault/9.json', sign(document, 'vault', his.authority, old.authority));
    expect((await failureOf(openUnlocked(old, nothing))).code).toBe('wrong-slot');
  });

  it('that has a passphrase which was changed does not open the vault as it was before', async () => {
    for (const [passphrase, ends] of [
      ['another passphrase than before', 'wrong-passphrase'],
      // One that was kept opens it, and nothing tells it from the vault of today.
      [undefined, 1],
    ] as const) {
      await rotateFrom(await makeVault(), passphrase === undefined ? {} : { passphrase, compromised: true });
      await old.store.remove(await namesOf(old.store));
      for (const [name, bytes] of kept) await put(old.store, name, bytes);
      await oldDocument(old, thief, 9);
      const credential = await withPassphrase(passphrase);
      const end = await openUnlocked(old, { ...nothing, credential }).then(
        (opened) => opened.document.generation,
        (error: UnlockError) => error.code,
      );
      expect(end).toBe(ends);
    }
  });

  it('that has an age key is told of two vaults, and is asked when the real one is gone', async () => {
    const credential = await withKey(old.key);
    await made(9);
    expect((await failureOf(openUnlocked(old, { ...nothing, credential, confirm: true }))).code).toBe(
      'several-vaults',
    );
    expect((await failureOf(openLocked(old, nothing))).code).toBe('several-vaults');
    await hideRotation();
    expect((await failureOf(openUnlocked(old, { ...nothing, credential }))).code).toBe('not-trusted');
    expect((await openLocked(old, nothing)).trust).toBe('unproven');
  });

  it('that names its KMS key opens the real vault only', async () => {
    const kms = fakeKms();
    old = await makeVault();
    const opened = await openUnlocked(old);
    const withKms = await rotateVault(old, opened, {
      keyFor: async (slot: Slot) =>
        slot.name === 'age' ? kms.key : newPassphraseKey(slot.name, 'x y z', 10),
      credentials: [kms.credential],
    });
    const first = asRotated(old, withKms);
    // He held number 2, and has the ciphertext of it that KMS made.
    const slot = first.document.slots.find((s) => s.method === 'kms')!;
    const ciphertext = await get(old.store, slot.object);
    const second = asRotated(
      first,
      await rotateVault(first, await openUnlocked(first, { credential: kms.credential }), {
        keyFor: async (s: Slot) => (s.method === 'kms' ? kms.key : undefined),
        credentials: [kms.credential],
      }),
    );
    const his = await rotation(first, thief, { revision: 9 });
    const opening = { ...nothing, credential: kms.credential };
    expect((await openUnlocked(second, opening)).document).toEqual(second.document);
    await old.store.remove([second.document.object]);
    await put(old.store, slot.object, ciphertext);
    for (const context of [slot.context, { ...slot.context, generation: '3' }]) {
      const document = { ...his.document, slots: [{ ...slot, context }] };
      await put(old.store, 'vault/9.json', sign(document, 'vault', his.authority, first.authority));
      expect(['wrong-slot', 'kms-refused', 'no-key-fits']).toContain(
        (await failureOf(openUnlocked(second, opening))).code,
      );
    }
  });
});

/** A service that opens what it made itself, under the context that it was made with, as AWS KMS does. */
function fakeKms(): { key: NewKey; credential: Credential } {
  const secret = randomBytes(32);
  const aad = (context: object) => Buffer.from(JSON.stringify(context));
  return {
    key: {
      name: 'kms',
      method: 'kms',
      extension: 'kms',
      async wrap(plain, { vault: id, generation }) {
        const context = { vault: id, generation: String(generation) };
        const nonce = randomBytes(12);
        const cipher = createCipheriv('aes-256-gcm', secret, nonce).setAAD(aad(context));
        const bytes = Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
        return { bytes, fields: { arn: 'arn:aws:kms:eu-west-1:111122223333:key/1', context } };
      },
    },
    credential: {
      description: 'AWS KMS',
      authenticates: true,
      asks: 'service',
      fits: (slot) => slot.method === 'kms',
      async unwrap(bytes, { context = {} }) {
        const whole = Buffer.from(bytes);
        try {
          const decipher = createDecipheriv('aes-256-gcm', secret, whole.subarray(0, 12));
          decipher.setAAD(aad(context)).setAuthTag(whole.subarray(-16));
          return Buffer.concat([decipher.update(whole.subarray(12, -16)), decipher.final()]);
        } catch {
          throw new UnlockError('kms-refused', 'the ciphertext is of another key or context');
        }
      },
    },
  };
}

describe('the keys of a vault that was rotated twice', () => {
  let third: TestVault;
  let previous: string[];
  beforeEach(async () => {
    third = asRotated(vault, await rotateVault(vault, await openUnlocked(vault)));
    await backsUp({ pin: third.pin }, 'KEY=3\n');
    previous = third.document.generations.flatMap((g) => g.previous?.object ?? []);
  });

  const readable = async () => {
    const opened = await openUnlocked(third);
    const { snapshots } = await readSnapshots(opened);
    const ends = await Promise.allSettled(snapshots.map((s) => loadFiles(opened, s)));
    return ends.map((end) =>
      end.status === 'fulfilled' ? String(end.value.get('.env')) : `${end.reason.code} ${end.reason.object}`,
    );
  };

  it('whose older identity is gone or replaced says which, and opens what is newer', async () => {
    const other = await makeVault();
    const [second, last] = previous as [string, string];
    const genuine = await get(old.store, last);
    const his = newRecipientKey('x', third.pin.recipient);
    const text = (id: string) =>
      Buffer.from(
        `# strongroom vault=${old.pin.vault} generation=2\n# recipient: ${id}\n${other.identity}\n`,
      );
    const context = { vault: old.pin.vault, generation: 3 };
    for (const [bytes, code] of [
      [undefined, 'missing-slot'],
      [flipped(genuine, genuine.length - 1), 'slot-differs'],
      [(await his.wrap(text(other.pin.recipient), context)).bytes, 'slot-differs'],
      [await get(old.store, second), 'slot-differs'],
    ] as const) {
      await old.store.remove([last]);
      if (bytes) await put(old.store, last, bytes);
      expect(await readable()).toEqual([`${code} ${last}`, `${code} ${last}`, 'KEY=3\n']);
      const [fault] = briefly(await faultsOf(third));
      expect(fault).toBe(`${bytes ? 'object-differs' : 'missing-object'} ${last}`);
    }
    await put(old.store, last, genuine);
    await old.store.remove([second]);
    expect(await readable()).toEqual([`missing-slot ${second}`, 'KEY=2\n', 'KEY=3\n']);
  });

  it('do not open by an old slot that is put in the place of a new one; another key opens it', async () => {
    const slotOf = (document: TestVault['document']) => document.slots.find((s) => s.name === 'age')!;
    const [before, now] = [slotOf(old.document), slotOf(third.document)];
    await put(old.store, now.object, kept.get(before.object)!);
    const credential = await withKey(old.key);
    expect(await failureOf(openUnlocked(third, { credential }))).toMatchObject({
      code: 'slot-differs',
      object: now.object,
    });
    expect(await readable()).toEqual(['KEY=1\n', 'KEY=2\n', 'KEY=3\n']);
  });

  it('are removed by the next change when somebody planted more of them', async () => {
    const [slot] = old.document.slots;
    for (const name of [slot!.object, 'keys/3/evil-0123456789.age', 'keys/9/previous-0123456789.age'])
      await put(old.store, name, kept.get(slot!.object)!);
    const named = (await revise(await openUnlocked(third), async () => ({ change: {} }))).document;
    expect(await namesOf(old.store, 'keys/')).toEqual(
      [...named.slots.map((s) => s.object), ...previous].sort(),
    );
  });
});

it('a key or host that he adds just when the key is rotated is not carried on', async () => {
  const opened = await openUnlocked(vault);
  const before = await objectsOf(old.store);
  await oldDocument(vault, thief, vault.document.revision + 1);
  expect(await failureOf(rotateVault(vault, opened))).toMatchObject({
    code: 'vault-changed',
    exitCode: 11,
    hint: expect.stringContaining('hosts list'),
  });
  before.set(`vault/${vault.document.revision + 1}.json`, expect.anything());
  expect(await objectsOf(old.store)).toEqual(before);
});

it('the newest restore is the one under the new key', async () => {
  expect(await restored(vault)).toMatchObject(NEWEST);
});
