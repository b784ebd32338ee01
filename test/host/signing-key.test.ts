import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  ensureSigningKey,
  hostName,
  makeSigningKey,
  readSigningKey,
  signingKeyPath,
  writeKeyFile,
} from '../../src/host/signing-key.ts';
import { generateSigningKey } from '../../src/sign/key.ts';
import { formatPrivateKey } from '../../src/sign/openssh.ts';
import { isName } from '../../src/vault/names.ts';
import { sshKeygen } from '../sign/ssh-keygen.ts';
import { scratch } from '../support/vault.ts';
import { bundleChild, start } from './children.ts';

const programs = mkdtempSync(join(tmpdir(), 'strongroom-test-'));
let program: string;
let path: string;
beforeAll(async () => {
  program = await bundleChild(programs);
});
afterAll(() => rmSync(programs, { recursive: true }));
beforeEach(() => {
  path = signingKeyPath(join(scratch(), 'state'));
});

describe('the name of a machine', () => {
  it('is what STRONGROOM_HOST says, else the host name in a form that a name may have', () => {
    expect(hostName({ STRONGROOM_HOST: 'web-1' })).toBe('web-1');
    expect(isName(hostName({}))).toBe(true);
    expect(isName(hostName({ STRONGROOM_HOST: '' }))).toBe(true);
    if (isName(hostname())) expect(hostName({})).toBe(hostname());
  });

  it('that was given and is none is refused', () => {
    expect(() => hostName({ STRONGROOM_HOST: 'Web 1' })).toThrow(
      expect.objectContaining({ code: 'bad-name', exitCode: 2 }),
    );
  });
});

describe('the signing key of a machine', () => {
  it('is made once, 0600 in 0700, and is the same ever after', async () => {
    expect(path).toMatch(/\/state\/host-key$/);
    expect(await readSigningKey(path)).toBeUndefined();
    const key = await ensureSigningKey(path, 'web-1');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(path, '..')).mode & 0o777).toBe(0o700);
    expect((await readSigningKey(path))!.publicKey).toBe(key.publicKey);
    expect((await ensureSigningKey(path, 'other')).publicKey).toBe(key.publicKey);
    expect(readdirSync(join(path, '..'))).toEqual(['host-key']);
    expect(readFileSync(path, 'utf8')).toMatch(/^-----BEGIN OPENSSH PRIVATE KEY-----\n/);
  });

  it('is one key, whole, when many processes make it at the same time', async () => {
    const children = Array.from({ length: 6 }, () => start(program, ['key', path]));
    const keys = await Promise.all(children.map((child) => child.line));
    for (const child of children) expect(await child.ended).toBe(0);
    expect(new Set(keys).size).toBe(1);
    expect(keys[0]).toBe((await readSigningKey(path))!.publicKey);
    expect(readdirSync(join(path, '..'))).toEqual(['host-key']);
  });

  it.each([0o640, 0o604, 0o660, 0o666])('that others can read (%s) is refused, as ssh does', async (mode) => {
    await ensureSigningKey(path, 'web-1');
    chmodSync(path, mode);
    const refused = {
      code: 'secret-file-readable',
      exitCode: 2,
      message: `${path} can be read by others`,
      hint: `run: chmod 600 ${path}`,
    };
    await expect(readSigningKey(path)).rejects.toMatchObject(refused);
    await expect(ensureSigningKey(path, 'web-1')).rejects.toMatchObject(refused);
  });

  it('may be narrower still', async () => {
    const key = await ensureSigningKey(path, 'web-1');
    chmodSync(path, 0o400);
    expect((await readSigningKey(path))!.publicKey).toBe(key.publicKey);
  });

  it('that is no key is never replaced', async () => {
    mkdirSync(join(path, '..'), { recursive: true });
    for (const text of ['', 'garbage SECRET', formatPrivateKey(generateSigningKey(), 'x').slice(0, 100)]) {
      writeFileSync(path, text, { mode: 0o600 });
      const failure = await ensureSigningKey(path, 'web-1').then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(failure).toMatchObject({ exitCode: 2, object: path });
      expect(String(failure)).not.toContain('SECRET');
      expect(readFileSync(path, 'utf8')).toBe(text);
    }
  });

  it('where a directory stands is refused with the next step', async () => {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    await expect(readSigningKey(path)).rejects.toMatchObject({
      code: 'signing-key-unreadable',
      exitCode: 2,
      hint: expect.any(String),
    });
  });

  it('that cannot be kept is said to be that', async () => {
    mkdirSync(join(path, '../..'), { recursive: true });
    writeFileSync(join(path, '..'), 'a file in the way');
    await expect(ensureSigningKey(path, 'web-1')).rejects.toMatchObject({
      object: path,
      hint: expect.any(String),
    });
  });
});

describe('a key for another machine', () => {
  it('is written whole to a file of its own, 0600, which ssh-keygen reads', async () => {
    const key = makeSigningKey();
    await writeKeyFile(path, key, 'ci');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(sshKeygen(['-y', '-f', path]).trim()).toBe(`${key.publicKey} ci`);
    expect(readdirSync(join(path, '..'))).toEqual(['host-key']);
  });

  it('never goes over a file that is there, nor through a link', async () => {
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, 'mine');
    const refused = { code: 'key-file-exists', exitCode: 11, object: path, hint: expect.any(String) };
    await expect(writeKeyFile(path, makeSigningKey(), 'ci')).rejects.toMatchObject(refused);
    expect(readFileSync(path, 'utf8')).toBe('mine');
    symlinkSync('elsewhere', `${path}2`);
    await expect(writeKeyFile(`${path}2`, makeSigningKey(), 'ci')).rejects.toMatchObject({
      code: 'key-file-exists',
    });
    expect(readdirSync(join(path, '..')).sort()).toEqual(['host-key', 'host-key2']);
  });
});
