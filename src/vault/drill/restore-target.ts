// Restores one target of a drill into the scratch, reads it again, and loads its dumps.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { StrongroomError } from '../../errors.ts';
import { applyRestore } from '../restore/apply.ts';
import { planRestore } from '../restore/plan.ts';
import type { UnlockedVault } from '../vault.ts';
import { certificateCheck } from './checks/certificates.ts';
import { checkStreams } from './checks/streams.ts';
import { checkTree } from './checks/tree.ts';
import type { Clock } from './clock.ts';
import type { DrillOptions } from './drill.ts';
import { faultOf } from './fault.ts';
import type { Check } from './result.ts';
import type { DrillTarget, RestoredTree } from './target.ts';

export interface Restored {
  readonly target: DrillTarget;
  readonly tree: RestoredTree | undefined;
  readonly clock: Clock;
  readonly checks: Check[];
  readonly files: number;
  readonly bytes: number;
}

/** @throws StoreError; StrongroomError `disk-full`; InterruptedError. Scratch databases are gone by then */
export async function restoreTarget(
  vault: UnlockedVault,
  target: DrillTarget & { readonly number: number },
  began: Date,
  { sets, scratch, undoStore, onStep }: DrillOptions,
  whole: Clock,
): Promise<Restored> {
  const { set, host, snapshot, contents, failure, number } = target;
  const clock = whole.part();
  const checks: Check[] = [];
  const nothing = { target, tree: undefined, clock, checks, files: 0, bytes: 0 };
  const failed = (error: StrongroomError): Restored => {
    checks.push({ check: 'files', subject: snapshot?.id ?? set, outcome: 'failed', message: error.message });
    return nothing;
  };
  if (target.passedOver !== undefined) {
    const message = 'it is newer and incomplete: a restore passes over it';
    checks.push({ check: 'files', subject: target.passedOver, outcome: 'skipped', message });
  }
  if (failure) return failed(failure);
  if (!snapshot || !contents) return nothing;
  const place = join(scratch.path, 'sets', set, host);
  const directory = join(place, 'files');
  onStep?.(`restore ${set} of ${host}`);
  const certificates = certificateCheck();
  try {
    const placed = await clock.timed('restore files', async () => {
      await mkdir(place, { recursive: true, mode: 0o700 });
      const restorePlan = await planRestore(vault, snapshot, {
        destination: { root: directory },
        paths: [],
        existing: 'refuse',
        asRecorded: false,
        stateDirectory: join(place, 'state'),
        undoStore,
      });
      await applyRestore(vault, restorePlan);
      return restorePlan.placement.entries;
    });
    const tree = { set, host, contents, directory };
    onStep?.(`check ${set} of ${host}`);
    checks.push(...(await checkTree(tree, placed, certificates.onlook, vault.signal)));
    // An older one held what counted then.
    checks.push(...certificates.settle(target.isOlder ? new Date(snapshot.time) : began));
    if (contents.streams.length > 0) onStep?.(`load the dumps of ${set} of ${host}`);
    checks.push(
      ...(await checkStreams({
        vault,
        snapshot,
        contents,
        isNewest: !target.isOlder,
        grounds: sets.get(set),
        // Short, whatever the names: the path of a socket has room for 103 bytes (unix(7)).
        directory: join(scratch.path, 'dumps', String(number)),
        timed: clock.timed,
      })),
    );
    if (contents.entries.length + contents.streams.length === 0)
      checks.push({ check: 'files', subject: snapshot.id, outcome: 'failed', message: 'it holds nothing' });
    const files = contents.entries.filter(({ type }) => type === 'file').length;
    const bytes = contents.bytes + contents.streams.reduce((sum, stream) => sum + stream.bytes, 0);
    return { target, tree, clock, checks, files, bytes };
  } catch (error) {
    return failed(faultOf(error));
  }
}
