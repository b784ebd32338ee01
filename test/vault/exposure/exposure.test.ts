import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { memoryStore } from '../../../src/store/memory.ts';
import type { Store } from '../../../src/store/store.ts';
import { type Exposure, findExposure } from '../../../src/vault/exposure/exposure.ts';
import { generationLeak, keyLeak, type Leak, readHistory } from '../../../src/vault/exposure/leak.ts';
import { planExposure } from '../../../src/vault/exposure/plan.ts';
import { pinOf } from '../../../src/vault/pin.ts';
import { readSnapshots } from '../../../src/vault/snapshots.ts';
import type { UnlockedVault } from '../../../src/vault/vault.ts';
import { reencryptVault, rotateVault } from '../../support/rotation.ts';
import { clockAt, makeVault, openUnlocked, tick, withKey } from '../../support/vault.ts';
import { watched } from '../stores.ts';

async function exposureOf(vault: UnlockedVault, leak: Leak): Promise<Exposure> {
  const { snapshots } = await readSnapshots(vault);
  return await findExposure(vault, planExposure(leak, snapshots));
}

/** `path name` to `status in how many`. */
function lines({ values }: Exposure): Record<string, string> {
  return Object.fromEntries(values.map((v) => [`${v.path} ${v.name}`, `${v.status} in ${v.snapshots}`]));
}

describe('what a key could read', () => {
  it('is told by name over versions, rotation and re-encryption, each with what became of it', async () => {
    const vault = await makeVault();
    await vault.backup({
      '.env': 'DB_PASSWORD=one\nKEPT_TOKEN=k\nOLD_TOKEN=tokens\nLOG=debug\n',
      'k8s.yaml': 'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {a: c2VjcmV0}\n',
      'gone/key': 'x',
    });
    await vault.backup({ '.env': 'DB_PASSWORD=two\nKEPT_TOKEN=k\n', 'blob.bin': Buffer.of(0, 1) });
    tick(vault.clock);
    let opened = (await rotateVault(vault, await openUnlocked(vault), { without: ['passphrase'] })).vault;
    // A host that has not heard of it: with the old recipient.
    await vault.backup({ '.env': 'DB_PASSWORD=straggler\n' });
    const newer = await makeNewer(vault, opened, {
      '.env': 'DB_PASSWORD=three\nKEPT_TOKEN=k\nNEW_NAME_TOKEN=tokens\nNEVER_SEEN=n\n',
      'k8s.yaml': 'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: secret}\n',
    });
    expect(newer.generation).toBe(2);
    const expected = {
      '.env DB_PASSWORD': 'changed in 3',
      '.env KEPT_TOKEN': 'same in 2',
      '.env OLD_TOKEN': 'moved in 1',
      '.env LOG': 'gone in 1',
      'k8s.yaml apiVersion (Secret s)': 'same in 1',
      'k8s.yaml kind (Secret s)': 'same in 1',
      'k8s.yaml metadata.name (Secret s)': 'same in 1',
      'k8s.yaml data.a (Secret s)': 'moved in 1',
      'gone/key (whole file)': 'gone in 1',
      'blob.bin (whole file)': 'gone in 1',
    };
    const leak = keyLeak(await readHistory(opened), 'passphrase');
    expect(lines(await exposureOf(opened, leak))).toEqual(expected);
    // Encrypted anew it is as exposed as before.
    await reencryptVault(opened);
    opened = await openUnlocked(vault, { credential: await withKey(vault.key) });
    const { snapshots } = await readSnapshots(opened);
    expect(snapshots.map((s) => s.generation)).toEqual([2, 2, 2, 2]);
    expect(planExposure(leak, snapshots)).toMatchObject({ of: 4, reencrypted: 3 });
    expect(lines(await exposureOf(opened, leak))).toEqual(expected);
    // Who holds the new key reads all.
    expect(lines(await exposureOf(opened, generationLeak(opened.document, 2)))).toMatchObject({
      '.env NEVER_SEEN': 'same in 1',
      '.env DB_PASSWORD': 'same in 4',
    });
  });

  it('is told for each set and host by itself', async () => {
    const vault = await makeVault();
    await vault.backup({ '.env': 'TOKEN=a\n' });
    await vault.backup({ '.env': 'TOKEN=b\n' }, { set: 'db' });
    await vault.backup({ '.env': 'TOKEN=b\n' });
    const opened = await openUnlocked(vault);
    const { values } = await exposureOf(opened, generationLeak(opened.document, 1));
    expect(values.map((v) => [v.set, v.host, v.name, v.status, v.snapshots, v.first, v.last])).toEqual([
      ['app', 'web-1', 'TOKEN', 'same', 2, '2026-11-20T05:59:12Z', '2026-11-20T06:01:12Z'],
      ['db', 'web-1', 'TOKEN', 'same', 1, '2026-11-20T06:00:12Z', '2026-11-20T06:00:12Z'],
    ]);
  });

  it('is nothing where nothing was written under it', async () => {
    const vault = await makeVault();
    const opened = await openUnlocked(vault);
    expect(await exposureOf(opened, generationLeak(opened.document, 1))).toEqual({
      values: [],
      unread: [],
      dumps: [],
    });
  });
});

