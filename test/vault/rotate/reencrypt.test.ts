import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InterruptedError } from '../../../src/errors.ts';
import { memoryStore } from '../../../src/store/memory.ts';
import type { Store } from '../../../src/store/store.ts';
import { backup } from '../../../src/vault/backup/backup.ts';
import { applyDelete, planDelete } from '../../../src/vault/delete.ts';
import { parseRecordName } from '../../../src/vault/layout.ts';
import { loadFiles } from '../../../src/vault/load.ts';
import { readSnapshots } from '../../../src/vault/snapshots.ts';
import { verify } from '../../../src/vault/verify/verify.ts';
import { get, namesOf, put } from '../../support/forge.ts';
import { reencryptVault, rotateVault } from '../../support/rotation.ts';
import {
  client,
  makeVault,
  openLocked,
  openUnlocked,
  type TestVault,
  tick,
  withKey,
} from '../../support/vault.ts';
import { watched } from '../stores.ts';

async function valuesOf(vault: TestVault): Promise<string[]> {
  const opened = await openUnlocked(vault, { credential: await withKey(vault.key) });
  const { snapshots } = await readSnapshots(opened);
  const all = await Promise.all(snapshots.map((s) => loadFiles(opened, s)));
  return all.map((files) => String(files.get('.env')));
}

async function rotated(count: number, vault?: TestVault): Promise<TestVault> {
  const made = vault ?? (await makeVault());
  for (let n = 1; n <= count; n++) await made.backup({ '.env': `N=${n}\n` });
  await rotateVault(made, await openKey(made), {
    reencrypt: true,
  });
  return made;
}

const openKey = async (vault: TestVault, store?: Store) =>
  await openUnlocked(vault, {
    credential: await withKey(vault.key),
    memory: vault.memory,
    ...(store ? { store } : {}),
  });

/** A backup by a machine that has not heard of a rotation. */
async function straggler(vault: TestVault, n: number): Promise<void> {
  tick(vault.clock);
  const sources = { memory: { '.env': `STRAGGLER=${n}\n` } };
  await backup(client(vault), { set: 'app', sources, host: vault.host, pin: vault.pin });
}

