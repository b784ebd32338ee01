// Files go from us to others and back: the `age` program, and the age package's own cipher. A suite whose program is
// missing is skipped.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Decrypter, Encrypter } from 'age-encryption';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decryptBytes, encryptBytes } from '../../src/crypt/age.ts';
import { generateIdentity, parseIdentityFile, recipientOf } from '../../src/crypt/identity.ts';
import { ScryptIdentity, ScryptRecipient } from '../../src/crypt/scrypt.ts';
import { EDGE_SIZES, sample } from './streams.ts';

const PASSPHRASE = 'correct horse bättery staple';
const TERMINAL = join(import.meta.dirname, 'age-with-passphrase.py');

function has(program: string): boolean {
  return spawnSync(program, ['--version']).status === 0;
}

let folder: string;
let identity: string;
let recipient: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'strongroom-interop-'));
  identity = await generateIdentity('x25519');
  recipient = await recipientOf(identity);
  writeFileSync(join(folder, 'me.txt'), `${identity}\n`, { mode: 0o600 });
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(!has('age'))('the age program', () => {
  function age(args: string[], input: Buffer): Buffer {
    return execFileSync('age', args, { input, maxBuffer: 1 << 26 });
  }

  it.each(EDGE_SIZES)('reads %i bytes that we encrypted', async (size) => {
    const file = await encryptBytes(sample(size), [recipient]);
    expect(age(['-d', '-i', join(folder, 'me.txt')], file).equals(sample(size))).toBe(true);
  });

  it.each(EDGE_SIZES)('writes %i bytes that we decrypt', async (size) => {
    const file = age(['-r', recipient], sample(size));
    expect((await decryptBytes(file, [identity])).equals(sample(size))).toBe(true);
  });

  it('and we read files for several recipients alike', async () => {
    const others = await Promise.all([generateIdentity('x25519'), generateIdentity('x25519')]);
    const recipients = await Promise.all([...others.map(recipientOf), recipient]);
    const theirs = age(
      recipients.flatMap((each) => ['-r', each]),
      sample(100),
    );
    for (const each of [...others, identity]) expect(await decryptBytes(theirs, [each])).toEqual(sample(100));
    const ours = await encryptBytes(sample(100), recipients);
    expect(age(['-d', '-i', join(folder, 'me.txt')], ours)).toEqual(sample(100));
  });

  it.skipIf(!has('age-keygen'))(
    'makes identity files that we read, with the recipient we derive',
    async () => {
      const text = execFileSync('age-keygen', { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
      const [theirs] = parseIdentityFile(text, 'key.txt');
      expect(text).toContain(`# public key: ${await recipientOf(theirs!)}\n`);
      expect(execFileSync('age-keygen', ['-y'], { input: identity, encoding: 'utf8' })).toBe(
        `${recipient}\n`,
      );
    },
  );
});

describe.skipIf(!has('age') || !has('python3'))('the age program with a passphrase', () => {
  function age(args: string[]): void {
    execFileSync('python3', [TERMINAL, PASSPHRASE, 'age', ...args]);
  }

  it('reads what we encrypted', async () => {
    for (const size of [1, 65537]) {
      const file = await encryptBytes(sample(size), [new ScryptRecipient(PASSPHRASE, 10)]);
      writeFileSync(join(folder, 'ours.age'), file);
      age(['-d', '-o', join(folder, 'ours'), join(folder, 'ours.age')]);
      expect(readFileSync(join(folder, 'ours')).equals(sample(size))).toBe(true);
    }
  });

  it('writes what we decrypt', async () => {
    writeFileSync(join(folder, 'theirs'), sample(65537));
    age(['-p', '-o', join(folder, 'theirs.age'), join(folder, 'theirs')]);
    const file = readFileSync(join(folder, 'theirs.age'));
    const plain = await decryptBytes(file, [new ScryptIdentity(PASSPHRASE)]);
    expect(plain.equals(sample(65537))).toBe(true);
  });
});

describe('the age package', () => {
  it.each(['x25519', 'hybrid'] as const)('reads and writes files for %s keys as we do', async (kind) => {
    const secret = await generateIdentity(kind);
    const encrypter = new Encrypter();
    encrypter.addRecipient(await recipientOf(secret));
    const decrypter = new Decrypter();
    decrypter.addIdentity(secret);
    for (const size of EDGE_SIZES) {
      const theirs = await encrypter.encrypt(sample(size));
      expect((await decryptBytes(theirs, [secret])).equals(sample(size))).toBe(true);
      const ours = await encryptBytes(sample(size), [await recipientOf(secret)]);
      expect(sample(size).equals(await decrypter.decrypt(ours))).toBe(true);
    }
  });

  it('reads and writes files for passphrases as we do', async () => {
    const encrypter = new Encrypter();
    encrypter.setPassphrase(PASSPHRASE);
    encrypter.setScryptWorkFactor(10);
    const theirs = await encrypter.encrypt(sample(100));
    expect(await decryptBytes(theirs, [new ScryptIdentity(PASSPHRASE)])).toEqual(sample(100));
    const decrypter = new Decrypter();
    decrypter.addPassphrase(PASSPHRASE);
    const ours = await encryptBytes(sample(100), [new ScryptRecipient(PASSPHRASE, 10)]);
    expect(sample(100).equals(await decrypter.decrypt(ours))).toBe(true);
  });
});