describe('reading', () => {
  const counting = (store: Store, gets: string[]): Store =>
    watched(store, ({ verb, name }) => {
      if (verb === 'get') gets.push(name);
    });

  it('reads the files of a snapshot only when it holds a version that was not seen', async () => {
    const vault = await makeVault();
    for (const value of ['a', 'a', 'b', 'a', 'b'])
      await vault.backup({ '.env': `TOKEN=${value}\n`, 'x/y.json': '{"k":1}' });
    const gets: string[] = [];
    const opened = await openUnlocked(vault);
    await exposureOf({ ...opened, store: counting(opened.store, gets) }, generationLeak(opened.document, 1));
    const parts = gets.filter((name) => name.includes('/files.tar.gz.age'));
    expect(parts).toHaveLength(2);
    expect(gets.filter((name) => name.includes('/contents.'))).toHaveLength(5);
  });

  it('goes on past a snapshot that is damaged, and says which; what it compares with is then not known', async () => {
    const clock = clockAt();
    const store = memoryStore({ clock: () => clock.now });
    const vault = await makeVault({ store, clock });
    await vault.backup({ '.env': 'TOKEN=a\n' });
    await vault.backup({ '.env': 'TOKEN=b\n' });
    const opened = await openUnlocked(vault);
    const { snapshots } = await readSnapshots(opened);
    const last = snapshots.at(-1)!;
    const part = last.artifacts.find((a) => a.name.startsWith('files'))!.parts[0]!;
    const torn: Store = {
      ...watched(store),
      get: async (name, options) => {
        const bytes = await store.get(name, options);
        if (name !== part.object || !bytes) return bytes;
        return Buffer.concat([Buffer.of(bytes[0]! ^ 1), bytes.subarray(1)]);
      },
    };
    const { values, unread } = await exposureOf(
      { ...opened, store: torn },
      generationLeak(opened.document, 1),
    );
    expect(unread.map(({ snapshot, error }) => [snapshot.id, error.code])).toEqual([
      [last.id, 'part-differs'],
    ]);
    expect(values.map((v) => [v.name, v.status, v.snapshots])).toEqual([['TOKEN', 'unknown', 1]]);
  });

  it('compares a large file without reading it', async () => {
    const vault = await makeVault();
    const large = Buffer.alloc(5 * 2 ** 20, 'x');
    const middle = Buffer.from(JSON.stringify({ password: 'x'.repeat(2 * 2 ** 20) }));
    await vault.backup({ 'dump.sql': large, 'middle.json': middle });
    await vault.backup({ 'dump.sql': large, 'middle.json': middle });
    const opened = await openUnlocked(vault);
    const { values } = await exposureOf(opened, generationLeak(opened.document, 1));
    expect(values.map((v) => [v.path, v.name, v.status, v.reason])).toEqual([
      ['dump.sql', '(whole file)', 'same', 'is too large to look into'],
      ['middle.json', 'password', 'same', undefined],
    ]);
  });

  it('of 500 snapshots of 30 files takes little time, and reads each version once', async () => {
    const vault = await makeVault();
    const files = (day: number) =>
      Object.fromEntries(
        Array.from({ length: 30 }, (_, i) => [
          `service-${i}/.env`,
          Array.from(
            { length: 10 },
            (_, n) => `NAME_${n}_PASSWORD=${i === day % 30 ? `day ${day}` : 'same'}`,
          ).join('\n'),
        ]),
      );
    for (let day = 0; day < 500; day++) await vault.backup(files(Math.floor(day / 10)));
    const opened = await openUnlocked(vault);
    const gets: string[] = [];
    const start = performance.now();
    const { values } = await exposureOf(
      { ...opened, store: counting(opened.store, gets) },
      generationLeak(opened.document, 1),
    );
    const seconds = (performance.now() - start) / 1000;
    expect(values).toHaveLength(300);
    expect(values.every((v) => v.snapshots === 500)).toBe(true);
    expect(gets.filter((name) => name.includes('/files.tar.gz.age')).length).toBeLessThanOrEqual(51);
    expect(seconds).toBeLessThan(10);
  }, 60_000);
});

it('what is found holds no value, nor anything that one could be guessed from', async () => {
  const CANARY = 'cAnArY7x';
  const vault = await makeVault();
  const value = fc
    .string({ unit: 'grapheme', maxLength: 8 })
    .map((s) => `${CANARY}${s.replace(/[\n\r=:]/g, '')}`);
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(fc.stringMatching(/^[A-Z]{1,5}$/), value, { minKeys: 1 }),
      async (values) => {
        const entries = Object.entries(values);
        await vault.backup(
          {
            '.env': entries.map(([k, v]) => `${k}=${v}`).join('\n'),
            'a.json': JSON.stringify(values),
            'a.yaml': entries.map(([k, v]) => `${k}: ${JSON.stringify(v)}`).join('\n'),
            'a.toml': entries.map(([k, v]) => `${k} = '''${v.replaceAll("'", '')}'''`).join('\n'),
            'broken.yaml': entries.map(([k, v]) => `${k}: {{ ${v} }}`).join('\n'),
            'broken.toml': `a = = ${CANARY}`,
            'a.ini': `[s]\n${entries.map(([k, v]) => `${k}=${v}`).join('\n')}`,
            other: entries.map(([, v]) => v).join('\n'),
          },
          { set: 'canary' },
        );
        const opened = await openUnlocked(vault);
        const { snapshots } = await readSnapshots(opened);
        const exposure = await findExposure(
          opened,
          planExposure(generationLeak(opened.document, 1), snapshots.slice(-1)),
        );
        expect(exposure.values.length).toBeGreaterThan(entries.length * 2);
        expect(JSON.stringify(exposure)).not.toContain(CANARY);
      },
    ),
    { numRuns: 25 },
  );
});

/** A snapshot by a host that knows the pin of today. */
async function makeNewer(
  vault: Awaited<ReturnType<typeof makeVault>>,
  opened: UnlockedVault,
  files: Readonly<Record<string, unknown>>,
) {
  await vault.backup(files, { pin: pinOf(opened.document) });
  return (await readSnapshots(opened)).snapshots.at(-1)!;
}
