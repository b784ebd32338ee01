// SSH keys as a way to open a vault: the contract, when a passphrase is asked for, and that the age program agrees.
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { methods } from '../../src/keys/index.ts';
import type { WrappedSlot } from '../../src/keys/method.ts';
import { newSshKey, sshCredential } from '../../src/keys/ssh.ts';
import { describeMethod } from '../contract/method.ts';
import { makeKey, place, workspace } from '../sign/ssh-keygen.ts';

const directory = workspace();
const PASSPHRASE = 'correct horse bättery';
const TERMINAL = join(import.meta.dirname, '../crypt/age-with-passphrase.py');
const TYPES = [
  ['ed25519', ['-t', 'ed25519']],
  ['rsa', ['-t', 'rsa', '-b', '2048']],
] as const;
type Made = ReturnType<typeof makeKey>;
const keys = new Map<string, Made>();

beforeAll(() => {
  for (const [name, args] of TYPES) {
    keys.set(name, makeKey(directory, name, [...args]));
    keys.set(`${name} other`, makeKey(directory, `${name}-other`, [...args]));
    keys.set(`${name} encrypted`, makeKey(directory, `${name}-encrypted`, [...args], PASSPHRASE));
  }
});

const lineOf = ({ publicLine }: Made): string => publicLine.split(' ').slice(0, 2).join(' ');
const noQuestion = async (): Promise<string> => {
  throw new Error('nobody is to be asked');
};
const context = { vault: '0123456789abcdefghjkmnpqrs', generation: 1 };
const object = 'keys/1/bob-0123456789.age';

async function slotFor(key: Made): Promise<{ bytes: Buffer; slot: WrappedSlot }> {
  const made = newSshKey('bob', key.publicLine);
  const { bytes, fields } = await made.wrap(Buffer.from('plain'), context);
  return { bytes, slot: { name: 'bob', method: 'ssh', object, ...fields } };
}

for (const [name] of TYPES) {
  for (const kind of ['', ' encrypted']) {
    describe(`${name}${kind}`, () => {
      describeMethod('ssh', async () => {
        const mine = keys.get(`${name}${kind}`)!;
        const other = keys.get(`${name} other`)!;
        return {
          newKey: async (slot) => newSshKey(slot, mine.publicLine),
          right: () => sshCredential(mine.text, 'id', async () => PASSPHRASE),
          wrong: () => sshCredential(other.text, 'id_other', noQuestion),
          others: [
            { name: 'passphrase', method: 'passphrase', object: 'keys/1/p-0123456789.age', workFactor: 18 },
            { name: 'age', method: 'age', object: 'keys/1/age-0123456789.age', recipient: 'age1x' },
            { name: 'kms', method: 'kms', object: 'keys/1/kms-0123456789.kms', arn: 'arn:aws:kms:x' },
            { name: 'yours', method: 'ssh', object: 'keys/1/yours-0123456789.age', recipient: lineOf(other) },
          ],
          secrets: [PASSPHRASE, mine.text.split('\n')[3]!],
        };
      });
    });
  }
}

