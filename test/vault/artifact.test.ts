import { createDecipheriv } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { memoryStore } from '../../src/store/memory.ts';
import type { Store } from '../../src/store/store.ts';
import { readArtifact, readPart, readSnapshotContents } from '../../src/vault/artifact-read.ts';
import { cut, writeArtifact } from '../../src/vault/artifact-write.ts';
import type { Contents } from '../../src/vault/documents/contents.ts';
import type { SnapshotRecord } from '../../src/vault/documents/record.ts';
import { artifactComment, FILES_ARTIFACT, LIMITS } from '../../src/vault/layout.ts';
import { readSnapshots } from '../../src/vault/snapshots.ts';
import { chunked, chunkSizes, drain } from '../pack/arbitraries.ts';
import { copyOf, flipped, get, namesOf, put } from '../support/forge.ts';
import { makeVault, openUnlocked, sha256 } from '../support/vault.ts';

const vault = await makeVault();
const id = '20261120T055812Z-7k3f9q';
const data = `data/app/${id}/1-0123456789`;
const comment = artifactComment(vault.pin.vault, 'app', id, FILES_ARTIFACT);
const unlocked = await openUnlocked(vault);

/** Bytes that do not compress, the same for the same length. */
function noise(length: number): Buffer {
  const cipher = createDecipheriv('aes-128-ctr', Buffer.alloc(16, 7), Buffer.alloc(16));
  return cipher.update(Buffer.alloc(length));
}

async function write(plain: Buffer, store: Store = memoryStore(), level = 0) {
  const told: string[] = [];
  const target = {
    store,
    recipient: vault.pin.recipient,
    data,
    room: [],
    beforeObject: (name: string) => void told.push(name),
  };
  const written = await writeArtifact(target, FILES_ARTIFACT, chunked(plain, [1_000_000]), {
    comment,
    level,
  });
  return { store, told, ...written };
}

/** A record and contents that list what was written. */
function listed(written: Awaited<ReturnType<typeof write>>): [SnapshotRecord, Contents] {
  const record = {
    object: 'snapshots/app/x.json',
    generation: 1,
    vault: vault.pin.vault,
    set: 'app',
    id,
    data,
    room: [],
    artifacts: [written.artifact],
  };
  return [
    record as unknown as SnapshotRecord,
    { artifacts: [{ name: FILES_ARTIFACT, ...written.gzip }] } as unknown as Contents,
  ];
}

async function readBack(written: Awaited<ReturnType<typeof write>>): Promise<Buffer> {
  return await drain(readArtifact({ ...unlocked, store: written.store }, ...listed(written), FILES_ARTIFACT));
}

