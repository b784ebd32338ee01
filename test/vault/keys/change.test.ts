// Adding, removing and replacing keys: what opens the vault afterwards, whatever goes wrong on the way.

import { describe, expect, it } from 'vitest';
import { generateIdentity, recipientOf } from '../../../src/crypt/identity.ts';
import { StoreError, UnlockError } from '../../../src/errors.ts';
import type { Credential, NewKey } from '../../../src/keys/method.ts';
import { newPassphraseKey } from '../../../src/keys/passphrase.ts';
import { newRecipientKey } from '../../../src/keys/recipient.ts';
import { openStore } from '../../../src/store/index.ts';
import type { Store } from '../../../src/store/store.ts';
import type { Slot } from '../../../src/vault/documents/vault-document.ts';
import { type Addition, changeKeys, refuseLast } from '../../../src/vault/keys/change.ts';
import type { UnlockedVault } from '../../../src/vault/vault.ts';
import { digestsOf, namesOf } from '../../support/forge.ts';
import {
  makeVault,
  openLocked,
  openUnlocked,
  PASSPHRASE,
  scratch,
  type TestVault,
  withKey,
  withPassphrase,
} from '../../support/vault.ts';
import { watched } from '../stores.ts';

const NEW = 'lantern gravel october piano willow seven';
const by = 'laptop';

const passphrase = (name: string, words = NEW): NewKey => newPassphraseKey(name, words, 10);
const slotOf = (vault: UnlockedVault, name: string): Slot =>
  vault.document.slots.find((slot) => slot.name === name)!;

/** A passphrase in the place of the vault's own. */
async function passwd(vault: UnlockedVault, words = NEW) {
  const add = [{ key: passphrase('passphrase', words), proofs: [await withPassphrase(words)] }];
  return await changeKeys(vault, { add, remove: [slotOf(vault, 'passphrase')], by });
}

async function opensWith(vault: TestVault, credential: Credential): Promise<boolean> {
  try {
    return (await openUnlocked(vault, { credential })).identity === vault.identity;
  } catch (error) {
    if (error instanceof UnlockError) return false;
    throw error;
  }
}

const namedKeys = async (vault: TestVault): Promise<string[]> =>
  (await openLocked(vault)).document.slots.map(({ object }) => object).sort();

/** Every object that the vault document names is there, and the vault opens with one of these passphrases. */
async function expectSound(vault: TestVault, ...words: readonly string[]): Promise<string[]> {
  const there = await namesOf(vault.store, 'keys/');
  expect(there).toEqual(expect.arrayContaining(await namedKeys(vault)));
  expect(await opensWith(vault, await withKey(vault.key))).toBe(true);
  const opening: string[] = [];
  for (const one of words) if (await opensWith(vault, await withPassphrase(one))) opening.push(one);
  expect(opening.length).toBeGreaterThan(0);
  return opening;
}

