import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { generateIdentity, recipientOf } from '../../src/crypt/identity.ts';
import { parseKeysFile } from '../../src/keys/keys-file.ts';

const identity = await generateIdentity('x25519');
const recipient = await recipientOf(identity);
const hybrid = await recipientOf(await generateIdentity('hybrid'));

const SSH = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHaoKe+gGksqaqSUDuFAvMjTTTJEi4aocMzJL7Wxsn6i';

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
    [
      'SSH keys, with comments and without',
      `${SSH}\n${SSH} bob@laptop\n${SSH}  Bob’s  old one \n`,
      [
        { method: 'ssh', recipient: SSH },
        { method: 'ssh', recipient: SSH, name: 'bob@laptop' },
        { method: 'ssh', recipient: SSH, name: 'Bob’s  old one' },
      ],
    ],
    [
      'keys with names',
      `passphrase break-glass\n${recipient}\talice\n${hybrid} alice.2\r\n${ARNS[0]}   kms-eu\n`,
      [
        { method: 'passphrase', name: 'break-glass' },
        { method: 'age', recipient, name: 'alice' },
        { method: 'age', recipient: hybrid, name: 'alice.2' },
        { method: 'kms', arn: ARNS[0], name: 'kms-eu' },
      ],
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
      'keys.txt, line 1: what follows the key is not a name for it',
    ],
    [
      'the passphrase where its name belongs',
      'passphrase correct horse battery',
      'bad-keys-file',
      'keys.txt, line 1: what follows the key is not a name for it',
    ],
    [
      'one name twice',
      `passphrase alice-the-first\n${recipient} alice-the-first`,
      'bad-keys-file',
      'keys.txt, line 2: its name is that of a line above',
    ],
    [
      'a part of an SSH key',
      'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5',
      'bad-keys-file',
      'keys.txt, line 1: not an SSH public key, or not as it was made',
    ],
    [
      'an SSH key of another type',
      'ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY= me',
      'bad-keys-file',
      'keys.txt, line 1: an ECDSA key can sign, but not decrypt',
    ],
    [
      'an SSH key behind options',
      `no-pty ${SSH}`,
      'bad-keys-file',
      'keys.txt, line 1: not a way to open a vault',
    ],
    [
      'an identity behind a way',
      `passphrase ${identity}`,
      'bad-keys-file',
      'keys.txt, line 1: a private key does not belong here',
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

  it('may hold anything: what is refused is refused by line, and not repeated', () => {
    const begin = fc.constantFrom(
      '',
      'passphrase ',
      `${recipient} `,
      `${SSH}`,
      'ssh-rsa ',
      'age1',
      ARNS[0]!,
      'sk-',
    );
    const rest = fc.oneof(fc.string({ unit: 'grapheme' }), fc.base64String(), fc.constant(` ${identity}`));
    fc.assert(
      fc.property(fc.array(fc.tuple(begin, rest), { minLength: 1, maxLength: 4 }), (lines) => {
        try {
          const found = parseKeysFile(lines.map(([a, b]) => a + b).join('\n'), 'keys.txt');
          for (const { name, method } of found)
            if (name !== undefined && method !== 'ssh') expect(name).toMatch(/^[a-z0-9][a-z0-9._-]{0,62}$/);
        } catch (error) {
          expect(error).toMatchObject({ code: 'bad-keys-file', exitCode: 2, object: 'keys.txt' });
          const said = `${(error as Error).message} ${(error as { hint?: string }).hint ?? ''}`;
          for (const [, text] of lines) if (text.length > 9) expect(said).not.toContain(text);
        }
      }),
      { numRuns: 500 },
    );
  });
});
