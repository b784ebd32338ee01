// Backups of an application whose state is in memory: typed, listed, loaded with a fallback to older ones, and a risky step
// that is rolled back. The state is an object of file names to values, such as { 'portfolio.json': { cash: 100 } }.
import { hostname } from 'node:os';
import { join } from 'node:path';
import {
  applyDelete,
  applyPrune,
  backup,
  chooseSnapshot,
  IntegrityError,
  loadFiles,
  NotFoundError,
  openVault,
  passphraseCredential,
  planDelete,
  planPrune,
  readSigningKey,
  readSnapshots,
  StoreError,
  unlock,
  vaultAt,
  verify,
  withSnapshot,
} from 'strongroom';

const HOUR = 60 * 60 * 1000;
const SET = 'state';

/**
 * The vault at a location that `strongroom init` or `strongroom trust` made known to this machine.
 * @param options.stateDirectory where strongroom keeps its state: /var/lib/strongroom for root, else ~/.local/state/strongroom
 * @param options.passphrase asynchronous, gives what opens the vault; only reading asks for it
 * @param options.spare the location of a copy of the vault, which takes a backup when the first place cannot
 * @param options.retention spans in milliseconds
 * @param options.compress whether to compress
 * @param options.onProblem told, in a sentence without values, of what went wrong and did not stop anything
 * @param options.now the clock
 */
export async function openBackups(location, options) {
  const { stateDirectory, passphrase, spare, compress = true, now } = options;
  const { retention = { within: 30 * 24 * HOUR, minimum: 5 }, onProblem = console.error } = options;
  const at = (place) => vaultAt(place, { stateDirectory, ...(now ? { now } : {}) });
  const key = await readSigningKey(join(stateDirectory, 'host-key'));
  return {
    context: await at(location),
    ...(spare ? { spare: await at(spare) } : {}),
    host: { name: process.env.STRONGROOM_HOST ?? hostname(), key },
    credentials: async () => [passphraseCredential(passphrase)],
    level: compress ? 6 : 0,
    retention,
    onProblem,
  };
}

/**
 * Takes the whole state, and then removes what the retention does not keep. Needs no passphrase.
 * @param type `manual`, `automatic`, `scheduled` or what you like: a tag, which whoever reads the store can read
 * @returns the id of the new snapshot
 */
export async function createBackup(backups, state, type, description = '') {
  const { context, spare, host, level, onProblem } = backups;
  const options = { set: SET, sources: { memory: state }, tags: { type }, host, level, description };
  const made = await backup(context, options).catch((error) => {
    if (!spare || !(error instanceof StoreError || error instanceof NotFoundError)) throw error;
    onProblem(`${error.message}: backing up to ${spare.store.location}`);
    return backup(spare, options);
  });
  // It is made, whatever becomes of the old ones.
  await cleanUp(backups).catch((error) => onProblem(`nothing was pruned: ${error.message}`));
  return made.snapshot;
}

/**
 * Takes the whole state as `pre_trade`, and does something risky. When that throws, the state is what it was, in the very
 * objects that held it, and the error is thrown on.
 */
export async function atRisk({ context, host, level }, state, act) {
  const options = { set: SET, host, level, tags: { type: 'pre_trade' } };
  return await withSnapshot(context, options, { memory: state }, act);
}

/** Newest first, of one type or of all. Needs no passphrase. */
export async function listBackups({ context }, type) {
  const { snapshots } = await readSnapshots(await openVault(context), { set: SET });
  return snapshots.filter((s) => s.set === SET && isOf(type)(s)).reverse();
}

const isOf = (type) => (snapshot) => type === undefined || snapshot.tags?.type === type;

/**
 * The newest state that is whole, of one type or of all. One that is damaged, or does not count, is passed over and told to
 * `onProblem`: hear it, as whoever can write to the store may want you to have an older one.
 * @returns its id and the state
 * @throws NotFoundError when there is none
 */
export async function restoreLatest({ context, credentials, host, onProblem }, type) {
  const vault = await unlock(context, { credentials });
  const { snapshots, refused } = await readSnapshots(vault, { set: SET });
  for (const { finding } of refused) onProblem(finding.message);
  const whole = snapshots.filter((s) => s.complete && s.host === host.name && isOf(type)(s)).reverse();
  for (const snapshot of whole) {
    try {
      return { id: snapshot.id, state: await stateOf(vault, snapshot) };
    } catch (error) {
      if (!(error instanceof IntegrityError)) throw error;
      onProblem(`${snapshot.id} cannot be restored: ${error.message}`);
    }
  }
  throw new NotFoundError('no-snapshot', 'there is no backup of the state that can be restored');
}

/** The state of one backup. @throws NotFoundError, or IntegrityError when it is damaged */
export async function restoreBackup({ context, credentials }, id) {
  const vault = await unlock(context, { credentials });
  const { snapshot } = chooseSnapshot(await readSnapshots(vault), { set: SET, selector: id });
  return await stateOf(vault, snapshot);
}

async function stateOf(vault, snapshot) {
  const files = await loadFiles(vault, snapshot);
  return Object.fromEntries([...files].map(([name, bytes]) => [name, JSON.parse(bytes)]));
}

/** Whether it is there, and every value of it decrypts to what this host signed. */
export async function verifyBackup({ context, credentials }, id) {
  const unlocked = await unlock(context, { credentials });
  const { snapshots, bad } = await verify(unlocked, { set: SET, unlocked });
  return snapshots.some((s) => s.id === id) && !bad.has(id);
}

/** Removes what a retention does not keep. Needs no passphrase. @returns how many */
export async function cleanUp({ context, host, retention }, other = retention) {
  const vault = await openVault(context);
  const plan = await planPrune(vault, () => other, { set: SET, host: host.name });
  return (await applyPrune(vault, plan, host)).removed.length;
}

/** Needs no passphrase. */
export async function deleteBackup({ context, host }, id) {
  const vault = await openVault(context);
  const { snapshot } = chooseSnapshot(await readSnapshots(vault), { set: SET, selector: id });
  await applyDelete(vault, planDelete([snapshot]), host);
}

/**
 * Calls `act` every day at a time of this machine, such as 02:00, while the process runs.
 * @param act sees to its own failures
 * @returns ends it
 */
export function everyDayAt(hours, minutes, act) {
  const next = new Date();
  next.setHours(hours, minutes, 0, 0);
  let timer;
  const wait = () => {
    const isDue = next <= Date.now();
    while (next <= Date.now()) next.setDate(next.getDate() + 1);
    if (isDue && timer) act();
    // In pieces: a machine that slept, or whose clock was set, is not hours late.
    timer = setTimeout(wait, Math.min(next - Date.now(), HOUR));
  };
  wait();
  return () => clearTimeout(timer);
}
