// Entries that keep or release snapshots, by who may not: each is named, and changes nothing. A release is what an
// attacker wants, and a keep that nobody can undo what a vandal wants.

import { beforeEach, expect, it } from 'vitest';
import { generateSigningKey, type SigningKey } from '../../src/sign/key.ts';
import { applyKeep, planKeep, planRelease } from '../../src/vault/keep.ts';
import { readSnapshots, type Snapshot } from '../../src/vault/snapshots.ts';
import { enroll, flipped, get, namesOf, objectsOf, put, putRevision, sign } from '../support/forge.ts';
import { briefly, faultsOf } from '../support/refusals.ts';
import { makeVault, newHost, openLocked, sha256, type TestVault, tick } from '../support/vault.ts';

const OBJECT = 'ledger/20261120T070000Z-000000.json';

let vault: TestVault;
let kept: Snapshot;
let free: Snapshot;
/** The entry that keeps the one. */
let keeping: { readonly object: string; readonly sha256: string };
beforeEach(async () => {
  vault = await makeVault();
  for (const n of [1, 2]) await vault.backup({ n });
  const open = await openLocked(vault);
  const read = await readSnapshots(open);
  [kept, free] = read.snapshots as [Snapshot, Snapshot];
  await applyKeep(open, planKeep(open, read, [kept], vault.host), vault.host);
  const [object = ''] = await namesOf(vault.store, 'ledger/');
  keeping = { object, sha256: sha256(await get(vault.store, object)) };
});

const digest = ({ set, id, sha256: record }: Snapshot) => ({ set, id, sha256: record });

function entry(change: object): object {
  const { vault: id, revision, generation, tool, time } = vault.document;
  const common = { format: 1, type: 'ledger', object: OBJECT, vault: id, time, tool, revision, generation };
  return { ...common, by: vault.host.name, removes: [], ...change };
}

const release = (by: object = {}) => entry({ action: 'release', releases: [keeping], ...by });
const keep = (by: object = {}) => entry({ action: 'keep', keeps: [digest(free)], ...by });

async function keptOf(by: TestVault): Promise<string[]> {
  const { snapshots, ledger } = await readSnapshots(await openLocked(by));
  return snapshots.filter((s) => ledger.kept(s.set, s.id, s.sha256)).map((s) => s.id);
}

async function changesNothing(code: string, by = vault): Promise<void> {
  expect(briefly(await faultsOf(by))).toEqual([`${code} ${OBJECT}`]);
  expect(await keptOf(by)).toEqual([kept.id]);
}

const KINDS = [
  ['keep', keep],
  ['release', release],
] as const;

it.each<[string, string, object, () => SigningKey[]]>([
  ['by a key that no host has', 'unlisted-writer', {}, () => [generateSigningKey()]],
  ['without a signature', 'unsigned', {}, () => []],
  ['with two signatures', 'unlisted-writer', {}, () => [vault.host.key, vault.authority]],
  ['by a host in the name of another', 'wrong-host', { by: 'db-1' }, () => [vault.host.key]],
  ['by whoever has a key of the vault', 'out-of-scope', { by: 'authority' }, () => [vault.authority]],
  ['of another vault', 'bad-document', { vault: '0'.repeat(26) }, () => [vault.host.key]],
])('a keep and a release %s', async (_, code, change, signers) => {
  for (const [, make] of KINDS) {
    await put(vault.store, OBJECT, sign(make(change), 'ledger', ...signers()));
    await changesNothing(code);
  }
});

it.each<[string, { sets?: string[]; may?: string[] }]>([
  ['that may only write', { may: ['write'] }],
  ['that may maintain other sets', { may: ['write', 'maintain'], sets: ['db'] }],
])('a keep and a release by a host %s', async (_, scope) => {
  const host = newHost('db-1');
  const enrolled = await enroll(vault, host, scope);
  for (const [, make] of KINDS) {
    await put(vault.store, OBJECT, sign(make({ by: host.name }), 'ledger', host.key));
    await changesNothing('out-of-scope', enrolled);
  }
});

it('a release of what is in scope and what is not, in one', async () => {
  const host = newHost('db-1');
  const enrolled = await enroll(vault, host, { may: ['maintain'], sets: ['db'] });
  const object = 'ledger/20261120T070000Z-111111.json';
  const keeps = [{ ...digest(free), set: 'db' }];
  const own = sign({ ...entry({ action: 'keep', keeps, by: 'db-1' }), object }, 'ledger', host.key);
  await put(vault.store, object, own);
  const releases = [{ object, sha256: sha256(own) }, keeping];
  await put(vault.store, OBJECT, sign(release({ by: 'db-1', releases }), 'ledger', host.key));
  await changesNothing('out-of-scope', enrolled);
});

it('a keep and a release by a host that was removed', async () => {
  const host = newHost('old-1');
  const enrolled = await enroll(vault, host, { may: ['maintain'] });
  await putRevision(enrolled, ({ hosts }) => ({
    hosts: hosts.map((h) => (h.name === 'old-1' ? { ...h, removed: h.added } : h)),
  }));
  for (const [, make] of KINDS) {
    await put(vault.store, OBJECT, sign(make({ by: host.name }), 'ledger', host.key));
    await changesNothing('removed-host', enrolled);
  }
});

it('a release that was signed over and changed since', async () => {
  const bytes = sign(
    release({ releases: [{ ...keeping, sha256: '0'.repeat(64) }] }),
    'ledger',
    vault.host.key,
  );
  await put(vault.store, OBJECT, flipped(bytes, bytes.indexOf('000000000') + 2));
  await changesNothing('bad-signature');
});

it('a release that names another object releases nothing, and is no fault', async () => {
  const others = [
    { ...keeping, sha256: '0'.repeat(64) },
    { ...keeping, object: OBJECT },
    { object: kept.object, sha256: kept.sha256 },
    { ...keeping, object: '../../etc/passwd' },
  ];
  for (const other of others) {
    await put(vault.store, OBJECT, sign(release({ releases: [other] }), 'ledger', vault.host.key));
    expect(await faultsOf(vault)).toEqual([]);
    expect(await keptOf(vault)).toEqual([kept.id]);
  }
});

it('an old release ends nothing of what is kept anew, and under another name nothing at all', async () => {
  const change = async (plan: typeof planRelease) => {
    tick(vault.clock);
    const open = await openLocked(vault);
    await applyKeep(open, plan(open, await readSnapshots(open), [kept], vault.host), vault.host);
  };
  await change(planRelease);
  const everything = await objectsOf(vault.store);
  await change(planKeep);
  for (const [name, bytes] of everything) await put(vault.store, name, bytes);
  expect(await keptOf(vault)).toEqual([kept.id]);
  expect(await faultsOf(vault)).toEqual([]);
  const [old] = [...everything].filter(([name]) => name.startsWith('ledger/') && name !== keeping.object);
  await put(vault.store, OBJECT, old![1]);
  await changesNothing('bad-document');
});

it('a keep that is put back after its release keeps nothing', async () => {
  const bytes = await get(vault.store, keeping.object);
  const open = await openLocked(vault);
  await applyKeep(open, planRelease(open, await readSnapshots(open), [kept], vault.host), vault.host);
  await put(vault.store, keeping.object, bytes);
  expect(await keptOf(vault)).toEqual([]);
});
