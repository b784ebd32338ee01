import { describe, expect, it } from 'vitest';
import { isPemName, type KeyFact, keyPairs, pairName } from '../../src/compare/key-pairs.ts';

const key = (path: string, publicKey: string): KeyFact => ({
  path,
  name: 'private key',
  kind: 'private-key',
  publicKey,
});
const certificate = (path: string, publicKey: string, name = 'certificate'): KeyFact => ({
  path,
  name,
  kind: 'certificate',
  publicKey,
});

describe('the two files of a pair', () => {
  it.each([
    ['site.crt', 'site.key'],
    ['tls/tls.crt', 'tls/tls.key'],
    ['certs/fullchain.pem', 'certs/privkey.pem'],
    ['certs/cert.pem', 'certs/key.pem'],
    ['server-cert.pem', 'server-key.pem'],
    ['site.cert.pem', 'site.key.pem'],
    ['www.example.com.crt', 'www.example.com.key'],
    ['SITE.CRT', 'site.KEY'],
  ])('%s and %s have one name', (a, b) => {
    expect([isPemName(a), isPemName(b)]).toEqual([true, true]);
    expect(pairName(a)).toBe(pairName(b));
  });

  it.each([
    ['a/site.crt', 'b/site.key'],
    ['site.crt', 'other.key'],
    ['certs/chain.pem', 'certs/privkey.pem'],
    ['ca.crt', 'server.key'],
    ['ca.crt', 'key.pem'],
  ])('%s and %s do not', (a, b) => {
    expect(pairName(a)).not.toBe(pairName(b));
  });
});

describe('a private key', () => {
  it.each<[string, KeyFact[], string[]]>([
    ['fits the certificate beside it', [key('a.key', '1'), certificate('a.crt', '1')], ['a.key a.crt true']],
    ['does not fit it', [key('a.key', '1'), certificate('a.crt', '2')], ['a.key a.crt false']],
    [
      'fits any of a chain',
      [certificate('a.crt', '9', 'ca'), certificate('a.crt', '1', 'leaf'), key('a.key', '1')],
      ['a.key a.crt true'],
    ],
    [
      'fits what is in its own file rather than what is beside it',
      [key('a.pem', '1'), certificate('a.pem', '1'), certificate('a.crt', '2')],
      ['a.pem a.pem true'],
    ],
    ['has none', [key('a.key', '1'), certificate('b.crt', '1')], []],
    ['has none beside it that is named as no such file is', [key('a', '1'), certificate('a.crt', '2')], []],
  ])('%s', (_, facts, expected) => {
    const shown = keyPairs(facts).map((p) => `${p.key.path} ${p.certificate.path} ${p.matches}`);
    expect(shown).toEqual(expected);
  });
});
