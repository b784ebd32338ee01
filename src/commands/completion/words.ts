// What there is to complete, as plain data for the three shells.

import type { ArgSpec, FlagSpec, Flags } from '../command.ts';
import { globalFlags } from '../global.ts';
import { everyCommand, type Group, kebab } from '../index.ts';

/** What a value can be completed with. */
export type Values =
  | { readonly kind: 'files' | 'directories' | 'unknown' }
  | { readonly kind: 'words'; readonly words: readonly string[] };

export interface FlagWords {
  /** `--dry-run`. */
  readonly long: string;
  /** `-q`. */
  readonly short: string | undefined;
  readonly summary: string;
  /** The placeholder of its value; undefined for a switch. */
  readonly value: string | undefined;
  readonly values: Values;
  readonly repeat: boolean;
}

export interface ArgWords {
  readonly name: string;
  readonly values: Values;
  readonly optional: boolean;
  readonly repeat: boolean;
}

/** A place on the command line: nothing yet, `keys`, or `keys list`. */
export interface PlaceWords {
  readonly path: readonly string[];
  /** Words that may come next, with their summaries. */
  readonly next: readonly (readonly [name: string, summary: string])[];
  readonly flags: readonly FlagWords[];
  readonly args: readonly ArgWords[];
}

/** Every place, the root first. Loads every command. */
export async function completionWords(groups: readonly Group[]): Promise<readonly PlaceWords[]> {
  const rows = groups.flatMap((group) => group.rows);
  const common = flagWords(globalFlags);
  const branch = (path: string[], below: readonly { name: string; summary: string }[]): PlaceWords => ({
    path,
    next: below.map(({ name, summary }) => [name, summary]),
    flags: common,
    args: [],
  });
  const leaves = everyCommand(groups).map(async ({ path, row }): Promise<PlaceWords> => {
    const { flags, args } = await row.load();
    const own = flagWords(flags);
    return { path, next: [], flags: [...own, ...common], args: Object.values(args).map(argWords) };
  });
  return [
    branch([], rows),
    ...rows.flatMap((row) => ('commands' in row ? [branch([row.name], row.commands)] : [])),
    ...(await Promise.all(leaves)),
  ];
}

/** Every flag that takes a value, anywhere: the word after it is no command. */
export function valueFlags(places: readonly PlaceWords[]): string[] {
  const taking = places.flatMap(({ flags }) => flags).filter(({ value }) => value !== undefined);
  const words = taking.flatMap(({ long, short }) => (short === undefined ? [long] : [long, short]));
  return [...new Set(words)].sort();
}

function flagWords(flags: Flags): FlagWords[] {
  return Object.entries(flags)
    .filter(([, { hidden }]) => hidden !== true)
    .map(
      ([key, spec]): FlagWords => ({
        long: `--${kebab(key)}`,
        short: spec.short === undefined ? undefined : `-${spec.short}`,
        summary: spec.summary,
        value: spec.value,
        values: spec.offers ? { kind: 'words', words: spec.offers } : valuesOf(spec),
        repeat: spec.repeat === true,
      }),
    );
}

function argWords(spec: ArgSpec): ArgWords {
  const { value, optional, repeat } = spec;
  return { name: value, values: valuesOf(spec), optional: optional === true, repeat: repeat === true };
}

/** The placeholder tells: a DIR or a LOC is a directory, a FILE or a PATH is a file. */
function valuesOf({ choices, value = '' }: ArgSpec | FlagSpec): Values {
  if (choices !== undefined) return { kind: 'words', words: choices };
  if (value === 'DIR' || value === 'LOC') return { kind: 'directories' };
  if (value === 'FILE' || value === 'PATH') return { kind: 'files' };
  return { kind: 'unknown' };
}
