import { bech32 } from '@scure/base';
import { identityToRecipient, generateIdentity as packageGenerates } from 'age-encryption';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  generateIdentity,
  type IdentityKind,
  identitySecret,
  parseIdentityFile,
  recipientKind,
  recipientOf,
} from '../../src/crypt/identity.ts';
import { StrongroomError } from '../../src/errors.ts';

// The example of https://c2sp.org/age.
const IDENTITY = 'AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX';
const RECIPIENT = 'age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj';

const KINDS: IdentityKind[] = ['x25519', 'hybrid'];
let hybrid: { identity: string; recipient: string };

beforeAll(async () => {
  const identity = await generateIdentity('hybrid');
  hybrid = { identity, recipient: await recipientOf(identity) };
});

/** Bech32, in capitals, of so many bytes, with a checksum that fits. */
function encoded(prefix: string, size: number): string {
  return bech32.encode(prefix, bech32.toWords(new Uint8Array(size)), false).toUpperCase();
}

/** What a call throws, with everything a log could show of it. */
function failureOf(call: () => unknown): { code: string; shown: string } {
  try {
    call();
  } catch (error) {
    if (!(error instanceof StrongroomError)) throw error;
    return { code: error.code, shown: `${error.stack} ${error.hint} ${String(error.cause)}` };
  }
  throw new Error('it did not fail');
}

describe('identities', () => {
  it.each(KINDS)('of kind %s are new each time and hold 32 bytes', async (kind) => {
    const [one, two] = [await generateIdentity(kind), await generateIdentity(kind)];
    expect(one).toMatch(kind === 'hybrid' ? /^AGE-SECRET-KEY-PQ-1[0-9A-Z]+$/ : /^AGE-SECRET-KEY-1[0-9A-Z]+$/);
    expect(one).not.toBe(two);
    expect(identitySecret(one)).toHaveLength(32);
  });

  it('give the secret bytes that they encode', () => {
    expect(Buffer.from(identitySecret(IDENTITY)).toString('hex')).toBe('42'.repeat(32));
  });

  it('give the recipient that the specification and the package give', async () => {
    expect(await recipientOf(IDENTITY)).toBe(RECIPIENT);
    const theirs = await packageGenerates();
    expect(await recipientOf(theirs)).toBe(await identityToRecipient(theirs));
    expect(hybrid.recipient).toBe(await identityToRecipient(hybrid.identity));
  });

  it.each([
    ['lower case', IDENTITY.toLowerCase()],
    ['mixed case', IDENTITY.replace('GFPY', 'gfpy')],
    ['a space before', ` ${IDENTITY}`],
    ['a line feed after', `${IDENTITY}\n`],
    ['a letter missing', IDENTITY.slice(0, -1)],
    ['the prefix of the other kind', IDENTITY.replace('KEY-1', 'KEY-PQ-1')],
    ['a recipient', RECIPIENT],
    ['nothing', ''],
    ['31 bytes', encoded('AGE-SECRET-KEY-', 31)],
    ['33 bytes', encoded('AGE-SECRET-KEY-', 33)],
    ['another prefix', encoded('AGE-SECRET-KEY-X-', 32)],
    ['a prefix that goes on', encoded('AGE-SECRET-KEY-1X', 32)],
  ])('are refused with %s', (_, identity) => {
    expect(failureOf(() => identitySecret(identity)).code).toBe('bad-identity');
  });

  it('are refused when any letter is wrong, and never quoted', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: IDENTITY.length - 1 }),
        fc.constantFrom(...'QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L1B-'),
        (at, letter) => {
          fc.pre(IDENTITY[at] !== letter);
          const wrong = IDENTITY.slice(0, at) + letter + IDENTITY.slice(at + 1);
          const { code, shown } = failureOf(() => identitySecret(wrong));
          expect(code).toBe('bad-identity');
          expect(shown).not.toContain('GFPYYSJZ');
        },
      ),
    );
  });
});

