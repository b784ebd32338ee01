import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readRecord, type SnapshotRecord } from '../../src/vault/documents/record.ts';
import { keptOf, knownRecord, withArtifacts } from '../../src/vault/kept-record.ts';
import { partName } from '../../src/vault/layout.ts';
import { bodyOf, get } from '../support/forge.ts';
import { makeVault } from '../support/vault.ts';

const vault = await makeVault();
const { snapshot: id } = await vault.backup({ a: '1' }, { label: 'before', tags: { release: '42' } });
const object = `snapshots/app/${id}.json`;
const record = readRecord(bodyOf(await get(vault.store, object)), object, vault.pin.vault);
const again = (one: SnapshotRecord) => {
  const kept = keptOf(one);
  return withArtifacts(knownRecord(kept), kept);
};

describe('a record that is kept', () => {
  it('comes back as it was', () => {
    expect(again(record)).toEqual(record);
    const { sha256 } = record.artifacts[0]!.parts[0]!;
    const original = { sha256, generation: 1, authority: 'ssh-ed25519 AAAA', received: record.time };
    expect(again(Object.assign({ original }, record))).toEqual({ ...record, original });
  });

  it('comes back with every part in its place, whatever its artifacts', () => {
    const names = fc.constantFrom('files.tar.gz.age', 'stream-db.gz.age', 'contents.json.gz.age');
    const sha256 = fc.stringMatching(/^[0-9a-f]{64}$/);
    const parts = fc.array(fc.record({ size: fc.nat(), sha256 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(names, parts), { selector: ([name]) => name }), (drawn) => {
        const artifacts = drawn.map(([name, some]) => ({
          name,
          parts: some.map((p, i) => ({ object: partName(record.data, name, i), ...p })),
        }));
        expect(again({ ...record, artifacts })).toEqual({ ...record, artifacts });
      }),
    );
  });

  it('is a record like any other when it is copied or printed', () => {
    const known = again(record);
    expect(Object.keys(known).sort()).toEqual(Object.keys(record).sort());
    expect({ ...known }).toEqual(record);
    expect(JSON.parse(JSON.stringify(known))).toEqual(record);
    const other = 'data/app/elsewhere';
    expect({ ...known, data: other }.artifacts).toEqual(record.artifacts);
  });

  it('can name no data but its own', () => {
    const foreign = {
      object: 'data/db/20261120T055812Z-7k3f9q/1-0123456789/x',
      size: 1,
      sha256: 'a'.repeat(64),
    };
    const artifacts = [{ name: 'contents.json.gz.age', parts: [foreign] }];
    expect(again({ ...record, artifacts }).artifacts).toEqual([
      {
        name: 'contents.json.gz.age',
        parts: [{ ...foreign, object: `${record.data}/contents.json.gz.age.00000` }],
      },
    ]);
  });

  it('is not parsed for its artifacts before somebody asks', () => {
    const known = withArtifacts(knownRecord(keptOf(record)), { artifacts: 'not JSON' });
    expect(known.stored).toBe(record.stored);
    expect(() => known.artifacts).toThrow(SyntaxError);
  });
});
