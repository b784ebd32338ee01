// Records and ledger entries by somebody who held older keys of the vault and writes to the store, or by a listed host,
// around a re-encryption; and the administrator's own run while somebody meddles with the store.
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { IntegrityError, StoreError } from '../../src/errors.ts';
import type { SigningKey } from '../../src/sign/key.ts';
import type { Store } from '../../src/store/store.ts';
import { gzipBytesOf } from '../../src/vault/artifact-read.ts';
import { backup } from '../../src/vault/backup/backup.ts';
import { noMemory } from '../../src/vault/client.ts';
import type { Reencryption } from '../../src/vault/documents/record.ts';
import type { VaultDocument } from '../../src/vault/documents/vault-document.ts';
import { newDataDirectory, newLedgerName, recordName } from '../../src/vault/layout.ts';
import { loadFiles } from '../../src/vault/load.ts';
import { newSnapshotId } from '../../src/vault/names.ts';
import { reencrypt } from '../../src/vault/rotate/reencrypt.ts';
import { readSnapshots, type Snapshot } from '../../src/vault/snapshots.ts';
import type { UnlockedVault } from '../../src/vault/vault.ts';
import {
  bodyOf,
  copyOf,
  flipped,
  forge,
  get,
  namesOf,
  objectsOf,
  put,
  putRevision,
  sign,
} from '../support/forge.ts';
import { briefly, failureOf, faultsOf, refusedRestore } from '../support/refusals.ts';
import { reencryptVault, rotateVault } from '../support/rotation.ts';
import { type Again, asRotated, listed, oldDocument, reencrypted } from '../support/thief.ts';
import {
  client,
  makeVault,
  newHost,
  openLocked,
  openUnlocked,
  type TestHost,
  type TestVault,
  tick,
} from '../support/vault.ts';

/** What all clients see, who have the newest pin. */
async function read(vault: TestVault) {
  return await readSnapshots(await openLocked(vault));
}

async function values(vault: TestVault): Promise<string[]> {
  const opened = await openUnlocked(vault);
  const { snapshots } = await readSnapshots(opened);
  const all = await Promise.all(snapshots.map((s) => loadFiles(opened, s)));
  return all.map((files) => String(files.get('.env')));
}

async function backsUp(vault: TestVault, value: string, host: TestHost = vault.host): Promise<string> {
  tick(vault.clock);
  const sources = { memory: { '.env': value } };
  return (await backup(client(vault), { set: 'app', sources, host, pin: vault.pin })).snapshot;
}

/** Rotates without re-encryption. */
async function rotated(vault: TestVault): Promise<TestVault> {
  return asRotated(vault, await rotateVault(vault, await openUnlocked(vault), { reencrypt: true }));
}

/** A vault of two hosts. */
async function twoHosts(): Promise<{ vault: TestVault; other: TestHost }> {
  const vault = await makeVault();
  const other = newHost('web-2');
  const document = await putRevision(vault, ({ hosts, time }) => ({
    hosts: [...hosts, { ...listed(other, time), may: ['write'] }],
  }));
  return { vault: { ...vault, document }, other };
}

