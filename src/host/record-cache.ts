// The cache of records whose signatures were verified: one file for each vault and place, a line each. Only this
// user can write it; a line that is lost or torn costs one more verification, and a file that others could have
// written is not read.
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CachedRecord, RecordCache } from '../vault/client.ts';
import { version } from '../version.ts';
import { isOurs } from './state-file.ts';

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_TRUNC, O_WRONLY } = constants;

/** A file of another version is made anew: what a record's summary holds may have changed. */
const HEAD = `strongroom records 1 ${version}`;

/** A larger file is made anew: reading it would cost more than it saves. */
const MAX_BYTES = 64 * 1024 * 1024;

async function readPrivate(path: string): Promise<string> {
  const file = await open(path, 'r').catch(() => undefined);
  if (!file) return '';
  try {
    const stats = await file.stat();
    return isOurs(stats) && stats.size <= MAX_BYTES ? await file.readFile('utf8') : '';
  } finally {
    await file.close();
  }
}

/** `name TAB etag TAB sha256 TAB signer TAB record as JSON`; JSON holds no raw tab or newline. */
function lineOf({ object, etag, sha256, signer, record }: CachedRecord): string {
  return `${object}\t${etag}\t${sha256}\t${signer}\t${record}\n`;
}

function parseLine(line: string): CachedRecord | undefined {
  const [object, etag, sha256, signer, record, ...more] = line.split('\t');
  if (!object || etag === undefined || !sha256 || !signer || !record?.endsWith('}') || more.length > 0)
    return undefined;
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
      const [head, ...lines] = (await readPrivate(fileOf(vault, location))).split('\n');
      // What no newline ends was cut short by a kill or a full disk.
      lines.pop();
      const records = new Map<string, CachedRecord>();
      if (head !== HEAD) return records;
      for (const line of lines) {
        const cached = parseLine(line);
        if (cached) records.set(cached.object, cached);
      }
      return records;
    },
    async save(vault, location, known, added) {
      const path = fileOf(vault, location);
      try {
        await mkdir(join(directory, 'records'), { recursive: true, mode: 0o700 });
        const text = added.map(lineOf).join('');
        const isNew = known.size === 0;
        // Never through a link, which would have another file written.
        const flag = O_WRONLY | O_CREAT | O_NOFOLLOW | (isNew ? O_TRUNC : O_APPEND);
        await writeFile(path, isNew ? `${HEAD}\n${text}` : text, { mode: 0o600, flag });
      } catch {
        // A cache that cannot be written is no reason to fail.
      }
    },
  };
}
