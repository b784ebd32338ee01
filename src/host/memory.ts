// What this machine remembers of vaults, in its state directory: pins by location, as ssh's known_hosts, and by
// vault what was seen and written. Holds no secret that opens anything.
import { join } from 'node:path';
import { StrongroomError } from '../errors.ts';
import { type ClientMemory, EMPTY_MEMORY, type VaultMemory } from '../vault/client.ts';
import type { Pin } from '../vault/pin.ts';
import { locked, readState, writeState } from './state-file.ts';

function parse<T extends object>(text: string | undefined, empty: T, path: string): T {
  if (text === undefined) return empty;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...empty, ...value };
  } catch {
    // Said below.
  }
  throw new StrongroomError('state-damaged', `${path} is damaged`, {
    object: path,
    hint: 'move it away: pins then have to be given again with `strongroom trust`',
  });
}

/** @param directory the state directory, absolute; made when something is first remembered */
export function stateMemory(directory: string): ClientMemory {
  const known = join(directory, 'known-vaults.json');
  const fileOf = (id: string) => join(directory, 'vaults', `${id}.json`);
  const change = async <T extends object>(path: string, empty: T, next: (value: T) => T): Promise<void> => {
    await locked(path, async () => {
      const value = next(parse(await readState(path), empty, path));
      await writeState(path, `${JSON.stringify(value, null, 1)}\n`);
    });
  };
  return {
    async pinFor(location) {
      const pins = parse<Record<string, Pin>>(await readState(known), {}, known);
      return Object.hasOwn(pins, location) ? pins[location] : undefined;
    },
    async rememberPin(location, pin) {
      await change<Record<string, Pin>>(known, {}, (pins) => ({ ...pins, [location]: pin }));
    },
    async vault(id) {
      const path = fileOf(id);
      return parse<VaultMemory>(await readState(path), EMPTY_MEMORY, path);
    },
    async update(id, next) {
      await change<VaultMemory>(fileOf(id), EMPTY_MEMORY, next);
    },
  };
}
