// What keys are called that nobody named, and how one is found by its name.
import { NotFoundError } from '../../errors.ts';
import type { Slot } from '../documents/vault-document.ts';
import { PREVIOUS } from '../layout.ts';

/** @returns `wanted`, or the first of `wanted-2`, `wanted-3` … that is not taken */
export function freeName(wanted: string, taken: Iterable<string>): string {
  const all = new Set([PREVIOUS, ...taken]);
  if (!all.has(wanted)) return wanted;
  for (let n = 2; ; n++) {
    const name = `${wanted.slice(0, 58)}-${n}`;
    if (!all.has(name)) return name;
  }
}

/** @throws NotFoundError `no-such-key`, which lists those that there are */
export function keyNamed(slots: readonly Slot[], name: string): Slot {
  const found = slots.find((slot) => slot.name === name);
  if (found) return found;
  throw new NotFoundError('no-such-key', `the vault has no key ${JSON.stringify(name)}`, {
    object: name,
    hint: `it opens with: ${slots.map((slot) => slot.name).join(', ')}`,
  });
}
