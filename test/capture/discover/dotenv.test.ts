import { describe, expect, it } from 'vitest';
import { isPlainlyPath, looksLikePath } from '../../../src/capture/discover/dotenv.ts';
import { found } from './found.ts';

describe('an environment file', () => {
  it('is found by its name', async () => {
    const names = ['.env', '.env.production', '.env-prod', 'a/.env.local', 'a/web.env', 'B.ENV'];
    const none = [
      '.env.example',
      '.env.sample',
      '.env.template',
      '.env.dist',
      '.env.production.example',
      'example.env',
      '.envrc',
      'env',
      'environment.ts',
      'a.env.ts',
    ];
    const lines = await found('dotenv', Object.fromEntries([...names, ...none].map((name) => [name, 'A=1'])));
    expect(lines).toEqual(names.sort().map((name) => `${name}: environment file`));
  });

  it('that is none is a warning, and is there all the same', async () => {
    expect(await found('dotenv', { '.env': 'A="\nhunter2' })).toEqual([
      '.env: environment file',
      '.env! has a quote that nothing closes',
    ]);
  });

  it.each<[string, string]>([
    ['DB_PASSWORD_FILE=./secrets/db', 'secrets/db'],
    ['TLS_CERT=certs/c.pem', 'certs/c.pem'],
    ['export TLS_KEY_FILE="certs/c.pem"', 'certs/c.pem'],
    ["SSL_CERTFILE='../config/certs/c.pem'", 'certs/c.pem'],
    ['SSL_KEYFILE=c.pem', 'c.pem'],
    ['GOOGLE_APPLICATION_CREDENTIALS=gcp.json', 'gcp.json'],
    ['KUBECONFIG=./secrets/db', 'secrets/db'],
    ['SECRETS_PATH=./secrets', 'secrets'],
    ['key_path: secrets/../c.pem', 'c.pem'],
  ])('names the file of a value: %s', async (line, path) => {
    const lines = await found('dotenv', {
      'config/.env': line,
      'config/secrets/db': '',
      'config/certs/c.pem': '',
      'config/c.pem': '',
      'config/gcp.json': '',
    });
    const name = /([A-Za-z_]+)[=:]/.exec(line)![1];
    const state = path === 'secrets' ? ' directory' : '';
    expect(lines).toContain(`config/${path}: ${name} of .env (config/.env)${state} ?`);
    expect(lines).toHaveLength(2);
  });

  it.each([
    ['one of another name', 'PASSWORD=./secrets'],
    ['what is not there and may be a word', 'DB_FILE=nothing.pem'],
    ['what is outside and may be a word', 'DB_FILE=/hunter2'],
    ['what a container has', 'DB_FILE=/run/secrets/db'],
    ['what an image has', 'UPLOAD_PATH=/app/uploads'],
    ['what has the form of a secret', 'TLS_CERT=/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAAMC'],
    ['where it is itself', 'APP_PATH=.'],
    ['what is above', 'APP_PATH=./'],
    ['a list', 'COMPOSE_FILE=./secrets:./c'],
    ['what is filled in', 'DB_FILE=$' + '{DIR}/secrets'],
    ['a word', 'DB_FILE=secrets'],
  ])('names no file by %s', async (_, line) => {
    expect(await found('dotenv', { '.env': line, secrets: '', nothing2: '' })).toEqual([
      '.env: environment file',
    ]);
  });
});

describe('the path of a value that is not to be seen is told, and not required', () => {
  it.each<[string, string, string]>([
    ['LICENSE_FILE=/srv/secure/license.pem', '/srv/secure/license.pem', 'outside'],
    ['CERT_PATH=/srv/secure/certs', '/srv/secure/certs', 'outside'],
    ['TLS_CERT=../../up/tls.pem', '../up/tls.pem', 'outside'],
    ['GOOGLE_APPLICATION_CREDENTIALS=~/gcp.json', '/home/me/gcp.json', 'outside'],
    ['DB_FILE=./nothing', 'config/nothing', 'missing'],
    ['DB_FILE=../secrets/db.txt', 'secrets/db.txt', 'missing'],
  ])('%s', async (line, path, state) => {
    const lines = await found('dotenv', { 'config/.env': line }, { env: { HOME: '/home/me' } });
    expect(lines).toHaveLength(2);
    const told = lines.find((one) => one.includes('(config/.env)'))!;
    expect(told).toMatch(new RegExp(` of \\.env \\(config/\\.env\\) ${state} \\?$`));
    // Beyond the root the short form begins with as many steps up.
    expect(told.split(': ')[0]!.replace(/^(?:\.\.\/)+(?=home|srv)/, '/')).toBe(path);
  });

  it.each([
    '/srv/Zq8xK2vR7mN4tB9wL3yH/x',
    './ghp_abcdefghijklmnop1234567890',
    '~',
    'x/y.pem',
    '/x',
    '/a b/c',
  ])('not of %s', (value) => {
    expect(isPlainlyPath(value)).toBe(false);
  });
});

describe('what looks like a path', () => {
  it.each([
    '/run/secrets/db',
    './a',
    '../a/b',
    'a/b.pem',
    'key.pem',
    '/a-b/c_d/e@f.json',
    '/',
    './secrets/',
    '/etc/ssl/certs',
  ])('is %s', (value) => {
    expect(looksLikePath(value)).toBe(true);
  });

  it.each([
    'hunter2',
    'correct horse',
    'https://example.com/a.pem',
    'postgres://u:p@h/db',
    'a:b',
    'Zm9vYmFy/YmF6cXV4+Zm9v==',
    '/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsK',
    'MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ/ab.c',
    'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N',
    'sk-abcdefghijkl1234567890.x',
    '',
    'a b.pem',
    'x\ny.pem',
    `./${'a'.repeat(2000)}`,
  ])('is not %j', (value) => {
    expect(looksLikePath(value)).toBe(false);
  });

  it.each(['a', 'a/', 'a.', './a/', '.', '/'])('is told in no time, whatever repeats: %j', (piece) => {
    const start = process.cpuUsage();
    looksLikePath(`${piece.repeat(1000).slice(0, 1020)}!`);
    expect(process.cpuUsage(start).user).toBeLessThan(200_000);
  });
});