describe('an artifact', () => {
  it.each([0, 1, 65_535, 65_536, 65_537, 1_000_000])(
    'of %i bytes is one part, and comes back',
    async (size) => {
      const plain = noise(size);
      const written = await write(plain);
      expect(written.artifact.parts).toHaveLength(1);
      expect(written.told).toEqual([`${data}/files.tar.gz.age.00000`]);
      expect((await readBack(written)).equals(plain)).toBe(true);
    },
  );

  it('lists each part with its size and hash', async () => {
    const { store, artifact } = await write(noise(100_000));
    for (const part of artifact.parts) {
      const bytes = await get(store, part.object);
      expect(part).toEqual({ object: part.object, size: bytes.length, sha256: sha256(bytes) });
    }
  });

  // Padding goes in steps of a megabyte at this size, so the boundary is met from both sides here; byte by byte it is
  // met by the property below.
  it('of more than 16 MiB is cut into parts, the first one full', async () => {
    const plain = noise(LIMITS.part + 1);
    const written = await write(plain);
    const sizes = written.artifact.parts.map((p) => p.size);
    expect(sizes).toHaveLength(2);
    expect(sizes[0]).toBe(LIMITS.part);
    expect(sizes[1]).toBeGreaterThan(0);
    expect(written.artifact.parts.map((p) => p.object)).toEqual([
      `${data}/files.tar.gz.age.00000`,
      `${data}/files.tar.gz.age.00001`,
    ]);
    expect((await readBack(written)).equals(plain)).toBe(true);
  });

  it('of just under 16 MiB is one part', async () => {
    const plain = noise(LIMITS.part - 1_200_000);
    const written = await write(plain);
    expect(written.artifact.parts).toHaveLength(1);
    expect((await readBack(written)).equals(plain)).toBe(true);
  });

  it('is never written over another', async () => {
    const { store } = await write(Buffer.from('one'));
    await expect(write(Buffer.from('two'), store)).rejects.toMatchObject({
      code: 'object-exists',
      exitCode: 11,
    });
    await expect(
      drain(readArtifact({ ...unlocked, store }, ...listed(await write(Buffer.from('one'))), FILES_ARTIFACT)),
    ).rejects.toMatchObject({ code: 'part-differs' });
  });

  it('that the store has no room for fails with what the store said', async () => {
    const store = memoryStore({ maxBytes: 1000 });
    await expect(write(noise(100_000), store)).rejects.toMatchObject({ code: 'store-full', exitCode: 14 });
  });

  it('whose source fails fails with that, and says which objects may be there', async () => {
    const told: string[] = [];
    const target = {
      store: memoryStore(),
      recipient: vault.pin.recipient,
      data,
      room: [],
      beforeObject: (name: string) => void told.push(name),
    };
    const chunk = noise(1_000_000);
    const source = (async function* () {
      for (let i = 0; i < 30; i++) yield chunk;
      throw new Error('the disk went away');
    })();
    await expect(writeArtifact(target, FILES_ARTIFACT, source, { comment, level: 0 })).rejects.toThrow(
      'the disk went away',
    );
    expect(told).toEqual([`${data}/files.tar.gz.age.00000`]);
    expect(await namesOf(target.store)).toEqual(told);
  });

  it('is not begun when whoever is told of its first object refuses', async () => {
    const store = memoryStore();
    const beforeObject = async () => {
      throw new Error('a key is in it');
    };
    const target = { store, recipient: vault.pin.recipient, data, room: [], beforeObject };
    await expect(writeArtifact(target, FILES_ARTIFACT, chunked(noise(1000)), { comment })).rejects.toThrow(
      'a key is in it',
    );
    expect(await namesOf(store)).toEqual([]);
  });

  it('stops when it is told to', async () => {
    const stop = new AbortController();
    const store = memoryStore();
    const target = {
      store,
      recipient: vault.pin.recipient,
      data,
      room: [],
      signal: stop.signal,
      beforeObject() {},
    };
    const source = (async function* () {
      for (;;) {
        yield noise(1_000_000);
        stop.abort();
      }
    })();
    await expect(writeArtifact(target, FILES_ARTIFACT, source, { comment })).rejects.toMatchObject({
      code: 'interrupted',
      exitCode: 130,
    });
  });
});

describe('cutting into parts', () => {
  const parts = async (bytes: Buffer, chunks: readonly number[], size: number) => {
    const cuts: Buffer[] = [];
    for await (const part of cut(chunked(bytes, chunks), size)) cuts.push(Buffer.from(part));
    return cuts;
  };

  it.each<[number, number[]]>([
    [0, []],
    [1, [1]],
    [99, [99]],
    [100, [100]],
    [101, [100, 1]],
    [199, [100, 99]],
    [200, [100, 100]],
    [201, [100, 100, 1]],
  ])('%i bytes at 100 are %j', async (length, sizes) => {
    for (const chunk of [1, 7, 100, 1000]) {
      expect((await parts(noise(length), [chunk], 100)).map((p) => p.length)).toEqual(sizes);
    }
  });

  it('loses and adds nothing, however the stream comes', async () => {
    const bytes = noise(3_000_000);
    await fc.assert(
      fc.asyncProperty(
        fc.nat(bytes.length),
        chunkSizes,
        fc.integer({ min: 300_000, max: 1_000_000 }),
        async (length, chunks, size) => {
          // Chunks of a few bytes would take a long time to come to a part.
          const coarse = chunks.map((n) => n * 200 + 1);
          const cuts = await parts(bytes.subarray(0, length), coarse, size);
          expect(Buffer.concat(cuts).equals(bytes.subarray(0, length))).toBe(true);
          expect(cuts.slice(0, -1).every((p) => p.length === size)).toBe(true);
          expect(cuts.every((p) => p.length > 0)).toBe(true);
        },
      ),
      { numRuns: 30 },
    );
  });
});

