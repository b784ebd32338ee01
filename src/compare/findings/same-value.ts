// The same secret in two environments. Values are compared by marks under a key of this run alone, and what is kept and
// told is where they are.
import { setImmediate } from 'node:timers/promises';
import type { FileFinding } from '../../vault/documents/findings.ts';
import { type Mark, newMarker } from '../mark.ts';
import { WHOLE_FILE } from '../named-value.ts';
import { namedValues } from '../named-values.ts';
import { secretsOf } from './secrets-of.ts';

/** A file of an environment, in memory. */
export interface KeptFile {
  readonly path: string;
  readonly environment: string;
  /** Emptied when it was looked at. */
  readonly content: Buffer;
}

interface Place {
  readonly path: string;
  readonly environment: string;
  /** Undefined for a file that is one value. */
  readonly name: string | undefined;
}

const MAX_PLACES = 100_000;
/** Where everything has one password, these will do. */
const MAX_PAIRS_OF_ONE = 20;
/** In the place of a name that is a value. */
const HIDDEN_NAME = '(a value)';
/** Files between two breaths of the process. */
const BREATH = 16;

/** @param most findings */
export async function sameValues(files: readonly KeptFile[], most: number): Promise<FileFinding[]> {
  const mark = newMarker();
  const places = new Map<string, Place[]>();
  let count = 0;
  for (const [i, file] of files.entries()) {
    if (i % BREATH === 0) await setImmediate();
    for (const [key, place] of await placesIn(file, mark)) {
      count += 1;
      if (count > MAX_PLACES) break;
      const others = places.get(key);
      if (others) others.push(place);
      else places.set(key, [place]);
    }
    file.content.fill(0);
  }
  const told = new Set<string>();
  const found: FileFinding[] = [];
  for (const same of places.values()) {
    for (const [a, b] of pairsOf(same)) {
      // The password and the address that holds it, say.
      const pair = JSON.stringify([a.path, a.name, b.path, b.name]);
      if (told.has(pair)) continue;
      told.add(pair);
      if (found.length >= most) return found;
      found.push({
        kind: 'same-value',
        path: a.path,
        ...(a.name === undefined ? {} : { name: a.name }),
        otherPath: b.path,
        ...(b.name === undefined ? {} : { otherName: b.name }),
      });
    }
  }
  return found;
}

async function placesIn({ path, environment, content }: KeptFile, mark: Mark): Promise<[string, Place][]> {
  const { format, values, reason } = await namedValues(path, content);
  // Seemed to be of a format, and could not be read as such.
  if (reason !== undefined) return [];
  const found = values.flatMap((value) =>
    secretsOf(path, format, value).map((secret) => ({ name: value.name, secret })),
  );
  const all = new Set(found.map(({ secret }) => secret));
  return found.map(({ name, secret }) => {
    const place = { path, environment, name: name === WHOLE_FILE ? undefined : shownName(name, secret, all) };
    return [mark(Buffer.from(secret, 'latin1')).toString('latin1'), place];
  });
}

/** A value may stand where a name should, and need not look like a value. */
function shownName(name: string, own: string, all: ReadonlySet<string>): string {
  const latin1 = Buffer.from(name).toString('latin1');
  // Long names are cut.
  const isValue =
    latin1.includes(own.slice(0, 32)) || latin1.split(/[.[\] ()/]+/).some((word) => all.has(word));
  return isValue ? HIDDEN_NAME : name;
}

/** Of two environments each, the first few. */
function pairsOf(places: readonly Place[]): [Place, Place][] {
  const pairs: [Place, Place][] = [];
  for (const [i, a] of places.entries()) {
    for (const b of places.slice(i + 1)) {
      if (a.environment === b.environment) continue;
      pairs.push([a, b]);
      if (pairs.length === MAX_PAIRS_OF_ONE) return pairs;
    }
  }
  return pairs;
}
