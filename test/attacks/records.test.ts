// Records that somebody planted, moved or took away: each is named with its own finding and never counts.

import { beforeEach, describe, expect, it } from 'vitest';
import { noMemory } from '../../src/vault/client.ts';
import { applyDelete, findLeftovers, planDelete } from '../../src/vault/delete.ts';
import type { Artifact, SnapshotRecord } from '../../src/vault/documents/record.ts';
import { recordName } from '../../src/vault/layout.ts';
import { newSnapshotId } from '../../src/vault/names.ts';
import { readSnapshots, type Snapshot } from '../../src/vault/snapshots.ts';
import {
  bodyOf,
  copyOf,
  enroll,
  type Forgery,
  flipped,
  forge,
  get,
  put,
  putRevision,
  sign,
  signBytes,
} from '../support/forge.ts';
import { briefly, faultsOf, refusedRestore, restored } from '../support/refusals.ts';
import { makeVault, newHost, openLocked, sha256, type TestVault, tick } from '../support/vault.ts';

let vault: TestVault;
let honest: Snapshot;

beforeEach(async () => {
  vault = await makeVault();
  await vault.backup({ '.env': 'HONEST=1\n' });
  honest = (await readSnapshots(await openLocked(vault))).snapshots[0]!;
  tick(vault.clock);
});

/** Holds the record at `object` to count nowhere, under this finding, and the honest one to count all the same. */
async function isRefused(object: string, code: string, by = vault): Promise<void> {
  const { snapshots, refused, findings } = await readSnapshots(await openLocked(by));
  expect(snapshots.map((s) => s.id)).toEqual([honest.id]);
  expect(refused.map((r) => `${r.finding.code} ${r.finding.object}`)).toEqual([`${code} ${object}`]);
  expect(findings.find((f) => f.object === object)?.message).not.toMatch(/FORGED|HONEST/);
  expect(briefly(await faultsOf(by))).toEqual([`${code} ${object}`]);
  const [, , id = ''] = /^snapshots\/([^/]+)\/([^.]+)/.exec(object) ?? [];
  // As the newest, and by its name.
  expect(await refusedRestore(by, { set: object.split('/')[1]! })).toBe(code);
  if (id !== honest.id) expect(await refusedRestore(by, { selector: id })).toBe(code);
  // The sound one can still be had by its name.
  expect(await restored(by, { selector: honest.id, set: 'app' })).toMatchObject({ '.env': '600:HONEST=1\n' });
}

