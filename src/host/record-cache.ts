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
const HEAD = `strongroom records 2 ${version}`;

/** A larger file is made anew: reading it would cost more than it saves. */
const MAX_BYTES = 64 * 1024 * 1024;
/** Written at once. */
const LINES = 500;

async function readPrivate(path: string): Promise<string> {
  const file = await open(path, 'r').catch(() => undefined);
  if (!file) return '';
  try {
    const stats = await file.stat();
    if (!isOurs(stats) || stats.size > MAX_BYTES) return '';
    // In one read: `readFile` asks for piece after piece, and waits for each.
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(stats.size), 0, stats.size, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}

/** `name TAB etag TAB sha256 TAB signer TAB record TAB artifacts`, these two as JSON, which holds no raw tab or newline. */
function lineOf({ object, etag, sha256, signer, record, artifacts }: CachedRecord): string {
  return `${object}\t${etag}\t${sha256}\t${signer}\t${record}\t${artifacts}\n`;
}

/** @param from where the line begins, @param to and where it ends. In place: there are ten thousand of them. */
function parseLine(text: string, from: number, to: number): CachedRecord | undefined {
  const fields: string[] = [];
  let at = from;
  for (let tab = text.indexOf('\t', at); tab >= 0 && tab < to; tab = text.indexOf('\t', at)) {
    fields.push(text.slice(at, tab));
    at = tab + 1;
  }
  const [object, etag = '', sha256, signer, record] = fields;
  const artifacts = text.slice(at, to);
  if (fields.length !== 5 || !object || !sha256 || !signer || !record) return undefined;
  if (!record.endsWith('}') || !artifacts.endsWith(']')) return undefined;
  return { object, etag, sha256, signer, record, artifacts };
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
