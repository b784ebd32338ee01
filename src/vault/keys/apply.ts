// Makes the keys of a vault equal to a list of wanted ones: what is to be added, kept and removed. Changes nothing.
import type { Slot } from '../documents/vault-document.ts';

/** A way in that is wanted. A passphrase is told from another by its name alone. */
export interface Wanted {
  readonly method: Slot['method'];
  readonly name?: string;
  readonly recipient?: string;
  readonly arn?: string;
}

export interface KeysPlan<W extends Wanted = Wanted> {
  /** Those that the vault has not. */
  readonly add: readonly W[];
  readonly keep: readonly Slot[];
  readonly remove: readonly Slot[];
  /** Those of `keep` that the list calls something else. */
  readonly otherwise: readonly { readonly slot: Slot; readonly name: string }[];
}

/** Keys that are there keep their names, whatever the list calls them. @param wanted nothing twice */
export function planKeys<W extends Wanted>(slots: readonly Slot[], wanted: readonly W[]): KeysPlan<W> {
  const keep = new Set<Slot>();
  const add: W[] = [];
  const otherwise: { slot: Slot; name: string }[] = [];
  const isCovered = (want: W, fits: (slot: Slot) => boolean): boolean => {
    const slot = slots.find((s) => !keep.has(s) && s.method === want.method && fits(s));
    if (slot) keep.add(slot);
    // What stands after an SSH key is its comment.
    if (slot && want.method !== 'ssh' && want.name !== undefined && want.name !== slot.name)
      otherwise.push({ slot, name: want.name });
    return slot !== undefined;
  };
  // Those that are meant by their names first: a passphrase without one is any that is left.
  const byName = (want: W) => (want.method === 'passphrase' && want.name === undefined ? 1 : 0);
  for (const want of [...wanted].sort((a, b) => byName(a) - byName(b))) {
    const covered =
      want.method !== 'passphrase'
        ? isCovered(want, (s) => s.recipient === want.recipient && s.arn === want.arn)
        : want.name !== undefined
          ? isCovered(want, (s) => s.name === want.name)
          : isCovered(want, (s) => s.name === want.method) || isCovered(want, () => true);
    if (!covered) add.push(want);
  }
  return {
    add: wanted.filter((want) => add.includes(want)),
    keep: slots.filter((slot) => keep.has(slot)),
    remove: slots.filter((slot) => !keep.has(slot)),
    otherwise,
  };
}
