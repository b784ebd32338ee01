// Owns showing the content of files to somebody who looks for what must not be packed. Makes nothing of it.

import { closeSync } from 'node:fs';
import { paceOf } from './collect-pace.ts';
import type { Source } from './collect-source.ts';
import { readQuiet, readWhole } from './read.ts';

/** Larger files are not shown. */
export const INSPECTED_BYTES = 2 ** 20;

/** Up to this size a file is read in the cheapest way. */
export const SMALL_BYTES = 64 * 2 ** 10;

/**
 * Reads files and shows them, as a whole. The list may become shorter meanwhile. One that cannot be read is passed
 * over: whoever packs it will say so.
 *
 * @param inspect gets bytes that are good until it returns; may throw to refuse
 * @throws InterruptedError, and whatever `inspect` throws
 */
export async function inspectSources(
  sources: readonly Source[],
  inspect: (path: string, content: Buffer) => void,
  signal?: AbortSignal,
): Promise<void> {
  const pace = paceOf(signal, () => {});
  const buffer = Buffer.allocUnsafeSlow(SMALL_BYTES + 1);
  for (const source of sources) {
    if (pace.due()) await pace.rest();
    if (source.type !== 'file' || source.size > INSPECTED_BYTES) continue;
    const stat = source.bytes ? undefined : readQuiet(source, SMALL_BYTES, buffer, () => 0);
    const content = stat ? buffer.subarray(0, stat.size) : await wholeOf(source);
    if (content && content.length <= INSPECTED_BYTES) inspect(source.path, content);
  }
}

async function wholeOf(source: Source): Promise<Buffer | undefined> {
  if (source.bytes) return Buffer.from(source.bytes.buffer, source.bytes.byteOffset, source.bytes.byteLength);
  const file = await readWhole(source);
  if ('fd' in file) closeSync(file.fd);
  return 'content' in file ? file.content : undefined;
}
