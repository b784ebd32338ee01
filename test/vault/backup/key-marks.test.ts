import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keySuspects } from '../../../src/vault/backup/key-marks.ts';

const SECRETS = [
  `AGE-SECRET-KEY-1${'Q'.repeat(58)}`,
  `AGE-SECRET-KEY-PQ-1${'Q'.repeat(58)}`,
  `-----BEGIN OPENSSH PRIVATE KEY-----\n${'b3Blbn'.repeat(50)}\n-----END OPENSSH PRIVATE KEY-----\n`,
  `-----BEGIN RSA PRIVATE KEY-----\n${'b3Blbn'.repeat(50)}\n-----END RSA PRIVATE KEY-----\n`,
];
const IN_CLEAR = [
  '<pre class="lines" data-strongroom-share>1  ZQQQQ',
  'STRONGROOM SHARE 1 OF 3',
  'strongroom share 1 of 3',
  '1  ZQQQQ QQPQY',
  '1 zqqqq qqpqy',
  'ZQQQQQQPQY',
  'zqqqqqqpqy',
  '1  ZYQQQ QQPQY',
  'zyqqq qqpqy',
  'age-secret-key-1qqq',
  'age-secret-key-pq-1qqq',
];
const secrets = fc.constantFrom(...SECRETS);
const shows = (content: string, secret: string) =>
  keySuspects(Buffer.from(content)).some((suspect) => suspect.includes(secret));

describe('what may hold a key', () => {
  it('shows one that stands in clear', () => {
    for (const secret of SECRETS) expect(shows(`x ${secret}`, secret)).toBe(true);
  });

  it('shows what a share or a lower-case key begins with, wherever it stands', () => {
    for (const begin of IN_CLEAR) {
      for (let at = 0; at < 8; at++) expect(shows(`${'.'.repeat(at)}${begin}....`, begin), begin).toBe(true);
    }
  });

  it('shows one in base64, wherever it begins and however that is broken into lines', () => {
    const before = fc.string({ unit: 'binary', maxLength: 200 });
    const breaks = fc.constantFrom('\n', '\r\n', '\n    ', '\\n');
    const around = fc.constantFrom('', 'key: ', '"', 'key=', 'word ');
    fc.assert(
      fc.property(
        secrets,
        before,
        before,
        fc.integer({ min: 40, max: 400 }),
        breaks,
        around,
        fc.constantFrom('base64', 'base64url'),
        (secret, head, tail, width, lineBreak, prefix, encoding) => {
          const encoded = Buffer.from(head + secret + tail).toString(encoding);
          const broken = encoded.match(new RegExp(`.{1,${width}}`, 'g'))!.join(lineBreak);
          expect(shows(`${prefix}${broken}\n`, secret)).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('shows every one of several', () => {
    const all = SECRETS.map((secret, index) => Buffer.from('x'.repeat(index) + secret).toString('base64'));
    for (const secret of SECRETS) {
      expect(shows(all.join('\n---\n'), secret)).toBe(true);
      expect(shows(Buffer.from(SECRETS.join('\n')).toString('base64'), secret)).toBe(true);
    }
  });

  it('is hardly any file', () => {
    const files = [
      Buffer.alloc(0),
      randomBytes(100_000),
      Buffer.from(randomBytes(100_000).toString('base64')),
      Buffer.from('-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'),
    ];
    for (const file of files) expect(keySuspects(file)).toEqual([]);
  });

  it('is searched in linear time', () => {
    const run = Buffer.from(SECRETS[0]!.repeat(10_000)).toString('base64');
    const broken = Array.from({ length: 30_000 }, () => Buffer.from('AGE-SECRET-KEY-').toString('base64'));
    for (const hostile of [run, broken.join('='), broken.join(' ')]) {
      const started = performance.now();
      const size = keySuspects(Buffer.from(hostile)).reduce((sum, suspect) => sum + suspect.length, 0);
      expect(performance.now() - started).toBeLessThan(1500);
      expect(size).toBeLessThan(8 * hostile.length);
    }
  });
});