describe('a new key', () => {
  it('opens the vault from then on, and says who added it and when', async () => {
    const vault = await makeVault();
    const identity = await generateIdentity('x25519');
    const key = newRecipientKey('anna', await recipientOf(identity));
    const proofs = [await withKey(identity)];
    const {
      added,
      removed,
      vault: changed,
    } = await changeKeys(await openUnlocked(vault), {
      add: [{ key, proofs }],
      by,
    });
    expect(added).toMatchObject([
      { tested: true, slot: { name: 'anna', by, added: '2026-11-20T05:58:12Z' } },
    ]);
    expect(removed).toEqual([]);
    expect(changed.document.slots.map(({ name }) => name)).toEqual(['passphrase', 'age', 'anna']);
    expect(await opensWith(vault, await withKey(identity))).toBe(true);
    expect(await expectSound(vault, PASSPHRASE)).toEqual([PASSPHRASE]);
  });

  it('costs one object and one vault document', async () => {
    const vault = await makeVault();
    const store = watched(vault.store);
    const opened = await openUnlocked(vault, { store });
    store.writes.length = 0;
    await changeKeys(opened, { add: [{ key: passphrase('safe'), proofs: [] }], by });
    expect(store.writes).toEqual([
      expect.stringMatching(/^create keys\/1\/safe-\w{10}\.age$/),
      'create vault/2.json',
    ]);
  });

  it('that nothing at hand opens is said to be untested', async () => {
    const vault = await makeVault();
    const key = newRecipientKey('anna', await recipientOf(await generateIdentity('x25519')));
    const add = [{ key, proofs: [await withKey(vault.key)] }];
    const { added } = await changeKeys(await openUnlocked(vault), { add, by });
    expect(added).toMatchObject([{ tested: false }]);
  });

  it('that does not open is refused before anything is stored, unless it shall be added all the same', async () => {
    const vault = await makeVault();
    const before = await digestsOf(vault.store);
    const denied: Credential = {
      ...(await withPassphrase()),
      unwrap: async () => {
        throw new UnlockError('kms-denied', 'kms:Decrypt failed: access denied', { hint: 'allow it' });
      },
    };
    const addition: Addition = { key: passphrase('safe'), proofs: [denied] };
    const refused = changeKeys(await openUnlocked(vault), { add: [addition], by });
    await expect(refused).rejects.toMatchObject({
      code: 'kms-denied',
      exitCode: 12,
      message: 'the new key safe would not open the vault here: kms:Decrypt failed: access denied',
      hint: 'allow it; nothing was changed; with --untested the key is added all the same',
    });
    expect(await digestsOf(vault.store)).toEqual(before);
    const forced = { add: [{ ...addition, untested: true }], by };
    const { added } = await changeKeys(await openUnlocked(vault), forced);
    expect(added).toMatchObject([{ tested: false, error: { code: 'kms-denied' } }]);
  });

  it('whose bytes came out wrong is refused before anything is stored', async () => {
    const vault = await makeVault();
    const other = await makeVault();
    const before = await digestsOf(vault.store);
    const key = passphrase('safe');
    // As if it had wrapped the identity of another vault.
    const wrong: NewKey = {
      ...key,
      wrap: (_, context) => key.wrap(Buffer.from(`# strongroom\n${other.identity}\n`), context),
    };
    const add = [{ key: wrong, proofs: [await withPassphrase(NEW)] }];
    const refused = changeKeys(await openUnlocked(vault), { add, by });
    await expect(refused).rejects.toMatchObject({ code: 'wrong-slot', exitCode: 13 });
    expect(await digestsOf(vault.store)).toEqual(before);
  });

  it.each<[string, (vault: TestVault) => Promise<NewKey>, string]>([
    ['a name that is taken', async () => passphrase('age'), 'name-taken'],
    ['the reserved name', async () => passphrase('previous'), 'name-taken'],
    ['a name that is none', async () => passphrase('Anna'), 'bad-name'],
    ['a key that is there', async ({ key }) => newRecipientKey('anna', await recipientOf(key)), 'same-key'],
  ])('is refused, with nothing changed: %s', async (_, make, code) => {
    const vault = await makeVault();
    const before = await digestsOf(vault.store);
    const opened = await openUnlocked(vault);
    const add = [{ key: await make(vault), proofs: [] }];
    await expect(changeKeys(opened, { add, by })).rejects.toMatchObject({ code, exitCode: 2 });
    expect(await digestsOf(vault.store)).toEqual(before);
  });

  it('that nobody named takes the first name that is free', async () => {
    const vault = await makeVault();
    const add: Addition[] = [];
    for (let i = 0; i < 3; i++) {
      const key = newRecipientKey('age', await recipientOf(await generateIdentity('x25519')));
      add.push({ key, mayRename: true, proofs: [] });
    }
    add.push({ key: passphrase('age-3'), proofs: [] });
    const changed = await changeKeys(await openUnlocked(vault), { add, by });
    expect(changed.added.map(({ slot }) => slot.name)).toEqual(['age-2', 'age-4', 'age-5', 'age-3']);
    expect(changed.added[0]!.slot.object).toMatch(/^keys\/1\/age-2-\w{10}\.age$/);
  });
});

describe('a removed key', () => {
  it('opens nothing from then on, and what it was is gone', async () => {
    const vault = await makeVault();
    const opened = await openUnlocked(vault);
    const slot = slotOf(opened, 'age');
    await changeKeys(opened, { remove: [slot], by });
    expect(await vault.store.get(slot.object)).toBeNull();
    expect(await opensWith(vault, await withKey(vault.key))).toBe(false);
    expect(await opensWith(vault, await withPassphrase())).toBe(true);
  });

  it('is never the last one', async () => {
    const vault = await makeVault();
    const opened = await openUnlocked(vault);
    const before = await digestsOf(vault.store);
    const { slots } = opened.document;
    await expect(changeKeys(opened, { remove: slots, by })).rejects.toMatchObject({
      code: 'last-key',
      exitCode: 11,
      message: 'passphrase, age are all the keys that the vault has',
    });
    expect(() => refuseLast(slots.slice(1), slots.slice(1))).toThrow('age is the last key of the vault');
    expect(await digestsOf(vault.store)).toEqual(before);
  });
});

