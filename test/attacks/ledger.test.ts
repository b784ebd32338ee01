// Ledger entries by who may not remove: each is named, and removes nothing.

import { beforeEach, expect, it } from 'vitest';
import { generateSigningKey, type SigningKey } from '../../src/sign/key.ts';
import { applyDelete, planDelete } from '../../src/vault/delete.ts';
import { readSnapshots, type Snapshot } from '../../src/vault/snapshots.ts';
import {
  bodyOf,
  enroll,
  get,
  namesOf,
  objectsOf,
  put,
  putRevision,
  sign,
  signBytes,
} from '../support/forge.ts';
import { briefly, failureOf, faultsOf, restored } from '../support/refusals.ts';
import { makeVault, newHost, openLocked, type TestHost, type TestVault } from '../support/vault.ts';

const OBJECT = 'ledger/20261120T060000Z-000000.json';

let vault: TestVault;
let honest: Snapshot;
beforeEach(async () => {
  vault = await makeVault();
  await vault.backup({ '.env': 'HONEST=1\n' });
  honest = (await readSnapshots(await openLocked(vault))).snapshots[0]!;
});

/** An entry that would remove the honest snapshot. */
function entry(change: object = {}): object {
  const { vault: id, revision, generation, tool, time } = vault.document;
  const removes = [{ set: honest.set, id: honest.id, sha256: honest.sha256 }];
  return {
    format: 1,
    type: 'ledger',
    object: OBJECT,
    vault: id,
    time,
    tool,
    revision,
    generation,
    by: 'authority',
    action: 'delete',
    removes,
    ...change,
  };
}

async function removesNothing(code: string, by = vault): Promise<void> {
  expect(briefly(await faultsOf(by))).toEqual([`${code} ${OBJECT}`]);
  expect((await readSnapshots(await openLocked(by))).snapshots.map((s) => s.id)).toEqual([honest.id]);
  expect(await restored(by)).toMatchObject({ '.env': '600:HONEST=1\n' });
}

it.each<[string, string, object, (() => SigningKey[]) | undefined]>([
  ['by a key that no host has', 'unlisted-writer', {}, () => [generateSigningKey()]],
  ['without a signature', 'unsigned', {}, () => []],
  ['with two signatures', 'unlisted-writer', {}, () => [vault.authority, vault.host.key]],
  ['by a host in the name of the authority', 'wrong-host', {}, () => [vault.host.key]],
  ['by the authority in the name of a host', 'wrong-host', { by: 'web-1' }, undefined],
  ['by a host in the name of another', 'wrong-host', { by: 'db-1' }, () => [vault.host.key]],
  [
    'by a host that removes a host',
    'out-of-scope',
    { by: 'web-1', action: 'remove-host', host: 'web-1', records: [], entries: [] },
    () => [vault.host.key],
  ],
  ['of another vault', 'bad-document', { vault: '0'.repeat(26) }, undefined],
  [
    'under another name than it states',
    'bad-document',
    { object: 'ledger/20261120T060000Z-111111.json' },
    undefined,
  ],
  ['with an action that this version does not know', 'bad-document', { action: 'forget' }, undefined],
  [
    'with a set that is a path',
    'bad-document',
    { removes: [{ set: '../x', id: '20261120T060012Z-000000', sha256: '0'.repeat(64) }] },
    undefined,
  ],
  ['that is no ledger entry', 'bad-document', { type: 'record' }, undefined],
  ['of a newer format', 'newer-format', { format: 2 }, undefined],
  ['with a critical feature', 'unknown-critical', { critical: ['forget'] }, undefined],
])('an entry %s', async (_, code, change, signers) => {
  await put(vault.store, OBJECT, sign(entry(change), 'ledger', ...(signers?.() ?? [vault.authority])));
  await removesNothing(code);
});

it('an entry that is signed as something else', async () => {
  await put(vault.store, OBJECT, sign(entry(), 'record', vault.authority));
  await removesNothing('bad-signature');
});

it('an entry that says something twice', async () => {
  const body = JSON.stringify(entry(), null, 1).replace('"removes"', '"removes": [],\n "removes"');
  await put(vault.store, OBJECT, signBytes(`${body}\n`, 'ledger', vault.authority));
  await removesNothing('bad-document');
});

