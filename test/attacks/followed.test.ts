// A client that knows only the key before a rotation, and whoever held that key: what a rotation of his own gets out of it.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Context } from '../../src/commands/context.ts';
import { openingKeys } from '../../src/commands/doctor/vault.ts';
import { takeUpListed } from '../../src/commands/hosts/take-up.ts';
import { allCredentials } from '../../src/commands/keys/trials.ts';
import { StrongroomError } from '../../src/errors.ts';
import { readSigningKey } from '../../src/host/signing-key.ts';
import { methods } from '../../src/keys/index.ts';
import type { Credential } from '../../src/keys/method.ts';
import { formatPrivateKey } from '../../src/sign/openssh.ts';
import { backup } from '../../src/vault/backup/backup.ts';
import { type ClientMemory, noMemory } from '../../src/vault/client.ts';
import type { Slot } from '../../src/vault/documents/vault-document.ts';
import { referenceTo } from '../../src/vault/named-object.ts';
import { pinOf } from '../../src/vault/pin.ts';
import { readCandidates } from '../../src/vault/trust.ts';
import { unlock } from '../../src/vault/unlock.ts';
import { isOfPin } from '../../src/vault/vault.ts';
import { put, sign } from '../support/forge.ts';
import { rotateVault } from '../support/rotation.ts';
import { rotation } from '../support/thief.ts';
import {
  client,
  makeVault,
  newHost,
  openLocked,
  openUnlocked,
  PASSPHRASE,
  scratch,
  type TestVault,
  tick,
  withKey,
} from '../support/vault.ts';

const ARN = 'arn:aws:kms:eu-west-1:666666666666:key/11111111-2222-3333-4444-555555555555';

/** The thief's rotation in place of the real one, with a KMS key of his. */
async function withHisKmsKey(old: TestVault): Promise<void> {
  const { document, authority } = await rotation(old, newHost('evil'), { revision: 2 });
  const bytes = Buffer.from([1, 2, 3]);
  const object = 'keys/2/kms-0123456789.kms';
  const slot: Slot = {
    name: 'kms',
    method: 'kms',
    ...referenceTo(object, bytes),
    added: document.time,
    by: 'x',
    arn: ARN,
    context: { vault: document.vault, generation: '2' },
  };
  await put(old.store, object, bytes);
  await put(
    old.store,
    document.object,
    sign({ ...document, slots: [slot] }, 'vault', authority, old.authority),
  );
}

it('sends nothing to a KMS key that only his rotation names, before it is said which', async () => {
  const old = await makeVault();
  await withHisKmsKey(old);
  const asked: string[] = [];
  const questions: string[] = [];
  const kms: Credential = {
    description: 'the AWS KMS key that the vault names',
    asks: 'service',
    authenticates: false,
    fits: (slot) => slot.method === 'kms',
    async unwrap(_, slot) {
      asked.push(slot.arn ?? '');
      return null;
    },
  };
  const opening = unlock(client(old), {
    pin: old.pin,
    credentials: async (pinned) => {
      // Nor is as much work done for him as for a vault that is known.
      expect(pinned).toBe(false);
      return [kms];
    },
    async confirm(question) {
      questions.push(question);
      return false;
    },
  });
  await expect(opening).rejects.toMatchObject({ code: expect.stringMatching(/not-trusted|no-key-fits/) });
  expect(asked).toEqual([]);
  expect(questions).toEqual([expect.stringContaining(ARN)]);
  expect(questions[0]).toContain('or held an older key');
});

it('is not a vault that is known, whatever is tried on it', async () => {
  const old = await makeVault();
  await withHisKmsKey(old);
  expect(await isOfPin(await openLocked(old))).toBe(false);
  const real = await makeVault();
  expect(await isOfPin(await openLocked(real))).toBe(true);
  const memory = noMemory();
  const rotated = await rotateVault(real, await openUnlocked(real, { memory }));
  // Whoever rotated knows it again, also where the settings still hold the old pin.
  expect(await isOfPin(await openLocked(real, { memory }))).toBe(true);
  expect(await isOfPin(await openLocked(real))).toBe(false);
  expect(await isOfPin(rotated.vault)).toBe(true);
  // And nothing is asked for it, least of all a KMS key that only it names.
  const context = commandContext();
  const offered = async (isKnown: boolean) =>
    (await allCredentials(context, isKnown)).map((c) => [c.asks, c.authenticates]);
  expect(await offered(true)).toContainEqual(['service', false]);
  expect(await offered(false)).not.toContainEqual(['service', false]);
});

