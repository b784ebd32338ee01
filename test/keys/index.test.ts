import { expect, it } from 'vitest';
import { generateIdentity, recipientOf } from '../../src/crypt/identity.ts';
import { methods } from '../../src/keys/index.ts';

it('the list of methods makes every key and every credential that there is', async () => {
  const identity = await generateIdentity('x25519');
  const recipient = await recipientOf(identity);
  expect(await methods.newPassphrase('p', 'x')).toMatchObject({ method: 'passphrase', name: 'p' });
  expect(await methods.newRecipient('a', recipient)).toMatchObject({ method: 'age', name: 'a' });
  expect(await methods.passphrase(async () => 'x', false, false)).toMatchObject({
    asks: 'person',
    authenticates: true,
  });
  const ask = async () => 'x';
  expect(await methods.identities(identity, 'me.txt', ask, false)).toMatchObject({
    description: 'the identity in me.txt',
    asks: 'nobody',
    authenticates: false,
  });
  const arn = 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab';
  expect(await methods.newKms('k', arn)).toMatchObject({ method: 'kms', extension: 'kms', name: 'k' });
  expect(await methods.kms({ named: [arn] })).toMatchObject({ asks: 'service', authenticates: true });
  expect(await methods.keysFile('passphrase', 'keys.txt')).toEqual([{ method: 'passphrase' }]);
});

it('it knows a weak passphrase, and makes a strong one', async () => {
  expect(await methods.weaknessOf('secret')).toEqual(expect.any(String));
  const made = await methods.generatePassphrase();
  expect(await methods.weaknessOf(made)).toBeUndefined();
  expect(made.split(/[ -]/).length).toBeGreaterThanOrEqual(5);
});
