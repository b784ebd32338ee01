// Which files below a root are SQLite databases: a plain copy of one that is in use may be torn.
import { posix } from 'node:path';
import { checkInterrupt } from './extent.ts';
import type { Ground } from './ground.ts';

/** Only these are looked into: the beginning of every file is more than anybody waits for. */
const NAME = /\.(?:db3?|sqlite3?|s3db)$/i;
/** @see https://www.sqlite.org/fileformat.html#magic_header_string */
const MAGIC = Buffer.from('SQLite format 3\0', 'latin1');

/** @returns absolute paths in byte order. @throws InterruptedError */
export function sqliteFiles(ground: Ground): string[] {
  return ground.files().filter((path) => {
    checkInterrupt(ground.signal);
    return NAME.test(path) && ground.head(path, MAGIC.length)?.bytes.equals(MAGIC) === true;
  });
}

/**
 * How streams of them are written below `streams` of a set, each `NAME: { sqlite: … }`, with names of their own.
 * @param shown as the set would have it
 */
export function sqliteStreams(shown: readonly string[]): string[] {
  const names = new Set<string>();
  return shown.map((file) => {
    const stem = posix.basename(file).replace(/\.[^.]*$/, '');
    const plain = stem
      .toLowerCase()
      .replace(/[^a-z0-9._-]+/g, '-')
      .replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, '')
      .slice(0, 40);
    const base = plain || 'db';
    let name = base;
    for (let n = 2; names.has(name); n++) name = `${base}-${n}`;
    names.add(name);
    return `${name}: { sqlite: { file: ${JSON.stringify(file)} } }`;
  });
}
