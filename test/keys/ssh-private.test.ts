// Private key files as ssh-keygen and openssl write them, and everything that is wrong with others.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { StrongroomError } from '../../src/errors.ts';
import { readSshPrivateKey } from '../../src/keys/ssh-private.ts';
import { parseSshLine } from '../../src/keys/ssh-public.ts';
import { readKeyBlock, readKeyFile, readLines } from '../../src/sign/openssh.ts';
import { armor, wireString, wireUint32 } from '../../src/sign/wire.ts';
import { makeKey, sshKeygen, workspace } from '../sign/ssh-keygen.ts';

const directory = workspace();
const LABEL = 'OPENSSH PRIVATE KEY';
const PASSPHRASE = 'correct horse bättery';
const TYPES = [
  ['ed25519', ['-t', 'ed25519']],
  ['rsa', ['-t', 'rsa', '-b', '2048']],
] as const;
type Made = ReturnType<typeof makeKey>;
const keys = new Map<string, Made>();

beforeAll(() => {
  for (const [name, args] of TYPES) {
    keys.set(name, makeKey(directory, name, [...args]));
    keys.set(`${name} encrypted`, makeKey(directory, `${name}-encrypted`, [...args], PASSPHRASE));
    keys.set(`${name} other`, makeKey(directory, `${name}-other`, [...args]));
  }
});

const fileKey = Buffer.from('YELLOW SUBMARINE');
const blobOf = (text: string): Buffer => readLines(readKeyBlock(text)!.lines)!;
const lineOf = ({ publicLine }: Made): string => publicLine.split(' ').slice(0, 2).join(' ');

/** Whether the private key opens what is encrypted to the public one. */
async function opens(text: string, publicLine: string, passphrase = ''): Promise<boolean> {
  const identity = await readSshPrivateKey(text, 'the key').open(passphrase);
  const stanzas = await parseSshLine(publicLine).recipient.wrapFileKey(fileKey);
  return fileKey.equals((await identity.unwrapFileKey(stanzas)) ?? Buffer.alloc(0));
}

/** Has ssh-keygen write a copy of a key anew. */
function rewritten(key: Made, name: string, from: string, args: string[]): string {
  const path = join(directory, name);
  execFileSync('cp', ['-p', key.path, path]);
  sshKeygen(['-q', '-p', '-a', '1', '-P', from, '-f', path, ...args]);
  return readFileSync(path, 'utf8');
}

async function refusal(text: string, passphrase = PASSPHRASE) {
  try {
    await readSshPrivateKey(text, 'the key').open(passphrase);
  } catch (error) {
    if (!(error instanceof StrongroomError)) throw error;
    expect(error.object).toBe('the key');
    expect(error.cause).toBeUndefined();
    const { code, message, hint, exitCode } = error;
    return { code, message, hint, exitCode };
  }
  return 'opened';
}

