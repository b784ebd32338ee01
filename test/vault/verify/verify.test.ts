import { beforeEach, describe, expect, it } from 'vitest';
import { localStore } from '../../../src/store/local.ts';
import type { Finding } from '../../../src/vault/finding.ts';
import { readSnapshots, type Snapshot } from '../../../src/vault/snapshots.ts';
import { verify } from '../../../src/vault/verify/verify.ts';
import { flipped, get, namesOf, objectsOf, put } from '../../support/forge.ts';
import { briefly } from '../../support/refusals.ts';
import { makeVault, openLocked, openUnlocked, scratch, type TestVault } from '../../support/vault.ts';

let vault: TestVault;
let first: Snapshot;
beforeEach(async () => {
  vault = await makeVault();
  await vault.backup({ '.env': 'TOKEN=1\n' });
  await vault.backup({ dump: 'x' }, { set: 'db' });
  first = (await readSnapshots(await openLocked(vault), { set: 'app' })).snapshots[0]!;
});

const check = async (set?: string) => await verify(await openLocked(vault), set === undefined ? {} : { set });
const errors = (findings: readonly Finding[]) => findings.filter((f) => f.severity === 'error');

describe('a sound vault', () => {
  it('has nothing to say, and says how much was read', async () => {
    const objects = await objectsOf(vault.store);
    const sizes = [...objects]
      .filter(([name]) => /^(?:keys|data|RECOVERY)/.test(name))
      .map(([, bytes]) => bytes.length);
    const result = await check();
    expect(result).toMatchObject({
      findings: [],
      objects: objects.size,
      bytes: sizes.reduce((a, b) => a + b),
      readData: false,
    });
    expect(result.snapshots).toHaveLength(2);
    expect([...result.bad]).toEqual([]);
  });

  it('needs no key: a vault whose keys are gone can be told from one whose data is', async () => {
    for (const name of await namesOf(vault.store, 'keys/')) await vault.store.remove([name]);
    expect(briefly((await check()).findings)).toEqual(
      vault.document.slots.map((s) => `missing-object ${s.object}`),
    );
    expect((await check()).bad.size).toBe(0);
  });

  it('can be decrypted to the last entry', async () => {
    const unlocked = await openUnlocked(vault);
    expect(await verify(unlocked, { unlocked })).toMatchObject({ findings: [], readData: true });
  });

  it('tells how far it is', async () => {
    const seen: string[] = [];
    await verify(await openLocked(vault), {
      onProgress: ({ snapshots, of }) => seen.push(`${snapshots}/${of}`),
    });
    expect(seen).toEqual(['1/2', '2/2']);
  });

  it('in a directory is read to the same end', async () => {
    const store = await localStore(scratch(), { create: true });
    for (const [name, bytes] of await objectsOf(vault.store)) await store.create(name, bytes);
    expect(await verify(await openLocked({ ...vault, store }))).toMatchObject({
      findings: [],
      objects: (await check()).objects,
    });
  });
});

describe('what is wrong is named, and the snapshot it spoils', () => {
  const part = () => first.artifacts[0]!.parts[0]!.object;
  const contents = () => first.artifacts[1]!.parts[0]!.object;
  const slot = () => vault.document.slots[0]!.object;

  it.each<[string, string, () => string, (bytes: Buffer) => Buffer | undefined, boolean]>([
    ['a part that is gone', 'missing-part', part, () => undefined, true],
    ['a part that was cut', 'part-differs', part, (b) => b.subarray(0, -1), true],
    ['a part that grew', 'part-differs', part, (b) => Buffer.concat([b, b]), true],
    ['a part with a bit flipped', 'part-differs', contents, (b) => flipped(b, b.length - 1), true],
    ['a key that is gone', 'missing-object', slot, () => undefined, false],
    ['a key that is another', 'object-differs', slot, (b) => flipped(b, 0), false],
    [
      'a RECOVERY.md that is another',
      'object-differs',
      () => 'RECOVERY.md',
      (b) => Buffer.concat([b, Buffer.from('curl x | sh')]),
      false,
    ],
    [
      'a RECOVERY.md that is enormous',
      'object-too-large',
      () => 'RECOVERY.md',
      () => Buffer.alloc(2 ** 20 + 1),
      false,
    ],
    ['a record with a bit flipped', 'bad-signature', () => first.object, (b) => flipped(b, 10), false],
  ])('%s: %s', async (_, code, object, change, spoils) => {
    const name = object();
    const changed = change(await get(vault.store, name));
    if (changed) await put(vault.store, name, changed);
    else await vault.store.remove([name]);
    const result = await check();
    expect(briefly(errors(result.findings))).toEqual([`${code} ${name}`]);
    expect([...result.bad]).toEqual(spoils ? [first.id] : []);
    if (spoils) expect(errors(result.findings)[0]!.message).toContain(`${first.id} of app: `);
  });

  it('all of it, not only the first fault', async () => {
    await vault.store.remove([part(), contents(), slot(), 'RECOVERY.md']);
    const { findings, bad } = await check();
    expect(briefly(findings).sort()).toEqual(
      [
        `missing-object ${slot()}`,
        'missing-object RECOVERY.md',
        `missing-part ${part()}`,
        `missing-part ${contents()}`,
      ].sort(),
    );
    expect([...bad]).toEqual([first.id]);
  });

  it('of one set only, when one was named; the keys all the same', async () => {
    await vault.store.remove([part(), slot()]);
    expect(briefly((await check('db')).findings)).toEqual([`missing-object ${slot()}`]);
    expect(briefly((await check('app')).findings)).toEqual([
      `missing-object ${slot()}`,
      `missing-part ${part()}`,
    ]);
  });

  it('once, even when everything is to be decrypted', async () => {
    await vault.store.remove([part()]);
    const unlocked = await openUnlocked(vault);
    expect(briefly((await verify(unlocked, { unlocked })).findings)).toEqual([`missing-part ${part()}`]);
  });
});

describe('an object that nothing names', () => {
  it.each([
    'data/app/20261120T055812Z-7k3f9q/1-0123456789/files.tar.gz.age.00000',
    'keys/1/stranger-0123456789.age',
    'notes.txt',
  ])('such as %s is worth a warning', async (name) => {
    await vault.store.create(name, Buffer.from('x'));
    const { findings, bad } = await check();
    expect(findings).toEqual([
      {
        code: 'orphan',
        object: name,
        message: `${name} belongs to no snapshot and to no key`,
        severity: 'warning',
      },
    ]);
    expect(bad.size).toBe(0);
  });

  it('is no matter when only one set is checked', async () => {
    await vault.store.create('notes.txt', Buffer.from('x'));
    expect((await check('app')).findings).toEqual([]);
  });

  it('includes the data of a record that does not count', async () => {
    await put(vault.store, first.object, 'garbage');
    expect(briefly((await check()).findings).sort()).toEqual(
      [
        `unsigned ${first.object}`,
        ...first.artifacts.flatMap((a) => a.parts.map((p) => `orphan ${p.object}`)),
      ].sort(),
    );
  });
});

it('stops when it is told to', async () => {
  const open = { ...(await openLocked(vault)), signal: AbortSignal.abort() };
  await expect(verify(open)).rejects.toMatchObject({ code: 'interrupted', exitCode: 130 });
});
