// What health says of replicas: real vaults in memory and on disk, copied and left behind.

import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { openStore } from '../../../src/store/index.ts';
import { memoryStore } from '../../../src/store/memory.ts';
import type { Store } from '../../../src/store/store.ts';
import { readHealth } from '../../../src/vault/health/health.ts';
import { makeVault, openLocked, scratch, type TestVault, tick } from '../../support/vault.ts';

const HOUR = 3_600_000;
const FILES = { '.env': 'TOKEN=1\n' };

let vault: TestVault;
let replica: Store;
beforeEach(async () => {
  vault = await makeVault();
  replica = memoryStore();
});

async function copyAll(): Promise<void> {
  for await (const { name } of vault.store.list(''))
    await replica.create(name, (await vault.store.get(name))!);
}

async function problems(...replicas: Store[]): Promise<string[]> {
  const sets = new Map([['app', 24 * HOUR]]);
  const found = (await readHealth(await openLocked(vault), { replicas, sets })).problems;
  return found.map(({ severity, code, set = '-', host = '-' }) => `${severity} ${code} ${set} ${host}`);
}

describe('a replica', () => {
  it('that has the newest snapshot is fine, and one that lacks it has until the objective is over', async () => {
    await vault.backup(FILES);
    await copyAll();
    expect(await problems(replica)).toEqual([]);
    tick(vault.clock, 20 * HOUR);
    await vault.backup(FILES);
    expect(await problems(replica)).toEqual([]);
    tick(vault.clock, 5 * HOUR);
    expect(await problems(replica)).toEqual(['wrong replica-lags app web-1']);
    await copyAll();
    expect(await problems(replica)).toEqual([]);
  });

  it('that has nothing is behind, each by itself', async () => {
    await vault.backup(FILES);
    await copyAll();
    expect(await problems(replica, memoryStore())).toEqual(['wrong replica-lags app web-1']);
  });

  it('is not blamed for what is late at the first place', async () => {
    await vault.backup(FILES);
    await copyAll();
    tick(vault.clock, 48 * HOUR);
    expect(await problems(replica)).toEqual(['wrong overdue app web-1']);
  });

  it('that is gone is said, and does not end the look at the others', async () => {
    await vault.backup(FILES);
    await copyAll();
    const path = join(scratch(), 'offsite');
    mkdirSync(path);
    const gone = await openStore(path, { create: false, s3: {} });
    rmSync(path, { recursive: true });
    expect(await problems(gone, replica)).toEqual(['wrong replica-lags app web-1']);
    // Nothing listens there.
    process.env.AWS_ACCESS_KEY_ID ??= 'x';
    process.env.AWS_SECRET_ACCESS_KEY ??= 'x';
    const away = await openStore('s3://b-u-c-k-e-t/x', {
      create: false,
      s3: { endpoint: 'http://127.0.0.1:9', region: 'eu-central-1', deadline: 2 },
    });
    expect(await problems(away, replica)).toEqual(['wrong replica-unreachable - -']);
  });
});

describe('a set of some paths', () => {
  it('beside a configured one is not expected again; any other is', async () => {
    await vault.backup(FILES, { set: 'app' });
    await vault.backup(FILES, { set: 'app-paths' });
    await vault.backup(FILES, { set: 'more-paths' });
    tick(vault.clock, 48 * HOUR);
    const { groups } = await readHealth(await openLocked(vault), { sets: new Map([['app', undefined]]) });
    expect(groups.map(({ set, isExpected }) => [set, isExpected])).toEqual([
      ['app-paths', false],
      ['app', true],
      ['more-paths', true],
    ]);
    const asked = new Map([
      ['app', undefined],
      ['app-paths', HOUR],
    ]);
    const configured = await readHealth(await openLocked(vault), { sets: asked });
    expect(configured.groups.every(({ isExpected }) => isExpected)).toBe(true);
  });
});
