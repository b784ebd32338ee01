import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { generateIdentity, recipientOf } from '../../src/crypt/identity.ts';
import { parseKeysFile } from '../../src/keys/keys-file.ts';
import { ROOT } from '../support/sources.ts';

const identity = await generateIdentity('x25519');
const recipient = await recipientOf(identity);
const hybrid = await recipientOf(await generateIdentity('hybrid'));

const ARNS = [
  'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab',
  'arn:aws:kms:ap-southeast-2:444455556666:key/mrk-1234abcd12ab34cd56ef1234567890ab',
  'arn:aws-cn:kms:cn-north-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab',
  'arn:aws-us-gov:kms:us-gov-west-1:111122223333:alias/backup/shop',
];

describe('a keys file', () => {
  it.each<[string, string, unknown[]]>([
    ['a passphrase', 'passphrase', [{ method: 'passphrase' }]],
    ['an age recipients file', `# me\n${recipient}\n`, [{ method: 'age', recipient }]],
    ['a post-quantum recipient', hybrid, [{ method: 'age', recipient: hybrid }]],
    [
      'several',
      `passphrase\n\n  # two more\n${recipient}\n\t${hybrid} \n`,
      [{ method: 'passphrase' }, { method: 'age', recipient }, { method: 'age', recipient: hybrid }],
    ],
    [
      'Windows line ends',
      `passphrase\r\n${recipient}\r\n`,
      [{ method: 'passphrase' }, { method: 'age', recipient }],
    ],
    [
      'AWS KMS keys of several regions, accounts and partitions, and an alias',
      ARNS.join('\n'),
      ARNS.map((arn) => ({ method: 'kms', arn })),
    ],
  ])('names %s', (_, text, expected) => {
    expect(parseKeysFile(text, 'keys.txt')).toEqual(expected);
  });

  it.each<[string, string, string, string]>([
    ['nothing', '', 'bad-keys-file', 'keys.txt names no way to open the vault'],
    ['only comments', '# passphrase\n', 'bad-keys-file', 'keys.txt names no way to open the vault'],
    [
      'a typing error',
      `${recipient.slice(0, -1)}${recipient.endsWith('q') ? 'p' : 'q'}`,
      'bad-keys-file',
      'keys.txt, line 1: not a valid age recipient',
    ],
    [
      'a passphrase itself',
      'passphrase\ncorrect horse',
      'bad-keys-file',
      'keys.txt, line 2: not a way to open a vault',
    ],
    ['an identity', `\n${identity}`, 'bad-keys-file', 'keys.txt, line 2: a private key does not belong here'],
    [
      'a private key',
      '-----BEGIN OPENSSH PRIVATE KEY-----',
      'bad-keys-file',
      'keys.txt, line 1: a private key does not belong here',
    ],
    [
      'a recipient and more',
      `${recipient} # me`,
      'bad-keys-file',
      'keys.txt, line 1: not a way to open a vault',
    ],
    [
      'an SSH key',
      'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5',
      'not-yet',
      'keys.txt, line 1: SSH keys are not supported by this version',
    ],
    [
      'a KMS key with a slip in its account',
      'arn:aws:kms:eu-west-1:1:key/x',
      'bad-keys-file',
      'keys.txt, line 1: not a valid ARN of an AWS KMS key',
    ],
    [
      'the ARN of something else',
      'arn:aws:iam::111122223333:role/backup',
      'bad-keys-file',
      'keys.txt, line 1: not a way to open a vault',
    ],
  ])('with %s is refused by line, and no line of it is repeated', (_, text, code, message) => {
    expect(() => parseKeysFile(text, 'keys.txt')).toThrow(
      expect.objectContaining({ code, exitCode: 2, message, object: 'keys.txt' }),
    );
    try {
      parseKeysFile(text, 'keys.txt');
    } catch (error) {
      const said = `${(error as Error).message} ${(error as { hint?: string }).hint ?? ''}`;
      for (const line of text.split('\n').filter((l) => l.trim().length > 10 && !l.startsWith('#')))
        expect(said).not.toContain(line);
    }
  });

  it('such as keys.example is one, when its examples are taken for what they are', () => {
    const example = readFileSync(join(ROOT, 'keys.example'), 'utf8');
    const lines = example.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));
    const open = lines.join('\n');
    if (lines.length > 0) expect(parseKeysFile(open, 'keys.example').length).toBeGreaterThan(0);
    expect(example).toMatch(/passphrase/);
    expect(example).toMatch(/age1/);
    expect(example).toMatch(/arn:aws:kms/);
  });
});
