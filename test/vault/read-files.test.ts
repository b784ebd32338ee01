import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { readSnapshotContents } from '../../src/vault/artifact-read.ts';
import { CHECK_ONLY, readFiles, readOneFile } from '../../src/vault/read-files.ts';
import { readSnapshots } from '../../src/vault/snapshots.ts';
import { get, put } from '../support/forge.ts';
import { makeVault, openUnlocked, sha256 } from '../support/vault.ts';

const vault = await makeVault();
const large = randomBytes(3 * 1024 * 1024 + 17);
const small = Buffer.from('TOKEN=1\n');
await vault.backup({ '.env': small, 'dumps/large.bin': large, empty: Buffer.alloc(0) });
const open = await openUnlocked(vault);
const [snapshot] = (await readSnapshots(open)).snapshots;

describe('the files of a snapshot', () => {
  it('come each with what contents say of it: small ones whole, large ones in pieces', async () => {
    const contents = await readSnapshotContents(open, snapshot!);
    const came: string[] = [];
    const opened: string[] = [];
    await readFiles(open, snapshot!, contents, {
      wants: () => true,
      file: (entry, content) => void came.push(`${entry.path} ${sha256(content) === entry.sha256}`),
      open(entry) {
        const chunks: Buffer[] = [];
        return {
          write: (chunk) => void chunks.push(Buffer.from(chunk)),
          close: () => void opened.push(`${entry.path} ${Buffer.concat(chunks).equals(large)}`),
        };
      },
    });
    expect(came).toEqual(['.env true', 'empty true']);
    expect(opened).toEqual(['dumps/large.bin true']);
  });

  it('that are not wanted do not come', async () => {
    const contents = await readSnapshotContents(open, snapshot!);
    const came: string[] = [];
    await readFiles(open, snapshot!, contents, {
      wants: (entry) => entry.path === '.env',
      file: (entry) => void came.push(entry.path),
      open: () => expect.unreachable(),
    });
    expect(came).toEqual(['.env']);
  });

  it('that contents list and nobody packed is a fault, not an empty file', async () => {
    const contents = await readSnapshotContents(open, snapshot!);
    const entry = { ...contents.entries[0]!, path: 'ghost' };
    await expect(readOneFile(open, snapshot!, contents, entry, async () => {})).rejects.toMatchObject({
      exitCode: 13,
    });
  });

  it('are read to the end whatever is wanted, since only the whole is proven', async () => {
    const contents = await readSnapshotContents(open, snapshot!);
    await readFiles(open, snapshot!, contents, CHECK_ONLY);
    const part = snapshot!.artifacts[0]!.parts[0]!.object;
    const bytes = await get(vault.store, part);
    await put(vault.store, part, bytes.subarray(0, -1));
    await expect(readFiles(open, snapshot!, contents, CHECK_ONLY)).rejects.toMatchObject({
      code: 'part-differs',
    });
    await expect(
      readOneFile(open, snapshot!, contents, contents.entries[0]!, async () => {}),
    ).rejects.toMatchObject({ code: 'part-differs' });
    await put(vault.store, part, bytes);
  });
});
