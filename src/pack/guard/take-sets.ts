// Takes the copies of all sets of a guard: what is in them, where each copy goes, and the copies themselves.

import { lstatSync } from 'node:fs';
import { posix } from 'node:path';
import { collect, type Problem, type Selection, type Source } from '../collect.ts';
import { fsPath } from '../names.ts';
import { placeFailure, stopIfAborted } from '../place/failures.ts';
import { placeOf, resolveExisting } from '../place/target.ts';
import { groupsByAcl } from './acl.ts';
import { destinationOf } from './changes.ts';
import type { GuardedTree, GuardJournal } from './journal.ts';
import { makePlace, placeFinder, syncPlaces } from './places.ts';
import { reserveRoom } from './room.ts';
import { linkAt } from './settle.ts';
import { blindSpots, checkRoom, takeFiles } from './take.ts';

/** A set that is guarded. */
export interface Guarded {
  readonly set: string;
  readonly selection: Selection;
}

export interface TakeSets {
  readonly sets: readonly Guarded[];
  /** As they were given, and as they really are: one for each set. */
  readonly roots: readonly string[];
  readonly real: readonly string[];
  readonly stateDirectory: string;
  readonly signal?: AbortSignal | undefined;
  readonly onFile?: ((bytes: number) => void) | undefined;
  /** Writes the journal. It is there before the first directory: a killed run leaves nothing unknown to the next. */
  readonly write: (change: Partial<GuardJournal>) => GuardJournal;
}

/**
 * @returns what could not be copied, by set
 * @throws ConflictError `changed-while-copied`; StrongroomError `disk-full`, `no-room-beside` and as restores do;
 *   InterruptedError
 */
export async function takeSets(asked: TakeSets): Promise<{
  readonly trees: readonly GuardedTree[];
  readonly problems: ReadonlyMap<string, readonly Problem[]>;
}> {
  const { sets, real, stateDirectory, signal, write } = asked;
  const problems = new Map<string, readonly Problem[]>();
  const collected: Collected[] = [];
  for (const one of sets) {
    const guarded = { ...one, selection: withoutOwn(one.selection, stateDirectory) };
    const found = await collect(guarded.selection, signal ? { signal } : {});
    problems.set(guarded.set, found.problems);
    collected.push({ guarded, sources: found.sources, blind: blindSpots(found.problems) });
  }
  const finder = placeFinder(write({}).id, real, stateDirectory);
  const placed = collected.map(({ sources }, index) => {
    const files = sources.filter(({ type }) => type === 'file');
    const root = real[index]!;
    const at = (path: string) => finder.index(posix.dirname(destinationOf(root, path)));
    finder.index(root);
    return new Map(files.map(({ path }) => [path, at(path)] as const));
  });
  const own = real.map(accessOf);
  write({ places: finder.places });
  try {
    const places = finder.places.map(makePlace);
    const journal = write({ places });
    for (const [index, place] of places.entries()) {
      const files = collected.flatMap(({ sources }, i) =>
        sources.filter(({ path }) => placed[i]!.get(path) === index),
      );
      if (files.length > 0) checkRoom(place, files);
    }
    const trees: GuardedTree[] = [];
    for (const [index, one] of collected.entries())
      trees.push(await treeOf(one, index, own[index]!, placed[index]!, journal, asked));
    reserveRoom(stateDirectory, { ...journal, trees });
    await syncPlaces(places);
    stopIfAborted(signal);
    return { trees, problems };
  } catch (error) {
    throw placeFailure(error, real[0]!);
  }
}

interface Collected {
  readonly guarded: Guarded;
  readonly sources: readonly Source[];
  readonly blind: readonly string[];
}

async function treeOf(
  { guarded, sources, blind }: Collected,
  index: number,
  own: GuardedTree['own'],
  placed: ReadonlyMap<string, number>,
  { places }: GuardJournal,
  { roots, real, signal, onFile }: TakeSets,
): Promise<GuardedTree> {
  const { set, selection } = guarded;
  const root = real[index]!;
  const given = roots[index]!;
  const entries = await takeFiles({ set, root, sources, placeOf: placed }, places, signal, onFile);
  const link = linkAt(given, resolveExisting(posix.dirname(given)));
  return { set, root, ...(link ? { link } : {}), own, selection, blind, entries };
}

/** Our own journals change while we work: they are no part of what is put back. */
function withoutOwn(selection: Selection, stateDirectory: string): Selection {
  const own = [...new Set([stateDirectory, placeOf(stateDirectory)])];
  return {
    ...selection,
    exclude: [...selection.exclude, ...own.map((path) => path.replace(/[*?[{\\]/g, '\\$&'))],
  };
}

function accessOf(root: string): GuardedTree['own'] {
  const { mode, uid, gid, mtimeMs } = lstatSync(fsPath(root));
  const aclGroup = groupsByAcl([root]).get(root);
  return { mode: mode & 0o7777, uid, gid, mtimeMs, ...(aclGroup === undefined ? {} : { aclGroup }) };
}