describe('a record of a re-encryption by somebody who held the keys 1 and 2', () => {
  let base: [TestVault, TestVault, TestVault];
  let opened: UnlockedVault;
  let honest: Snapshot;
  let thief: TestHost;
  let removed: TestHost;

  beforeAll(async () => {
    const { vault, other } = await twoHosts();
    removed = other;
    thief = newHost('evil');
    await backsUp(vault, 'A=1\n');
    await backsUp(vault, 'B=1\n');
    await backsUp(vault, 'REMOVED=1\n', removed);
    const gone = { removed: vault.document.time };
    const without = await putRevision(vault, ({ hosts }) => ({
      hosts: hosts.map((host) => (host.name === removed.name ? { ...host, ...gone } : host)),
    }));
    const first = { ...vault, document: without };
    const second = await rotated(first);
    base = [first, second, await rotated(second)];
    opened = await openUnlocked(second);
    [honest] = (await readSnapshots(opened)).snapshots as [Snapshot];
  });

  const authorities = (): SigningKey[] => base.map((v) => v.authority);
  const original = async (object: string) => (await get(base[0].store, object)).toString('utf8');

  /** What he may write, and as what it is refused. */
  const ROUTES: Record<string, [code: string, make: () => Partial<Again> | Promise<Partial<Again>>]> = {
    'of generation 1, by authority 1': [
      'bad-document',
      () => ({ generation: 1, signers: [authorities()[0]!] }),
    ],
    'of generation 2, by authority 1': ['unlisted-writer', () => ({ signers: [authorities()[0]!] })],
    'of generation 3, by authority 1': [
      'unlisted-writer',
      () => ({ generation: 3, signers: [authorities()[0]!] }),
    ],
    'of generation 3, by authority 2': ['unlisted-writer', () => ({ generation: 3 })],
    'of generation 3, by authorities 1 and 2': [
      'unlisted-writer',
      () => ({ generation: 3, signers: authorities().slice(0, 2) }),
    ],
    'of generation 9, by authority 2': ['unlisted-writer', () => ({ generation: 9 })],
    'of generation 2, by authorities 2 and 1': [
      'unlisted-writer',
      () => ({ signers: [authorities()[1]!, authorities()[0]!] }),
    ],
    'of generation 2, by a listed host': ['unlisted-writer', () => ({ signers: [base[0].host.key] })],
    'of generation 2, by a host that he enrolled': ['unlisted-writer', () => ({ signers: [thief.key] })],
    'of generation 2, by nobody': ['unsigned', () => ({ signers: [] })],
    'that says generation 3 under the name of 2': ['misplaced', () => ({ change: { generation: 3 } })],
    'with other contents': ['foreign-data', () => ({ change: { contents: 'a'.repeat(64) } })],
    'with its data in the directory of another snapshot': [
      'foreign-data',
      async () => {
        const [, other] = (await readSnapshots(opened)).snapshots;
        return { change: { data: other!.data, artifacts: other!.artifacts } };
      },
    ],
    'with its data in a directory of another generation': [
      'foreign-data',
      () => ({ change: { data: newDataDirectory('app', honest.id, 3) } }),
    ],
    'with data of the original, under the old key': [
      'foreign-data',
      () => ({ change: { data: honest.data, artifacts: honest.artifacts } }),
    ],
    'that leaves the files out': [
      'foreign-data',
      () => ({ change: ({ artifacts }: Reencryption) => ({ artifacts: artifacts.slice(-1) }) }),
    ],
    'around the record of another snapshot': [
      'misplaced',
      async () => {
        const [, other] = (await readSnapshots(opened)).snapshots;
        return { change: { original: await original(other!.object) } };
      },
    ],
    'around a record that is damaged': [
      'bad-signature',
      async () => ({ change: { original: (await original(honest.object)).replace('"app"', '"App"') } }),
    ],
    'around a record with a lone surrogate': [
      'bad-signature',
      async () => ({ change: { original: (await original(honest.object)).replace('"app"', '"\ud800"') } }),
    ],
    'around a record of re-encryption': [
      'unlisted-writer',
      async () => ({ change: { original: await original(recordName('app', honest.id, 2)) } }),
    ],
    'around a record that the authority signed': [
      'unlisted-writer',
      async () => {
        const body = bodyOf(await get(base[0].store, honest.object));
        return { change: { original: sign(body, 'record', authorities()[1]!).toString() } };
      },
    ],
    'around a record of a host that he enrolled': [
      'unlisted-writer',
      async () => {
        const body = { ...bodyOf(await get(base[0].store, honest.object)), host: thief.name };
        return { change: { original: sign(body, 'record', thief.key).toString() } };
      },
    ],
    'around a record that a removed host signs now': [
      'removed-host',
      async () => {
        const body = { ...bodyOf(await get(base[0].store, honest.object)), host: removed.name };
        return { change: { original: sign(body, 'record', removed.key).toString() } };
      },
    ],
    'around a record that is none': ['unsigned', () => ({ change: { original: 'x' } })],
    'around a record that is too large': [
      'bad-document',
      () => ({ change: { original: 'x'.repeat(17_000_000) } }),
    ],
    'around nothing': ['bad-document', () => ({ change: { original: undefined } })],
    'in the name of another set': ['misplaced', () => ({ change: { set: 'db' } })],
    'in the name of another id': ['misplaced', () => ({ change: { id: '20261120T055812Z-7k3f9q' } })],
    'of another vault': ['foreign-vault', () => ({ change: { vault: '0'.repeat(26) } })],
    'that was received at no time': ['bad-document', () => ({ change: { received: 'yesterday' } })],
  };

  for (const [route, [code, make]] of Object.entries(ROUTES)) {
    it(`${route} does not count, and takes nobody's place`, async () => {
      const made = { generation: 2, signers: [authorities()[1]!], recipient: base[1].pin.recipient };
      if (!(await base[0].store.get(recordName('app', honest.id, 2)))) {
        await reencrypted(base[0], opened, honest, made);
      }
      const again = { ...made, ...(await make()) };
      const copy = await copyOf(base[2]);
      await copy.store.remove([recordName('app', honest.id, 2)]);
      const object = await reencrypted(copy, { ...opened, store: copy.store }, honest, again);
      const now = await read(copy);
      const fault = now.findings.find((f) => f.object === object);
      expect(fault?.code).toBe(code);
      expect(now.snapshots.find((s) => s.id === honest.id)).toMatchObject({
        object: honest.object,
        generation: 1,
      });
    });
  }
});

