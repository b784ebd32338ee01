import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StrongroomError } from '../../src/errors.ts';
import { generateSigningKey, parsePublicKey, signingKeyFromSeed, verifyRaw } from '../../src/sign/key.ts';
import { formatPrivateKey, parsePrivateKey } from '../../src/sign/openssh.ts';
import { armor } from '../../src/sign/wire.ts';
import { codeOf, makeKey, place, sshKeygen, workspace } from './ssh-keygen.ts';

const directory = workspace();
const LABEL = 'OPENSSH PRIVATE KEY';
const blobOf = (text: string): Buffer => Buffer.from(text.split('\n').slice(1, -2).join(''), 'base64');

describe('a key file of ours', () => {
  it('is read by ssh-keygen, comment and all', () => {
    const key = generateSigningKey();
    const path = place(directory, 'ours', formatPrivateKey(key, 'web-1 (strongroom)'));
    expect(sshKeygen(['-y', '-P', '', '-f', path]).trim()).toBe(`${key.publicKey} web-1 (strongroom)`);
    expect(sshKeygen(['-l', '-f', path])).toContain('(ED25519)');
  });

  it('is laid out as ssh-keygen lays it out, to the byte', () => {
    const made = makeKey(directory, 'layout', ['-t', 'ed25519']);
    const theirs = blobOf(made.text);
    const ours = blobOf(formatPrivateKey(parsePrivateKey(made.text, 'layout'), 'layout comment'));
    theirs.copy(ours, 98, 98, 106); // the two random check numbers, at the head of the private section
    expect(armor(LABEL, ours)).toBe(made.text);
  });

  it('gives the same key back, whatever the comment', () => {
    const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(bytes, fc.string({ unit: 'binary', maxLength: 40 }), (seed, comment) => {
        const key = signingKeyFromSeed(seed);
        const back = parsePrivateKey(formatPrivateKey(key, comment), 'key');
        expect(back.publicKey).toBe(key.publicKey);
        expect(back.seed).toEqual(key.seed);
      }),
    );
  });
});

describe('a key file of ssh-keygen', () => {
  it('is read, and signs as its public half says', () => {
    for (const comment of ['', 'a', 'abcdefg', 'abcdefgh']) {
      const made = makeKey(directory, `id${comment.length}`, ['-t', 'ed25519', '-C', comment]);
      const key = parsePrivateKey(made.text, 'id');
      expect(key.publicKey).toBe(parsePublicKey(made.publicLine));
      expect(verifyRaw(key.publicKey, Buffer.from('x'), key.sign(Buffer.from('x')))).toBe(true);
    }
  });

  it('may have lost its last newline, or have CRLF, or spaces around', () => {
    const key = generateSigningKey();
    const text = formatPrivateKey(key, 'x');
    for (const variant of [text.trim(), text.replaceAll('\n', '\r\n'), `\n  ${text}\n\n`]) {
      expect(parsePrivateKey(variant, 'STRONGROOM_SIGNING_KEY').publicKey).toBe(key.publicKey);
    }
  });

  it('is refused by kind when it is encrypted or another sort of key', () => {
    const kinds: [string, string[], string, string][] = [
      ['encrypted', ['-t', 'ed25519'], 'pass', 'signing-key-encrypted'],
      ['encrypted-gcm', ['-t', 'ed25519', '-Z', 'aes256-gcm@openssh.com'], 'pass', 'signing-key-encrypted'],
      ['rsa', ['-t', 'rsa', '-b', '2048'], '', 'signing-key-type'],
      ['rsa-pem', ['-t', 'rsa', '-b', '2048', '-m', 'PEM'], '', 'signing-key-type'],
      ['ecdsa', ['-t', 'ecdsa'], '', 'signing-key-type'],
    ];
    for (const [name, args, passphrase, code] of kinds) {
      const { text } = makeKey(directory, name, args, passphrase);
      expect([name, codeOf(() => parsePrivateKey(text, name))]).toEqual([name, code]);
    }
  });
});

describe('what is not a signing key', () => {
  const key = generateSigningKey();
  const text = formatPrivateKey(key, 'comment');
  const pkcs8 = generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();

  it.each([
    ['nothing', '', 'bad-signing-key'],
    ['its public half', key.publicKey, 'bad-signing-key'],
    ['no END line', text.split('-----END')[0]!, 'bad-signing-key'],
    ['junk in the base64', text.replace('b3Bl', 'b3B!'), 'bad-signing-key'],
    ['an empty block', armor(LABEL, Buffer.alloc(0)), 'bad-signing-key'],
    ['two keys one after the other', text + text, 'bad-signing-key'],
    ['PKCS #8', pkcs8, 'signing-key-type'],
    ['encrypted PKCS #8', pkcs8.replaceAll('PRIVATE', 'ENCRYPTED PRIVATE'), 'signing-key-encrypted'],
  ])('is refused: %s', (_, content, code) => {
    expect(codeOf(() => parsePrivateKey(content, 'the key'))).toBe(code);
  });

  it('is refused when its halves belong to different keys', () => {
    const mine = blobOf(text);
    const other = blobOf(formatPrivateKey(generateSigningKey(), 'comment'));
    const outer = [62, 94] as const;
    const inner = [125, 157] as const;
    const seed = [161, 193] as const;
    const trailing = [193, 225] as const;
    for (const fields of [
      [outer],
      [inner],
      [seed],
      [trailing],
      [inner, trailing],
      [outer, inner, trailing],
    ]) {
      const spliced = Buffer.from(mine);
      for (const [from, to] of fields) other.copy(spliced, from, from, to);
      const result = codeOf(() => parsePrivateKey(armor(LABEL, spliced), 'the key'));
      expect([fields, result]).toEqual([fields, 'bad-signing-key']);
    }
  });

  it('is refused with another padding than 1, 2, 3, with unequal check numbers, and with bytes at the end', () => {
    const blob = blobOf(formatPrivateKey(key, 'comment')); // seven bytes of it leave six of padding
    expect([...blob.subarray(-6)]).toEqual([1, 2, 3, 4, 5, 6]);
    const padded = Buffer.from(blob);
    padded[padded.length - 1] = 7;
    const unequal = Buffer.from(blob);
    unequal[98]! ^= 1;
    for (const bytes of [padded, unequal, Buffer.concat([blob, Buffer.alloc(1)])]) {
      expect(codeOf(() => parsePrivateKey(armor(LABEL, bytes), 'the key'))).toBe('bad-signing-key');
    }
  });

  it('is never quoted: damage anywhere gives the same key or a plain refusal', () => {
    const blob = blobOf(text);
    for (let at = 0; at < blob.length; at++) {
      const damaged = Buffer.from(blob);
      damaged[at]! ^= 0x21;
      for (const bytes of [damaged, blob.subarray(0, at)]) {
        try {
          expect(parsePrivateKey(armor(LABEL, bytes), 'the key').publicKey).toBe(key.publicKey);
        } catch (error) {
          if (!(error instanceof StrongroomError)) throw error;
          expect(error.message).toMatch(/^the key is (not a sound OpenSSH|not an Ed25519|protected by a)/);
          expect(error.cause).toBeUndefined();
        }
      }
    }
  });
});
