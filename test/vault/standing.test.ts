import { describe, expect, it } from 'vitest';
import { generateSigningKey } from '../../src/sign/key.ts';
import type { LedgerEntry } from '../../src/vault/documents/ledger.ts';
import type { SnapshotRecord } from '../../src/vault/documents/record.ts';
import type { Host, VaultDocument } from '../../src/vault/documents/vault-document.ts';
import {
  checkReencrypter,
  judgeRecord as judge,
  judgeLedgerEntry as judgeEntry,
  judgeReencryption,
  judgeRelease,
  type Outlasting,
  type RecordFacts,
} from '../../src/vault/standing.ts';

const key = () => generateSigningKey().publicKey;
const [authority, web, db, old, stranger] = [key(), key(), key(), key(), key()] as const;
const added = '2026-01-01T00:00:00Z';
const hosts: Host[] = [
  { name: 'web-1', key: web, sets: ['app', 'web-*'], may: ['write', 'maintain'], added },
  { name: 'db-1', key: db, sets: ['*'], may: ['maintain'], added },
  { name: 'web-1', key: old, sets: ['*'], may: ['write', 'maintain'], added, removed: added },
];
const document = {
  generation: 1,
  generations: [{ generation: 1, authority, compromised: false }],
  hosts,
} as unknown as VaultDocument;
const [digest, other] = ['a'.repeat(64), 'b'.repeat(64)] as const;
const nothing: Outlasting = () => false;

function judgeRecord(d: VaultDocument, r: SnapshotRecord, f: RecordFacts, outlasts = nothing): void {
  judge(d, r, f, outlasts);
}

function judgeLedgerEntry(
  d: VaultDocument,
  e: LedgerEntry,
  { signers, sha256 = digest }: { signers: readonly string[]; sha256?: string },
  outlasts = nothing,
): void {
  judgeEntry(d, e, { signers, sha256 }, outlasts);
}

const id = '20261120T055812Z-7k3f9q';
const data = `data/app/${id}/1-0123456789`;
const record = {
  object: `snapshots/app/${id}.json`,
  set: 'app',
  id,
  host: 'web-1',
  generation: 1,
  time: '2026-11-20T05:58:12Z',
  data,
  artifacts: [{ name: 'contents.json.gz.age', parts: [{ object: `${data}/contents.json.gz.age.00000` }] }],
} as unknown as SnapshotRecord;
const facts = { signers: [web], sha256: digest, modified: new Date('2026-11-20T05:58:14Z') };

function partsAt(...objects: string[]): Partial<SnapshotRecord> {
  return {
    artifacts: [
      { name: 'contents.json.gz.age', parts: objects.map((object) => ({ object, size: 1, sha256: '' })) },
    ],
  };
}

