// Owns what variables the paths of a Compose project know: the environment before its env files, one layer after
// another. Values stay behind the lookup.
import type { FoundValue } from '../../../compare/named-value.ts';
import { type Filled, interpolate, type Lookup, tooMuch } from './interpolate.ts';

/**
 * Variables of the environment.
 *
 * @param only which names of it count
 */
export function environment(
  env: Readonly<Record<string, string | undefined>>,
  only: (name: string) => boolean = () => true,
): Lookup {
  return (name) => {
    const value = Object.hasOwn(env, name) && only(name) ? env[name] : undefined;
    // Where one is and where one lives is no secret.
    return value === undefined ? undefined : { text: value, isShown: name === 'PWD' || name === 'HOME' };
  };
}

/** To look in one more layer. */
const STEPS_A_LOOK = 4;

/**
 * Adds what an env file sets and nothing before it does. Its values may name variables that stand before them; of two
 * with one name the last one counts. A value is filled in when it is asked for, and once.
 *
 * @param take asks for so many steps of work, as `effort.ts` counts them; nothing is found when it says no
 */
export function withEnvFile(
  outer: Lookup,
  values: readonly FoundValue[],
  take: (steps: number) => boolean = () => true,
): Lookup {
  const places = new Map<string, number[]>();
  for (const [at, { name, kind, text }] of values.entries()) {
    if (kind !== undefined || typeof text !== 'string') continue;
    const known = places.get(name);
    if (known) known.push(at);
    else places.set(name, [at]);
  }
  const filled = new Map<number, Filled>();
  const fill = (at: number, depth: number): Filled => {
    const { text, isLiteral } = values[at] as { text: string; isLiteral?: boolean };
    if (isLiteral) return { text };
    return take(text.length) ? interpolate(text, upTo(at), depth) : tooMuch;
  };
  const upTo =
    (end: number): Lookup =>
    (name, depth = 0) => {
      if (!take(STEPS_A_LOOK)) return tooMuch;
      const before = outer(name, depth);
      if (before !== undefined) return before;
      const at = lastBelow(places.get(name) ?? [], end);
      if (at === undefined) return undefined;
      const value = filled.get(at) ?? fill(at, depth);
      filled.set(at, value);
      return value;
    };
  return upTo(values.length);
}

/** The last of some ascending numbers that is less than a given one: a file may set a name a hundred thousand times. */
function lastBelow(numbers: readonly number[], end: number): number | undefined {
  let [low, high] = [0, numbers.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle]! < end) low = middle + 1;
    else high = middle;
  }
  return numbers[low - 1];
}

/** Adds a variable that Compose sets by itself where nothing else does. */
export function withDefault(outer: Lookup, name: string, value: Filled): Lookup {
  return (wanted, depth) => outer(wanted, depth) ?? (wanted === name ? value : undefined);
}