it('garbage, and what is enormous', async () => {
  await put(vault.store, OBJECT, 'garbage');
  await removesNothing('unsigned');
  await put(vault.store, OBJECT, Buffer.alloc(16 * 1024 * 1024 + 1));
  await removesNothing('object-too-large');
});

it.each<[string, { sets?: string[]; may?: string[] }]>([
  ['that may only write', { may: ['write'] }],
  ['that may maintain other sets', { may: ['write', 'maintain'], sets: ['db'] }],
])('an entry by a host %s', async (_, scope) => {
  const host = newHost('db-1');
  const enrolled = await enroll(vault, host, scope);
  await put(vault.store, OBJECT, sign(entry({ by: host.name }), 'ledger', host.key));
  await removesNothing('out-of-scope', enrolled);
});

it('an entry by a host that was removed', async () => {
  const host = newHost('old-1');
  const enrolled = await enroll(vault, host, { may: ['maintain'] });
  await putRevision(enrolled, ({ hosts }) => ({
    hosts: hosts.map((h) => (h.name === 'old-1' ? { ...h, removed: h.added } : h)),
  }));
  await put(vault.store, OBJECT, sign(entry({ by: host.name }), 'ledger', host.key));
  await removesNothing('removed-host', enrolled);
});

it('an entry that means another record removes nothing, and is no fault', async () => {
  for (const other of [{ sha256: '0'.repeat(64) }, { id: '20261120T000000Z-000000' }, { set: 'db' }]) {
    const removes = [{ set: honest.set, id: honest.id, sha256: honest.sha256, ...other }];
    const { name, key } = vault.host;
    await put(vault.store, OBJECT, sign(entry({ removes, by: name }), 'ledger', key));
    expect(await faultsOf(vault)).toEqual([]);
    expect(await restored(vault)).toMatchObject({ '.env': '600:HONEST=1\n' });
  }
});

it('whoever holds an identity removes no snapshot with it: that is for hosts, which can be removed', async () => {
  const removes = [{ set: honest.set, id: honest.id, sha256: honest.sha256 }];
  await put(vault.store, OBJECT, sign(entry({ removes }), 'ledger', vault.authority));
  expect((await faultsOf(vault)).map((f) => f.code)).toEqual(['out-of-scope']);
  expect(await restored(vault)).toMatchObject({ '.env': '600:HONEST=1\n' });
});

it('a host that may not maintain cannot delete, and nothing is touched', async () => {
  const host: TestHost = newHost('db-1');
  const enrolled = await enroll(vault, host, { may: ['write'] });
  const locked = await openLocked(enrolled);
  const { snapshots } = await readSnapshots(locked);
  const before = await namesOf(vault.store);
  expect((await failureOf(applyDelete(locked, planDelete(snapshots), host))).code).toBe('may-not-maintain');
  expect(await namesOf(vault.store)).toEqual(before);
});

it('a snapshot that was deleted stays so when somebody puts its objects back', async () => {
  const everything = await objectsOf(vault.store);
  await vault.backup({ '.env': 'HONEST=2\n' });
  const locked = await openLocked(vault);
  await applyDelete(locked, planDelete([honest]), vault.host);
  for (const [name, bytes] of everything) await put(vault.store, name, bytes);
  const { snapshots, findings } = await readSnapshots(await openLocked(vault));
  expect(snapshots.map((s) => s.id)).not.toContain(honest.id);
  expect(findings).toEqual([]);
  expect(await restored(vault)).toMatchObject({ '.env': '600:HONEST=2\n' });
});

it('a ledger entry that is taken away shows in the gap that it explained', async () => {
  const second = await vault.backup({ '.env': 'HONEST=2\n' });
  await applyDelete(await openLocked(vault), planDelete([honest]), vault.host);
  expect(await faultsOf(vault)).toEqual([]);
  const [name = ''] = await namesOf(vault.store, 'ledger/');
  expect(bodyOf(await get(vault.store, name)).by).toBe('web-1');
  await vault.store.remove([name]);
  expect(briefly(await faultsOf(vault))).toEqual([
    `missing-predecessor snapshots/app/${second.snapshot}.json`,
  ]);
});
