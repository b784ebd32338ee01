// Owns how objects leave a bucket: few one by one, side by side; many by the thousand.

import { InterruptedError, StoreError } from '../../errors.ts';
import { eachAtOnce } from './at-once.ts';
import type { Caller } from './caller.ts';
import { DeleteObjectCommand, DeleteObjectsCommand } from './sdk.ts';

/** The most that one request may name. */
const MOST = 1000;
/** Fewer are removed one by one: no slower, and every service can do it. */
const FEW = 16;

/**
 * Names below one top-level directory are gone before those after them that are below another.
 * @throws StoreError; InterruptedError
 */
export async function removeObjects(
  caller: Caller,
  names: readonly string[],
  signal: AbortSignal | undefined,
): Promise<void> {
  let isBatching = true;
  for (const run of runsOf(names)) {
    let rest = run;
    while (isBatching && rest.length > FEW) {
      const batch = rest.slice(0, MOST);
      const left = await removeBatch(caller, batch, signal);
      isBatching = left.length < batch.length;
      // What the service did not confirm is asked for by itself, which also finds the words for why not.
      await eachAtOnce(left, (name) => removeOne(caller, name, signal));
      rest = rest.slice(batch.length);
    }
    await eachAtOnce(rest, (name) => removeOne(caller, name, signal));
  }
}

/** @returns names of which the service did not say that they are gone; all where it knows no such request */
async function removeBatch(
  caller: Caller,
  names: readonly string[],
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  const { client, bucket, prefix } = caller;
  const Delete = { Objects: names.map((name) => ({ Key: prefix + name })) };
  const asked = {
    action: 'DeleteObjects',
    name: names[0]!,
    permission: 's3:DeleteObject',
    signal,
  };
  try {
    const { Deleted = [] } = await caller.call(asked, (abortSignal) =>
      client.send(new DeleteObjectsCommand({ ...bucket, Delete }), { abortSignal }),
    );
    const gone = new Set(Deleted.map(({ Key }) => Key));
    return names.filter((name) => !gone.has(prefix + name));
  } catch (error) {
    const isRefusal = error instanceof StoreError && error.code !== 'store-unreachable';
    if (error instanceof InterruptedError || !isRefusal) throw error;
    return names;
  }
}

async function removeOne(caller: Caller, name: string, signal: AbortSignal | undefined): Promise<void> {
  const { client, bucket, prefix } = caller;
  const input = { ...bucket, Key: prefix + name };
  await caller.call({ action: 'DeleteObject', name, signal }, (abortSignal) =>
    client.send(new DeleteObjectCommand(input), { abortSignal }),
  );
}

/** Names in runs of one top-level directory each: within a run the order does not matter. */
function runsOf(names: readonly string[]): string[][] {
  const runs: string[][] = [];
  const top = (name: string) => name.slice(0, name.indexOf('/') + 1);
  for (const name of names) {
    const last = runs.at(-1);
    if (last && top(last[0]!) === top(name)) last.push(name);
    else runs.push([name]);
  }
  return runs;
}