it('does not stop backing up when he shows a second rotation: they go to the key of the pin, and it is said', async () => {
  const old = await makeVault();
  await rotateVault(old, await openUnlocked(old));
  await rotation(old, newHost('evil'), { revision: 3 });
  await expect(openLocked(old)).rejects.toMatchObject({ code: 'two-successors' });
  tick(old.clock);
  const sources = { memory: { '.env': 'A=1\n' } };
  const made = await backup(client(old), { set: 'app', sources, host: old.host, pin: old.pin });
  expect(made.complete).toBe(true);
  expect(made.problems.map((p) => p.kind)).toEqual(['two-successors']);
  const { candidates } = await readCandidates(old.store);
  const real = candidates.find((c) => c.document.revision === 2)!.document;
  const opened = await openUnlocked(old, {
    pin: pinOf(real),
  });
  expect((await opened.proven(1)).identity).toBe(old.identity);
});

it('has nobody ask by `doctor` how his KMS key is, nor a machine change its signing key on his word', async () => {
  const old = await makeVault();
  const key = newHost('web-1').key;
  await withHisKmsKey(old);
  const vault = await openLocked(old);
  expect((await openingKeys(commandContext(), vault)).map((k) => [k.arn, k.isVouchedFor])).toEqual([
    [ARN, false],
  ]);
  const directory = scratch();
  const signingKeyPath = join(directory, 'host-key');
  await writeFile(signingKeyPath, formatPrivateKey(old.host.key, 'web-1'), { mode: 0o600 });
  await writeFile(`${signingKeyPath}.new`, formatPrivateKey(key, 'web-1'), { mode: 0o600 });
  const hosts = [{ ...vault.document.hosts[0]!, key: key.publicKey }];
  const listed = { ...vault, document: { ...vault.document, hosts } };
  const machine = { hostName: 'web-1', signingKeyPath };
  const context = { ...commandContext(), world: async () => machine, notice: () => {} } as unknown as Context;
  await takeUpListed(context, listed);
  expect((await readSigningKey(signingKeyPath))!.publicKey).toBe(old.host.key.publicKey);
  // As it does where the pin says whose vault it is.
  await takeUpListed(context, { ...listed, pin: pinOf(vault.document) });
  expect((await readSigningKey(signingKeyPath))!.publicKey).toBe(key.publicKey);
});

/** A person with nothing in the environment, as far as credentials are asked for. */
function commandContext(): Context {
  const secrets = {
    identities: async () => [],
    passphrase: async () => PASSPHRASE,
    passphraseGiven: false,
    signingKey: async () => undefined,
  };
  const parts = { env: {}, secrets, settings: async () => ({}), world: async () => ({ methods }) };
  return parts as unknown as Context;
}

/** A memory whose disk is full. */
function fullDisk(): ClientMemory {
  const full = async () => {
    throw new StrongroomError('state-unusable', 'no space left');
  };
  return { ...noMemory(), rememberPin: full, update: full };
}

it('a rotation on a machine that can remember nothing stands, and says its pin', async () => {
  const vault = await makeVault();
  const memory = fullDisk();
  const opened = await openUnlocked(vault, { memory });
  const { pin, isRemembered } = await rotateVault(vault, opened);
  expect([pin.generation, isRemembered]).toEqual([2, false]);
  const again = await openUnlocked(vault, { pin, memory, credential: await withKey(vault.key) });
  expect(again.isProven).toBe(true);
  // A fresh machine with a read-only disk may restore all the same.
  expect((await openUnlocked(vault, { pin: null, memory })).isProven).toBe(true);
});
