// Evidence of drills in real vaults: what is written, and what counts of what stands there.
import { beforeEach, describe, expect, it } from 'vitest';
import type { SigningKey } from '../../../src/sign/key.ts';
import { readDrills, writeEvidence } from '../../../src/vault/drill/evidence.ts';
import { newDrillName } from '../../../src/vault/layout.ts';
import { documentTime } from '../../../src/vault/names.ts';
import { revise } from '../../../src/vault/revise.ts';
import { readSnapshots } from '../../../src/vault/snapshots.ts';
import { verify } from '../../../src/vault/verify/verify.ts';
import { copyTo, emptyPlace } from '../../support/copies.ts';
import { drilled, partOf, resultOf } from '../../support/drills.ts';
import { bodyOf, flipped, get, namesOf, put, sign } from '../../support/forge.ts';
import { keeper } from '../../support/hosts.ts';
import { briefly } from '../../support/refusals.ts';
import { rotateVault } from '../../support/rotation.ts';
import { makeVault, openLocked, type TestVault, tick } from '../../support/vault.ts';
import { watched } from '../stores.ts';

let vault: TestVault;
beforeEach(async () => {
  vault = await makeVault();
  await vault.backup({ '.env': 'A=1\n' });
  tick(vault.clock);
});

const read = async () => await readDrills(await openLocked(vault));

describe('the evidence of a drill', () => {
  it('says which snapshot was restored, what was looked at and how long it took', async () => {
    const object = await drilled(vault, ['app', 'web-1']);
    const { drills, findings } = await read();
    const [snapshot] = (await readSnapshots(await openLocked(vault))).snapshots;
    expect(findings).toEqual([]);
    expect(drills).toMatchObject([
      {
        object,
        began: documentTime(vault.clock.now),
        seconds: 2,
        passed: true,
        recoveryTime: 1.5,
        recoveryPoint: 60,
        scratch: 'memory',
        manual: 1,
        parts: [
          {
            set: 'app',
            host: 'web-1',
            id: snapshot!.id,
            sha256: snapshot!.sha256,
            passed: true,
            files: 1,
            bytes: snapshot!.stored,
            checks: [{ check: 'files', passed: 1, failed: 0, skipped: 0 }],
          },
        ],
      },
    ]);
  });

  it('names no file, no message and nothing to look at, as everyone can read it', async () => {
    const object = await drilled(vault, ['app', 'web-1', false]);
    const text = String(await get(vault.store, object));
    expect(text).toContain('"check": "compose"');
    for (const name of ['compose.yaml', 'secrets/db', 'DNS', '.env']) expect(text).not.toContain(name);
  });

  it('is read for a drill that had nothing to restore', async () => {
    const opened = await keeper(vault);
    const parts = [partOf('db', 'web-1', false), partOf('never-written', '', false)];
    await writeEvidence(opened, resultOf(vault.clock.now, parts));
    const [drill] = (await read()).drills;
    expect(drill?.parts).toMatchObject([{ set: 'db', files: 0, bytes: 0, passed: false }, { passed: false }]);
    expect(drill?.parts[0]).not.toHaveProperty('id');
    expect(drill?.parts[1]).not.toHaveProperty('host');
  });

  it('is of the time when the drill began where the clock was set back meanwhile', async () => {
    const began = vault.clock.now;
    tick(vault.clock, -3_600_000);
    const opened = await keeper(vault);
    const object = await writeEvidence(opened, resultOf(began, [partOf('app', 'web-1', false)]));
    expect(bodyOf(await get(vault.store, object))).toMatchObject({ time: documentTime(began) });
  });

  it('is not written where one object cannot hold it', async () => {
    const opened = await keeper(vault);
    const parts = Array.from({ length: 4000 }, (_, n) => partOf(`set-${n}`, 'web-1', false));
    await expect(writeEvidence(opened, resultOf(vault.clock.now, parts))).rejects.toMatchObject({
      code: 'evidence-too-large',
      exitCode: 2,
    });
    expect(await namesOf(vault.store, 'drills/')).toEqual([]);
  });

  it('is never written by whoever only followed a rotation', async () => {
    const opened = await keeper(vault);
    await expect(
      writeEvidence({ ...opened, isProven: false }, resultOf(vault.clock.now, [])),
    ).rejects.toMatchObject({ code: 'old-pin' });
  });

  it('outlasts a rotation, and no leak of the key', async () => {
    const first = await drilled(vault, ['app', 'web-1']);
    tick(vault.clock);
    await rotateVault(vault, await keeper(vault));
    const second = await drilled(vault, ['app', 'web-1']);
    expect((await read()).drills.map((d) => d.object)).toEqual([first, second]);
    tick(vault.clock);
    await rotateVault(vault, await keeper(vault), { compromised: true });
    expect(await read()).toEqual({ drills: [], findings: [] });
    tick(vault.clock);
    const third = await drilled(vault, ['app', 'web-1']);
    expect((await read()).drills.map((d) => d.object)).toEqual([third]);
  });

  it('of before a rotation stays behind in what is copied after it: nobody knows when it was written', async () => {
    await drilled(vault, ['app', 'web-1']);
    tick(vault.clock);
    await rotateVault(vault, await keeper(vault));
    tick(vault.clock, 3_600_000);
    const place = emptyPlace(vault);
    await copyTo(vault, place);
    expect(await readDrills(await openLocked(vault, { store: place }))).toEqual({ drills: [], findings: [] });
  });

  it('goes with a copy, and what does not count stays behind', async () => {
    const object = await drilled(vault, ['app', 'web-1']);
    await put(vault.store, 'drills/20261120T000000Z-000000.json', 'x');
    const place = emptyPlace(vault);
    await copyTo(vault, place);
    expect(await namesOf(place, 'drills/')).toEqual([object]);
    expect((await copyTo(vault, place)).objects).toBe(0);
  });

  it('is nothing that verify wonders at', async () => {
    await drilled(vault, ['app', 'web-1']);
    expect((await verify(await openLocked(vault))).findings).toEqual([]);
  });
});