describe('somebody who held key 2, when the vault has key 3', () => {
  let second: TestVault;
  let vault: TestVault;
  let straggler: Snapshot;
  beforeEach(async () => {
    const first = await makeVault();
    await backsUp(first, 'A=1\n');
    second = await rotated(first);
    vault = await rotated(second);
    [straggler] = (await read(vault)).snapshots as [Snapshot];
  });

  it('can hide a snapshot under key 1 behind bytes of his own, until the next re-encryption, which loses nothing', async () => {
    const opened = await openUnlocked(second);
    const object = await reencrypted(second, opened, straggler, {
      generation: 2,
      signers: [second.authority],
      recipient: second.pin.recipient,
    });
    const [hidden] = (await read(vault)).snapshots as [Snapshot];
    expect(hidden.object).toBe(object);
    const part = hidden.artifacts[0]!.parts[0]!.object;
    const bytes = await get(vault.store, part);
    await put(vault.store, part, flipped(bytes, bytes.length - 1));
    expect(await refusedRestore(vault, { set: 'app' })).toBe('part-differs');
    const { done, findings } = await reencryptVault(await openUnlocked(vault));
    expect([done, findings]).toEqual([1, []]);
    expect(await values(vault)).toEqual(['A=1\n']);
    expect(await namesOf(vault.store, 'snapshots/')).toEqual([recordName('app', straggler.id, 3)]);
    expect((await namesOf(vault.store, 'data/')).every((name) => name.includes('/3-'))).toBe(true);
    expect(await faultsOf(vault)).toEqual([]);
  });

  it('cannot have what the host wrote removed, when both are damaged', async () => {
    await backsUp(second, 'B=1\n');
    const opened = await openUnlocked(second);
    await reencrypted(second, opened, straggler, {
      generation: 2,
      signers: [second.authority],
      recipient: second.pin.recipient,
    });
    const [hidden] = (await read(vault)).snapshots as [Snapshot];
    const damaged = [hidden, straggler].map((s) => s.artifacts[0]!.parts[0]!.object);
    const whole = await get(vault.store, damaged[1]!);
    for (const part of damaged) await put(vault.store, part, 'damaged');
    const { done, findings } = await reencryptVault(await openUnlocked(vault));
    expect([done, findings.map((f) => f.code)]).toEqual([1, ['part-differs']]);
    expect(await namesOf(vault.store, straggler.object)).toHaveLength(1);
    // Its bytes come back from a copy of the vault, say.
    await put(vault.store, damaged[1]!, whole);
    expect((await reencryptVault(await openUnlocked(vault))).findings).toEqual([]);
    expect(await values(vault)).toEqual(['A=1\n', 'B=1\n']);
  });

  it('and is a listed host too, has nothing of another host removed by putting its own in front', async () => {
    const other = newHost('web-2');
    const document = await putRevision(vault, ({ hosts, time }) => ({
      hosts: [...hosts, listed(other, time)],
    }));
    const place = recordName('app', straggler.id, 9);
    const [first] = document.generations;
    const old = { ...vault, host: other, pin: { ...vault.pin, generation: 1, recipient: first!.recipient } };
    await forge(old, { id: straggler.id, place });
    const own = { ...bodyOf(await get(vault.store, place)), object: place } as unknown as Snapshot;
    await reencrypted(second, await openUnlocked(second), own, {
      generation: 2,
      signers: [second.authority],
      recipient: second.pin.recipient,
    });
    await vault.store.remove([place]);
    const parts = straggler.artifacts.flatMap((a) => a.parts.map((part) => part.object));
    await reencryptVault(await openUnlocked(vault));
    const { snapshots, findings } = await read(vault);
    expect(snapshots.map((s) => [s.host, s.generation])).toEqual([['web-2', 3]]);
    expect(briefly(findings)).toEqual([`second-record ${straggler.object}`]);
    for (const part of parts) expect(await namesOf(vault.store, part)).toEqual([part]);
  });

  it('cannot hide a straggler that came after: it is missed by whoever saw it, and by the next one', async () => {
    const memory = noMemory();
    await readSnapshots(await openLocked(vault, { memory }));
    await vault.store.remove([straggler.object, ...(await namesOf(vault.store, 'data/'))]);
    const { findings } = await readSnapshots(await openLocked(vault, { memory }));
    expect(briefly(findings)).toEqual([`missing-newest ${straggler.object}`]);
  });
});