describe('a record that is planted', () => {
  const thief = newHost('thief');
  const plants: [string, string, Forgery | (() => Forgery)][] = [
    ['by a key that no host has', 'unlisted-writer', { signers: [thief.key] }],
    [
      'by a key that no host has, under the name of one',
      'unlisted-writer',
      { signers: [thief.key], record: () => ({ host: 'web-1' }) },
    ],
    ['without a signature', 'unsigned', { signers: [] }],
    [
      'with a second signature of the same host',
      'unlisted-writer',
      () => ({ signers: [vault.host.key, vault.host.key] }),
    ],
    [
      'with a second signature of somebody else',
      'unlisted-writer',
      () => ({ signers: [vault.host.key, thief.key] }),
    ],
    [
      'with a second signature of the authority',
      'unlisted-writer',
      () => ({ signers: [vault.host.key, vault.authority] }),
    ],
    ['by the authority', 'unlisted-writer', () => ({ signers: [vault.authority] })],
    ['signed for another purpose', 'bad-signature', { namespace: 'ledger' }],
    ['under the name of another host', 'wrong-host', { record: () => ({ host: 'db-1' }) }],
    ['that says it is of another vault', 'foreign-vault', { record: () => ({ vault: '0'.repeat(26) }) }],
    ['that says it is no record', 'misplaced', { record: () => ({ type: 'vault' }) }],
    ['of a generation that there is not', 'foreign-data', { record: () => ({ generation: 2 }) }],
    [
      'that says something twice',
      'bad-document',
      { recordJson: (json) => json.replace('"host"', '"host": "web-1",\n "host"') },
    ],
    [
      'that says something twice, once with an escape',
      'bad-document',
      { recordJson: (json) => json.replace('"host"', '"\\u0068ost": "web-1",\n "host"') },
    ],
    ['of a newer format', 'newer-format', { record: () => ({ format: 2 }) }],
    ['with a critical feature', 'unknown-critical', { record: () => ({ critical: ['sealed'] }) }],
    ['that is no JSON', 'bad-document', { recordJson: () => 'a record\n' }],
    ['that is a list', 'bad-document', { recordJson: () => '[]\n' }],
    ['that begins with a byte order mark', 'bad-document', { recordJson: (json) => `\ufeff${json}` }],
    [
      'that is nested deeply',
      'bad-document',
      { recordJson: (json) => json.replace('"seconds": 0', `"seconds": ${'['.repeat(40)}${']'.repeat(40)}`) },
    ],
    [
      'at another time than its id says',
      'bad-document',
      { record: () => ({ time: '2026-11-20T00:00:00Z' }) },
    ],
    ['with an id as a path', 'misplaced', { record: () => ({ id: '../../vault/1' }) }],
  ];

  it.each(plants)('%s', async (_, code, forgery) => {
    const { object } = await forge(vault, typeof forgery === 'function' ? forgery() : forgery);
    await isRefused(object, code);
  });

  it('as garbage, empty or enormous', async () => {
    const object = recordName('app', newSnapshotId(vault.clock.now));
    await put(vault.store, object, 'garbage');
    await isRefused(object, 'unsigned');
    await put(vault.store, object, '');
    await isRefused(object, 'unsigned');
    await put(vault.store, object, Buffer.alloc(16 * 1024 * 1024 + 1));
    await isRefused(object, 'object-too-large');
  });

  it('with bytes that are no UTF-8', async () => {
    const { object } = await forge(vault);
    const body = Buffer.from(`${JSON.stringify(bodyOf(await get(vault.store, object)), null, 1)}\n`);
    body[body.indexOf('forge 1')] = 0xff;
    await put(vault.store, object, signBytes(body, 'record', vault.host.key));
    await isRefused(object, 'bad-document');
  });

  it('with a second block that does not verify', async () => {
    const { object } = await forge(vault, { signers: [vault.host.key, thief.key] });
    const bytes = await get(vault.store, object);
    await put(vault.store, object, flipped(bytes, bytes.length - 60));
    await isRefused(object, 'bad-signature');
  });

  it('in a name that no record has', async () => {
    const bytes = await get(vault.store, honest.object);
    for (const name of [
      'snapshots/app',
      'snapshots/x',
      'snapshots/app/latest.json',
      'snapshots/APP/x.json',
    ]) {
      await put(vault.store, name, bytes);
    }
    const { snapshots, findings } = await readSnapshots(await openLocked(vault));
    expect(snapshots.map((s) => s.id)).toEqual([honest.id]);
    expect(findings.map((f) => f.code)).toEqual(Array(4).fill('stray-object'));
  });
});

describe('a record outside its host’s scope', () => {
  it('by a host that may write to other sets', async () => {
    const db = await enroll(vault, newHost('db-1'), { sets: ['db', 'db-*'] });
    const { object } = await forge(db);
    await isRefused(object, 'out-of-scope', db);
  });

  it('by a host that may only maintain', async () => {
    const janitor = await enroll(vault, newHost('janitor'), { may: ['maintain'] });
    const { object } = await forge(janitor);
    await isRefused(object, 'out-of-scope', janitor);
  });

  it('by a host that was removed, whenever it says it was', async () => {
    const old = await enroll(vault, newHost('old-1'));
    await putRevision(old, ({ hosts }) => ({
      hosts: hosts.map((h) => (h.name === 'old-1' ? { ...h, removed: h.added } : h)),
    }));
    const { object } = await forge(old, { id: newSnapshotId(new Date(vault.clock.now.getTime() - 30_000)) });
    await isRefused(object, 'removed-host', old);
  });
});

