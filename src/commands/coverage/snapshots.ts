// Asks the vault for the last snapshots of the sets, where it can be opened without anybody being asked.
import { NotFoundError, StrongroomError } from '../../errors.ts';
import { readSnapshotContents } from '../../vault/artifact-read.ts';
import { type HeldEntries, heldIn } from '../../vault/coverage/held.ts';
import type { SnapshotState } from '../../vault/coverage/item.ts';
import type { CoverageSet } from '../../vault/coverage/next.ts';
import { readSnapshots } from '../../vault/snapshots.ts';
import { chooseFrom } from '../choose.ts';
import type { Context } from '../context.ts';
import { openUnlocked } from '../open.ts';

/** The word that keeps the vault from being asked. */
const NOT_ASKED = 'none';

export interface Held {
  /** Ids of the snapshots that were looked into. */
  readonly snapshots: readonly string[];
  /** Undefined where there is none yet: then every file would be said to be in none. */
  readonly of: ((path: string) => SnapshotState) | undefined;
}

/**
 * @param selector as it was given; without one the vault is asked only with a credential of the environment, and what
 *   goes wrong is but a warning
 */
export async function heldBySnapshots(
  selector: string | undefined,
  trustNew: boolean,
  sets: readonly CoverageSet[],
  context: Context,
): Promise<Held | undefined> {
  const { secrets } = context;
  if (selector === NOT_ASKED) return undefined;
  if (selector !== undefined) return await ask(selector, trustNew, sets, context);
  const isSilent = secrets.passphraseGiven || secrets.identitiesGiven;
  if (!isSilent || sets.length === 0 || (await context.settings()).location === undefined) return undefined;
  try {
    return await ask('latest', trustNew, sets, context);
  } catch (error) {
    if (!(error instanceof StrongroomError) || context.signal.aborted) throw error;
    context.warn('snapshot-not-read', `the last snapshot was not looked into: ${error.message}`, {
      hint: error.hint ?? `to look without the vault, add --snapshot ${NOT_ASKED}`,
      ...(error.object === undefined ? {} : { object: error.object }),
    });
    return undefined;
  }
}

async function ask(
  selector: string,
  trustNew: boolean,
  sets: readonly CoverageSet[],
  context: Context,
): Promise<Held> {
  const vault = await openUnlocked(context, { trustNew });
  const read = await readSnapshots(vault);
  const found: (HeldEntries & { readonly id: string })[] = [];
  let missed: NotFoundError | undefined;
  for (const { set, sources } of sets) {
    try {
      const snapshot = await chooseFrom(context, vault, read, selector, {
        set,
        host: undefined,
        at: undefined,
      });
      const { entries } = await readSnapshotContents(vault, snapshot);
      found.push({ id: snapshot.id, root: sources.root, entries });
    } catch (error) {
      // A set without one holds nothing yet.
      if (!(error instanceof NotFoundError)) throw error;
      missed = error;
    }
  }
  if (missed && found.length === 0 && selector !== 'latest') throw missed;
  if (found.length === 0) context.notice('there is no complete snapshot yet to look into');
  return { snapshots: found.map(({ id }) => id), of: found.length === 0 ? undefined : heldIn(found) };
}
