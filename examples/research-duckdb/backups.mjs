// The backups of this directory from a program: the same vault, the same snapshots as the commands make and read. Nobody
// may have the databases open for writing meanwhile: see README.md for those that are.
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import {
  applyPrune,
  backup,
  chooseSnapshot,
  chooseStream,
  openStream,
  openVault,
  passphraseCredential,
  planPrune,
  readSigningKey,
  readSnapshotContents,
  readSnapshots,
  readStream,
  unlock,
  vaultAt,
  verify,
} from 'strongroom';

const DAY = 24 * 60 * 60 * 1000;

/**
 * The vault at a location that `strongroom init` or `strongroom trust` made known to this machine.
 * @param options.data where the databases are
 * @param options.stateDirectory where strongroom keeps its state: /var/lib/strongroom for root, else ~/.local/state/strongroom
 * @param options.passphrase asynchronous, gives what opens the vault; only restoring asks for it
 */
export async function openBackups(location, { data, stateDirectory, passphrase }) {
  const context = await vaultAt(location, { stateDirectory });
  const key = await readSigningKey(join(stateDirectory, 'host-key'));
  const host = { name: process.env.STRONGROOM_HOST ?? hostname(), key };
  return { context, host, passphrase, root: resolve(data) };
}

const streamOf = ({ root }, name) =>
  openStream({ name, type: 'duckdb', settings: { file: `${name}.duckdb` } }, { root, env: process.env });

/**
 * Needs no passphrase.
 * @param options.databases others than those of strongroom.yaml are a set of their own
 * @returns the id of the new snapshot, whether all of it is there, and what is not
 */
export async function createBackup(backups, options = {}) {
  const { label, set = 'research', databases = ['results', 'audit_trail', 'tca'] } = options;
  const { context, host, root } = backups;
  const sources = { root, include: [], exclude: [], discover: [] };
  const streams = databases.map((name) => streamOf(backups, name));
  const { snapshot, complete, problems } = await backup(context, { set, sources, streams, host, label });
  return { id: snapshot, complete, problems: problems.map(({ path, reason }) => `${path}: ${reason}`) };
}

/** Oldest first. Needs no passphrase. */
export async function listBackups({ context }, set = 'research') {
  const { snapshots } = await readSnapshots(await openVault(context), { set });
  return snapshots.map(({ id, label, time, complete }) => ({ id, label, time, complete }));
}

/**
 * Restores one database, once DuckDB has read all of it.
 * @param selector an id or the unique beginning of one, `latest`, `latest~1`, `@label`
 * @param options.into a path, relative to the data: a new file, or one to be replaced with `isLive`
 */
export async function restoreBackup(backups, selector, database, options) {
  const { into, isLive = false, set = 'research' } = options;
  const { context, passphrase } = backups;
  const vault = await unlock(context, { credentials: async () => [passphraseCredential(passphrase)] });
  const { snapshot } = chooseSnapshot(await readSnapshots(vault), { set, selector });
  const contents = await readSnapshotContents(vault, snapshot);
  const dump = readStream(vault, snapshot, contents, chooseStream(contents, database));
  return await streamOf(backups, database).load(dump, { into, isLive });
}

/** Whether every stored byte is what was signed. Needs no passphrase. */
export async function verifyBackups({ context }, set = 'research') {
  const { findings, bad } = await verify(await openVault(context), { set });
  return { valid: !findings.some(({ severity }) => severity === 'error'), bad: [...bad] };
}

/** @returns how many went */
export async function cleanupOldBackups({ context, host }, { keepDays = 30, keepMinimum = 5 } = {}) {
  const vault = await openVault(context);
  const policy = { within: keepDays * DAY, minimum: keepMinimum };
  const plan = await planPrune(vault, () => policy, { host: host.name });
  return (await applyPrune(vault, plan, host)).removed.length;
}

/** A backup, and the retention after one that is whole. */
export async function createDailyBackup(backups) {
  const made = await createBackup(backups);
  if (made.complete) await cleanupOldBackups(backups);
  return made;
}
