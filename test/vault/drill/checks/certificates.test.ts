import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { certificateCheck } from '../../../../src/vault/drill/checks/certificates.ts';
import { type Certified, makeCertificate } from '../../../support/certificates.ts';

let at: string;
let sound: Certified;
let old: Certified;
beforeAll(() => {
  at = mkdtempSync(join(tmpdir(), 'certificates-'));
  sound = makeCertificate(at);
  old = makeCertificate(at, { days: -2 });
});
afterAll(() => rmSync(at, { recursive: true, force: true }));

function look(files: Readonly<Record<string, string>>, now = new Date()): string[] {
  const check = certificateCheck();
  for (const [path, text] of Object.entries(files)) check.onlook(path, Buffer.from(text));
  return check
    .settle(now)
    .map(({ outcome, subject, message }) => `${outcome} ${subject} ${message ?? ''}`.trim());
}

const DAY = 24 * 60 * 60 * 1000;

describe('certificates that came back', () => {
  it('count today, and belong to their keys', () => {
    expect(look({ 'a/site.pem': sound.certificate, 'a/site.key': sound.key })).toEqual(['passed a/site.pem']);
    expect(look({ '.env': 'A=1\n', 'b/site.key': sound.key })).toEqual([]);
  });

  it('have expired, each of them, wherever the same one stands', () => {
    const found = look({ 'a.pem': old.certificate, 'b.pem': old.certificate });
    expect(found).toHaveLength(2);
    for (const line of found) expect(line).toMatch(/^failed [ab]\.pem CN=shop\.example expired/);
  });

  it('soon expire, or do not count yet', () => {
    const [soon] = look({ 'a.pem': sound.certificate }, new Date(Date.now() + 350 * DAY));
    expect(soon).toMatch(/^passed a\.pem CN=shop\.example expires in 1\d days/);
    const [early] = look({ 'a.pem': sound.certificate }, new Date(Date.now() - 400 * DAY));
    expect(early).toMatch(/^failed a\.pem CN=shop\.example does not count before \d{4}-\d\d-\d\d$/);
  });

  it('are a list of many, of which some are over: that is said, and is no fault', () => {
    const list = [old.certificate, ...Array.from({ length: 25 }, () => sound.certificate)].join('');
    expect(look({ 'ca.pem': list })).toEqual([
      'skipped ca.pem a list of 26 certificates, of which 1 do not count today',
    ]);
    expect(look({ 'chain.pem': old.certificate + sound.certificate })).toEqual([
      expect.stringMatching(/^failed chain\.pem .*expired/),
    ]);
  });

  it('do not belong to the key beside them', () => {
    expect(look({ 'a/site.pem': sound.certificate, 'a/site.key': old.key })).toEqual([
      'passed a/site.pem',
      expect.stringMatching(/^failed a\/site\.key this private key does not belong/),
    ]);
  });
});
