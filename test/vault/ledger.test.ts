import { expect, it } from 'vitest';
import { applyDelete, planDelete } from '../../src/vault/delete.ts';
import { readLedger } from '../../src/vault/ledger.ts';
import { readSnapshots } from '../../src/vault/snapshots.ts';
import { flipped, get, namesOf, put, sign } from '../support/forge.ts';
import { briefly } from '../support/refusals.ts';
import { makeVault, openLocked, sha256, type TestVault } from '../support/vault.ts';

it('a ledger removes what its entries say, and only that very record', async () => {
  const vault = await makeVault();
  for (const n of [1, 2]) await vault.backup({ n });
  const open = await openLocked(vault);
  expect(await readLedger(open)).toMatchObject({ entries: [], findings: [] });
  const [first, second] = (await readSnapshots(open)).snapshots;
  await applyDelete(open, planDelete([first!]), vault.host);
  const ledger = await readLedger(open);
  expect(ledger.entries).toHaveLength(1);
  expect(ledger.removes('app', first!.id, first!.sha256)).toBe(true);
  expect(ledger.removes('db', first!.id, first!.sha256)).toBe(false);
  expect(ledger.removes('app', first!.id, second!.sha256)).toBe(false);
  expect(ledger.removes('app', second!.id, second!.sha256)).toBe(false);
});

it('an entry that does not count is a finding, and removes nothing', async () => {
  const vault = await makeVault();
  await vault.backup({ n: 1 });
  const open = await openLocked(vault);
  const [snapshot] = (await readSnapshots(open)).snapshots;
  await applyDelete(open, planDelete([snapshot!]), vault.host);
  const [name] = await namesOf(vault.store, 'ledger/');
  await put(vault.store, name!, flipped(await get(vault.store, name!), 20));
  const ledger = await readLedger(open);
  expect(briefly(ledger.findings)).toEqual([`bad-signature ${name}`]);
  expect(ledger.removes('app', snapshot!.id, snapshot!.sha256)).toBe(false);
});

const KEEP = 'ledger/20261120T060000Z-000001.json';

/** Puts an entry of the first host's. @returns the digest of its object */
async function say(vault: TestVault, object: string, said: object): Promise<string> {
  const { vault: id, revision, generation, tool, time } = vault.document;
  const common = { format: 1, type: 'ledger', object, vault: id, time, tool, revision, generation };
  const bytes = sign({ ...common, by: 'web-1', removes: [], ...said }, 'ledger', vault.host.key);
  await put(vault.store, object, bytes);
  return sha256(bytes);
}

async function oneKept(more: object = {}) {
  const vault = await makeVault();
  await vault.backup({ n: 1 });
  const [snapshot] = (await readSnapshots(await openLocked(vault))).snapshots;
  const { set, id, sha256: digest } = snapshot!;
  const sha = await say(vault, KEEP, { action: 'keep', keeps: [{ set, id, sha256: digest }], ...more });
  const kept = async () => (await readLedger(await openLocked(vault))).kept(set, id, digest);
  return { vault, snapshot: snapshot!, sha, kept };
}

it('a ledger keeps what its entries say, and only that very snapshot, until their time is over', async () => {
  const { vault, snapshot, kept } = await oneKept({ until: '2026-11-20T07:00:00Z' });
  const { set, id, sha256: digest } = snapshot;
  expect(await kept()).toEqual({ until: new Date('2026-11-20T07:00:00Z') });
  const ledger = await readLedger(await openLocked(vault));
  expect(ledger.findings).toEqual([]);
  expect(ledger.kept('db', id, digest)).toBeUndefined();
  expect(ledger.kept(set, id, '0'.repeat(64))).toBeUndefined();
  vault.clock.now = new Date('2026-11-20T06:59:59Z');
  expect(await kept()).toBeDefined();
  vault.clock.now = new Date('2026-11-20T07:00:00Z');
  expect(await kept()).toBeUndefined();
  expect((await readLedger(await openLocked(vault))).keeping).toHaveLength(1);
});

it('the longest of several entries counts, whichever comes first, and none is longer than for ever', async () => {
  const early = '2026-11-20T07:00:00Z';
  const { vault, snapshot, kept } = await oneKept({ until: '2026-11-20T08:00:00Z' });
  const { set, id, sha256: digest } = snapshot;
  const keeps = [{ set, id, sha256: digest }];
  await say(vault, KEEP.replace('1.', '0.'), { action: 'keep', keeps, until: early });
  await say(vault, KEEP.replace('1.', '2.'), { action: 'keep', keeps, until: early });
  expect(await kept()).toEqual({ until: new Date('2026-11-20T08:00:00Z') });
  const forEver = KEEP.replace('1.', '3.');
  const releases = [{ object: forEver, sha256: await say(vault, forEver, { action: 'keep', keeps }) }];
  await say(vault, KEEP.replace('1.', '4.'), { action: 'keep', keeps, until: '2027-01-01T00:00:00Z' });
  expect(await kept()).toEqual({});
  await say(vault, KEEP.replace('1.', '5.'), { action: 'release', releases });
  expect(await kept()).toEqual({ until: new Date('2027-01-01T00:00:00Z') });
});

it('a release ends the entry that it names by name and digest, wherever it stands in the listing', async () => {
  for (const place of ['ledger/20261120T050000Z-000000.json', 'ledger/20261120T070000Z-000000.json']) {
    const { vault, kept, sha } = await oneKept();
    await say(vault, place, { action: 'release', releases: [{ object: KEEP, sha256: '0'.repeat(64) }] });
    await say(vault, place.replace('00.', '01.'), {
      action: 'release',
      releases: [{ object: KEEP.replace('1.', '2.'), sha256: sha }],
    });
    expect(await kept()).toEqual({});
    await say(vault, place.replace('00.', '02.'), {
      action: 'release',
      releases: [{ object: KEEP, sha256: sha }],
    });
    expect(await kept()).toBeUndefined();
    expect((await readLedger(await openLocked(vault))).findings).toEqual([]);
  }
});

it('only an entry that says so removes anything: what another one lists under `removes` stays', async () => {
  const { vault, snapshot } = await oneKept();
  const { set, id, sha256: digest } = snapshot;
  const removes = [{ set, id, sha256: digest }];
  await say(vault, KEEP, { action: 'keep', keeps: [], removes });
  await say(vault, KEEP.replace('1.', '2.'), { action: 'release', releases: [], removes });
  expect((await readLedger(await openLocked(vault))).removes(set, id, digest)).toBe(false);
});

it.each<[string, object]>([
  ['keeps nothing that it names', { action: 'keep' }],
  ['keeps until no time', { action: 'keep', keeps: [], until: 'tomorrow' }],
  ['keeps until null', { action: 'keep', keeps: [], until: null }],
  ['keeps a set that is a path', { action: 'keep', keeps: [{ set: '../x', id: 'x', sha256: 'x' }] }],
  ['releases nothing that it names', { action: 'release' }],
  ['releases without a digest', { action: 'release', releases: [{ object: KEEP }] }],
])('an entry that %s is a finding', async (_, said) => {
  const vault = await makeVault();
  await say(vault, KEEP, said);
  expect(briefly((await readLedger(await openLocked(vault))).findings)).toEqual([`bad-document ${KEEP}`]);
});
