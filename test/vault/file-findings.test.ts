import { describe, expect, it } from 'vitest';
import type { FileFinding } from '../../src/vault/documents/findings.ts';
import { findingText, grave, isDue, judgeFindings } from '../../src/vault/file-findings.ts';

const NOW = new Date('2026-11-20T06:00:00Z');
const DAY = 86_400_000;

const certificate = (path: string, days: number, name = 'CN=shop.example'): FileFinding => ({
  kind: 'certificate',
  path,
  name,
  expires: `${new Date(NOW.getTime() + days * DAY).toISOString().slice(0, 19)}Z`,
});
const MISMATCH: FileFinding = {
  kind: 'key-mismatch',
  path: 'certs/site.key',
  otherPath: 'certs/site.crt',
  otherName: 'CN=shop.example',
};
const SAME: FileFinding = {
  kind: 'same-value',
  path: '.env.prod',
  name: 'DB_PASSWORD',
  otherPath: '.env.stage',
  otherName: 'PG_PASS',
};

describe('findings', () => {
  it('come with the gravest first', () => {
    const findings = [
      SAME,
      certificate('good', 31),
      certificate('b', 20),
      MISMATCH,
      certificate('a', 3),
      certificate('old', -2),
    ];
    const judged = judgeFindings(findings, NOW);
    expect(judged.map(({ finding, gravity, daysLeft }) => [finding.path, gravity, daysLeft])).toEqual([
      ['old', 'expired', -2],
      ['certs/site.key', 'mismatch', undefined],
      ['a', 'expiring', 3],
      ['b', 'expiring', 20],
      ['.env.prod', 'same', undefined],
      ['good', 'good', 31],
    ]);
    expect(judged.filter(isDue)).toHaveLength(5);
    expect(judgeFindings(findings, NOW, 60 * DAY).every(isDue)).toBe(true);
    expect(judgeFindings(findings, NOW, DAY).filter(isDue)).toHaveLength(3);
  });

  it.each<[FileFinding, string]>([
    [certificate('a.pem', 12), 'a.pem: CN=shop.example expires in 12 days (2026-12-02)'],
    [certificate('a.pem', 1), 'a.pem: CN=shop.example expires in 1 day (2026-11-21)'],
    [certificate('a.pem', 0.5), 'a.pem: CN=shop.example expires within a day (2026-11-20)'],
    [certificate('a.pem', -0.5), 'a.pem: CN=shop.example expired within the last day (2026-11-19)'],
    [certificate('a.pem', -1.5), 'a.pem: CN=shop.example expired 1 day ago (2026-11-18)'],
    [certificate('a.pem', -40.5), 'a.pem: CN=shop.example expired 40 days ago (2026-10-10)'],
    [
      MISMATCH,
      'certs/site.key: this private key does not belong to the certificate certs/site.crt (CN=shop.example)',
    ],
    [
      { ...MISMATCH, otherPath: 'certs/site.key' },
      'certs/site.key: this private key does not belong to the certificate in the same file (CN=shop.example)',
    ],
    [SAME, '.env.prod: DB_PASSWORD is the same as PG_PASS in .env.stage'],
    [
      { kind: 'same-value', path: 'prod/key', otherPath: 'qa/key' },
      'prod/key: this file is the same as qa/key',
    ],
    [{ kind: 'certificate', path: 'a.pem' }, 'a.pem: a certificate expires at no known time'],
  ])('%j read well', (finding, text) => {
    expect(findingText(judgeFindings([finding], NOW)[0]!)).toBe(text);
  });

  it('of a hostile host move no cursor and fill no screen', () => {
    const bad = `\u001b[2J\n\u202e${'x'.repeat(8000)}`;
    for (const kind of ['certificate', 'key-mismatch', 'same-value'] as const) {
      const finding = {
        kind,
        path: bad,
        name: bad,
        otherPath: bad,
        otherName: bad,
        expires: '2026-11-21T00:00:00Z',
      };
      const text = findingText(judgeFindings([finding], NOW)[0]!);
      expect(text).toMatch(/^[\x20-\x7e…]+$/);
      expect(text.length).toBeLessThan(900);
    }
  });
});

describe('whoever backs up hears', () => {
  it('of certificates that expire within 30 days, and of keys that do not match', () => {
    expect(grave([certificate('far', 31), certificate('near', 29), SAME, MISMATCH], NOW)).toEqual([
      'certs/site.key: this private key does not belong to the certificate certs/site.crt (CN=shop.example)',
      expect.stringMatching(/^near: .* expires in 29 days/),
    ]);
    expect(grave([], NOW)).toEqual([]);
  });

  it('of one certificate once, and of no list of authorities', () => {
    const chain = [certificate('live/cert.pem', 5), certificate('live/fullchain.pem', 5)];
    const list = Array.from({ length: 21 }, (_, i) => certificate('ca-certificates.crt', -i, `CN=CA ${i}`));
    expect(grave([...chain, ...list], NOW)).toEqual([expect.stringMatching(/^live\/cert\.pem: /)]);
    expect(grave(list.slice(1), NOW).length).toBeGreaterThan(1);
  });

  it('a few sentences', () => {
    const many = Array.from({ length: 15 }, (_, i) => certificate(`${i}.pem`, i, `CN=${i}`));
    const said = grave(many, NOW);
    expect(said).toHaveLength(11);
    expect(said.at(-1)).toBe('and 5 more like these');
  });
});