describe('a ledger entry by the authority of a key that was rotated out', () => {
  for (const compromised of [false, true]) {
    it(`removes nothing ${compromised ? 'after it was marked as leaked' : 'otherwise'}`, async () => {
      const first = await makeVault();
      await backsUp(first, 'A=1\n');
      const opened = await openUnlocked(first);
      const other = 'another passphrase than before';
      const options = compromised ? { compromised, passphrase: other } : {};
      const vault = asRotated(first, await rotateVault(first, opened, options));
      await backsUp(first, 'STRAGGLER=1\n');
      await backsUp(vault, 'B=1\n');
      const { snapshots } = await read(vault);
      const entry = (more: object) => ({
        format: 1,
        type: 'ledger',
        vault: vault.pin.vault,
        time: vault.document.time,
        tool: 'forge 1',
        revision: 1,
        generation: 1,
        by: 'authority',
        removes: snapshots.map(({ set, id, sha256 }) => ({ set, id, sha256 })),
        ...more,
      });
      const host = { host: 'web-1', records: [], entries: [] };
      const routes: [more: object, code: string | undefined][] = [
        [{ action: 'delete' }, 'out-of-scope'],
        [{ action: 'prune' }, 'out-of-scope'],
        // In order, where the key did not leak: but it replaces only what is under keys before its own.
        [{ action: 'reencrypt' }, compromised ? 'exposed-key' : undefined],
        [{ action: 'reencrypt', generation: 2 }, compromised ? 'exposed-key' : 'wrong-host'],
        [{ action: 'reencrypt', generation: 9 }, compromised ? 'exposed-key' : 'wrong-host'],
        [{ action: 'reencrypt', by: 'web-1' }, 'wrong-host'],
        [{ action: 'delete', by: 'web-1' }, 'wrong-host'],
        [{ action: 'remove-host', ...host }, 'unnamed-removal'],
      ];
      for (const [more, code] of routes) {
        const copy = await copyOf(vault);
        const object = newLedgerName(vault.clock.now);
        await put(copy.store, object, sign({ ...entry(more), object }, 'ledger', first.authority));
        const now = await read(copy);
        expect(now.findings.find((f) => f.object === object)?.code, JSON.stringify(more)).toBe(code);
        expect(now.snapshots.map((s) => s.sha256)).toEqual(snapshots.map((s) => s.sha256));
      }
    });
  }
});

