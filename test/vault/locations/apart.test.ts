import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { localStore } from '../../../src/store/local.ts';
import { memoryStore } from '../../../src/store/memory.ts';
import { areApart } from '../../../src/vault/locations/apart.ts';
import { refuseSame } from '../../../src/vault/locations/replica.ts';
import { scratch } from '../../support/vault.ts';
import { watched } from '../stores.ts';

const s3 = (location: string) => ({ ...watched(memoryStore()), location });

describe('two places', () => {
  it('are two only where neither is in the other, whatever links lead there', async () => {
    const base = scratch();
    mkdirSync(join(base, 'vault/inside'), { recursive: true });
    mkdirSync(join(base, 'vault-2'));
    symlinkSync(join(base, 'vault'), join(base, 'link'));
    symlinkSync(base, join(base, 'around'));
    const vault = await localStore(join(base, 'vault'));
    const apart = async (path: string) => areApart(vault, await localStore(join(base, path)));
    for (const path of [
      'vault',
      'vault/inside',
      'vault/not/there',
      'link',
      'link/x',
      'around',
      'around/vault',
      '.',
    ])
      expect([path, await apart(path)]).toEqual([path, false]);
    for (const path of ['vault-2', 'copy', 'around/vault-2', 'not/there'])
      expect([path, await apart(path)]).toEqual([path, true]);
  });

  it('of a bucket go by their names', () => {
    const vault = s3('s3://acme/shop');
    for (const [location, isApart] of [
      ['s3://acme/shop', false],
      ['s3://acme/shop/copy', false],
      ['s3://acme', false],
      ['s3://acme/shop-2', true],
      ['s3://other/shop', true],
      ['/srv/vault', true],
    ] as const)
      expect([location, areApart(vault, s3(location))]).toEqual([location, isApart]);
  });
});

it('a replica that is the vault, or another replica, gets no backup', async () => {
  const places = ['s3://acme/a', 's3://acme/shop', 's3://acme/b', 's3://acme/a'];
  const replicas = places.map((location) => ({ location, store: s3(location), failure: undefined }));
  refuseSame(s3('s3://acme/shop'), replicas);
  expect(replicas.map((r) => (r.failure as { code?: string } | undefined)?.code)).toEqual([
    undefined,
    'same-place',
    undefined,
    'same-place',
  ]);
});