describe('a record', () => {
  it('by a listed host, in its scope, that names its own data, counts', () => {
    expect(() => judgeRecord(document, record, facts)).not.toThrow();
  });

  it('whose artifacts are left out is judged by the place of its data', () => {
    const { artifacts: _, ...known } = record;
    expect(() => judge(document, known, facts, nothing)).not.toThrow();
    for (const foreign of [`data/db/${id}/1-0123456789`, `data/app/${id}/2-0123456789`, 'keys/1'])
      expect(() => judge(document, { ...known, data: foreign }, facts, nothing), foreign).toThrow(
        expect.objectContaining({ code: 'foreign-data' }),
      );
  });

  it.each<[string, string, Partial<SnapshotRecord>, Partial<typeof facts>]>([
    ['by a key that is not listed', 'unlisted-writer', {}, { signers: [stranger] }],
    ['by the authority', 'unlisted-writer', {}, { signers: [authority] }],
    ['by two keys', 'unlisted-writer', {}, { signers: [web, db] }],
    ['by nobody', 'unlisted-writer', {}, { signers: [] }],
    ['under another host’s name', 'wrong-host', { host: 'db-1' }, {}],
    ['of a set outside the scope', 'out-of-scope', { set: 'webx' }, {}],
    ['by a host that may not write', 'out-of-scope', { host: 'db-1' }, { signers: [db] }],
    ['by a host that was removed', 'removed-host', {}, { signers: [old] }],
    ['that names another set’s data', 'foreign-data', { data: data.replace('app', 'db') }, {}],
    ['that names another snapshot’s data', 'foreign-data', { data: data.replace('7k3f9q', '7k3f9r') }, {}],
    ['whose data is of another generation', 'foreign-data', { generation: 2 }, {}],
    [
      'that names a part of another directory',
      'foreign-data',
      partsAt('data/db/x/contents.json.gz.age.00000'),
      {},
    ],
    ['that names a part as another', 'foreign-data', partsAt(`${data}/contents.json.gz.age.00001`), {}],
    [
      'that names a part twice',
      'foreign-data',
      partsAt(`${data}/contents.json.gz.age.00000`, `${data}/contents.json.gz.age.00000`),
      {},
    ],
    [
      'of a generation that is not there',
      'unknown-generation',
      {
        generation: 2,
        data: data.replace('1-', '2-'),
        ...partsAt(`${data.replace('1-', '2-')}/contents.json.gz.age.00000`),
      },
      {},
    ],
    [
      'dated ten minutes and a second ahead of the store',
      'future',
      {},
      { modified: new Date('2026-11-20T05:48:11Z') },
    ],
  ])('%s: %s', (_, code, change, more) => {
    expect(() => judgeRecord(document, { ...record, ...change }, { ...facts, ...more })).toThrow(
      expect.objectContaining({ code, exitCode: 13, object: record.object }),
    );
  });

  it('dated ten minutes ahead still counts, as clocks differ', () => {
    expect(() =>
      judgeRecord(document, record, { ...facts, modified: new Date('2026-11-20T05:48:12Z') }),
    ).not.toThrow();
  });

  it('dated long before the store received it counts: a backup takes its time', () => {
    expect(() =>
      judgeRecord(document, record, { ...facts, modified: new Date('2026-11-21T05:58:12Z') }),
    ).not.toThrow();
  });

  it('with several faults is named by the first of the specification’s table', () => {
    const worst = { ...record, host: 'db-1', set: 'nope', data: 'x', generation: 9 };
    const late = new Date(0);
    expect(() =>
      judgeRecord(document, worst, { signers: [stranger], sha256: digest, modified: late }),
    ).toThrow(expect.objectContaining({ code: 'unlisted-writer' }));
    expect(() => judgeRecord(document, worst, { signers: [web], sha256: digest, modified: late })).toThrow(
      expect.objectContaining({ code: 'wrong-host' }),
    );
    expect(() =>
      judgeRecord(document, { ...worst, host: 'web-1' }, { signers: [web], sha256: digest, modified: late }),
    ).toThrow(expect.objectContaining({ code: 'out-of-scope' }));
    expect(() =>
      judgeRecord(document, { ...worst, host: 'web-1' }, { signers: [old], sha256: digest, modified: late }),
    ).toThrow(expect.objectContaining({ code: 'removed-host' }));
    expect(() =>
      judgeRecord(
        document,
        { ...worst, host: 'web-1', set: 'app' },
        { signers: [web], sha256: digest, modified: late },
      ),
    ).toThrow(expect.objectContaining({ code: 'foreign-data' }));
  });
});