describe('recipients', () => {
  it('tell their kind', () => {
    expect(recipientKind(RECIPIENT)).toBe('x25519');
    expect(recipientKind(hybrid.recipient)).toBe('hybrid');
  });

  it('are refused when any letter is wrong', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: RECIPIENT.length - 1 }),
        fc.constantFrom(...'qpzry9x8gf2tvdw0s3jn54khce6mua7l1b-'),
        (at, letter) => {
          fc.pre(RECIPIENT[at] !== letter);
          const wrong = RECIPIENT.slice(0, at) + letter + RECIPIENT.slice(at + 1);
          expect(failureOf(() => recipientKind(wrong)).code).toBe('bad-recipient');
        },
      ),
    );
  });

  it('are refused when cut, in capitals, or of another size', () => {
    const sizes = [encoded('age', 31), encoded('age', 33), encoded('age1pq', 1215), encoded('age1pq', 1217)];
    const others = [
      '',
      'age1',
      RECIPIENT.slice(0, -1),
      RECIPIENT.toUpperCase(),
      hybrid.recipient.slice(0, -1),
    ];
    for (const text of [...sizes.map((size) => size.toLowerCase()), ...others]) {
      expect(failureOf(() => recipientKind(text)).code).toBe('bad-recipient');
    }
  });

  it('are refused when a number in them is no ML-KEM number', () => {
    const { words } = bech32.decode(hybrid.recipient as `${string}1${string}`, false);
    const key = bech32.fromWords(words);
    const recipientWith = (at: number, bytes: number[]) => {
      const changed = Uint8Array.from(key);
      changed.set(bytes, at);
      return bech32.encode('age1pq', bech32.toWords(changed), false);
    };
    // 3328 is the last, 3329 the first too high; two numbers share three bytes.
    const highest = [0x00, 0x0d, 0xd0];
    for (const at of [0, 600, 1149]) {
      expect(recipientKind(recipientWith(at, highest))).toBe('hybrid');
      for (const tooHigh of [
        [0x01, 0x0d, 0xd0],
        [0x00, 0x1d, 0xd0],
        [0xff, 0xff, 0xff],
      ]) {
        expect(failureOf(() => recipientKind(recipientWith(at, tooHigh))).code).toBe('bad-recipient');
      }
    }
    expect(recipientKind(recipientWith(1152, new Array(64).fill(0xff)))).toBe('hybrid');
  });

  // The tag recipient is the example of https://c2sp.org/age.
  it.each([
    ['age1tag1qt8lw0ual6avlwmwatk888yqnmdamm7xfd0wak53ut6elz5c4swx2yqdj4e', 'hardware tokens'],
    ['age1tagpq1m3e4wvp6hzcrn9exhy0ae3xfx2', 'hardware tokens'],
    ['age1yubikey1q0000000000000000000000000000', 'plugin'],
    ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ', 'SSH'],
    ['sk-ssh-ed25519@openssh.com AAAA', 'SSH'],
    [IDENTITY, 'secret side'],
    ['hello', 'age1'],
  ])('that we do not take are refused with a hint: %s', (text, hint) => {
    const { code, shown } = failureOf(() => recipientKind(text));
    expect(code).toBe('bad-recipient');
    expect(shown).toContain(hint);
    expect(shown).not.toContain(text);
  });
});

describe('an identity file', () => {
  it('is read as age-keygen writes it, with LF or CRLF, and with several identities', () => {
    const lines = ['# created: today', `# public key: ${RECIPIENT}`, IDENTITY, '', '# two', hybrid.identity];
    for (const end of ['\n', '\r\n']) {
      expect(parseIdentityFile(lines.join(end), 'me.txt')).toEqual([IDENTITY, hybrid.identity]);
      expect(parseIdentityFile(`${lines.join(end)}${end}`, 'me.txt')).toEqual([IDENTITY, hybrid.identity]);
    }
  });

  it.each([
    ['a wrong letter', IDENTITY.replace('GFPQ', 'GFPP'), 'as age-keygen writes it'],
    ['a space before an identity', ` ${IDENTITY}`, 'as age-keygen writes it'],
    ['two identities on a line', `${IDENTITY} ${IDENTITY}`, 'as age-keygen writes it'],
    ['a comment behind an identity', `${IDENTITY} # mine`, 'as age-keygen writes it'],
    ['a recipient', RECIPIENT, 'public side'],
    ['a plugin identity', 'AGE-PLUGIN-YUBIKEY-1QQPQZ', 'plugin'],
    ['an SSH key', '-----BEGIN OPENSSH PRIVATE KEY-----', 'another kind of key'],
    ['an encrypted file', 'age-encryption.org/v1', 'age -d'],
    ['text', 'hunter2', 'as age-keygen writes it'],
  ])('with %s is refused by the number of the line, without quoting it', (_, line, hint) => {
    const { code, shown } = failureOf(() => parseIdentityFile(`# me\n${IDENTITY}\n${line}\n`, 'me.txt'));
    expect(code).toBe('bad-identity-file');
    expect(shown).toContain('line 3 of me.txt');
    expect(shown).toContain(hint);
    expect(shown).not.toContain(line);
  });

  it.each(['', '\n\n', '# only a comment\n'])('without an identity is refused (%j)', (text) => {
    expect(failureOf(() => parseIdentityFile(text, 'me.txt')).code).toBe('bad-identity-file');
  });
});