describe.each(TYPES)('an SSH private key, %s', (name) => {
  it('of ssh-keygen opens what is encrypted to its public half, which is in it', async () => {
    const key = keys.get(name)!;
    expect(readSshPrivateKey(key.text, 'the key')).toMatchObject({ line: lineOf(key), isEncrypted: false });
    expect(await opens(key.text, key.publicLine)).toBe(true);
    expect(await opens(key.text, keys.get(`${name} other`)!.publicLine)).toBe(false);
    expect(await opens(key.text.replace(/\n/g, '\r\n').trim(), key.publicLine)).toBe(true);
  });

  it('with a passphrase shows its public half without, and opens with it alone', async () => {
    const key = keys.get(`${name} encrypted`)!;
    expect(readSshPrivateKey(key.text, 'the key')).toMatchObject({ line: lineOf(key), isEncrypted: true });
    expect(await opens(key.text, key.publicLine, PASSPHRASE)).toBe(true);
    for (const wrong of ['', 'hunter2', `${PASSPHRASE} `]) {
      expect(await refusal(key.text, wrong)).toEqual({
        code: 'wrong-ssh-passphrase',
        exitCode: 12,
        message: 'the passphrase does not open the SSH key the key',
        hint: expect.stringContaining('not of the vault'),
      });
    }
  });

  it('in PEM opens too, but not an encrypted one, of which it is said how to convert it', async () => {
    const key = keys.get(name)!;
    const path = join(directory, `${name}-pem`);
    if (name === 'rsa') {
      const pem = rewritten(key, 'rsa-pem', '', ['-N', '', '-m', 'PEM']);
      expect(pem).toMatch(/^-----BEGIN RSA PRIVATE KEY-----/);
      expect(await opens(pem, key.publicLine)).toBe(true);
      const encrypted = rewritten(key, 'rsa-pem-encrypted', '', ['-N', PASSPHRASE, '-m', 'PEM']);
      expect(encrypted).toContain('Proc-Type');
      expect(await refusal(encrypted)).toMatchObject({
        code: 'bad-ssh-key',
        message: 'the key is an encrypted key in the old PEM format',
        hint: expect.stringMatching(/^ssh-keygen -p -f FILE/),
      });
      // The advice is good.
      sshKeygen([
        '-q',
        '-p',
        '-a',
        '1',
        '-P',
        PASSPHRASE,
        '-N',
        PASSPHRASE,
        '-f',
        join(directory, 'rsa-pem-encrypted'),
      ]);
      const converted = readFileSync(join(directory, 'rsa-pem-encrypted'), 'utf8');
      expect(await opens(converted, key.publicLine, PASSPHRASE)).toBe(true);
    }
    const kind =
      name === 'rsa' ? ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'] : ['-algorithm', 'ED25519'];
    execFileSync('openssl', ['genpkey', ...kind, '-out', path], { stdio: 'pipe' });
    const pkcs8 = readFileSync(path, 'utf8');
    const { line } = readSshPrivateKey(pkcs8, 'the key');
    expect(await opens(pkcs8, line)).toBe(true);
    const locked = execFileSync('openssl', ['pkcs8', '-topk8', '-in', path, '-passout', 'pass:x'], {
      stdio: 'pipe',
    });
    expect(await refusal(locked.toString())).toMatchObject({
      message: 'the key is an encrypted key in the old PEM format',
    });
  });

  it('with halves that do not belong together is refused, wherever they were joined', async () => {
    const [mine, other] = [keys.get(name)!, keys.get(`${name} other`)!];
    const [a, b] = [readKeyFile(blobOf(mine.text))!, readKeyFile(blobOf(other.text))!];
    const half = (publicBlob: Buffer, secret: Buffer) =>
      armor(
        LABEL,
        Buffer.concat([
          Buffer.from('openssh-key-v1\0'),
          wireString('none'),
          wireString('none'),
          wireString(''),
          wireUint32(1),
          wireString(publicBlob),
          wireString(secret),
        ]),
      );
    expect(await refusal(half(a.publicBlob, a.secret))).toBe('opened');
    expect(await refusal(half(b.publicBlob, a.secret))).toMatchObject({ code: 'bad-ssh-key' });
    // The secret numbers of one behind the public numbers of the other.
    const size = name === 'rsa' ? 8 + 11 + 4 + 257 + 4 + 3 : 8 + 15 + 36 + 4;
    const spliced = Buffer.concat([a.secret.subarray(0, size), b.secret.subarray(size)]);
    const end = size + (name === 'rsa' ? 0 : 32);
    if (name === 'ed25519') a.secret.copy(spliced, end, end, end + 32);
    expect(await refusal(half(a.publicBlob, spliced))).toMatchObject({ code: 'bad-ssh-key' });
  });

  it('that is damaged or cut anywhere opens the same or is refused, and is never quoted', async () => {
    const { text, publicLine } = keys.get(name)!;
    const blob = blobOf(text);
    const secret = blob.subarray(-150, -30).toString('base64').slice(4, 40);
    const damage = fc.tuple(fc.nat(blob.length - 1), fc.integer({ min: 1, max: 255 }), fc.boolean());
    await fc.assert(
      fc.asyncProperty(damage, async ([at, mask, isCut]) => {
        const damaged = Buffer.from(blob.subarray(0, isCut ? at : undefined));
        if (!isCut) damaged[at]! ^= mask;
        const changed = armor(LABEL, damaged);
        const result = await refusal(changed, '');
        if (result === 'opened') expect(await opens(changed, publicLine)).toBe(true);
        else {
          expect(['bad-ssh-key', 'wrong-ssh-passphrase']).toContain(result.code);
          expect(`${result.message} ${result.hint}`).not.toContain(secret);
        }
      }),
      { numRuns: name === 'rsa' ? 60 : 150 },
    );
  });
});

