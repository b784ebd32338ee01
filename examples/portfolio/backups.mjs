// The backups of this directory from a program: the same vault, the same snapshots as the commands make and read. A type
// of backup is a set.
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import {
  applyDelete,
  applyPrune,
  applyRestore,
  backup,
  chooseListed,
  chooseSnapshot,
  isHealthy,
  openVault,
  passphraseCredential,
  planDelete,
  planPrune,
  planRestore,
  readHealth,
  readSigningKey,
  readSnapshots,
  unlock,
  vaultAt,
  verify,
} from 'strongroom';

const DAY = 24 * 60 * 60 * 1000;

/** As strongroom.yaml has it. */
export const RETENTION = { within: 30 * DAY, weekly: 13, minimum: 5 };

/**
 * The vault at a location that `strongroom init` or `strongroom trust` made known to this machine.
 * @param options.stateDirectory where strongroom keeps its state: /var/lib/strongroom for root, else ~/.local/state/strongroom
 * @param options.passphrase asynchronous, gives what opens the vault; only reading asks for it
 * @param options.compress whether to compress
 * @param options.now the clock
 */
export async function openBackups(location, options) {
  const { stateDirectory, passphrase, compress = true, now } = options;
  const context = await vaultAt(location, { stateDirectory, ...(now ? { now } : {}) });
  const key = await readSigningKey(join(stateDirectory, 'host-key'));
  const host = { name: process.env.STRONGROOM_HOST ?? hostname(), key };
  return { context, host, passphrase, stateDirectory, level: compress ? 6 : 0 };
}

/** Once: to try a passphrase takes a second, so that guessing takes for ever. */
async function opened(backups) {
  const credentials = async () => [passphraseCredential(backups.passphrase)];
  backups.unlocked ??= unlock(backups.context, { credentials });
  return await backups.unlocked;
}

/**
 * Needs no passphrase.
 * @param source a file or directory, relative to here
 * @returns the id of the new snapshot
 */
export async function createBackup({ context, host, level }, type, source, description = '') {
  const sources = { root: resolve('.'), include: [source], exclude: [] };
  const made = await backup(context, { set: type, sources, host, level, description });
  if (made.complete) return made.snapshot;
  throw new Error(made.problems.map(({ path, reason }) => `${path}: ${reason}`).join('; '));
}

/** Newest first, of one type or of all. Needs no passphrase. */
export async function listBackups({ context }, type) {
  const { snapshots } = await readSnapshots(await openVault(context));
  return chooseListed(snapshots, { set: type }).reverse();
}

/** @param options.overwrite replaces what is there; `strongroom restore --undo` takes that back */
export async function restoreBackup(backups, id, destination, { overwrite = false } = {}) {
  const vault = await opened(backups);
  const { snapshot } = chooseSnapshot(await readSnapshots(vault), { selector: id });
  await restored(backups, vault, snapshot, destination, overwrite ? 'replace' : 'refuse');
}

/** Each type as it was at a time, into DESTINATION/TYPE. @returns the ids */
export async function restoreAsOf(backups, at, destination) {
  const vault = await opened(backups);
  const read = await readSnapshots(vault);
  const types = new Set(read.snapshots.filter((s) => new Date(s.time) <= at).map((s) => s.set));
  const chosen = [...types].map((set) => chooseSnapshot(read, { set, at }, backups.host.name).snapshot);
  for (const one of chosen) await restored(backups, vault, one, join(destination, one.set), 'replace');
  return chosen.map((s) => s.id);
}

async function restored({ stateDirectory }, vault, snapshot, destination, existing) {
  const plan = await planRestore(vault, snapshot, {
    destination: { root: resolve(destination) },
    paths: [],
    existing,
    asRecorded: false,
    stateDirectory,
    undoStore: (await vaultAt(join(stateDirectory, 'undo'), { create: true })).store,
  });
  await applyRestore(vault, plan);
}

/** Whether it is there, and every entry of it decrypts to what its host signed. */
export async function verifyBackup(backups, id) {
  const unlocked = await opened(backups);
  const { snapshots, bad } = await verify(unlocked, { unlocked });
  return snapshots.some((s) => s.id === id) && !bad.has(id);
}

/** Removes what the retention does not keep, of every type. Needs no passphrase. @returns how many */
export async function cleanUp({ context, host }, retention = RETENTION) {
  const vault = await openVault(context);
  const plan = await planPrune(vault, () => retention, { host: host.name });
  return (await applyPrune(vault, plan, host)).removed.length;
}

/** Needs no passphrase. */
export async function deleteBackup({ context, host }, id) {
  const vault = await openVault(context);
  const { snapshot } = chooseSnapshot(await readSnapshots(vault), { selector: id });
  await applyDelete(vault, planDelete([snapshot]), host);
}

/** For a health check of yours: whether all is well, and what is wrong. Needs no passphrase. @param maxAge in hours */
export async function checkBackups({ context }, maxAge = 48) {
  const health = await readHealth(await openVault(context), { maxAge: maxAge * 60 * 60 * 1000 });
  return { ok: isHealthy(health), problems: health.problems.map(({ message }) => message) };
}
