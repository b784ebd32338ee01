import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { generateIdentity, recipientOf } from '../../src/crypt/identity.ts';
import { UnlockError } from '../../src/errors.ts';
import { kmsCredential, newKmsKey } from '../../src/keys/kms.ts';
import type { Credential, NewKey } from '../../src/keys/method.ts';
import { newPassphraseKey, passphraseCredential } from '../../src/keys/passphrase.ts';
import { identityFileCredential, newRecipientKey } from '../../src/keys/recipient.ts';
import { memoryStore } from '../../src/store/memory.ts';
import { noMemory } from '../../src/vault/client.ts';
import { initVault } from '../../src/vault/init.ts';
import { unlock } from '../../src/vault/unlock.ts';
import { type Kms, startKms } from '../servers/kms.ts';
import { copyOf, put, putRevision } from '../support/forge.ts';
import { rotateVault } from '../support/rotation.ts';
import {
  client,
  clockAt,
  makeVault,
  newHost,
  openUnlocked,
  PASSPHRASE,
  withKey,
  withPassphrase,
} from '../support/vault.ts';
import { watched } from './stores.ts';

const vault = await makeVault();
const stranger = await generateIdentity('x25519');

/** A passphrase that a person types, counted. */
function asked(answer: string): Credential & { times(): number } {
  let times = 0;
  const ask = async () => {
    times++;
    return answer;
  };
  return { ...passphraseCredential(ask, 22, false), times: () => times };
}

/** Unlocks with these, pinned. */
const unlockWith = (credentials: readonly Credential[], of = vault) =>
  unlock(client(of), { pin: of.pin, credentials: async () => credentials });

describe('with a pin', () => {
  it('the passphrase opens the vault', async () => {
    const open = await openUnlocked(vault);
    expect(open).toMatchObject({ trust: 'pinned', openedBy: 'passphrase', identity: vault.identity });
    expect(open.authority.publicKey).toBe(vault.authority.publicKey);
  });

  it('an age identity opens it', async () => {
    const open = await openUnlocked(vault, { credential: await withKey(vault.key) });
    expect(open).toMatchObject({ openedBy: 'age', identity: vault.identity });
  });

  it('an identity file with several finds the one that opens it', async () => {
    const text = `# mine\n${stranger}\n\n${vault.key}\n`;
    expect(await unlockWith([await identityFileCredential(text, 'keys.txt')])).toMatchObject({
      openedBy: 'age',
    });
  });

  it('the right work factor is allowed; the caller is told that there is a pin', async () => {
    let told: boolean | undefined;
    await unlock(client(vault), {
      pin: vault.pin,
      async credentials(pinned) {
        told = pinned;
        return [await withPassphrase()];
      },
    });
    expect(told).toBe(true);
  });

  it('what asks nobody is tried first, whatever the order: nobody is asked in vain', async () => {
    const person = asked(PASSPHRASE);
    expect(await unlockWith([person, await withKey(vault.key)])).toMatchObject({ openedBy: 'age' });
    expect(person.times()).toBe(0);
    expect(await unlockWith([person, await withKey(stranger)])).toMatchObject({ openedBy: 'passphrase' });
    expect(person.times()).toBe(1);
  });

  it('a passphrase is asked for once, however many slots it is tried on', async () => {
    const store = memoryStore();
    const keys = ['first', 'second', 'third'].map((name) =>
      newPassphraseKey(name, `${name} and more words of it`, 10),
    );
    const context = { store, memory: noMemory(), now: () => new Date('2026-11-20T05:58:12Z') };
    const { pin } = await initVault(context, {
      name: 'shop',
      keys,
      host: { name: 'a', publicKey: newHost('a').key.publicKey },
    });
    const person = asked('third and more words of it');
    expect(await unlock(context, { pin, credentials: async () => [person] })).toMatchObject({
      openedBy: 'third',
    });
    expect(person.times()).toBe(1);
    await expect(unlock(context, { pin, credentials: async () => [asked('fourth')] })).rejects.toMatchObject({
      code: 'no-key-fits',
      message:
        'no key at hand opens the vault shop: the passphrase does not open the key first; the passphrase does not open the key second; the passphrase does not open the key third',
    });
  });
});