describe('the passphrase of an SSH key', () => {
  it.each([
    'aes128-ctr',
    'aes192-ctr',
    'aes256-ctr',
    'aes128-cbc',
    'aes192-cbc',
    'aes256-cbc',
    'aes128-gcm@openssh.com',
    'aes256-gcm@openssh.com',
  ])('opens it through %s', async (cipher) => {
    const key = keys.get('ed25519')!;
    const text = rewritten(key, cipher, '', ['-N', PASSPHRASE, '-Z', cipher]);
    expect(readKeyFile(blobOf(text))!.cipher).toBe(cipher);
    expect(await opens(text, key.publicLine, PASSPHRASE)).toBe(true);
    expect(await refusal(text, 'hunter2')).toMatchObject({ code: 'wrong-ssh-passphrase' });
  });

  it.each(['chacha20-poly1305@openssh.com', '3des-cbc'])(
    'is not asked for where it is %s',
    async (cipher) => {
      const text = rewritten(keys.get('ed25519')!, cipher, '', ['-N', PASSPHRASE, '-Z', cipher]);
      expect(() => readSshPrivateKey(text, 'the key')).toThrow(
        expect.objectContaining({
          code: 'bad-ssh-key',
          message: 'the key is encrypted in a way that is not supported',
          hint: 'ssh-keygen -p -Z aes256-ctr -f FILE writes it anew',
        }),
      );
    },
  );

  /** An encrypted key with another account of how it is encrypted. */
  function encrypted(
    change: Partial<Record<'cipher' | 'kdf' | 'options' | 'secret' | 'tag', Buffer | string>>,
  ) {
    const file = readKeyFile(blobOf(keys.get('ed25519 encrypted')!.text))!;
    return armor(
      LABEL,
      Buffer.concat([
        Buffer.from('openssh-key-v1\0'),
        wireString(change.cipher ?? file.cipher),
        wireString(change.kdf ?? file.kdf),
        wireString(change.options ?? file.kdfOptions),
        wireUint32(1),
        wireString(file.publicBlob),
        wireString(change.secret ?? file.secret),
        Buffer.from(change.tag ?? ''),
      ]),
    );
  }
  const options = (salt: Buffer, rounds: number) => Buffer.concat([wireString(salt), wireUint32(rounds)]);
  const salt = Buffer.alloc(16, 7);

  it.each<[string, () => string, string]>([
    ['too much work', () => encrypted({ options: options(salt, 1025) }), 'takes more than 1024 rounds'],
    [
      'work for ever',
      () => encrypted({ options: options(salt, 2 ** 32 - 1) }),
      'takes more than 1024 rounds',
    ],
    ['no work', () => encrypted({ options: options(salt, 0) }), 'is not a sound SSH private key'],
    ['no salt', () => encrypted({ options: options(Buffer.alloc(0), 1) }), 'is not a sound'],
    ['much salt', () => encrypted({ options: options(Buffer.alloc(2000), 1) }), 'is not a sound'],
    ['no options', () => encrypted({ options: '' }), 'is not a sound'],
    ['no secret', () => encrypted({ secret: '' }), 'is not a sound'],
    ['half a block', () => encrypted({ secret: Buffer.alloc(24) }), 'is not a sound'],
    ['a tag that does not belong', () => encrypted({ tag: Buffer.alloc(16) }), 'is not a sound'],
    ['no tag', () => encrypted({ cipher: 'aes256-gcm@openssh.com' }), 'is not a sound'],
    ['a cipher but no passphrase', () => encrypted({ kdf: 'none' }), 'in a way that is not supported'],
    ['a passphrase but no cipher', () => encrypted({ cipher: 'none' }), 'in a way that is not supported'],
    ['another kdf', () => encrypted({ kdf: 'scrypt' }), 'in a way that is not supported'],
  ])('is asked for in vain, and so is not, with %s', (_, text, message) => {
    expect(() => readSshPrivateKey(text(), 'the key')).toThrow(
      expect.objectContaining({ code: 'bad-ssh-key', message: expect.stringContaining(message) }),
    );
  });
});

