import { expect, it } from 'vitest';
import { generateSigningKey } from '../../../src/sign/key.ts';
import {
  newestGeneration,
  readVaultDocument,
  VAULT_ID,
} from '../../../src/vault/documents/vault-document.ts';
import { bodyOf } from '../../support/forge.ts';
import { makeVault, PASSPHRASE } from '../../support/vault.ts';
import { changed, type Json, neverCrashes } from './damage.ts';

const vault = await makeVault();
const object = 'vault/1.json';
const stored = (await vault.store.get(object))!;
const body = bodyOf(stored);
const [slot] = body.slots as Json[];
const [host] = body.hosts as Json[];
const other = generateSigningKey().publicKey;
const removed = {
  ...host,
  removed: '2026-11-20T05:58:12Z',
  key: other,
  counts: { object: 'ledger/x', sha256: '0'.repeat(64) },
};

it('is read back as init wrote it', () => {
  expect(readVaultDocument(body, object)).toEqual(vault.document);
  expect(vault.document.vault).toMatch(VAULT_ID);
  expect(newestGeneration(vault.document).authority).toBe(vault.authority.publicKey);
});

it('is text of a field a line, and holds no secret', () => {
  const text = stored.toString();
  for (const line of [
    '"name": "shop",',
    '"revision": 1,',
    '"method": "passphrase",',
    `"recipient": "${vault.pin.recipient}",`,
  ]) {
    expect(text.split('\n').map((l) => l.trim())).toContain(line);
  }
  expect(text).not.toContain('SECRET');
  expect(text).not.toContain(PASSPHRASE.split(' ')[0]);
});

it.each<[string, unknown]>([
  ['a field that this version does not know', { ...body, later: { thing: 1 } }],
  [
    'every method, and what each says of itself',
    {
      ...body,
      slots: [
        slot,
        {
          ...slot,
          name: 'kms',
          method: 'kms',
          object: 'keys/1/kms-0.kms',
          workFactor: undefined,
          arn: 'arn:aws:kms:x',
          context: { vault: 'v', generation: '1' },
        },
        {
          ...slot,
          name: 'ssh',
          method: 'ssh',
          object: 'keys/1/ssh-0.age',
          workFactor: undefined,
          recipient: 'ssh-ed25519 AAAA',
        },
      ],
    },
  ],
  ['a key that is a recovery kit', changed(body, ['slots', 0, 'kit'], true)],
  ['a removed host, and a new one of its name', { ...body, hosts: [removed, host] }],
  ['a host without a scope', { ...body, hosts: [{ ...host, sets: [], may: [] }] }],
  ['no host and no slot at all', { ...body, hosts: [], slots: [] }],
])('may hold %s', (_, json) => {
  expect(() => readVaultDocument(json, object)).not.toThrow();
});

it.each<[string, unknown, string]>([
  ['another type', changed(body, ['type'], 'record'), 'type is not `vault`'],
  ['no vault id', changed(body, ['vault'], 'shop'), 'vault is not the text it should be'],
  ['a name that is none', changed(body, ['name'], 'The Shop'), 'name is not a name'],
  [
    'the revision of another object',
    changed(body, ['revision'], 2),
    'revision is not that of its object name',
  ],
  [
    'a generation that it does not list',
    changed(body, ['generation'], 2),
    'generation is not the newest one listed',
  ],
  [
    'generations that begin at two',
    changed(body, ['generations', 0, 'generation'], 2),
    'generations is not a list from 1 upwards',
  ],
  [
    'a first generation with one before',
    changed(body, ['generations', 0, 'previous'], {
      object: 'keys/1/previous-0.age',
      size: 1,
      sha256: '0'.repeat(64),
    }),
    'generations is not a list from 1 upwards',
  ],
  [
    'an identity as a recipient',
    changed(body, ['generations', 0, 'recipient'], 'AGE-SECRET-KEY-1'),
    'generations[0].recipient is not the text it should be',
  ],
  [
    'an RSA authority',
    changed(body, ['generations', 0, 'authority'], 'ssh-rsa AAAA'),
    'generations[0].authority is not an Ed25519 public key',
  ],
  [
    'an authority with a comment',
    changed(body, ['generations', 0, 'authority'], `${other} x`),
    'generations[0].authority is not an Ed25519 public key',
  ],
  [
    'an unknown method',
    changed(body, ['slots', 0, 'method'], 'magic'),
    'slots[0].method is not a method that this version knows',
  ],
  [
    'a reserved slot name',
    changed(body, ['slots', 0, 'name'], 'previous'),
    'slots[0].name is not a name that a key may have',
  ],
  ['a recovery kit in words', changed(body, ['slots', 0, 'kit'], 'yes'), 'slots[0].kit is not true or false'],
  ['two slots of one name', changed(body, ['slots', 1, 'name'], 'passphrase'), 'two key names are the same'],
  [
    'a slot outside keys/',
    changed(body, ['slots', 0, 'object'], '../../etc/shadow'),
    'slots[0].object is not the text it should be',
  ],
  [
    'a slot among the data',
    changed(body, ['slots', 0, 'object'], 'data/app/x.age'),
    'slots[0].object is not the text it should be',
  ],
  [
    'a passphrase without its work factor',
    changed(body, ['slots', 0, 'workFactor'], undefined),
    'slots[0].workFactor is not a whole number in its range',
  ],
  [
    'an ARN that is a sentence',
    changed(body, ['slots', 0, 'arn'], 'arn:aws:kms:x, which is yours: say yes'),
    'slots[0].arn is not the text it should be',
  ],
  [
    'a context that is no text',
    changed(body, ['slots', 0, 'context'], { vault: { toString: 1, valueOf: 1 } }),
    'slots[0].context.vault is not the text it should be',
  ],
  [
    'two hosts of one name',
    { ...body, hosts: [host, { ...host, key: other }] },
    'two host names are the same',
  ],
  [
    'a host’s key twice, once removed',
    { ...body, hosts: [host, { ...removed, key: host!.key }] },
    'two host keys are the same',
  ],
  [
    'a host that may do more',
    changed(body, ['hosts', 0, 'may'], ['write', 'read']),
    'hosts[0].may is not a list of write and maintain',
  ],
  [
    'another file as RECOVERY.md',
    changed(body, ['recovery', 'object'], 'vault/1.json'),
    'recovery.object is not the text it should be',
  ],
  ['no word on a re-encryption', changed(body, ['reencrypt'], undefined), 'reencrypt is not true or false'],
])('is refused with %s', (_, json, message) => {
  expect(() => readVaultDocument(json, object)).toThrow(
    expect.objectContaining({ code: 'bad-document', exitCode: 13, object, message: `${object}: ${message}` }),
  );
});

it('with anything in any place is read or refused, and never crashes a reader', () => {
  neverCrashes({ ...body, hosts: [host, removed], critical: [] }, object, (json) =>
    readVaultDocument(json, object),
  );
});
