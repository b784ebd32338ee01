import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkObjectName } from '../../src/store/store.ts';
import {
  artifactComment,
  generationOfData,
  isArtifact,
  LIMITS,
  newDataDirectory,
  newLedgerName,
  parseRecordName,
  partName,
  recordName,
  revisionOf,
  slotName,
  vaultDocumentName,
} from '../../src/vault/layout.ts';
import { newSnapshotId } from '../../src/vault/names.ts';

const id = '20261120T055812Z-7k3f9q';
const name = fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,62}$/);
const number = fc.integer({ min: 1, max: 999_999_999 });

describe('object names', () => {
  it('are those of the specification', () => {
    const now = new Date('2026-11-20T05:58:12Z');
    expect(vaultDocumentName(12)).toBe('vault/12.json');
    expect(slotName(3, 'passphrase', 'age')).toMatch(/^keys\/3\/passphrase-[0-9a-z]{10}\.age$/);
    expect(recordName('app', id)).toBe(`snapshots/app/${id}.json`);
    expect(newDataDirectory('app', id, 2)).toMatch(new RegExp(`^data/app/${id}/2-[0-9a-z]{10}$`));
    expect(partName('data/x', 'files.tar.gz.age', 12)).toBe('data/x/files.tar.gz.age.00012');
    expect(newLedgerName(now)).toMatch(/^ledger\/20261120T055812Z-[0-9a-z]{6}\.json$/);
    expect(artifactComment('v', 'app', id, 'files.tar.gz.age')).toBe(
      `strongroom vault=v set=app id=${id} artifact=files.tar.gz.age`,
    );
  });

  it('are all names that a store takes, the longest too', () => {
    fc.assert(
      fc.property(name, number, (set, n) => {
        const snapshot = newSnapshotId(new Date());
        const data = newDataDirectory(set, snapshot, n);
        for (const object of [
          recordName(set, snapshot),
          slotName(n, set, 'kms'),
          partName(data, `stream-${set}.gz.age`, LIMITS.partsOfArtifact - 1),
        ]) {
          checkObjectName(object);
        }
      }),
    );
  });
});

describe('what a name says', () => {
  it('is what it was made of', () => {
    fc.assert(
      fc.property(name, number, (set, n) => {
        const snapshot = newSnapshotId(new Date());
        expect(revisionOf(vaultDocumentName(n))).toBe(n);
        expect(parseRecordName(recordName(set, snapshot))).toEqual({ set, id: snapshot });
        expect(parseRecordName(`snapshots/${set}/${snapshot}.${n}.json`)).toEqual({
          set,
          id: snapshot,
          generation: n,
        });
        expect(generationOfData(newDataDirectory(set, snapshot, n), set, snapshot)).toBe(n);
      }),
    );
  });

  it.each([
    'vault/0.json',
    'vault/01.json',
    'vault/1.json.bak',
    'vault/1',
    'vault/-1.json',
    'vault/1e3.json',
    'vault/x/1.json',
    'vault/9999999999999999.json',
  ])('is no revision in %s', (object) => {
    expect(revisionOf(object)).toBeUndefined();
  });

  it.each([
    `snapshots/App/${id}.json`,
    `snapshots/${id}.json`,
    `snapshots/a/b/${id}.json`,
    `snapshots/app/${id}`,
    `snapshots/app/${id}.0.json`,
    `snapshots/app/${id}.01.json`,
    `snapshots/app/${id}.1.2.json`,
    `snapshots/app/${id.toUpperCase()}.json`,
    'snapshots/app/latest.json',
    `xsnapshots/app/${id}.json`,
  ])('is no snapshot in %s', (object) => {
    expect(parseRecordName(object)).toBeUndefined();
  });

  it.each([
    `data/app/${id}/1-0123456789`,
    `data/app2/${id}/1-0123456789`,
    `data/app/${id}/x/1-0123456789`,
    `data/app/${id}/0-0123456789`,
    `data/app/${id}/1-012345678`,
    `data/app/${id}/1-012345678i`,
    `data/app/${id}/1-0123456789/..`,
    `../data/app/${id}/1-0123456789`,
  ])('makes only its own data directory of %s', (data) => {
    expect(generationOfData(data, 'app', id)).toBe(data === `data/app/${id}/1-0123456789` ? 1 : undefined);
  });

  it.each([
    ['files.tar.gz.age', true],
    ['contents.json.gz.age', true],
    ['stream-db.gz.age', true],
    ['stream-.gz.age', false],
    ['stream-DB.gz.age', false],
    ['stream-a/b.gz.age', false],
    ['files.tar.gz', false],
    ['', false],
  ])('artifact %j: %s', (artifact, expected) => {
    expect(isArtifact(artifact)).toBe(expected);
  });
});

it('the limits are those of the specification', () => {
  const format = readFileSync(join(import.meta.dirname, '../../docs/format.md'), 'utf8');
  const MiB = 1024 * 1024;
  expect(format).toContain('| vault document, drill | 1 MiB |');
  expect(format).toContain('| record, ledger entry | 16 MiB |');
  expect(format).toContain('| record of a re-encrypted snapshot | 40 MiB |');
  expect(format).toContain('| part | 16 MiB = 16,777,216 bytes;');
  expect(format).toContain('| parts of one artifact | 99,999 |');
  expect(format).toContain('| contents, decompressed | 64 MiB |');
  expect(LIMITS).toEqual({
    vaultDocument: MiB,
    record: 16 * MiB,
    reencryption: 40 * MiB,
    ledger: 16 * MiB,
    drill: MiB,
    slot: MiB,
    recovery: MiB,
    part: 16_777_216,
    partsOfArtifact: 99_999,
    contents: 64 * MiB,
  });
});