describe('a record that is moved', () => {
  it('to another id, which would make it the newest', async () => {
    const object = recordName('app', newSnapshotId(vault.clock.now));
    await put(vault.store, object, await get(vault.store, honest.object));
    await isRefused(object, 'misplaced');
  });

  it('to another set', async () => {
    const object = recordName('db', honest.id);
    await put(vault.store, object, await get(vault.store, honest.object));
    await isRefused(object, 'misplaced');
  });

  it('to the name of a re-encrypted one, as a copy or newly signed by the host', async () => {
    const object = honest.object.replace('.json', '.2.json');
    const bytes = await get(vault.store, honest.object);
    for (const planted of [bytes, sign({ ...bodyOf(bytes), object }, 'record', vault.host.key)]) {
      await put(vault.store, object, planted);
      expect(briefly(await faultsOf(vault))).toEqual([`unlisted-writer ${object}`]);
      expect(await restored(vault)).toMatchObject({ '.env': '600:HONEST=1\n' });
    }
  });

  it('from another vault, together with its data', async () => {
    const other = await makeVault({ host: 'web-1', clock: vault.clock });
    const { object } = await forge(other);
    for (const name of [
      object,
      ...(bodyOf(await get(other.store, object)).artifacts as { parts: { object: string }[] }[]).flatMap(
        (a) => a.parts.map((p) => p.object),
      ),
    ]) {
      await put(vault.store, name, await get(other.store, name));
    }
    // Its host is a stranger here, and that is found first: a stranger's body is never parsed.
    await isRefused(object, 'unlisted-writer');
  });

  it('from another vault that the same host writes to', async () => {
    const object = recordName(honest.set, `${honest.id.slice(0, -6)}zzzzzz`);
    const body = { ...bodyOf(await get(vault.store, honest.object)), object, id: object.slice(-28, -5) };
    const planted = sign({ ...body, vault: '0123456789abcdefghjkmnpqrs' }, 'record', vault.host.key);
    await put(vault.store, object, planted);
    await isRefused(object, 'foreign-vault');
  });
});

function partsAt(artifacts: Snapshot['artifacts'], object: string): Snapshot['artifacts'] {
  return artifacts.map((a) => ({ ...a, parts: a.parts.map((part) => ({ ...part, object })) }));
}

describe('a record that names data which is not its own', () => {
  it.each<[string, (s: Snapshot) => Pick<Snapshot, 'artifacts'> & object]>([
    ['that of another snapshot', ({ data, artifacts, contents }) => ({ data, artifacts, contents })],
    ['parts of another snapshot, in a directory of its own', ({ artifacts }) => ({ artifacts })],
    ['a slot', ({ artifacts }) => ({ artifacts: partsAt(artifacts, 'keys/1/passphrase-0000000000.age') })],
    [
      'an object outside the vault',
      ({ artifacts }) => ({ artifacts: partsAt(artifacts, '../../etc/shadow') }),
    ],
  ])('%s', async (_, change) => {
    const changed = change(honest);
    const parts = changed.artifacts.flatMap((a) => a.parts);
    const stored = parts.reduce((sum, part) => sum + part.size, 0);
    const { object } = await forge(vault, { record: () => ({ ...changed, stored }) });
    await isRefused(object, 'foreign-data');
  });

  /** The record as it would be with its data in generation 2. */
  const inTwo = ({ data, artifacts }: SnapshotRecord) => {
    const moved = data.replace('/1-', '/2-');
    const parts = (a: Artifact) => a.parts.map((p) => ({ ...p, object: p.object.replace(data, moved) }));
    return { data: moved, artifacts: artifacts.map((a) => ({ ...a, parts: parts(a) })) };
  };

  it('of another generation than it says', async () => {
    const { object } = await forge(vault, { record: inTwo });
    await isRefused(object, 'foreign-data');
  });

  it('of a generation that the vault does not have', async () => {
    const { object } = await forge(vault, { record: (record) => ({ ...inTwo(record), generation: 2 }) });
    await isRefused(object, 'unknown-generation');
  });
});

