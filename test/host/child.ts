// What a process of its own does to the state directory in these tests; bundled and run by them.

import { withSetLock } from '../../src/host/set-lock.ts';
import { ensureSigningKey } from '../../src/host/signing-key.ts';
import { locked, readState, writeState } from '../../src/host/state-file.ts';

const [verb = '', path = '', ...rest] = process.argv.slice(2);
const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** Adds one to the number in the file, as often as asked, each time under the lock. */
async function count(times: number, stale: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    const work = async () => await writeState(path, String(Number((await readState(path)) ?? '0') + 1));
    await locked(path, work, { stale, wait: 60_000 });
  }
}

if (verb === 'count') await count(Number(rest[0]), Number(rest[1]));
else if (verb === 'key') say((await ensureSigningKey(path, 'web-1')).publicKey);
else if (verb === 'hold') {
  await locked(path, async () => {
    say('held');
    await new Promise(() => setTimeout(() => {}, 60_000));
  });
} else if (verb === 'hold-set') {
  // The path is that of the state directory.
  await withSetLock(path, rest[0] ?? '', rest[1] ?? '', async () => {
    say('held');
    await new Promise(() => setTimeout(() => {}, 60_000));
  });
}