describe('what does not open says what was tried, and what would open', () => {
  const hint = expect.stringMatching(
    /^it opens with: passphrase, age \(age1[0-9a-z]{8}…\); give the right one with STRONGROOM_PASSPHRASE_FILE or STRONGROOM_IDENTITY_FILE$/,
  );

  it.each<[string, () => Promise<Credential[]>, string, string]>([
    [
      'a wrong passphrase',
      async () => [await withPassphrase('wrong')],
      'wrong-passphrase',
      'the passphrase does not open the vault shop',
    ],
    [
      'another’s identity',
      async () => [await withKey(stranger)],
      'no-key-fits',
      'no key at hand opens the vault shop: the identity in me.txt is none of its keys',
    ],
    [
      'both',
      async () => [await withKey(stranger), await withPassphrase('wrong')],
      'no-key-fits',
      'no key at hand opens the vault shop: the identity in me.txt is none of its keys; the passphrase does not open the key passphrase',
    ],
    ['nothing', async () => [], 'no-key-fits', 'no key at hand opens the vault shop'],
  ])('%s', async (_, credentials, code, message) => {
    const error = await unlockWith(await credentials()).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({ code, exitCode: 12, message, hint });
    expect(JSON.stringify(error)).not.toMatch(/wrong"|AGE-SECRET/);
  });

  it('names each key by its method where its name says less', async () => {
    const store = memoryStore();
    const context = { store, memory: noMemory(), now: () => new Date('2026-11-20T05:58:12Z') };
    const keys = [
      newRecipientKey('laptop', await recipientOf(vault.key)),
      newPassphraseKey('escrow', PASSPHRASE, 10),
    ];
    const { pin } = await initVault(context, {
      name: 'shop',
      keys,
      host: { name: 'a', publicKey: newHost('a').key.publicKey },
    });
    await expect(unlock(context, { pin, credentials: async () => [] })).rejects.toMatchObject({
      hint: expect.stringMatching(/it opens with: laptop \(age1\w{8}…\), escrow \(passphrase\);/),
    });
  });

  it('where no passphrase can be asked for, that is what is said', async () => {
    const noTerminal = passphraseCredential(
      async () => {
        throw new UnlockError('no-terminal', 'a passphrase is needed', { hint: 'set it' });
      },
      22,
      false,
    );
    await expect(unlockWith([noTerminal])).rejects.toMatchObject({
      code: 'no-terminal',
      exitCode: 12,
      hint: 'set it',
    });
    await expect(unlockWith([await withKey(stranger), noTerminal])).rejects.toMatchObject({
      code: 'no-terminal',
    });
  });

  it('where the source of the passphrase fails, that is what is said, unless something else opens', async () => {
    const failing = passphraseCredential(async () => {
      throw new UnlockError(
        'secret-command',
        'the command in STRONGROOM_PASSPHRASE_COMMAND failed with status 1',
        { hint: 'run it by hand to see why' },
      );
    });
    await expect(unlockWith([failing])).rejects.toMatchObject({
      code: 'secret-command',
      hint: 'run it by hand to see why',
    });
    expect(await unlockWith([failing, await withKey(vault.key)])).toMatchObject({ openedBy: 'age' });
  });

  it('what was tampered with is said before what was mistyped, and does not stop another key', async () => {
    const copy = await copyOf(vault);
    const slot = vault.document.slots.find((s) => s.method === 'age')!;
    await put(copy.store, slot.object, 'replaced');
    await expect(
      unlockWith([await withKey(vault.key), await withPassphrase('wrong')], copy),
    ).rejects.toMatchObject({
      code: 'slot-differs',
      exitCode: 13,
      object: slot.object,
    });
    expect(await unlockWith([await withKey(vault.key), await withPassphrase()], copy)).toMatchObject({
      openedBy: 'passphrase',
    });
  });

  it('what is no matter of keys stops at once', async () => {
    const broken = passphraseCredential(async () => {
      throw new TypeError('a bug');
    });
    await expect(unlockWith([broken, await withKey(vault.key)])).rejects.toThrow('a bug');
  });
});

describe('without a pin', () => {
  it('the passphrase proves the vault, which is remembered from then on', async () => {
    const memory = noMemory();
    let told: boolean | undefined;
    const credentials = async (pinned: boolean) => {
      told = pinned;
      return [await withPassphrase(PASSPHRASE, 20)];
    };
    const open = await unlock(client(vault, memory), { credentials });
    expect(open).toMatchObject({ trust: 'pinned', openedBy: 'passphrase' });
    expect(told).toBe(false);
    expect(await memory.pinFor('memory:')).toEqual(vault.pin);
    expect((await memory.vault(vault.pin.vault)).revision).toBe(1);
    await unlock(client(vault, memory), { credentials });
    expect(told).toBe(true);
  });

  it('an age identity proves nothing, so somebody is asked, with the fingerprint to compare', async () => {
    const memory = noMemory();
    let question = '';
    const options = { credentials: async () => [await withKey(vault.key)] };
    await expect(unlock(client(vault, memory), options)).rejects.toMatchObject({
      code: 'not-trusted',
      exitCode: 12,
      message: 'nothing vouches for the vault at memory:',
      hint: expect.stringContaining(vault.pin.authority),
    });
    expect(await memory.pinFor('memory:')).toBeUndefined();
    const confirm = async (text: string) => {
      question = text;
      return true;
    };
    expect(await unlock(client(vault, memory), { ...options, confirm })).toMatchObject({ openedBy: 'age' });
    expect(question).toContain(
      `the identity in me.txt opens a vault with fingerprint ${vault.pin.authority}`,
    );
    expect(await memory.pinFor('memory:')).toEqual(vault.pin);
  });

  it('what proves the vault is tried before what does not, in either order', async () => {
    const [key, pass] = [await withKey(vault.key), await withPassphrase(PASSPHRASE, 20)];
    for (const given of [
      [key, pass],
      [pass, key],
    ]) {
      expect(await unlock(client(vault), { credentials: async () => given })).toMatchObject({
        openedBy: 'passphrase',
      });
    }
    const person = asked(PASSPHRASE);
    await expect(unlock(client(vault), { credentials: async () => [person, key] })).rejects.toMatchObject({
      code: 'not-trusted',
    });
    expect(person.times()).toBe(0);
  });

  it('where nothing vouches, the hint names every way on, ready to paste', async () => {
    const { authority } = vault.pin;
    await expect(
      unlock(client(vault), { credentials: async () => [await withKey(vault.key)] }),
    ).rejects.toMatchObject({
      hint: `compare ${authority} with the fingerprint that init printed; if it is the same, run \`strongroom trust ${authority} --location memory:\`; or read it with --trust-new, which believes it unseen; or give the passphrase, which proves the vault (STRONGROOM_PASSPHRASE_FILE)`,
    });
  });

  it('of two vaults in one place the one is meant that the passphrase opens', async () => {
    const copy = await copyOf(vault);
    const other = await makeVault({ name: 'other' });
    await putRevision({ ...copy, document: other.document }, () => ({}), other.authority);
    // Its slots are not even there.
    const open = await openUnlocked(copy, { pin: null });
    expect(open.document.name).toBe('shop');
  });

  it('where two open, nothing is opened', async () => {
    const clock = clockAt();
    const store = memoryStore();
    const [one, two] = [await makeVault({ clock }), await makeVault({ clock, name: 'other' })];
    for (const [from, revision] of [
      [one, 1],
      [two, 2],
    ] as const) {
      const object = `vault/${revision}.json`;
      for await (const { name } of from.store.list('keys/'))
        await store.create(name, (await from.store.get(name))!);
      await putRevision({ ...from, store, document: { ...from.document, revision: revision - 1 } }, () => ({
        object,
      }));
    }
    await expect(openUnlocked({ ...one, store }, { pin: null })).rejects.toMatchObject({
      code: 'several-vaults',
      exitCode: 13,
      message: expect.stringContaining(two.pin.authority),
    });
  });

  it('a wrong passphrase is one, and nothing is remembered', async () => {
    const memory = noMemory();
    await expect(
      openUnlocked(vault, { pin: null, memory, credential: await withPassphrase('wrong') }),
    ).rejects.toMatchObject({
      code: 'wrong-passphrase',
    });
    expect(await memory.pinFor('memory:')).toBeUndefined();
  });
});

describe('an AWS KMS key', () => {
  let kms: Kms;
  beforeAll(async () => {
    kms = await startKms();
  });
  afterEach(() => kms.interfere(undefined));
  afterAll(() => kms.close());

  const options = () => ({ endpoint: kms.endpoint, credentials: kms.credentials });
  const named = (arn: string) => kmsCredential({ named: [arn] }, options());
  const offered = (...except: string[]) => kmsCredential({ except }, options());

  /** A vault that opens with this KMS key, and with others if given. */
  async function vaultWith(arn: string, ...keys: NewKey[]) {
    const place = { store: memoryStore(), clock: clockAt() };
    const made = await initVault(client(place), {
      name: 'shop',
      keys: [newKmsKey('kms', arn, options()), ...keys],
      host: { name: 'a', publicKey: newHost('a').key.publicKey },
    });
    kms.calls.length = 0;
    return { ...made, context: client(place) };
  }

  it('opens a pinned vault, whoever named the key', async () => {
    const arn = kms.createKey();
    const { context, pin } = await vaultWith(arn);
    for (const credential of [named(arn), offered()]) {
      expect(await unlock(context, { pin, credentials: async () => [credential] })).toMatchObject({
        openedBy: 'kms',
      });
    }
  });

  it('is tried after what asks nobody, and before a person is asked', async () => {
    const arn = kms.createKey();
    const { context, pin } = await vaultWith(
      arn,
      newPassphraseKey('passphrase', PASSPHRASE, 10),
      newRecipientKey('age', await recipientOf(vault.key)),
    );
    const person = asked(PASSPHRASE);
    const unlockBy = (...credentials: Credential[]) =>
      unlock(context, { pin, credentials: async () => credentials });
    expect(await unlockBy(person, offered(), await withKey(vault.key))).toMatchObject({ openedBy: 'age' });
    expect(kms.calls).toEqual([]);
    expect(await unlockBy(person, offered(), await withKey(stranger))).toMatchObject({ openedBy: 'kms' });
    expect(person.times()).toBe(0);
    kms.setState(arn, 'Disabled');
    expect(await unlockBy(person, offered(), await withKey(stranger))).toMatchObject({
      openedBy: 'passphrase',
    });
  });

  it('that fails alone is what is said, with the other keys of the vault', async () => {
    const arn = kms.createKey();
    const { context, pin, document } = await vaultWith(arn, newPassphraseKey('passphrase', PASSPHRASE, 10));
    kms.setState(arn, 'Disabled');
    const nobody = passphraseCredential(
      async () => {
        throw new UnlockError('no-terminal', 'a passphrase is needed');
      },
      22,
      false,
    );
    for (const credentials of [[offered()], [offered(), nobody]]) {
      await expect(unlock(context, { pin, credentials: async () => credentials })).rejects.toMatchObject({
        code: 'kms-disabled',
        exitCode: 12,
        message: `kms:Decrypt of ${document.slots[0]!.object} with ${arn} failed: the key is disabled`,
        hint: `enable it: \`aws kms enable-key --region eu-central-1 --key-id ${arn}\`; or it also opens with: passphrase; give the right one with STRONGROOM_PASSPHRASE_FILE`,
      });
    }
  });

  it('that fails beside others is said with each of them, and why', async () => {
    const [one, two] = [kms.createKey(), kms.createKey({ region: 'us-east-1', account: '444455556666' })];
    const { context, pin, document } = await vaultWith(
      one,
      newKmsKey('kms-2', two, options()),
      newPassphraseKey('passphrase', PASSPHRASE, 10),
    );
    kms.setState(one, 'PendingDeletion');
    kms.setState(two, 'Disabled');
    const credentials = async () => [await withKey(stranger), await withPassphrase('wrong'), offered()];
    await expect(unlock(context, { pin, credentials })).rejects.toMatchObject({
      code: 'no-key-fits',
      exitCode: 12,
      message: [
        'no key at hand opens the vault shop: the identity in me.txt is none of its keys',
        'the passphrase does not open the key passphrase',
        `kms:Decrypt of ${document.slots[0]!.object} with ${one} failed: the key is about to be deleted`,
        `kms:Decrypt of ${document.slots[1]!.object} with ${two} failed: the key is disabled`,
      ].join('; '),
      hint: expect.stringMatching(
        /^keep it, while there is time: .*; enable it: .*; it opens with: kms \(arn:.*\), kms-2 \(arn:.*\), passphrase; give the right one with STRONGROOM_PASSPHRASE_FILE or AWS credentials that may use its KMS key$/,
      ),
    });
  });

  it('whose stored ciphertext was replaced is not even asked', async () => {
    const arn = kms.createKey();
    const { context, pin, document } = await vaultWith(arn);
    const { bytes } = await newKmsKey('kms', arn, options()).wrap(Buffer.from('x'), {
      vault: pin.vault,
      generation: 1,
    });
    kms.calls.length = 0;
    await put(context.store, document.slots[0]!.object, bytes);
    await expect(unlock(context, { pin, credentials: async () => [offered()] })).rejects.toMatchObject({
      code: 'slot-differs',
      exitCode: 13,
    });
    expect(kms.calls).toEqual([]);
  });

  describe('of a vault without a pin', () => {
    it('proves it when the user named the key, and is then tried before what proves nothing', async () => {
      const arn = kms.createKey();
      const { context, pin } = await vaultWith(arn, newRecipientKey('age', await recipientOf(vault.key)));
      const credentials = async () => [await withKey(vault.key), offered(arn), named(arn)];
      expect(await unlock(context, { credentials })).toMatchObject({ openedBy: 'kms', trust: 'pinned' });
      expect(await context.memory.pinFor('memory:')).toEqual(pin);
    });

    it('is not asked when only the vault names it and nobody agrees', async () => {
      const arn = kms.createKey({ account: '999999999999' });
      const { context, pin } = await vaultWith(arn);
      const mine = kms.createKey();
      const credentials = async () => [named(mine), offered(mine)];
      for (const more of [{}, { confirm: async () => false }]) {
        await expect(unlock(context, { credentials, ...more })).rejects.toMatchObject({
          code: 'not-trusted',
          exitCode: 12,
          message: `nothing vouches for the vault at memory:, nor for the AWS KMS key ${arn}, which was not asked`,
          hint: `compare ${pin.authority} with the fingerprint that init printed; if it is the same, run \`strongroom trust ${pin.authority} --location memory:\`; or read it with --trust-new, which believes it unseen; or name its KMS key, if it is yours, which proves the vault (STRONGROOM_KMS_KEYS)`,
        });
      }
      expect(kms.calls).toEqual([]);
      expect(await context.memory.pinFor('memory:')).toBeUndefined();
    });

    it('is asked after one question, which names key and fingerprint', async () => {
      const arn = kms.createKey();
      const { context, pin } = await vaultWith(arn);
      const questions: [string, string | undefined][] = [];
      const confirm = async (question: string, service?: string) => {
        expect(kms.calls).toEqual([]);
        questions.push([question, service]);
        return true;
      };
      const credentials = async () => [offered()];
      expect(await unlock(context, { credentials, confirm })).toMatchObject({ openedBy: 'kms' });
      expect(questions).toEqual([
        [
          `memory: holds a vault with fingerprint ${pin.authority} that names the AWS KMS key ${arn}, but anybody who can write there could have made it. Is that the fingerprint that init printed?`,
          arn,
        ],
      ]);
    });

    it('does not hinder another key that proves the vault', async () => {
      const { context } = await vaultWith(kms.createKey(), newPassphraseKey('passphrase', PASSPHRASE, 10));
      const confirm = async () => false;
      const credentials = async () => [offered(), asked(PASSPHRASE)];
      expect(await unlock(context, { credentials, confirm })).toMatchObject({ openedBy: 'passphrase' });
      expect(kms.calls).toEqual([]);
    });
  });
});

describe('a vault whose keys are replaced while it is being opened', () => {
  it('opens with the new ones, and raises no alarm', async () => {
    const busy = await makeVault();
    let rotations = 0;
    const store = watched(busy.store, async ({ verb, name }) => {
      if (verb !== 'get' || !name.startsWith('keys/') || rotations === 2) return;
      rotations++;
      await rotateVault(busy, await openUnlocked(busy), { reencrypt: false });
    });
    const opened = await openUnlocked(busy, { store });
    expect([rotations, opened.document.generation]).toEqual([2, 3]);
  });

  it('does not open when its keys are gone and no newer document says why', async () => {
    const robbed = await copyOf(vault);
    const names: string[] = [];
    for await (const { name } of robbed.store.list('keys/')) names.push(name);
    await robbed.store.remove(names);
    await expect(openUnlocked(robbed)).rejects.toMatchObject({ code: 'missing-slot', exitCode: 13 });
  });
});
