// The cache of records whose signatures were verified: one file for each vault and place, a line each. Only this
// user can write it; a line that is lost or torn costs one more verification, and a file that others could have
// written is not read.
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { CachedRecord, RecordCache } from '../vault/client.ts';
import { version } from '../version.ts';
import { isOurs } from './state-file.ts';

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_TRUNC, O_WRONLY } = constants;

/** A file of another version is made anew: what a record's summary holds may have changed. */
const HEAD = `strongroom records 1 ${version}`;

/** A larger file is made anew: reading it would cost more than it saves. */
const MAX_BYTES = 64 * 1024 * 1024;
/** Written at once. */
const LINES = 500;

async function readPrivate(path: string): Promise<string> {
  const file = await open(path, 'r').catch(() => undefined);
  if (!file) return '';
  try {
    const stats = await file.stat();
    // As bytes at once: read as text, it would be put together out of pieces.
    return isOurs(stats) && stats.size <= MAX_BYTES ? (await file.readFile()).toString() : '';
  } finally {
    await file.close();
  }
}

/** `name TAB etag TAB sha256 TAB signer TAB record as JSON`; JSON holds no raw tab or newline. */
function lineOf({ object, etag, sha256, signer, record }: CachedRecord): string {
  return `${object}\t${etag}\t${sha256}\t${signer}\t${record}\n`;
}

/** @param from where the line begins, @param to and where it ends. In place: there are ten thousand of them. */
function parseLine(text: string, from: number, to: number): CachedRecord | undefined {
  const starts = [from];
  for (let tab = text.indexOf('\t', from); tab >= 0 && tab < to; tab = text.indexOf('\t', tab + 1))
    starts.push(tab + 1);
  if (starts.length !== 5) return undefined;
  const field = (index: number) => text.slice(starts[index]!, index < 4 ? starts[index + 1]! - 1 : to);
  const [object, etag, sha256, signer, record] = [field(0), field(1), field(2), field(3), field(4)];
  if (!object || !sha256 || !signer || !record.endsWith('}')) return undefined;
  return { object, etag, sha256, signer, record };
}

/** @param directory the cache directory, absolute */
export function recordCache(directory: string): RecordCache {
  const fileOf = (vault: string, location: string) => {
    const place = createHash('sha256').update(location).digest('hex').slice(0, 16);
    return join(directory, 'records', `${vault}-${place}`);
  };
  return {
    async load(vault, location) {
      const text = await readPrivate(fileOf(vault, location));
      const records = new Map<string, CachedRecord>();
      if (!text.startsWith(`${HEAD}\n`)) return records;
      // What no newline ends was cut short by a kill or a full disk.
      let from = HEAD.length + 1;
      for (let to = text.indexOf('\n', from); to >= 0; to = text.indexOf('\n', from)) {
        const cached = parseLine(text, from, to);
        if (cached) records.set(cached.object, cached);
        from = to + 1;
      }
      return records;
    },
    async save(vault, location, known, added) {
      const path = fileOf(vault, location);
      try {
        await mkdir(join(directory, 'records'), { recursive: true, mode: 0o700 });
        const isNew = known.size === 0;
        // Never through a link, which would have another file written.
        const flags = O_WRONLY | O_CREAT | O_NOFOLLOW | (isNew ? O_TRUNC : O_APPEND);
        const file = await open(path, flags, 0o600);
        try {
          if (isNew) await file.write(`${HEAD}\n`);
          // In pieces: as one text, ten thousand records would be in memory twice more.
          for (let at = 0; at < added.length; at += LINES)
            await file.writeFile(
              added
                .slice(at, at + LINES)
                .map(lineOf)
                .join(''),
            );
        } finally {
          await file.close();
        }
      } catch {
        // A cache that cannot be written is no reason to fail.
      }
    },
  };
}