describe('an SSH key', () => {
  it('is told by its public half, which the vault names without the comment', async () => {
    const key = keys.get('ed25519')!;
    const { bytes, slot } = await slotFor(key);
    expect(slot.recipient).toBe(lineOf(key));
    const credential = await sshCredential(key.text, 'id_ed25519', noQuestion);
    expect(credential).toMatchObject({
      description: 'the SSH key id_ed25519',
      authenticates: false,
      asks: 'nobody',
    });
    const { recipient: _, ...nameless } = slot;
    expect(credential.fits(nameless)).toBe(true);
    expect((await credential.unwrap(bytes, nameless))?.toString()).toBe('plain');
    // The same point as an age key is another method.
    expect(credential.fits({ ...slot, method: 'age' })).toBe(false);
  });

  it('with a passphrase asks a person, but only when it fits, and once', async () => {
    const key = keys.get('ed25519 encrypted')!;
    let times = 0;
    const ask = async () => {
      times++;
      return PASSPHRASE;
    };
    const credential = await sshCredential(key.text, 'id_ed25519', ask);
    expect(credential.asks).toBe('person');
    const [mine, other] = [await slotFor(key), await slotFor(keys.get('ed25519')!)];
    expect([credential.fits(mine.slot), credential.fits(other.slot)]).toEqual([true, false]);
    expect(times).toBe(0);
    const tries = await Promise.all([mine, mine].map(({ bytes, slot }) => credential.unwrap(bytes, slot)));
    expect(tries.map(String)).toEqual(['plain', 'plain']);
    expect(times).toBe(1);
    expect((await sshCredential(key.text, 'id_ed25519', ask, true)).asks).toBe('nobody');
  });

  it('whose passphrase was wrong is not asked for again', async () => {
    let times = 0;
    const ask = async () => `wrong ${times++}`;
    const key = keys.get('ed25519 encrypted')!;
    const credential = await sshCredential(key.text, 'keys/id_ed25519', ask);
    const { bytes, slot } = await slotFor(key);
    for (let i = 0; i < 2; i++) {
      await expect(credential.unwrap(bytes, slot)).rejects.toMatchObject({
        code: 'wrong-ssh-passphrase',
        exitCode: 12,
        message: 'the passphrase does not open the SSH key keys/id_ed25519',
        object: 'keys/id_ed25519',
      });
    }
    expect(times).toBe(1);
  });

  it('is told from an age identity by the text', async () => {
    const key = keys.get('ed25519')!;
    expect(await methods.identities(`\n${key.text}`, 'id', noQuestion, false)).toMatchObject({
      description: 'the SSH key id',
    });
    await expect(methods.identities(key.publicLine, 'id', noQuestion, false)).rejects.toMatchObject({
      code: 'bad-ssh-key',
      message: 'id is the public half of an SSH key',
      hint: expect.stringContaining('ssh-agent'),
    });
    await expect(
      methods.identities('-----BEGIN AGE ENCRYPTED FILE-----\n', 'me.age', noQuestion, false),
    ).rejects.toMatchObject({ code: 'bad-identity-file' });
    expect(await methods.newSsh('bob', key.publicLine)).toMatchObject({ name: 'bob', method: 'ssh' });
    expect(await methods.sshPublicKey(`# bob\n${key.publicLine}\n`, 'bob.pub')).toMatchObject({
      line: lineOf(key),
      comment: 'ed25519 comment',
    });
  });
});

const hasAge = spawnSync('age', ['--version']).status === 0;

describe.skipIf(!hasAge).each(TYPES)('the age program and an SSH key, %s', (name) => {
  const age = (args: string[], input: Uint8Array | string = ''): Buffer =>
    execFileSync('age', args, { input, stdio: 'pipe' });

  it('opens with the private key what we encrypt to the public one', async () => {
    const key = keys.get(name)!;
    const { bytes } = await slotFor(key);
    expect(age(['-d', '-i', key.path], bytes).toString()).toBe('plain');
  });

  it('asks for the passphrase of that key, and opens it', async () => {
    const key = keys.get(`${name} encrypted`)!;
    const { bytes } = await slotFor(key);
    const [file, out] = [place(directory, `${name}.age`, bytes), join(directory, `${name}.out`)];
    execFileSync('python3', [TERMINAL, PASSPHRASE, 'age', '-d', '-i', key.path, '-o', out, file]);
    expect(execFileSync('cat', [out]).toString()).toBe('plain');
  });

  it.each(['', ' encrypted'])(
    'encrypts to the public key what the private one opens here%s',
    async (kind) => {
      const key = keys.get(`${name}${kind}`)!;
      const credential = await sshCredential(key.text, 'id', async () => PASSPHRASE);
      const slot = { name: 'bob', method: 'ssh', object };
      for (const args of [
        ['-r', key.publicLine],
        ['-R', `${key.path}.pub`],
      ])
        expect((await credential.unwrap(age(args, 'theirs'), slot))?.toString()).toBe('theirs');
      // For several at once, too.
      const others = [...keys.values()].flatMap(({ publicLine }) => ['-r', publicLine]);
      expect((await credential.unwrap(age(others, 'of many'), slot))?.toString()).toBe('of many');
    },
  );

  it('does not open what is for another key', async () => {
    const file = age(['-r', keys.get(`${name} other`)!.publicLine], 'yours');
    const credential = await sshCredential(keys.get(name)!.text, 'id', noQuestion);
    await expect(credential.unwrap(file, { name: 'x', method: 'ssh', object })).rejects.toMatchObject({
      code: 'no-identity-matches',
    });
  });
});
