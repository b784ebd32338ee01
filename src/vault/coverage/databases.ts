// Databases that a set takes as plain files: a copy of one that is in use may be torn.
import { posix } from 'node:path';
import { sqliteFiles, sqliteStreams } from '../../capture/discover/databases.ts';
import type { Ground } from '../../capture/discover/ground.ts';
import type { Source } from '../../pack/collect.ts';
import type { CoverageDoubt } from './item.ts';
import { realPath, takenBy } from './taken.ts';

/**
 * @param sources what is taken as it lies there
 * @param elsewhere absolute paths of files that streams take
 */
export function tornDatabases(
  ground: Ground,
  sources: readonly Source[],
  elsewhere: readonly string[],
): CoverageDoubt[] {
  const plain = takenBy(sources);
  const streamed = new Set(elsewhere.map(realPath));
  const torn = sqliteFiles(ground).filter((path) => plain.hasReal(path) && !streamed.has(path));
  const lines = sqliteStreams(torn.map((path) => posix.relative(ground.root, path)));
  return torn.map((path, index) => {
    const reason = `is an SQLite database: a copy of one that is in use may be torn; add a stream of the kind sqlite, below streams: ${lines[index]}`;
    return { path, reason, lacking: false };
  });
}
