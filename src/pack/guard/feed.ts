// Hands the content of a copy on, piece by piece, if it is what was copied: a command may have changed the copy too.

import { createHash } from 'node:crypto';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { StrongroomError } from '../../errors.ts';
import { fsPath, printableName } from '../names.ts';
import type { StagedFile } from '../place/types.ts';

const CHUNK = 1 << 20;

/**
 * @param from absolute path of a copy of ours
 * @param sha256 of what was copied, in hex; asked of the very bytes that are handed on
 * @throws StrongroomError `undo-copy-gone` when it differs; a system error; as `StagedFile` does
 */
export async function feed(from: string, to: StagedFile, sha256: string): Promise<void> {
  const fd = openSync(fsPath(from), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const hash = createHash('sha256');
    const buffer = Buffer.allocUnsafe(CHUNK);
    for (;;) {
      const length = readSync(fd, buffer);
      if (length === 0) break;
      const piece = buffer.subarray(0, length);
      hash.update(piece);
      await to.write(piece);
    }
    if (hash.digest('hex') !== sha256) throw copyGone(from);
    await to.close();
  } finally {
    closeSync(fd);
  }
}

export function copyGone(copy: string): StrongroomError {
  const object = printableName(copy);
  return new StrongroomError('undo-copy-gone', `the copy '${object}' is not what was kept`, { object });
}
