// What became of each value between two versions of the files that differ, by name and by keyed hash. Pure; it never
// holds a value.
import { type ValueKind, WHOLE_FILE } from '../../compare/named-value.ts';
import type { FileVersion, MarkedValue } from '../exposure/versions.ts';

export interface ValuePlace {
  readonly path: string;
  readonly name: string;
}

/** A file of which at least one side was read. */
export interface FilePair {
  readonly before?: { readonly path: string; readonly version: FileVersion };
  readonly after?: { readonly path: string; readonly version: FileVersion };
}

export interface ValueChange extends ValuePlace {
  readonly kind: ValueKind;
  readonly likely: boolean;
  /** `moved`: the same value was under another name before, which is gone. */
  readonly change: 'added' | 'removed' | 'changed' | 'moved';
  /** Where the value was before, under another name: of a moved one, and of one that took another's value. */
  readonly from?: ValuePlace;
  /** Where else the later side has the same value. */
  readonly sameAs?: ValuePlace;
  /** What is public of a certificate or key. */
  readonly factsBefore?: Readonly<Record<string, string>>;
  readonly factsAfter?: Readonly<Record<string, string>>;
}

/** Of one file, in the order of `compareValues`. */
export interface FileValues {
  readonly changes: readonly ValueChange[];
  /** How many are the same. */
  readonly same: number;
  /** Whether it was compared by name. */
  readonly isNamed: boolean;
  /** Whether it is one value, and that likely a secret: its size is the length of that. */
  readonly isSecret: boolean;
  /** Why it was compared as a whole, where it seemed to be more. */
  readonly reason?: string;
}

/** Whether a file is one value without a name. */
const isWhole = ({ values }: FileVersion): boolean => values.length === 1 && values[0]!.name === WHOLE_FILE;

/** Whether one of two versions has no names to compare by: what was in it may be in it still. */
const isOdd = (before: FileVersion, after: FileVersion): boolean => isWhole(before) !== isWhole(after);

/** Where a value is on one side: the first place in each file, and the first two in all. */
interface Places {
  readonly ofFile: ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>;
  readonly all: ReadonlyMap<string, readonly ValuePlace[]>;
}

/**
 * Only values that are likely secrets, and too long to be the same by chance, are known again under another name:
 * `true` or `8080` are the same everywhere.
 */
function placesOf(files: Iterable<{ path: string; values: readonly MarkedValue[] }>): Places {
  const ofFile = new Map<string, Map<string, string[]>>();
  const all = new Map<string, ValuePlace[]>();
  for (const { path, values } of files) {
    const own = new Map<string, string[]>();
    for (const { name, mark, telling } of values) {
      if (!telling) continue;
      const names = own.get(mark) ?? [];
      const places = all.get(mark) ?? [];
      own.set(mark, names);
      all.set(mark, places);
      if (names.length < 2) names.push(name);
      if (places.length < 2 && places[0]?.path !== path) places.push({ path, name });
    }
    ofFile.set(path, own);
  }
  return { ofFile, all };
}

/** Another place than its own with the same value; in the same file rather than elsewhere. */
function placeOf({ ofFile, all }: Places, path: string, { name, mark, telling }: MarkedValue) {
  if (!telling) return undefined;
  const here = ofFile
    .get(path)
    ?.get(mark)
    ?.find((other) => other !== name);
  if (here !== undefined) return { path, name: here };
  return all.get(mark)?.find((place) => place.path !== path);
}

/** @returns a result for each file, in the same order */
export function compareValues(files: readonly FilePair[]): FileValues[] {
  const after = placesOf(
    files.flatMap(({ after: side }) => (side ? [{ path: side.path, ...side.version }] : [])),
  );
  const lost = files.flatMap(({ before, after: now }) => {
    if (!before || (now && isOdd(before.version, now.version))) return [];
    const marks = new Map(now?.version.values.map(({ name, mark }) => [name, mark]));
    const values = before.version.values.filter(({ name, mark }) => marks.get(name) !== mark);
    return [{ path: before.path, values, isGone: (name: string) => !marks.has(name) }];
  });
  const left = placesOf(lost);
  const gone = placesOf(
    lost.map(({ path, values, isGone }) => ({ path, values: values.filter((v) => isGone(v.name)) })),
  );
  const compared = files.map((file) => compareFile(file, { after, left, gone }));
  // A value that moved is said where it is now. Two that had one value may both have become one.
  const moved = new Set(
    compared.flatMap(({ changes }) => changes.filter((c) => c.change === 'moved').map((c) => keyOf(c.from!))),
  );
  return compared.map((file) => ({
    ...file,
    changes: file.changes.filter((c) => c.change !== 'removed' || !moved.has(keyOf(c))),
  }));
}

const keyOf = ({ path, name }: ValuePlace): string => JSON.stringify([path, name]);

interface Where {
  readonly after: Places;
  /** What is no longer where it was. */
  readonly left: Places;
  /** The same, of names that are gone. */
  readonly gone: Places;
}

function compareFile({ before, after }: FilePair, where: Where): FileValues {
  const reason = after?.version.reason ?? before?.version.reason;
  const why = reason === undefined ? {} : { reason };
  const odd = before && after && isOdd(before.version, after.version);
  const earlier = new Map(before?.version.values.map((value) => [value.name, value]));
  const changes: ValueChange[] = [];
  let same = 0;
  for (const value of after?.version.values ?? []) {
    const was = odd ? undefined : earlier.get(value.name);
    earlier.delete(value.name);
    if (was?.mark === value.mark) {
      same += 1;
      continue;
    }
    const change = changeOf(value, was, after!.path, where);
    // What is said of the file itself need not be said of all that is in it.
    const isNews = !odd && value.name !== WHOLE_FILE;
    if (isNews || change.from || change.sameAs) changes.push(change);
  }
  if (!odd) {
    for (const value of earlier.values()) {
      if (value.name === WHOLE_FILE) continue;
      const facts = value.facts ? { factsBefore: value.facts } : {};
      changes.push({ ...titleOf(value, before!.path), change: 'removed', ...facts });
    }
  }
  const versions = [before, after].flatMap((side) => side?.version ?? []);
  return {
    changes,
    same,
    isNamed: !odd && versions.every((version) => !isWhole(version)),
    isSecret: versions.some((version) => isWhole(version) && version.values[0]!.likely),
    ...why,
  };
}

function titleOf({ name, kind, likely }: MarkedValue, path: string) {
  return { path, name, kind, likely };
}

function changeOf(value: MarkedValue, was: MarkedValue | undefined, path: string, where: Where): ValueChange {
  const cameFrom = was ? undefined : placeOf(where.gone, path, value);
  const from = cameFrom ?? placeOf(where.left, path, value);
  const sameAs = placeOf(where.after, path, value);
  return {
    ...titleOf(value, path),
    change: cameFrom ? 'moved' : was ? 'changed' : 'added',
    ...(from ? { from } : {}),
    ...(sameAs ? { sameAs } : {}),
    ...(was?.facts ? { factsBefore: was.facts } : {}),
    ...(value.facts ? { factsAfter: value.facts } : {}),
  };
}