describe('what stands under drills/ and does not count', () => {
  /** Puts what an honest drill would write, but for what is said. */
  async function plant(said: object, signers?: readonly SigningKey[], name?: string): Promise<string> {
    const honest = await drilled(vault, ['app', 'web-1']);
    const body = bodyOf(await get(vault.store, honest));
    await vault.store.remove([honest]);
    const object = name ?? honest;
    await put(
      vault.store,
      object,
      sign({ ...body, object, ...said }, 'drill', ...(signers ?? [vault.authority])),
    );
    return object;
  }
  const codes = async () => {
    const { drills, findings } = await read();
    expect(drills).toEqual([]);
    expect(findings.every((f) => f.severity === 'warning')).toBe(true);
    return briefly(findings);
  };

  it.each<[string, (keys: { authority: SigningKey; host: SigningKey }) => readonly SigningKey[]]>([
    ['a host', ({ host }) => [host]],
    ['a host beside the authority', ({ authority, host }) => [authority, host]],
    ['the authority twice', ({ authority }) => [authority, authority]],
  ])('by %s', async (_, signers) => {
    const object = await plant({}, signers({ authority: vault.authority, host: vault.host.key }));
    expect(await codes()).toEqual([`unlisted-writer ${object}`]);
  });

  it('in another namespace', async () => {
    const object = await plant({});
    await put(vault.store, object, sign(bodyOf(await get(vault.store, object)), 'ledger', vault.authority));
    expect(await codes()).toEqual([`bad-signature ${object}`]);
  });

  it('changed, unsigned, too large or not to be parsed', async () => {
    const object = await plant({});
    const bytes = await get(vault.store, object);
    await put(vault.store, object, flipped(bytes, 20));
    expect(await codes()).toEqual([`bad-signature ${object}`]);
    await put(vault.store, object, '{}\n');
    expect(await codes()).toEqual([`unsigned ${object}`]);
    await put(vault.store, object, Buffer.alloc(1024 * 1024 + 1));
    expect(await codes()).toEqual([`object-too-large ${object}`]);
    await put(vault.store, object, sign([1], 'drill', vault.authority));
    expect(await codes()).toEqual([`bad-document ${object}`]);
  });

  it('under another name, so that an old success is no new one', async () => {
    const honest = await drilled(vault, ['app', 'web-1']);
    tick(vault.clock, 86_400_000);
    const object = newDrillName(vault.clock.now);
    await put(vault.store, object, await get(vault.store, honest));
    await vault.store.remove([honest]);
    expect(await codes()).toEqual([`bad-document ${object}`]);
  });

  it('of another vault', async () => {
    const object = await plant({ vault: '0'.repeat(26) });
    expect(await codes()).toEqual([`bad-document ${object}`]);
  });

  it('of another generation than its signer', async () => {
    const object = await plant({ generation: 2 });
    expect(await codes()).toEqual([`wrong-host ${object}`]);
  });

  it('dated ahead, by more than clocks differ', async () => {
    const at = (ms: number) => new Date(vault.clock.now.getTime() + ms);
    const near = at(600_000);
    const counts = await plant({ time: documentTime(near) }, undefined, newDrillName(near));
    expect((await read()).drills.map((d) => d.object)).toEqual([counts]);
    await vault.store.remove([counts]);
    const far = at(601_000);
    const object = await plant({ time: documentTime(far) }, undefined, newDrillName(far));
    expect(await codes()).toEqual([`future ${object}`]);
  });

  /** What an old key can say after a rotation, a year later. @param time that it claims */
  async function plantLate(time: (now: Date) => Date): Promise<string> {
    const old = vault.authority;
    await rotateVault(vault, await keeper(vault));
    tick(vault.clock, 365 * 86_400_000);
    const said = time(vault.clock.now);
    return await plant(
      { generation: 1, time: documentTime(said), began: documentTime(said) },
      [old],
      newDrillName(said),
    );
  }

  it('by a key that was rotated out', async () => {
    const object = await plantLate((now) => now);
    expect(await codes()).toEqual([`superseded-key ${object}`]);
  });

  it('by a key that was rotated out, dated back', async () => {
    const before = vault.clock.now;
    await plantLate(() => before);
    expect(await codes()).toEqual([]);
  });

  it('by a key that was rotated out, though the rotation is stored again to look younger', async () => {
    const object = await plantLate((now) => now);
    tick(vault.clock);
    for (const name of await namesOf(vault.store, 'vault/'))
      await put(vault.store, name, await get(vault.store, name));
    expect(await codes()).toEqual([`superseded-key ${object}`]);
  });

  it('by a key that was rotated out, though the document that did so is gone', async () => {
    const [first] = await namesOf(vault.store, 'vault/');
    const object = await plantLate((now) => now);
    const opened = await keeper(vault);
    await revise(opened, async () => ({ change: { reencrypt: false } }));
    const documents = await namesOf(vault.store, 'vault/');
    await vault.store.remove(documents.filter((name) => name !== first).slice(0, 1));
    const { drills, findings } = await readDrills({
      ...(await openLocked(vault)),
      document: opened.document,
    });
    expect([drills, briefly(findings)]).toEqual([[], [`superseded-key ${object}`]]);
  });

  it('is said by verify', async () => {
    const object = await plant({}, [vault.host.key]);
    expect(briefly((await verify(await openLocked(vault))).findings)).toEqual([`unlisted-writer ${object}`]);
  });
});

it('older evidence is not read once the newer is enough', async () => {
  for (let n = 0; n < 40; n++) {
    tick(vault.clock);
    await drilled(vault, ['app', 'web-1']);
  }
  const store = watched(vault.store);
  const { drills } = await readDrills(await openLocked(vault, { store }), { isEnough: (d) => d.length >= 1 });
  expect(drills).toHaveLength(16);
  const names = await namesOf(vault.store, 'drills/');
  expect(drills.map((d) => d.object)).toEqual(names.slice(-16));
});
