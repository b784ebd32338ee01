// Hosts beside the first one, each a machine that remembers what it wrote.
import { type BackupOptions, type BackupResult, backup } from '../../src/vault/backup/backup.ts';
import { enrollHost } from '../../src/vault/hosts/enroll.ts';
import type { Applicant } from '../../src/vault/hosts/line.ts';
import { type Belief, type HostRemoval, removeHost } from '../../src/vault/hosts/remove.ts';
import { pinOf } from '../../src/vault/pin.ts';
import {
  client,
  newHost,
  openLocked,
  openUnlocked,
  type TestHost,
  type TestVault,
  tick,
  withKey,
} from './vault.ts';

export interface Machine extends TestHost {
  /** Backs up `n` as one file, a minute after whatever was before. */
  backup(n: number, options?: Partial<BackupOptions>): Promise<BackupResult>;
  /** A client of the vault that signs as this machine, for forging. */
  readonly forger: TestVault;
}

/** Opens the vault as whoever keeps it does, who knows of every rotation. */
export async function keeper(vault: TestVault, store = vault.store) {
  const { document } = await openLocked(vault);
  return await openUnlocked(vault, { pin: pinOf(document), credential: await withKey(vault.key), store });
}

/** Enrolls a further host. */
export async function enrolled(
  vault: TestVault,
  name: string,
  scope: Partial<Pick<Applicant, 'sets' | 'may'>> = {},
): Promise<Machine> {
  const host = newHost(name);
  const { sets = ['*'], may = ['write'] } = scope;
  await enrollHost(await keeper(vault), { name, key: host.key.publicKey, sets, may });
  return await machineOf(vault, host);
}

/** A machine with this name and key, listed or not. */
export async function machineOf(vault: TestVault, host: TestHost): Promise<Machine> {
  const context = client(vault);
  const { document } = await openLocked(vault);
  return {
    ...host,
    forger: { ...vault, host, document, pin: pinOf(document) },
    async backup(n, options = {}) {
      tick(vault.clock);
      const sources = { memory: { '.env': `N=${n}\n` } };
      return await backup(context, { set: 'app', sources, host, pin: vault.pin, ...options });
    },
  };
}

/** Removes a host, as the command does. */
export async function removed(vault: TestVault, name: string, belief: Belief = {}): Promise<HostRemoval> {
  tick(vault.clock);
  return (await removeHost(await keeper(vault), name, belief)).removal;
}
