// A place other than the vault's own: where it is, and how it is opened.
import { resolve } from 'node:path';
import type { Store } from '../../store/store.ts';
import type { Context } from '../context.ts';

/** A location as it was typed, absolute. What is no path stays as it is, for the store to judge. */
export function placeAt(location: string, base: string): string {
  return /^(?:[A-Za-z][A-Za-z0-9+.-]*:|~)/.test(location) ? location : resolve(base, location);
}

/** @param create whether a directory may be made */
export async function openPlace(context: Context, location: string, create = false): Promise<Store> {
  const world = await context.world();
  return await world.openStore(location, await context.settings(), create);
}
