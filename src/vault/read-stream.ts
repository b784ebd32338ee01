// The bytes of a stream, proven. What it is, and whether it is whole, say the contents.
import { createHash } from 'node:crypto';
import { IntegrityError, NotFoundError, StrongroomError } from '../errors.ts';
import { readArtifact } from './artifact-read.ts';
import type { Contents } from './documents/contents.ts';
import type { SnapshotRecord } from './documents/record.ts';
import type { StreamInfo } from './documents/streams.ts';
import { streamArtifact } from './layout.ts';
import type { UnlockedVault } from './vault.ts';

/**
 * A stream of a snapshot by its name.
 * @param takesIncomplete whether one that failed will do
 * @throws NotFoundError `no-stream`; StrongroomError `stream-incomplete`
 */
export function chooseStream(
  { id, set, streams }: Contents,
  name: string,
  takesIncomplete = false,
): StreamInfo {
  const info = streams.find((stream) => stream.name === name);
  if (!info) {
    const others = streams.map((stream) => stream.name).join(', ');
    throw new NotFoundError('no-stream', `${id} of ${set} holds no stream ${JSON.stringify(name)}`, {
      hint: others === '' ? 'it holds none' : `it holds: ${others}`,
    });
  }
  if (info.complete || takesIncomplete) return info;
  throw new StrongroomError(
    'stream-incomplete',
    `the stream ${name} of ${id} is not whole: its program failed`,
    {
      object: id,
      hint: `take an older snapshot (\`strongroom list --set ${set}\`), or what there is of it with --incomplete`,
    },
  );
}

/**
 * The bytes that the program printed. Each stored part is proven before it is decrypted; that none is missing is known
 * only when this ends without a failure.
 * @param record of the same snapshot as `contents`
 * @throws IntegrityError for the first thing that is not what was backed up
 */
export async function* readStream(
  vault: UnlockedVault,
  record: SnapshotRecord,
  contents: Contents,
  { name, bytes, sha256 }: StreamInfo,
): AsyncGenerator<Buffer> {
  const differs = () =>
    new IntegrityError(
      'stream-differs',
      `the stream ${name} of ${record.id} is not what its snapshot lists`,
      {
        object: record.object,
        hint: 'restore another snapshot, and find out what happened to the host that wrote this one',
      },
    );
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of readArtifact(vault, record, contents, streamArtifact(name))) {
    hash.update(chunk);
    size += chunk.length;
    // Whoever reads may have made room for no more than it says.
    if (size > bytes) throw differs();
    yield chunk;
  }
  if (size !== bytes || hash.digest('hex') !== sha256) throw differs();
}