describe('another passphrase', () => {
  it('adds one object and one vault document and removes one object, in the place of the old one', async () => {
    const vault = await makeVault();
    const store = watched(vault.store);
    const opened = await openUnlocked(vault, { store });
    store.writes.length = 0;
    const { vault: changed } = await passwd(opened);
    expect(store.writes).toEqual([
      expect.stringMatching(/^create keys\/1\/passphrase-\w{10}\.age$/),
      'create vault/2.json',
      `remove ${slotOf(opened, 'passphrase').object}`,
    ]);
    expect(changed.document.slots.map(({ name }) => name)).toEqual(['passphrase', 'age']);
    expect(await expectSound(vault, PASSPHRASE, NEW)).toEqual([NEW]);
    expect(await namesOf(vault.store, 'keys/')).toEqual(await namedKeys(vault));
  });

  it('asks as much of the store whatever the number of snapshots', async () => {
    const vault = await makeVault();
    const calls = async (): Promise<string[]> => {
      const seen: string[] = [];
      const store = watched(vault.store, ({ verb, name }) => void seen.push(`${verb} ${name.split('/')[0]}`));
      const words = `${NEW} ${seen.length} ${Math.random()}`;
      const opened = await openUnlocked(vault, { store, credential: await withKey(vault.key) });
      await passwd(opened, words);
      return seen;
    };
    const few = await calls();
    // The names are all that could be looked at.
    for (let i = 0; i < 500; i++) {
      await vault.store.create(
        `snapshots/app/2026112${i % 10}T055812Z-${String(i).padStart(6, '0')}.json`,
        Buffer.from('{}'),
      );
    }
    const many = await calls();
    expect(many.filter((call) => /snapshots|data/.test(call))).toEqual([]);
    // One more vault document to read, as there is one more by now.
    expect(many.length).toBe(few.length + 1);
    expect(few.length).toBeLessThan(12);
  });
});

describe('two administrators at once', () => {
  /** Two handles of which neither commits before both are ready to. */
  async function two(vault: TestVault): Promise<UnlockedVault[]> {
    let waiting = 0;
    let go = () => {};
    const both = new Promise<void>((resolve) => {
      go = resolve;
    });
    const gate = async ({ verb, name }: { verb: string; name: string }) => {
      if (verb !== 'create' || name !== 'vault/2.json') return;
      if (++waiting === 2) go();
      await both;
    };
    const open = () => openUnlocked(vault, { store: watched(vault.store, gate) });
    return [await open(), await open()];
  }
  const places: [string, () => Promise<Store | undefined>][] = [
    ['in memory', async () => undefined],
    ['in a directory', async () => await openStore(scratch(), { create: true })],
  ];
  const codesOf = (results: readonly PromiseSettledResult<unknown>[]): string[] =>
    results.map((r) => (r.status === 'fulfilled' ? 'done' : r.reason.code)).sort();

  it.each(places)('who add different keys both do: %s', async (_, make) => {
    const store = await make();
    const vault = await makeVault(store ? { store } : {});
    const words = [`${NEW} one`, `${NEW} two`];
    const opened = await two(vault);
    await Promise.all(
      opened.map((one, i) =>
        changeKeys(one, {
          add: [{ key: passphrase('passphrase', words[i]), mayRename: true, proofs: [] }],
          by,
        }),
      ),
    );
    const { document } = await openLocked(vault);
    expect(document.revision).toBe(3);
    expect(document.slots.map(({ name }) => name)).toEqual([
      'passphrase',
      'age',
      'passphrase-2',
      'passphrase-3',
    ]);
    expect(await expectSound(vault, ...words)).toEqual(words);
    expect(await namesOf(vault.store, 'keys/')).toEqual(await namedKeys(vault));
  });

  it.each(places)('who change one passphrase: one does, the other is told: %s', async (_, make) => {
    const store = await make();
    const vault = await makeVault(store ? { store } : {});
    const words = [`${NEW} one`, `${NEW} two`];
    const opened = await two(vault);
    const results = await Promise.allSettled(opened.map((one, i) => passwd(one, words[i])));
    expect(codesOf(results)).toEqual(['changed-meanwhile', 'done']);
    const won = words[results.findIndex(({ status }) => status === 'fulfilled')]!;
    expect(await expectSound(vault, PASSPHRASE, ...words)).toEqual([won]);
    expect(await namesOf(vault.store, 'keys/')).toEqual(await namedKeys(vault));
  });

  it('who remove a key each do not remove the last one', async () => {
    const vault = await makeVault();
    const opened = await two(vault);
    const names = ['passphrase', 'age'];
    const results = await Promise.allSettled(
      opened.map((one, i) => changeKeys(one, { remove: [slotOf(one, names[i]!)], by })),
    );
    expect(codesOf(results)).toEqual(['done', 'last-key']);
    expect((await openLocked(vault)).document.slots).toHaveLength(1);
  });

  it('who add one key under two names are told that it is one', async () => {
    const vault = await makeVault();
    const recipient = await recipientOf(await generateIdentity('x25519'));
    const results = await Promise.allSettled(
      (await two(vault)).map((one, i) =>
        changeKeys(one, { add: [{ key: newRecipientKey(`anna-${i}`, recipient), proofs: [] }], by }),
      ),
    );
    expect(codesOf(results)).toEqual(['done', 'same-key']);
  });

  it('is told when the keys are not those that were looked at', async () => {
    const vault = await makeVault();
    const [mine, theirs] = [await openUnlocked(vault), await openUnlocked(vault)];
    await changeKeys(theirs, { add: [{ key: passphrase('safe'), proofs: [] }], by });
    const seen = mine.document.slots;
    const add = [{ key: passphrase('office'), proofs: [] }];
    await expect(changeKeys(mine, { add, seen, by })).rejects.toMatchObject({
      code: 'changed-meanwhile',
      object: 'safe',
    });
  });
});

