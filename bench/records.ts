// Fills a vault with snapshot records for the `list` and `prune` rows: genuine, signed, each naming the one before it.
// Their data is written for `prune` only, as so many zeros: listing never looks at it.
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSigningKey } from '../src/host/signing-key.ts';
import { NAMESPACES } from '../src/sign/authority.ts';
import { sealDocument } from '../src/sign/document.ts';
import {
  CONTENTS_ARTIFACT,
  FILES_ARTIFACT,
  newDataDirectory,
  partName,
  recordName,
} from '../src/vault/layout.ts';
import { newSnapshotId, timeOfSnapshotId } from '../src/vault/names.ts';

const SIZE = 12_345;
const zeros = Buffer.alloc(SIZE);
const [directory = '', keyPath = '', vault = '', host = '', count = '10000', minutes = '1', data = ''] =
  process.argv.slice(2);
const key = (await readSigningKey(keyPath))!;
const set = 'app';
mkdirSync(join(directory, 'snapshots', set), { recursive: true, mode: 0o700 });
let previous: { id: string; sha256: string } | null = null;
const step = Number(minutes) * 60_000;
const begin = Date.now() - Number(count) * step;
for (let i = 0; i < Number(count); i++) {
  const id = newSnapshotId(new Date(begin + i * step));
  const own = newDataDirectory(set, id, 1);
  const artifacts = [FILES_ARTIFACT, CONTENTS_ARTIFACT].map((name) => ({
    name,
    parts: [{ object: partName(own, name, 0), size: SIZE, sha256: randomBytes(32).toString('hex') }],
  }));
  const object = recordName(set, id);
  const bytes = sealDocument(
    {
      format: 1,
      type: 'record',
      object,
      vault,
      time: timeOfSnapshotId(id),
      tool: 'strongroom bench',
      revision: 1,
      generation: 1,
      set,
      id,
      host,
      seconds: 0.1,
      complete: true,
      entries: 30,
      stored: 2 * SIZE,
      data: own,
      artifacts,
      contents: randomBytes(32).toString('hex'),
      previous,
    },
    NAMESPACES.record,
    [key],
  );
  if (data === 'data') {
    mkdirSync(join(directory, own), { recursive: true, mode: 0o700 });
    for (const { parts } of artifacts)
      for (const part of parts) writeFileSync(join(directory, part.object), zeros, { mode: 0o600 });
  }
  writeFileSync(join(directory, object), bytes, { mode: 0o600 });
  previous = { id, sha256: createHash('sha256').update(bytes).digest('hex') };
}