describe('a record that is dated ahead', () => {
  it('of the store’s own clock does not count, or it would be the newest for years', async () => {
    const { object } = await forge(vault, {
      id: newSnapshotId(new Date(vault.clock.now.getTime() + 601_000)),
    });
    await isRefused(object, 'future');
  });

  it('of the clock of its host does not count, is not called gone by the next one, and can be deleted', async () => {
    const real = vault.clock.now;
    const ahead = new Date(real.getTime() + 86_400_000);
    vault.clock.now = ahead;
    const early = await vault.backup({ '.env': 'AHEAD=1\n' });
    // The store’s own time, as a bucket has it: memory stores take the clock of the test.
    const object = recordName('app', early.snapshot);
    vault.clock.now = real;
    const bytes = await get(vault.store, object);
    await vault.store.remove([object]);
    await put(vault.store, object, bytes);
    await vault.backup({ '.env': 'NEXT=1\n' });
    const open = await openLocked(vault);
    const read = await readSnapshots(open);
    expect(briefly(read.findings.filter((f) => f.severity === 'error'))).toEqual([`future ${object}`]);
    const [leftover] = await findLeftovers(open, read, early.snapshot);
    await applyDelete(open, planDelete([], 'delete', [leftover!]), vault.host);
    expect(briefly((await readSnapshots(await openLocked(vault))).findings)).toEqual([]);
  });

  it('by less than ten minutes counts: clocks differ', async () => {
    const { id } = await forge(vault, { id: newSnapshotId(new Date(vault.clock.now.getTime() + 599_000)) });
    const { snapshots, refused } = await readSnapshots(await openLocked(vault));
    expect(refused).toEqual([]);
    expect(snapshots.map((s) => s.id)).toEqual([honest.id, id]);
  });
});

describe('a record that is taken away', () => {
  it('as the newest is missed by the client that saw it, and by each one that it has told', async () => {
    const { snapshot } = await vault.backup({ '.env': 'HONEST=2\n' });
    const object = recordName('app', snapshot);
    const memory = noMemory();
    await readSnapshots(await openLocked(vault, { memory }));
    await vault.store.remove([object]);
    for (const [who, saw] of [
      ['the one that read it', memory],
      ['the one that wrote it', vault.memory],
    ] as const) {
      expect(briefly(await faultsOf(vault, { memory: saw })), who).toEqual([`missing-newest ${object}`]);
      // Not only once: it stays an alarm.
      expect(briefly(await faultsOf(vault, { memory: saw })), who).toEqual([`missing-newest ${object}`]);
    }
    // Nobody else can know.
    expect(await faultsOf(vault)).toEqual([]);
  });

  it('from the middle is missed by everybody', async () => {
    const middle = await vault.backup({ '.env': 'HONEST=2\n' });
    const last = await vault.backup({ '.env': 'HONEST=3\n' });
    await vault.store.remove([recordName('app', middle.snapshot)]);
    expect(briefly(await faultsOf(vault))).toEqual([
      `missing-predecessor ${recordName('app', last.snapshot)}`,
    ]);
    await vault.store.remove([honest.object]);
    expect(briefly(await faultsOf(vault))).toEqual([
      `missing-predecessor ${recordName('app', last.snapshot)}`,
    ]);
  });

  it('and replaced by another of the same id is missed too', async () => {
    const middle = await vault.backup({ '.env': 'HONEST=2\n' });
    const last = await vault.backup({ '.env': 'HONEST=3\n' });
    // A listed host rewrites its own history.
    await forge(vault, { id: middle.snapshot });
    expect(briefly(await faultsOf(vault))).toEqual([
      `missing-predecessor ${recordName('app', last.snapshot)}`,
    ]);
  });
});

it('a record that knows a newer vault document than there is shows that one was hidden', async () => {
  await forge(vault, { record: () => ({ revision: 2 }) });
  expect(briefly(await faultsOf(vault))).toEqual(['hidden-document vault/1.json']);
});

it('a copy of a vault with all its objects is the same vault', async () => {
  const copy = await copyOf(vault);
  expect(await faultsOf(copy)).toEqual([]);
  expect(sha256(await get(copy.store, honest.object))).toBe(honest.sha256);
});
