import { existsSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { openStore } from '../../src/store/index.ts';
import { temporaryDirectory } from './directory.ts';

describe('from a location to a store', () => {
  it('takes a directory path, absolute or relative, and says the absolute one', async () => {
    const directory = join(temporaryDirectory(), 'vault');
    const absolute = await openStore(directory, { create: true });
    await absolute.create('vault/1.json', Buffer.from('one'));
    const near = await openStore(relative(process.cwd(), directory));
    expect(near.location).toBe(directory);
    expect(await near.get('vault/1.json')).toEqual(Buffer.from('one'));
    expect((await openStore('./odd:name')).location).toBe(resolve('odd:name'));
  });

  it('makes nothing by opening, reading or removing', async () => {
    const directory = join(temporaryDirectory(), 'vault');
    const store = await openStore(directory, { create: true });
    expect(await store.get('vault/1.json')).toBeNull();
    await store.remove(['vault/1.json']);
    for await (const { name } of store.list('')) expect.unreachable(name);
    expect(existsSync(directory)).toBe(false);
  });

  it('knows no other scheme, and never makes a directory of one', async () => {
    for (const location of ['sftp://host/x', 'memory:', 'C:\\x']) {
      await expect(openStore(location, { create: true }), location).rejects.toBeInstanceOf(UsageError);
      await expect(openStore(location), location).rejects.toMatchObject({
        code: 'unknown-location',
        exitCode: 2,
      });
      expect(existsSync(location)).toBe(false);
    }
    for (const location of ['S3://bucket', 's3:bucket', 's3://', 's3://b', 's3://bucket/../x']) {
      await expect(openStore(location), location).rejects.toMatchObject({
        code: 'bad-location',
        exitCode: 2,
      });
      expect(existsSync(location)).toBe(false);
    }
    expect((await openStore('s3://bucket//a/b/')).location).toBe('s3://bucket/a/b');
  });

  it('refuses what is no location: nothing, a home that no shell has expanded, a NUL', async () => {
    for (const location of ['', '~', '~/vault', '~root/vault', 'a\0b']) {
      await expect(openStore(location), location).rejects.toMatchObject({ code: 'unknown-location' });
    }
  });
});