describe('a change after which no key was seen to work', () => {
  it('is refused where that was asked for', async () => {
    const vault = await makeVault();
    const opened = await openUnlocked(vault);
    const [first, second] = opened.document.slots;
    const change = { remove: [first!], tested: [first!], by };
    await expect(changeKeys(opened, change)).rejects.toMatchObject({ code: 'no-tested-key', exitCode: 11 });
    await changeKeys(opened, { ...change, tested: [second!] });
  });
});

describe('whatever call to the store fails', () => {
  type Mode = 'once' | 'reply' | 'for good';
  const unreachable = () => new StoreError('store-unreachable', 'no answer');

  /** Fails at one call: before it takes effect, after it did, or from then on. */
  function failing(store: Store, at: number, mode: Mode, remote: boolean): Store {
    let calls = 0;
    const isOff = (n: number) => (mode === 'for good' ? n >= at : mode === 'once' && n === at);
    const inner = watched(
      store,
      () => {
        if (isOff(calls++)) throw unreachable();
      },
      () => {
        if (mode === 'reply' && calls - 1 === at) throw unreachable();
      },
    );
    return { ...inner, remote };
  }

  it('passwd and add leave a vault that opens with the old passphrase or the new one, and the next change tidies up', async () => {
    const seen = new Set<string>();
    // Every case there is: no change asks the store more than six times.
    const all = (['passwd', 'add'] as const).flatMap((what) =>
      (['once', 'reply', 'for good'] as const).flatMap((mode) =>
        [false, true].flatMap((remote) => [0, 1, 2, 3, 4, 5].map((at) => ({ what, mode, remote, at }))),
      ),
    );
    for (const { what, mode, remote, at } of all) {
      const vault = await makeVault();
      const opened = await openUnlocked(vault);
      const through = { ...opened, store: failing(vault.store, at, mode, remote) };
      const add = [{ key: passphrase('safe'), proofs: [await withPassphrase(NEW)] }];
      const work = what === 'passwd' ? passwd(through) : changeKeys(through, { add, by });
      const result = await work.then(
        () => 'done',
        (error: unknown) => {
          if (!(error instanceof StoreError)) throw error;
          return /not known/.test(error.hint ?? '') ? 'unknown' : 'failed';
        },
      );
      const opening = await expectSound(vault, PASSPHRASE, NEW);
      const isNew = opening.includes(NEW);
      if (result === 'done') expect(isNew).toBe(true);
      if (result === 'failed') expect(isNew).toBe(false);
      if (what === 'add') expect(opening).toContain(PASSPHRASE);
      seen.add(`${result}, ${isNew ? 'new' : 'old'}`);
      const afterwards = await openUnlocked(vault, { credential: await withKey(vault.key) });
      await changeKeys(afterwards, { add: [{ key: passphrase('next'), proofs: [] }], by });
      expect(await namesOf(vault.store, 'keys/')).toEqual(await namedKeys(vault));
    }
    expect([...seen].sort()).toEqual(['done, new', 'failed, old', 'unknown, new', 'unknown, old']);
  });
});