describe('a ledger entry', () => {
  const removes = [{ set: 'app', id, sha256: '0'.repeat(64) }];
  const entry = {
    object: 'ledger/20261120T055812Z-7k3f9q.json',
    action: 'delete',
    by: 'web-1',
    removes,
  } as unknown as LedgerEntry;

  it.each<[string, Partial<LedgerEntry>, string[]]>([
    ['by a host that may maintain what it removes', {}, [web]],
    ['by a host that may maintain everything', { by: 'db-1' }, [db]],
    ['by the authority', { by: 'authority', action: 'reencrypt', generation: 1 }, [authority]],
    ['by a host that keeps what it may maintain', { action: 'keep', removes: [], keeps: removes }, [web]],
    ['by a host that may maintain, and releases', { action: 'release', removes: [], releases: [] }, [web]],
  ])('%s counts', (_, change, signers) => {
    expect(() => judgeLedgerEntry(document, { ...entry, ...change }, { signers })).not.toThrow();
  });

  it.each<[string, string, Partial<LedgerEntry>, string[]]>([
    ['by a stranger', 'unlisted-writer', {}, [stranger]],
    ['by two, one of them the authority', 'unlisted-writer', { by: 'authority' }, [authority, web]],
    ['by nobody', 'unlisted-writer', {}, []],
    ['by the authority in a host’s name', 'wrong-host', {}, [authority]],
    ['by a host in the authority’s name', 'wrong-host', { by: 'authority' }, [web]],
    ['by a host in another’s name', 'wrong-host', { by: 'db-1' }, [web]],
    [
      'of a set outside the scope',
      'out-of-scope',
      { removes: [...removes, { ...removes[0]!, set: 'db' }] },
      [web],
    ],
    ['by the authority, which removes no snapshots', 'out-of-scope', { by: 'authority' }, [authority]],
    [
      'by the authority, about a host that the vault document does not say is removed by it',
      'unnamed-removal',
      { by: 'authority', action: 'remove-host' },
      [authority],
    ],
    [
      'by the authority of another generation than it names',
      'wrong-host',
      { by: 'authority', action: 'reencrypt', generation: 2 },
      [authority],
    ],
    ['by a host that re-encrypts', 'out-of-scope', { action: 'reencrypt' }, [web]],
    ['by a host that removes a host', 'out-of-scope', { action: 'remove-host', removes: [] }, [web]],
    ['by a host that was removed', 'removed-host', {}, [old]],
    [
      'by a host that keeps what is outside its scope',
      'out-of-scope',
      { action: 'keep', removes: [], keeps: [...removes, { ...removes[0]!, set: 'db' }] },
      [web],
    ],
    [
      'by the authority, which keeps nothing',
      'out-of-scope',
      { by: 'authority', action: 'keep', removes: [], keeps: removes },
      [authority],
    ],
    [
      'by the authority, which releases nothing',
      'out-of-scope',
      { by: 'authority', action: 'release', removes: [], releases: [] },
      [authority],
    ],
    [
      'by a host that was removed, and keeps',
      'removed-host',
      { action: 'keep', removes: [], keeps: removes },
      [old],
    ],
  ])('%s: %s', (_, code, change, signers) => {
    expect(() => judgeLedgerEntry(document, { ...entry, ...change }, { signers })).toThrow(
      expect.objectContaining({ code, exitCode: 13, object: entry.object }),
    );
  });

  it.each<[string, Partial<LedgerEntry>]>([
    ['removes', {}],
    ['keeps', { action: 'keep', removes: [], keeps: removes }],
    ['releases', { action: 'release', removes: [], releases: [] }],
  ])('by a host that may only write %s nothing', (verb, change) => {
    const writer = { ...document, hosts: [{ ...hosts[0]!, may: ['write'] }] } as VaultDocument;
    expect(() => judgeLedgerEntry(writer, { ...entry, ...change }, { signers: [web] })).toThrow(
      expect.objectContaining({
        code: 'out-of-scope',
        message: `${entry.object} is by web-1, which may not ${verb.slice(0, -1)} that`,
      }),
    );
  });

  it('that releases counts when its host’s scope covers all that the entries which it ends keep', () => {
    const release = { ...entry, action: 'release', removes: [], releases: [] } as LedgerEntry;
    const keeping = (...sets: string[]) =>
      ({ action: 'keep', keeps: sets.map((set) => ({ ...removes[0]!, set })) }) as unknown as LedgerEntry;
    expect(() =>
      judgeRelease(document, release, web, [keeping('app'), keeping('web-1', 'app')]),
    ).not.toThrow();
    expect(() => judgeRelease(document, release, web, [])).not.toThrow();
    // By its key: the removed host of the same name could do it all.
    for (const ended of [[keeping('db')], [keeping('app'), keeping('app', 'db')]]) {
      expect(() => judgeRelease(document, release, web, ended)).toThrow(
        expect.objectContaining({ code: 'out-of-scope', object: entry.object }),
      );
      expect(() => judgeRelease(document, release, db, ended)).not.toThrow();
    }
  });

  it('of a removed host counts when the vault document’s own entry lists it', () => {
    const counts = { object: 'ledger/20260101T000000Z-aaaaaa.json', sha256: other };
    const removal = {
      ...entry,
      object: counts.object,
      by: 'authority',
      action: 'remove-host',
    } as LedgerEntry;
    const removing = { ...document, hosts: [{ ...hosts[2]!, counts }] };
    const outlasts: Outlasting = (host, kind, sha256) =>
      host.key === old && kind === 'entries' && sha256 === digest;
    const by = { signers: [authority], sha256: other };
    expect(() => judgeLedgerEntry(removing, removal, by)).not.toThrow();
    expect(() => judgeLedgerEntry(removing, removal, { ...by, sha256: digest })).toThrow(
      expect.objectContaining({ code: 'unnamed-removal' }),
    );
    expect(() => judgeLedgerEntry(document, entry, { signers: [old] }, outlasts)).not.toThrow();
    expect(() => judgeLedgerEntry(document, entry, { signers: [old], sha256: other }, outlasts)).toThrow(
      expect.objectContaining({ code: 'removed-host' }),
    );
  });

  it('by an authority whose key leaked replaces nothing', () => {
    const leaked = {
      ...document,
      generations: [{ generation: 1, authority, compromised: true }],
    } as unknown as VaultDocument;
    const again = { ...entry, by: 'authority', action: 'reencrypt', generation: 1 } as LedgerEntry;
    expect(() => judgeLedgerEntry(leaked, again, { signers: [authority] })).toThrow(
      expect.objectContaining({ code: 'exposed-key' }),
    );
  });
});

