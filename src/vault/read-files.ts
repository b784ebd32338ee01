// Walks the files artifact of a snapshot against its contents and hands each proven file on.
import { IntegrityError } from '../errors.ts';
import type { Entry } from '../pack/entry.ts';
import { readTar, type TarFile } from '../pack/tar-read.ts';
import { readArtifact } from './artifact-read.ts';
import type { Contents } from './documents/contents.ts';
import type { SnapshotRecord } from './documents/record.ts';
import { FILES_ARTIFACT } from './layout.ts';
import { callOptions, type UnlockedVault } from './vault.ts';

/** Takes the wanted files. What it was given is final only when `readFiles` returns. */
export interface FileSink {
  wants(entry: Entry): boolean;
  /** A small file, whole, its hash proven. */
  file(entry: Entry, content: Buffer): void | Promise<void>;
  /** A large file, in pieces; `close` comes when its hash was right. */
  open(entry: Entry): { write(chunk: Buffer): void | Promise<void>; close(): void | Promise<void> };
}

const DROPPED: TarFile = { write() {}, async close() {}, async abort() {} };

/** Wants nothing: reading alone is the check. */
export const CHECK_ONLY: FileSink = { wants: () => false, file() {}, open: () => DROPPED };

/**
 * Reads every byte of a snapshot's files, whatever part is wanted: only the whole artifact is proven.
 * @throws IntegrityError for the first thing that is not what was backed up
 */
export async function readFiles(
  vault: UnlockedVault,
  record: SnapshotRecord,
  contents: Contents,
  sink: FileSink,
): Promise<void> {
  const object = `${record.data}/${FILES_ARTIFACT}`;
  const tar = readArtifact(vault, record, contents, FILES_ARTIFACT);
  await readTar(
    tar,
    contents.entries,
    {
      small(entry, content) {
        if (entry.type === 'file' && sink.wants(entry)) return sink.file(entry, content);
      },
      async open(entry) {
        if (!sink.wants(entry)) return DROPPED;
        const file = sink.open(entry);
        return {
          write: (chunk) => file.write(chunk),
          close: async () => file.close(),
          // What arrived is discarded with everything else by whoever owns the sink.
          abort: async () => {},
        };
      },
    },
    { object, ...callOptions(vault) },
  );
}

/**
 * Wanted files, each whole in memory: for files of a bounded size.
 * @param take gets each file, its hash proven; final only when this returns
 * @throws as `readFiles`
 */
export async function readWholeFiles(
  vault: UnlockedVault,
  record: SnapshotRecord,
  contents: Contents,
  wanted: ReadonlySet<Entry>,
  take: (entry: Entry, content: Buffer) => Promise<void>,
): Promise<void> {
  await readFiles(vault, record, contents, {
    wants: (entry) => wanted.has(entry),
    file: take,
    open(entry) {
      const chunks: Buffer[] = [];
      return {
        write: (chunk) => void chunks.push(Buffer.from(chunk)),
        close: () => take(entry, Buffer.concat(chunks)),
      };
    },
  });
}

/**
 * One file's bytes to `write`, as they are proven: every stored part is checked against the signed record before
 * it is decrypted, so a large file need not be held back; a small one comes only after its own hash.
 * @throws IntegrityError; the caller must then throw away what it wrote
 */
export async function readOneFile(
  vault: UnlockedVault,
  record: SnapshotRecord,
  contents: Contents,
  entry: Entry,
  write: (chunk: Buffer) => Promise<void>,
): Promise<void> {
  let given = false;
  await readFiles(vault, record, contents, {
    wants: (e) => e === entry,
    async file(_, content) {
      given = true;
      await write(content);
    },
    open() {
      given = true;
      return { write, close() {} };
    },
  });
  if (!given) throw new IntegrityError('archive-differs', `${record.id} lists a file that it does not hold`);
}