describe('a part', () => {
  const part = { object: `${data}/files.tar.gz.age.00000`, size: 5, sha256: sha256(Buffer.from('right')) };

  it.each<[string, string | undefined, string, string]>([
    ['that is gone', undefined, 'missing-part', 'is gone'],
    ['that is shorter', 'righ', 'part-differs', 'is shorter than recorded'],
    ['that is longer', 'right!', 'part-differs', 'is longer than recorded'],
    ['that is another', 'wrong', 'part-differs', 'is not what was backed up'],
  ])('%s is refused: %s', async (_, bytes, code, message) => {
    const store = memoryStore();
    if (bytes !== undefined) await store.create(part.object, Buffer.from(bytes));
    await expect(readPart(store, part, {})).rejects.toMatchObject({
      code,
      exitCode: 13,
      object: part.object,
      message: `${part.object} ${message}`,
      hint: expect.stringContaining('restore another snapshot'),
    });
  });
});

describe('what is read of an artifact', () => {
  it('is proven to its end: the hash of all of it is compared when it is over', async () => {
    const written = await write(Buffer.from('a tar'));
    const [record, contents] = listed(written);
    const other = { ...contents, artifacts: [{ ...contents.artifacts[0]!, sha256: '0'.repeat(64) }] };
    const reading = readArtifact({ ...unlocked, store: written.store }, record, other, FILES_ARTIFACT);
    await expect(drain(reading)).rejects.toMatchObject({ code: 'artifact-differs', exitCode: 13 });
  });

  it('is not even begun when contents do not list it', async () => {
    const written = await write(Buffer.from('a tar'));
    const [record, contents] = listed(written);
    expect(() => readArtifact(unlocked, record, { ...contents, artifacts: [] }, FILES_ARTIFACT)).toThrow(
      expect.objectContaining({ code: 'contents-differ' }),
    );
  });

  it('is of this snapshot: another’s ciphertext does not pass, though every hash fits', async () => {
    const written = await write(Buffer.from('a tar'));
    const [record, contents] = listed(written);
    const stolen = { ...record, id: id.replace('7k3f9q', 'aaaaaa') };
    const reading = readArtifact({ ...unlocked, store: written.store }, stolen, contents, FILES_ARTIFACT);
    await expect(drain(reading)).rejects.toMatchObject({ exitCode: 13 });
  });
});

describe('the contents of a snapshot', () => {
  it('are held to the hash in the record before a byte is parsed', async () => {
    await vault.backup({ '.env': 'TOKEN=1\n' });
    const open = await openUnlocked(vault);
    const [snapshot] = (await readSnapshots(open)).snapshots;
    expect((await readSnapshotContents(open, snapshot!)).entries.map((e) => e.path)).toEqual(['.env']);
    await expect(
      readSnapshotContents(open, { ...snapshot!, contents: '0'.repeat(64) }),
    ).rejects.toMatchObject({
      code: 'artifact-differs',
    });
    const copy = await copyOf(vault);
    const part = snapshot!.artifacts[1]!.parts[0]!;
    await put(copy.store, part.object, flipped(await get(copy.store, part.object), 200));
    await expect(readSnapshotContents(await openUnlocked(copy), snapshot!)).rejects.toMatchObject({
      code: 'part-differs',
      object: part.object,
    });
  });

  it('that say they are enormous are refused unread', async () => {
    const open = await openUnlocked(vault);
    const [snapshot] = (await readSnapshots(open)).snapshots;
    const parts = Array.from({ length: 17 }, (_, i) => ({
      object: `${snapshot!.data}/x.${i}`,
      size: LIMITS.part,
      sha256: '0'.repeat(64),
    }));
    const artifacts = [{ name: 'contents.json.gz.age', parts }];
    await expect(readSnapshotContents(open, { ...snapshot!, artifacts })).rejects.toMatchObject({
      code: 'too-large',
    });
  });
});