describe('a re-encryption', () => {
  const next = key();
  const rotated = {
    ...document,
    generation: 2,
    generations: [...document.generations, { generation: 2, authority: next }],
  } as unknown as VaultDocument;
  const again = { ...record, object: `snapshots/app/${id}.2.json`, generation: 2, contents: digest };
  const reencryption = again as unknown as Parameters<typeof judgeReencryption>[0];

  it.each<[string, string[], number]>([
    ['a host', [web], 2],
    ['the authority of another generation', [authority], 2],
    ['two authorities', [next, authority], 2],
  ])('by %s does not count', (_, signers, generation) => {
    expect(() => checkReencrypter(rotated, signers, again.object, generation)).toThrow(
      expect.objectContaining({ code: 'unlisted-writer' }),
    );
  });

  it('by the authority of its own generation, of the contents that the host signed, counts', () => {
    expect(() => checkReencrypter(rotated, [next], again.object, 2)).not.toThrow();
    expect(() => judgeReencryption(reencryption, { ...record, contents: digest })).not.toThrow();
  });

  it('of other contents, or to no later key, does not count', () => {
    for (const change of [{ contents: other }, { contents: digest, generation: 2 }]) {
      expect(() => judgeReencryption(reencryption, { ...record, ...change })).toThrow(
        expect.objectContaining({ code: 'foreign-data' }),
      );
    }
  });

  it('does not bring back what a removed host signed after its removal', () => {
    const removed = { ...facts, signers: [old] };
    const outlasts: Outlasting = (_, kind, sha256) => kind === 'records' && sha256 === digest;
    expect(() => judgeRecord(document, record, removed, outlasts)).not.toThrow();
    expect(() => judgeRecord(document, record, { ...removed, sha256: other }, outlasts)).toThrow(
      expect.objectContaining({ code: 'removed-host' }),
    );
  });
});
