import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { dropNewKey, keepNewKey, newKeyPath, readNewKey, takeUpNewKey } from '../../src/host/new-key.ts';
import {
  ensureSigningKey,
  makeSigningKey,
  readSigningKey,
  signingKeyPath,
} from '../../src/host/signing-key.ts';
import { scratch } from '../support/vault.ts';

let path: string;
beforeEach(() => {
  path = signingKeyPath(join(scratch(), 'state'));
});
const names = () => readdirSync(join(path, '..')).sort();
const publicKeyOf = async (at: string) => (await readSigningKey(at))?.publicKey;

/** Makes a key that waits. */
async function waiting() {
  const key = makeSigningKey();
  await keepNewKey(path, key, 'web-1');
  return key;
}

describe('a new key for a machine that has one', () => {
  it('waits beside it, 0600, and changes nothing', async () => {
    const old = await ensureSigningKey(path, 'web-1');
    expect(await readNewKey(path)).toBeUndefined();
    const key = makeSigningKey();
    expect(await keepNewKey(path, key, 'web-1')).toBe(`${path}.new`);
    expect(statSync(newKeyPath(path)).mode & 0o777).toBe(0o600);
    expect((await readNewKey(path))!.publicKey).toBe(key.publicKey);
    expect(await publicKeyOf(path)).toBe(old.publicKey);
    // Another one never goes over it.
    await expect(keepNewKey(path, makeSigningKey(), 'web-1')).rejects.toMatchObject({
      code: 'key-file-exists',
    });
    expect((await readNewKey(path))!.publicKey).toBe(key.publicKey);
  });

  it('is taken up, and the old one is kept, 0600, whatever it had', async () => {
    const old = await ensureSigningKey(path, 'web-1');
    chmodSync(path, 0o644);
    const key = await waiting();
    expect(await takeUpNewKey(path)).toBe(`${path}.old`);
    expect(names()).toEqual(['host-key', 'host-key.old']);
    expect(await publicKeyOf(path)).toBe(key.publicKey);
    expect(await publicKeyOf(`${path}.old`)).toBe(old.publicKey);
    for (const name of names()) expect(statSync(join(path, '..', name)).mode & 0o777).toBe(0o600);
    // Nothing waits any more.
    expect(await takeUpNewKey(path)).toBeUndefined();
    expect(names()).toEqual(['host-key', 'host-key.old']);
  });

  it('never goes over one that was kept before', async () => {
    const keys = [await ensureSigningKey(path, 'web-1'), await waiting()];
    await takeUpNewKey(path);
    for (const n of [2, 3]) {
      keys.push(await waiting());
      expect(await takeUpNewKey(path)).toBe(`${path}.old.${n}`);
    }
    const kept = ['.old', '.old.2', '.old.3', ''].map((suffix) => publicKeyOf(path + suffix));
    expect(await Promise.all(kept)).toEqual(keys.map((key) => key.publicKey));
  });

  it('leaves what stands under that name as it is, a directory or a link to nowhere', async () => {
    await ensureSigningKey(path, 'web-1');
    mkdirSync(`${path}.old`);
    symlinkSync('nowhere', `${path}.old.2`);
    await waiting();
    expect(await takeUpNewKey(path)).toBe(`${path}.old.3`);
  });

  it('is taken up once by two at a time', async () => {
    await ensureSigningKey(path, 'web-1');
    await waiting();
    const both = await Promise.all([takeUpNewKey(path), takeUpNewKey(path)]);
    expect(both.filter((old) => old !== undefined)).toEqual([`${path}.old`]);
    expect(names()).toEqual(['host-key', 'host-key.old']);
  });

  it('goes in the place of what is no key, and keeps that byte for byte', async () => {
    mkdirSync(join(path, '..'), { recursive: true });
    const garbage = Buffer.from([0, 255, 10, 200]);
    writeFileSync(path, garbage);
    await waiting();
    expect(await takeUpNewKey(path)).toBe(`${path}.old`);
    expect(readFileSync(`${path}.old`)).toEqual(garbage);
    expect(await readSigningKey(path)).toBeDefined();
  });

  it('is the key at once where there is none', async () => {
    const key = makeSigningKey();
    expect(await keepNewKey(path, key, 'web-1')).toBe(path);
    expect(await publicKeyOf(path)).toBe(key.publicKey);
    expect(await takeUpNewKey(path)).toBeUndefined();
    expect(names()).toEqual(['host-key']);
  });

  it('that waits is kept among the old ones when it will never count', async () => {
    const old = await ensureSigningKey(path, 'web-1');
    expect(await dropNewKey(path)).toBeUndefined();
    const key = await waiting();
    expect(await dropNewKey(path)).toBe(`${path}.old`);
    expect(await publicKeyOf(`${path}.old`)).toBe(key.publicKey);
    expect(await publicKeyOf(path)).toBe(old.publicKey);
    expect(existsSync(newKeyPath(path))).toBe(false);
  });

  it('that cannot be taken up waits on, and says so', async () => {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const key = await waiting();
    await expect(takeUpNewKey(path)).rejects.toMatchObject({
      code: 'state-unusable',
      object: path,
      hint: expect.any(String),
    });
    expect((await readNewKey(path))!.publicKey).toBe(key.publicKey);
    expect(names()).toEqual(['host-key', 'host-key.new']);
  });
});
