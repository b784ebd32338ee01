// Copies over a network: from and to a bucket, killed, by roles that may not look, and where nobody may remove.

import { PutObjectLockConfigurationCommand } from '@aws-sdk/client-s3';
import { describe, expect, it } from 'vitest';
import { localStore } from '../../src/store/local.ts';
import { memoryStore } from '../../src/store/memory.ts';
import type { Store } from '../../src/store/store.ts';
import { applyDelete, planDelete } from '../../src/vault/delete.ts';
import { readSnapshots } from '../../src/vault/snapshots.ts';
import { copyTo, expectSameAs } from '../support/copies.ts';
import { digestsOf } from '../support/forge.ts';
import { manySnapshots } from '../support/many.ts';
import { actingAs, type Bucket, ROLES, s3Ground, skipS3 } from '../support/s3.ts';
import { clockAt, makeVault, openLocked, scratch, type TestVault } from '../support/vault.ts';

describe.skipIf(skipS3)('with a bucket at one end or both', () => {
  const bucket = s3Ground();
  const places: Readonly<Record<string, () => Promise<Store>>> = {
    memory: async () => memoryStore(),
    directory: async () => await localStore(`${scratch()}/vault`, { create: true }),
    bucket: async () => await (await bucket()).store(),
  };
  const ways = Object.keys(places).flatMap((from) => Object.keys(places).map((to) => [from, to] as const));

  it.each(ways)(
    'from a %s to a %s it is the same vault, and a second run sends nothing',
    async (from, to) => {
      const { vault } = await manySnapshots(await places[from]!(), 3);
      const place = await places[to]!();
      const first = await copyTo(vault, place);
      expect(first).toMatchObject({ failed: [], mended: [], left: 0, findings: [] });
      expect(await digestsOf(place)).toEqual(await digestsOf(vault.store));
      await expectSameAs(vault, place);
      expect(await copyTo(vault, place)).toMatchObject({ copied: [], objects: 0, removed: 0 });
    },
  );

  async function filled(
    options: Parameters<typeof bucket>[0] = {},
  ): Promise<{ vault: TestVault; place: Bucket }> {
    const vault = await makeVault({ clock: clockAt(new Date(Date.now() - 3600_000).toISOString()) });
    for (const n of [1, 2]) await vault.backup({ '.env': `N=${n}\n` });
    return { vault, place: await bucket(options) };
  }

  it.each([
    ['only put', [ROLES.backup[0]], true],
    ['list and put, not read', [ROLES.backup[0], ROLES.restore[1]], false],
  ])('a role that may %s brings a copy up to date', async (_what, statements, isBlind) => {
    const { vault, place } = await filled();
    const role = await place.user(statements);
    const first = await actingAs(role, async () => await copyTo(vault, await place.store()));
    expect(first.failed).toEqual([]);
    expect(first.copied).toHaveLength(2);
    await expectSameAs(vault, await place.store());
    await vault.backup({ '.env': 'MORE=1\n' });
    const second = await actingAs(role, async () => await copyTo(vault, await place.store()));
    expect(second.copied).toHaveLength(isBlind ? 3 : 1);
    await expectSameAs(vault, await place.store());
  });

  it('under Object Lock a removal hides what went, and it is said until when its bytes stay', async () => {
    const { vault, place } = await filled({ lock: true });
    const rule = { DefaultRetention: { Mode: 'GOVERNANCE' as const, Days: 1 } };
    const ObjectLockConfiguration = { ObjectLockEnabled: 'Enabled' as const, Rule: rule };
    await place.client.send(
      new PutObjectLockConfigurationCommand({ Bucket: place.name, ObjectLockConfiguration }),
    );
    await copyTo(vault, await place.store());
    const opened = await openLocked(vault);
    const { snapshots } = await readSnapshots(opened);
    await applyDelete(opened, planDelete(snapshots.slice(0, 1)), vault.host);
    const result = await copyTo(vault, await place.store());
    expect(result.removed).toBe(3);
    expect(result.old?.until?.getTime()).toBeGreaterThan(Date.now() + 23 * 3600_000);
    await expectSameAs(vault, await place.store());
  });
});