describe('after a re-encryption', () => {
  let vault: TestVault;
  let before: Map<string, Buffer>;
  let old: readonly Snapshot[];
  const memory = noMemory();

  beforeAll(async () => {
    const first = await makeVault();
    for (const n of [1, 2]) await backsUp(first, `N=${n}\n`);
    old = (await read(first)).snapshots;
    before = await objectsOf(first.store);
    vault = await rotated(first);
    await reencryptVault(await openUnlocked(vault));
    await readSnapshots(await openLocked(vault, { memory }));
  });

  it('the newest is not an older one because somebody puts the old record back in place of the new', async () => {
    const copy = await copyOf(vault);
    const [first, newest] = old;
    for (const [name, bytes] of before) await put(copy.store, name, bytes);
    await copy.store.remove([recordName('app', newest!.id, 2)]);
    const { snapshots, findings } = await readSnapshots(await openLocked(copy, { memory }));
    expect(snapshots.map((s) => [s.id, s.generation])).toEqual([[first!.id, 2]]);
    expect(briefly(findings)).toEqual([`missing-newest ${newest!.object}`]);
    expect(await refusedRestore(copy, { set: 'app' }, { memory })).toBe('missing-newest');
  });

  it('no old record counts, alone or with its bytes, beside the new one', async () => {
    const copy = await copyOf(vault);
    for (const [name, bytes] of before) if (!name.startsWith('vault/')) await put(copy.store, name, bytes);
    expect((await read(copy)).snapshots.map((s) => s.generation)).toEqual([2, 2]);
    expect(await values(copy)).toEqual(['N=1\n', 'N=2\n']);
    await reencryptVault(await openUnlocked(copy));
    expect((await namesOf(copy.store, 'snapshots/')).every((name) => name.endsWith('.2.json'))).toBe(true);
    expect((await namesOf(copy.store, 'data/')).every((name) => name.includes('/2-'))).toBe(true);
  });
});

describe('a listed host', () => {
  let vault: TestVault;
  let other: TestHost;
  let honest: Snapshot;
  const ofOther = (): TestVault => ({ ...vault, host: other });
  beforeEach(async () => {
    const made = await twoHosts();
    other = made.other;
    await backsUp(made.vault, 'HONEST=1\n');
    vault = await rotated(made.vault);
    await reencryptVault(await openUnlocked(vault));
    [honest] = (await read(vault)).snapshots as [Snapshot];
  });

  for (const who of ['another', 'the same']) {
    it(`cannot take the name that a re-encryption made free of a snapshot of ${who} host`, async () => {
      const by = who === 'another' ? ofOther() : vault;
      const { object, data } = await forge(by, { id: honest.id });
      for (const work of [async () => {}, async () => await reencryptVault(await openUnlocked(vault))]) {
        await work();
        const { snapshots, findings } = await read(vault);
        expect(snapshots.map((s) => [s.object, s.host, s.sha256])).toEqual([
          [honest.object, honest.host, honest.sha256],
        ]);
        expect(briefly(findings)).toEqual([`second-record ${object}`]);
        expect(await values(vault)).toEqual(['HONEST=1\n']);
      }
      // Nor when it is under a newer key than what it would replace; and whoever reads it later finds it still.
      const third = await rotated(vault);
      await vault.store.remove([object, ...(await namesOf(vault.store, `${data}/`))]);
      await forge({ ...third, host: by.host }, { id: honest.id });
      expect((await read(third)).snapshots.map((s) => s.sha256)).toEqual([honest.sha256]);
      await reencryptVault(await openUnlocked(third));
      expect((await read(third)).snapshots.map((s) => [s.sha256, s.generation])).toEqual([
        [honest.sha256, 3],
      ]);
      expect(await values(third)).toEqual(['HONEST=1\n']);
    });
  }

  it('cannot have another’s ciphertext re-encrypted as its own, by naming it or by copying it', async () => {
    const later = newSnapshotId(vault.clock.now);
    await forge(ofOther(), { record: () => ({ data: honest.data, artifacts: honest.artifacts }) });
    // What it lists as its files is another's index, whose digest is public, and whose size is all but.
    const index = honest.artifacts.at(-1)!.parts[0]!;
    const size = await sizeOf(vault, honest);
    const { object, data } = await forge(ofOther(), {
      id: later,
      contents: ({ artifacts: [files] }) => ({ artifacts: [{ ...files, size, sha256: honest.contents }] }),
      record: ({ data: own, artifacts: [files, list] }) => ({
        artifacts: [{ ...files, parts: [{ ...index, object: partOf(own) }] }, list],
        stored: index.size + list!.parts[0]!.size,
      }),
    });
    await put(vault.store, partOf(data), await get(vault.store, index.object));
    const third = await rotated(vault);
    const { findings } = await reencryptVault(await openUnlocked(third));
    expect(briefly(findings)).toEqual([`wrong-artifact ${object}`]);
    const names = await namesOf(vault.store, 'snapshots/');
    expect(names.filter((name) => name.endsWith('.3.json'))).toEqual([recordName('app', honest.id, 3)]);
    expect((await namesOf(vault.store, 'data/')).filter((n) => n.includes('/3-'))).toHaveLength(2);
  });
});

