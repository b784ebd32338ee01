import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { clipName, goesOn, isPadding, looksRandom, shownKey } from '../../src/compare/shown.ts';

describe('a key that has the form of a secret', () => {
  it.each([
    'c2VjcmV0cGFzc3dvcmQxMjM0NTY3OA==',
    'd41d8cd98f00b204e9800998ecf8427e',
    '550e8400-e29b-41d4-a716-446655440000',
    'ghp_abcdefghijklmnopqrstuvwx',
    'glpat-Zx81_kd-93kfLq0aPp2s',
    'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln',
    'AGE-SECRET-KEY-1QQQQQQQQQQQ',
    'a word before ghp_abcdefghijklmnopqrstuvwx',
    'tokens.k3Jx9Qm2Vb7Lw4Tz8Rp6',
    '-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2Vw',
    'https://user:hunter2@example.com',
    'F3K9-2QXP-7M4D',
    'JBSWY3DPEHPK3PXPJBSWY3DP',
    '4111111111111111',
  ])('%s is never shown', (key) => {
    expect(shownKey(key)).toBe(`(a key of ${key.length} characters)`);
  });

  it('is known whatever its bytes are', () => {
    let missed = 0;
    for (let i = 0; i < 500; i++)
      for (const encoding of ['base64', 'base64url', 'hex'] as const)
        if (!looksRandom(`x.${randomBytes(32).toString(encoding)}`)) missed += 1;
    expect(missed).toBeLessThanOrEqual(3);
  });

  it.each([
    ...['DB_PASSWORD', 'OAUTH2_PROXY_CLIENT_SECRET', 'AWS_S3_BUCKET_NAME_PRODUCTION', 'LC_ALL_EN_US_UTF_8'],
    ...['aws_secret_access_key', 'spring.datasource.hikari.maximumPoolSize', 'npm_config_registry'],
    ...['persistentVolumeClaimRetentionPolicy', 'app.kubernetes.io/managed-by', 'k8sServiceAccountName'],
    ...['node-role.kubernetes.io/control-plane', 'https://index.docker.io/v1/', '192.168.178.201:8080'],
    ...['innodb_buffer_pool_size', 'remote "origin"', '2026-11-20T10:00:00Z', 'SMTP_TLS_1_2_ENABLED', ''],
  ])('is not one such as %s', (key) => {
    expect(looksRandom(key)).toBe(false);
  });
});

it('a name is cut, and tells its beginning and its end', () => {
  expect(clipName('a'.repeat(200))).toHaveLength(200);
  const cut = clipName(`first.${'x.'.repeat(500)}last`);
  expect(cut).toHaveLength(200);
  expect(cut).toMatch(/^first\..*….*\.last$/);
  expect(shownKey('wordy '.repeat(100))).toBe(`${'wordy '.repeat(100).slice(0, 100)}…`);
});

it('padding is no separator', () => {
  expect(isPadding('c2VjcmV0cGFzc3dvcmQxMg', '=')).toBe(true);
  expect(isPadding('Zg', '=')).toBe(true);
  expect(isPadding('Zg', '=",')).toBe(true);
  expect(isPadding('c2VjcmV0cGFzc3dvcmQxMjM', '')).toBe(true);
  expect(isPadding('c2VjcmV0cGFzc3dvcmQxMjM', '"')).toBe(true);
  expect(isPadding('PASSWORD', '')).toBe(false);
  expect(isPadding('PASSWORD', '=a')).toBe(false);
});

it('a line goes on when its last backslash stands for itself', () => {
  expect(['a', 'a\\', 'a\\\\', 'a\\\\\\', '\\', ''].map(goesOn)).toEqual([
    false,
    true,
    false,
    true,
    true,
    false,
  ]);
});
