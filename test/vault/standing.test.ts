import { describe, expect, it } from 'vitest';
import { generateSigningKey } from '../../src/sign/key.ts';
import type { LedgerEntry } from '../../src/vault/documents/ledger.ts';
import type { SnapshotRecord } from '../../src/vault/documents/record.ts';
import type { Host, VaultDocument } from '../../src/vault/documents/vault-document.ts';
import { judgeLedgerEntry, judgeRecord } from '../../src/vault/standing.ts';

const key = () => generateSigningKey().publicKey;
const [authority, web, db, old, stranger] = [key(), key(), key(), key(), key()] as const;
const added = '2026-01-01T00:00:00Z';
const hosts: Host[] = [
  { name: 'web-1', key: web, sets: ['app', 'web-*'], may: ['write', 'maintain'], added },
  { name: 'db-1', key: db, sets: ['*'], may: ['maintain'], added },
  { name: 'web-1', key: old, sets: ['*'], may: ['write', 'maintain'], added, removed: added },
];
const document = { generation: 1, generations: [{ authority }], hosts } as unknown as VaultDocument;

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
const facts = { signers: [web], modified: new Date('2026-11-20T05:58:14Z') };

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
    expect(() => judgeRecord(document, worst, { signers: [stranger], modified: late })).toThrow(
      expect.objectContaining({ code: 'unlisted-writer' }),
    );
    expect(() => judgeRecord(document, worst, { signers: [web], modified: late })).toThrow(
      expect.objectContaining({ code: 'wrong-host' }),
    );
    expect(() =>
      judgeRecord(document, { ...worst, host: 'web-1' }, { signers: [web], modified: late }),
    ).toThrow(expect.objectContaining({ code: 'out-of-scope' }));
    expect(() =>
      judgeRecord(document, { ...worst, host: 'web-1' }, { signers: [old], modified: late }),
    ).toThrow(expect.objectContaining({ code: 'removed-host' }));
    expect(() =>
      judgeRecord(document, { ...worst, host: 'web-1', set: 'app' }, { signers: [web], modified: late }),
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
    ['by the authority', { by: 'authority', action: 'reencrypt' }, [authority]],
    ['by the authority, about a host', { by: 'authority', action: 'remove-host' }, [authority]],
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
    ['by a host that removes a host', 'out-of-scope', { action: 'remove-host', removes: [] }, [web]],
    ['by a host that was removed', 'removed-host', {}, [old]],
  ])('%s: %s', (_, code, change, signers) => {
    expect(() => judgeLedgerEntry(document, { ...entry, ...change }, { signers })).toThrow(
      expect.objectContaining({ code, exitCode: 13, object: entry.object }),
    );
  });

  it('by a host that may only write removes nothing', () => {
    const writer = { ...document, hosts: [{ ...hosts[0]!, may: ['write'] }] } as VaultDocument;
    expect(() => judgeLedgerEntry(writer, entry, { signers: [web] })).toThrow(
      expect.objectContaining({ code: 'out-of-scope' }),
    );
  });
});