describe('re-encryption', () => {
  it('puts every snapshot under the new key, and leaves nothing of the old', async () => {
    const vault = await rotated(3);
    const before = (await readSnapshots(await openLocked(vault))).snapshots;
    const result = await reencryptVault(await openKey(vault));
    expect(result).toMatchObject({ done: 3, findings: [] });
    const locked = await openLocked(vault);
    const { snapshots, findings } = await readSnapshots(locked);
    expect(findings).toEqual([]);
    expect(snapshots.map((s) => [s.generation, s.object, s.sha256])).toEqual(
      before.map((s) => [2, s.object.replace('.json', '.2.json'), s.sha256]),
    );
    expect(locked.document.reencrypt).toBe(false);
    expect((await namesOf(vault.store, 'data/')).every((name) => /\/2-[^/]+\/[^/]+$/.test(name))).toBe(true);
    expect(await valuesOf(vault)).toEqual(['N=1\n', 'N=2\n', 'N=3\n']);
    const sound = await verify(locked, { unlocked: await openKey(vault) });
    expect(sound.findings).toEqual([]);
  });

  it('keeps who made a snapshot, when, and its place in the chain', async () => {
    const vault = await rotated(2);
    const before = (await readSnapshots(await openLocked(vault))).snapshots;
    await reencryptVault(await openKey(vault));
    await vault.backup({ '.env': 'N=3\n' });
    const { snapshots, findings } = await readSnapshots(await openLocked(vault));
    expect(findings).toEqual([]);
    const told = (s: (typeof snapshots)[number]) => [s.id, s.host, s.time, s.complete, s.entries, s.previous];
    expect(snapshots.slice(0, 2).map(told)).toEqual(before.map(told));
    expect(snapshots[2]!.previous?.sha256).toBe(snapshots[1]!.sha256);
  });

  it('changes the age layer only: the gzip bytes stay', async () => {
    const vault = await rotated(1);
    const [before] = (await readSnapshots(await openLocked(vault))).snapshots;
    await reencryptVault(await openKey(vault));
    const [after] = (await readSnapshots(await openLocked(vault))).snapshots;
    expect(after!.contents).toBe(before!.contents);
    expect(after!.artifacts.map((a) => a.parts.map((p) => p.size))).toEqual(
      before!.artifacts.map((a) => a.parts.map((p) => p.size)),
    );
  });

  it('of what was re-encrypted before embeds the host’s own record, never a re-encrypted one', async () => {
    const vault = await rotated(1);
    const [first] = (await readSnapshots(await openLocked(vault))).snapshots;
    await reencryptVault(await openKey(vault));
    await rotateVault(vault, await openKey(vault), { reencrypt: true });
    await reencryptVault(await openKey(vault));
    const [now] = (await readSnapshots(await openLocked(vault))).snapshots;
    expect(now).toMatchObject({ generation: 3, original: { generation: 1, sha256: first!.sha256 } });
    const names = await namesOf(vault.store, 'snapshots/');
    expect(names).toEqual([first!.object.replace('.json', '.3.json')]);
    const { original } = JSON.parse(
      (await get(vault.store, names[0]!)).toString().split('\n-----BEGIN')[0]!,
    ) as { original: string };
    expect(createHash('sha256').update(original).digest('hex')).toBe(first!.sha256);
    expect(await valuesOf(vault)).toEqual(['N=1\n']);
  });

  it('takes in what a host with an old pin adds, and a later run what came after', async () => {
    const vault = await rotated(1);
    await straggler(vault, 1);
    expect((await reencryptVault(await openKey(vault))).done).toBe(2);
    await straggler(vault, 2);
    expect((await reencryptVault(await openKey(vault))).done).toBe(1);
    expect(await valuesOf(vault)).toEqual(['N=1\n', 'STRAGGLER=1\n', 'STRAGGLER=2\n']);
  });

  it('leaves what does not verify as it is, names it, and does the others', async () => {
    const vault = await rotated(3);
    const { snapshots } = await readSnapshots(await openLocked(vault));
    const part = snapshots[1]!.artifacts[0]!.parts[0]!.object;
    const bytes = await get(vault.store, part);
    bytes[bytes.length - 1]! ^= 1;
    await put(vault.store, part, bytes);
    const { done, findings } = await reencryptVault(await openKey(vault));
    expect(done).toBe(2);
    expect(findings.map((f) => [f.code, f.object])).toEqual([['part-differs', snapshots[1]!.object]]);
    expect((await readSnapshots(await openLocked(vault))).snapshots.map((s) => s.generation)).toEqual([
      2, 1, 2,
    ]);
  });

  it('is not stopped by an object that somebody put in its way, and keeps the old bytes then', async () => {
    const vault = await rotated(2);
    const { snapshots } = await readSnapshots(await openLocked(vault));
    const planted = snapshots[0]!.object.replace('.json', '.2.json');
    await put(vault.store, planted, 'garbage');
    const { done, findings } = await reencryptVault(await openKey(vault));
    expect(done).toBe(1);
    expect(findings.map((f) => f.code)).toEqual(['planted-record']);
    expect(await valuesOf(vault)).toEqual(['N=1\n', 'N=2\n']);
    await vault.store.remove([planted]);
    expect((await reencryptVault(await openKey(vault))).findings).toEqual([]);
  });

  it('makes putting the old record and its bytes back useless', async () => {
    const vault = await rotated(2);
    const names = [...(await namesOf(vault.store, 'snapshots/')), ...(await namesOf(vault.store, 'data/'))];
    const old = new Map<string, Buffer>();
    for (const name of names) old.set(name, await get(vault.store, name));
    await reencryptVault(await openKey(vault));
    const now = await namesOf(vault.store, 'snapshots/');
    for (const [name, bytes] of old) await put(vault.store, name, bytes);
    expect((await readSnapshots(await openLocked(vault))).snapshots.map((s) => s.generation)).toEqual([2, 2]);
    // Nor is it believed when the new record is taken away.
    await vault.store.remove([now[0]!]);
    const { snapshots, findings } = await readSnapshots(await openLocked(vault));
    expect(snapshots).toHaveLength(1);
    expect(findings.map((f) => f.code)).toEqual(['missing-predecessor']);
  });

  it('after the key leaked, says again what the old key had said: all is sound, and putting back stays useless', async () => {
    const vault = await rotated(3);
    const before = new Map<string, Buffer>();
    for (const name of await namesOf(vault.store)) before.set(name, await get(vault.store, name));
    await reencryptVault(await openKey(vault));
    // Of what is gone there is nothing to say.
    const last = (await readSnapshots(await openLocked(vault))).snapshots[2]!;
    await applyDelete(await openLocked(vault), planDelete([last]), vault.host);
    await rotateVault(vault, await openKey(vault), { compromised: true, reencrypt: true });
    await reencryptVault(await openKey(vault));
    expect((await verify(await openLocked(vault))).findings).toEqual([]);
    expect(await valuesOf(vault)).toEqual(['N=1\n', 'N=2\n']);
    // Their hosts' own records, and none of those that stand in for them.
    const now = await namesOf(vault.store, 'snapshots/');
    for (const [name, bytes] of before) {
      if (/^(?:snapshots|data)\//.test(name)) await put(vault.store, name, bytes);
    }
    await vault.store.remove(now);
    expect((await readSnapshots(await openLocked(vault))).snapshots).toEqual([]);
  });

  it('leaves snapshots that can be deleted, and stay deleted', async () => {
    const vault = await rotated(2);
    await reencryptVault(await openKey(vault));
    const everything = new Map<string, Buffer>();
    for (const name of await namesOf(vault.store)) everything.set(name, await get(vault.store, name));
    const locked = await openLocked(vault);
    const { snapshots } = await readSnapshots(locked);
    await applyDelete(locked, planDelete([snapshots[0]!]), vault.host);
    expect(await namesOf(vault.store, `data/app/${snapshots[0]!.id}`)).toEqual([]);
    for (const put of [false, true]) {
      if (put) for (const [name, bytes] of everything) await vault.store.create(name, bytes);
      const left = await readSnapshots(await openLocked(vault));
      expect([left.snapshots.map((s) => s.id), left.findings]).toEqual([[snapshots[1]!.id], []]);
    }
  });

  it('by two at the same time loses nothing', async () => {
    const vault = await rotated(6);
    const [a, b] = [await openKey(vault), await openKey(vault)];
    const ends = await Promise.allSettled([reencryptVault(a), reencryptVault(b)]);
    expect(ends.filter((end) => end.status === 'rejected')).toEqual([]);
    expect(await valuesOf(vault)).toEqual([1, 2, 3, 4, 5, 6].map((n) => `N=${n}\n`));
    await reencryptVault(await openKey(vault));
    expect((await verify(await openLocked(vault))).findings).toEqual([]);
  });
});

it('killed at any call, a rotation with re-encryption loses nothing and is finished by the next run', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 6 }),
      async (kills) => {
        const clock = { now: new Date('2026-11-20T05:58:12Z') };
        const inner = memoryStore({ clock: () => clock.now });
        const vault = await makeVault({ store: inner, clock });
        for (let n = 1; n <= 4; n++) await vault.backup({ '.env': `N=${n}\n` });
        const all = [1, 2, 3, 4].map((n) => `N=${n}\n`);
        for (const after of kills) {
          let calls = 0;
          const dying = watched(inner, () => {
            if (++calls > after) throw new InterruptedError('interrupted', 'killed');
          });
          try {
            const opened = await openKey(vault, dying);
            const now = opened.document.reencrypt
              ? opened
              : (await rotateVault(vault, opened, { reencrypt: true })).vault;
            await reencryptVault(now);
          } catch (error) {
            if (!(error instanceof InterruptedError)) throw error;
          }
          expect(await valuesOf(vault)).toEqual(all);
        }
        const opened = await openKey(vault);
        const now = opened.document.reencrypt
          ? opened
          : (await rotateVault(vault, opened, { reencrypt: true })).vault;
        await reencryptVault(now);
        expect(await valuesOf(vault)).toEqual(all);
        const locked = await openLocked(vault);
        expect((await verify(locked)).findings).toEqual([]);
        for (const name of await namesOf(inner, 'snapshots/')) {
          expect(parseRecordName(name)?.generation).toBe(locked.document.generation);
        }
      },
    ),
    { numRuns: process.env.STRONGROOM_LONG === '1' ? 150 : 15 },
  );
});