describe('no SSH private key that opens anything', () => {
  it.each<[string, () => string, string, RegExp]>([
    ['ecdsa', () => makeKey(directory, 'ecdsa', ['-t', 'ecdsa']).text, 'cannot decrypt', /Ed25519 or RSA/],
    [
      'ecdsa in PEM',
      () => makeKey(directory, 'ecdsa-pem', ['-t', 'ecdsa', '-m', 'PEM']).text,
      'cannot decrypt',
      /Ed25519 or RSA/,
    ],
    [
      'weak RSA',
      () => makeKey(directory, 'weak', ['-t', 'rsa', '-b', '1024']).text,
      'of 1024 bits is too weak',
      /./,
    ],
    [
      'a .pub file',
      () => keys.get('rsa')!.publicLine,
      'is the public half of an SSH key',
      /without \.pub.*agent/,
    ],
    [
      'a certificate',
      () => 'ssh-ed25519-cert-v01@openssh.com AAAA me',
      'is the public half of an SSH key',
      /without \.pub/,
    ],
    ['PuTTY’s', () => 'PuTTY-User-Key-File-3: ssh-ed25519\n', "is in PuTTY's format", /puttygen/],
    ['nothing', () => '', 'is not a sound SSH private key', /ssh-keygen -y/],
    [
      'a beginning',
      () => keys.get('rsa')!.text.slice(0, 800),
      'is not a sound SSH private key',
      /cut or changed/,
    ],
    [
      'no base64',
      () => '-----BEGIN OPENSSH PRIVATE KEY-----\n?\n-----END OPENSSH PRIVATE KEY-----',
      'is not a sound',
      /./,
    ],
    ['no key', () => armor('RSA PRIVATE KEY', Buffer.alloc(100)), 'is not a sound', /./],
    ['an age key', () => 'AGE-SECRET-KEY-1AAAA', 'is not a sound', /./],
  ])('is %s', (_, text, message, hint) => {
    expect(() => readSshPrivateKey(text(), 'the key')).toThrow(
      expect.objectContaining({
        code: 'bad-ssh-key',
        exitCode: 2,
        message: expect.stringMatching(new RegExp(`^the key.*${message}`)),
        hint: expect.stringMatching(hint),
      }),
    );
  });

  it('whatever is between the lines of armour', async () => {
    const kind = fc.constantFrom('OPENSSH ', 'RSA ', '', 'EC ', 'ENCRYPTED ');
    await fc.assert(
      fc.asyncProperty(kind, fc.oneof(fc.uint8Array(), fc.string()), async (label, content) => {
        const lines = typeof content === 'string' ? content : Buffer.from(content).toString('base64');
        const text = `-----BEGIN ${label}PRIVATE KEY-----\n${lines}\n-----END ${label}PRIVATE KEY-----\n`;
        expect(await refusal(text)).toMatchObject({ code: 'bad-ssh-key' });
      }),
      { numRuns: 200 },
    );
  });
});