const partOf = (data: string) => `${data}/files.tar.gz.age.00000`;

/** How many gzip bytes the index of a snapshot has. */
async function sizeOf(vault: TestVault, snapshot: Snapshot): Promise<number> {
  const opened = await openUnlocked(vault);
  let size = 0;
  const { contents: sha256 } = snapshot;
  for await (const chunk of gzipBytesOf(opened, snapshot, 'contents.json.gz.age', { sha256 }))
    size += chunk.length;
  return size;
}

describe('the administrator’s own run', () => {
  let vault: TestVault;
  let first: TestVault;
  const honest = ['N=1\n', 'N=2\n', 'N=3\n'];
  beforeEach(async () => {
    first = await makeVault();
    for (const value of honest) await backsUp(first, value);
    vault = await rotated(first);
  });

  /** A store whose every later answer for an object is another than its first. */
  const twoFaced = (store: Store, prefix: string): Store => {
    const asked = new Set<string>();
    return {
      ...bound(store),
      async get(name, options) {
        const bytes = await store.get(name, options);
        const isFirst = !asked.has(name);
        asked.add(name);
        return isFirst || !bytes || !name.startsWith(prefix) ? bytes : flipped(bytes, bytes.length - 1);
      },
    };
  };

  for (const prefix of ['snapshots/', 'data/', 'keys/', 'vault/', 'ledger/', '']) {
    it(`loses nothing when ${prefix || 'everything'} is another at the second look`, async () => {
      const opened = await openUnlocked(vault);
      const face = { ...opened, store: twoFaced(vault.store, prefix) };
      await reencryptVault(face).catch((error: unknown) => {
        if (!(error instanceof IntegrityError)) throw error;
      });
      expect(await values(vault)).toEqual(honest);
      await reencryptVault(await openUnlocked(vault));
      expect(await values(vault)).toEqual(honest);
      expect(await faultsOf(vault)).toEqual([]);
    });
  }

  it('does not switch to what was replaced before it was read back', async () => {
    const store = bound(vault.store);
    const meddled: Store = {
      ...store,
      async create(name, bytes, options) {
        const done = await store.create(name, bytes, options);
        if (name.startsWith('data/')) await put(vault.store, name, flipped(bytes, bytes.length - 1));
        return done;
      },
    };
    const opened = await openUnlocked(vault);
    const { done, findings } = await reencryptVault({ ...opened, store: meddled });
    expect([done, new Set(findings.map((f) => f.code))]).toEqual([0, new Set(['part-differs'])]);
    expect(await values(vault)).toEqual(honest);
    expect((await namesOf(vault.store, 'data/')).every((name) => name.includes('/1-'))).toBe(true);
  });

  it('signs nothing of what he planted, under whatever name it stands', async () => {
    const thief = newHost('evil');
    const his = await oldDocument(first, thief, 9);
    tick(vault.clock);
    const planted = [
      (await forge(his)).object,
      (await forge({ ...vault, host: thief })).object,
      (
        await forge(
          { ...first, host: thief },
          { place: recordName('app', newSnapshotId(first.clock.now), 2) },
        )
      ).object,
    ];
    const { done } = await reencryptVault(await openUnlocked(vault));
    expect(done).toBe(honest.length);
    for (const object of planted) {
      const { id } = bodyOf(await get(vault.store, object)) as { id: string };
      const names = await namesOf(vault.store, `snapshots/app/${id}`);
      for (const name of names) expect((await get(vault.store, name)).toString()).not.toContain('"original"');
    }
    expect(await values(vault)).toEqual(honest);
    expect(['unlisted-writer', 'misplaced']).toContain(await refusedRestore(vault, { set: 'app' }));
  });

  it('goes on with the others when records are planted in its way, and is finished when they are gone', async () => {
    const { snapshots } = await read(vault);
    const [garbage, his] = snapshots.map((s) => recordName('app', s.id, 2)) as [string, string];
    await put(vault.store, garbage, 'garbage');
    await reencrypted(first, await openUnlocked(first), snapshots[1]!, {
      generation: 2,
      signers: [first.authority],
      recipient: first.pin.recipient,
    });
    const { done, findings } = await reencryptVault(await openUnlocked(vault));
    expect([done, briefly(findings)]).toEqual([
      1,
      [`planted-record ${snapshots[0]!.object}`, `planted-record ${snapshots[1]!.object}`],
    ]);
    expect(await values(vault)).toEqual(honest);
    await vault.store.remove([garbage, his]);
    expect((await reencryptVault(await openUnlocked(vault))).done).toBe(2);
    expect(await values(vault)).toEqual(honest);
    expect(await faultsOf(vault)).toEqual([]);
  });

  it('that goes on with key 2 removes nothing of one that re-encrypts to key 3 meanwhile', async () => {
    const stale = await openUnlocked(vault);
    const third = await rotated(vault);
    const [snapshot] = (await read(third)).snapshots as [Snapshot];
    let isDone = false;
    // Between the new bytes and their record the other one finishes all that it does.
    const store: Store = {
      ...bound(vault.store),
      async create(name, bytes, options) {
        if (!isDone && name === recordName('app', snapshot.id, 3)) {
          isDone = true;
          await reencrypt(stale);
        }
        return await vault.store.create(name, bytes, options);
      },
    };
    const opened = await openUnlocked(third);
    await reencryptVault({ ...opened, store });
    expect(isDone).toBe(true);
    expect(await values(third)).toEqual(honest);
    await reencryptVault(await openUnlocked(third));
    expect(await values(third)).toEqual(honest);
    expect(await faultsOf(third)).toEqual([]);
  });

  it('keeps new bytes whose record may come to stand after its reply was lost', async () => {
    const late: [name: string, bytes: Buffer][] = [];
    const store: Store = {
      ...bound(vault.store),
      remote: true,
      async create(name, bytes, options) {
        if (!name.startsWith('snapshots/')) return await vault.store.create(name, bytes, options);
        late.push([name, Buffer.from(bytes)]);
        throw new StoreError('store-unreachable', 'the reply was lost');
      },
    };
    const opened = await openUnlocked(vault);
    expect((await failureOf(reencryptVault({ ...opened, store }))).code).toBe('store-unreachable');
    for (const [name, bytes] of late) await vault.store.create(name, bytes);
    expect(late.length).toBeGreaterThan(0);
    expect(await values(vault)).toEqual(honest);
    await reencryptVault(await openUnlocked(vault));
    expect(await values(vault)).toEqual(honest);
    expect(await faultsOf(vault)).toEqual([]);
  });

  it('writes on no document that only the old key vouches for', async () => {
    const opened = await openUnlocked({ ...vault, pin: first.pin });
    expect(opened.isProven).toBe(true);
    const document = { ...opened.document, hosts: [] } as VaultDocument;
    const followed = { ...opened, document, isProven: false };
    expect((await failureOf(reencryptVault(followed))).code).toBe('old-pin');
  });
});

/** A store whose methods can be taken off it. */
function bound(store: Store): Store {
  return {
    location: store.location,
    list: store.list.bind(store),
    get: store.get.bind(store),
    create: store.create.bind(store),
    remove: store.remove.bind(store),
  };
}
