// Whether the replicas keep up: by the names that stand there, so that it costs a listing. That they are sound is for
// `verify --all-locations` to say.
import { StrongroomError } from '../../errors.ts';
import type { Store } from '../../store/store.ts';
import { parseRecordName, SNAPSHOTS } from '../layout.ts';
import type { Snapshot } from '../snapshots.ts';
import { callOptions, type Vault } from '../vault.ts';
import type { Group } from './groups.ts';
import { lengthText, type Problem } from './problem.ts';

/**
 * @param snapshots those that count at the vault's own place, oldest first
 * @param now the clock of the judgement
 * @throws InterruptedError
 */
export async function judgeReplicas(
  vault: Vault,
  replicas: readonly Store[],
  groups: readonly Group[],
  snapshots: readonly Snapshot[],
  now: Date,
): Promise<Problem[]> {
  const expected = groups.filter((group) => group.isExpected && group.newest);
  const sets = new Set(expected.map(({ set }) => set));
  const judged = await Promise.all(
    replicas.map(async (store): Promise<Problem[]> => {
      try {
        const there = new Set<string>();
        for (const set of sets)
          for await (const { name } of store.list(`${SNAPSHOTS}${set}/`, callOptions(vault)))
            there.add(keyOf(parseRecordName(name)));
        return expected.flatMap((group) => lag(group, store.location, snapshots, there, now));
      } catch (error) {
        if (!(error instanceof StrongroomError) || error.exitCode === 130) throw error;
        return [unseen(error, store.location)];
      }
    }),
  );
  return judged.flat();
}

const keyOf = (of: { readonly set: string; readonly id: string } | undefined): string =>
  of ? `${of.set}/${of.id}` : '';

function lag(
  { set, host, objective }: Group,
  location: string,
  snapshots: readonly Snapshot[],
  there: ReadonlySet<string>,
  now: Date,
): Problem[] {
  const good = snapshots.filter((s) => s.set === set && s.host === host && s.complete);
  // What is late at the vault's own place too is said of that.
  const isLate = (s: Snapshot) => now.getTime() - Date.parse(s.time) > objective.maxAge;
  const newest = good.findLast((s) => there.has(keyOf(s)));
  if (good.every(isLate) ? newest === good.at(-1) : newest && !isLate(newest)) return [];
  const what = newest
    ? `the newest snapshot there is ${lengthText(Math.max(0, now.getTime() - Date.parse(newest.time)))} old`
    : 'no snapshot is there';
  return [
    {
      code: 'replica-lags',
      severity: 'wrong',
      message: `${set} by ${host}: the replica ${location} does not keep up: ${what}`,
      fix: 'run `strongroom copy`, and see what `strongroom backup` says of that place',
      object: location,
      set,
      host,
    },
  ];
}

/** A place that this role may only write to is no fault of the replica. */
function unseen({ code, message }: StrongroomError, location: string): Problem {
  const isDenied = code === 'store-denied';
  return {
    code: isDenied ? 'replica-unseen' : 'replica-unreachable',
    severity: isDenied ? 'warning' : 'wrong',
    message: `the replica ${location} cannot be looked at: ${message}`,
    fix: isDenied
      ? 'look at it with a role that may list it'
      : 'bring that place back, then run `strongroom copy`',
    object: location,
  };
}
