import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { disk } from '../../../src/capture/discover/disk.ts';
import { rememberedDisk } from '../../../src/vault/coverage/remembered.ts';
import { scratch } from '../../support/vault.ts';

it('a file and a directory are read once, and as much of a file as is asked for', () => {
  const root = scratch();
  const [small, large] = [join(root, 'small'), join(root, 'large')];
  writeFileSync(small, 'small');
  writeFileSync(large, 'x'.repeat(50_000));
  const remembered = rememberedDisk(disk);
  const read = (path: string, atMost: number) => {
    const { bytes, size } = remembered.read(path, atMost)!;
    return [bytes.length, size];
  };
  expect(read(small, 100)).toEqual([5, 5]);
  expect(read(large, 10_000)).toEqual([10_000, 50_000]);
  expect(read(large, 60_000)).toEqual([50_000, 50_000]);
  expect(remembered.list(root).map(({ name }) => name)).toHaveLength(2);
  rmSync(root, { recursive: true });
  mkdirSync(root);
  expect(read(small, 3)).toEqual([3, 5]);
  expect(read(large, 60_000)).toEqual([50_000, 50_000]);
  expect(remembered.list(root)).toHaveLength(2);
  expect(() => remembered.read(join(root, 'new'), 10)).toThrow('ENOENT');
});
