// How one object comes into a directory: whole and on disk, or not at all (docs/format.md, "Create").

import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { promisify } from 'node:util';
import { type Anchor, type Chain, closeChain, openChain, syncDirectory } from './anchor.ts';
import { errno, notAnObject } from './errno.ts';
import { checkSignal } from './store.ts';

const fsync = promisify(fs.fsync);
const write = promisify(fs.write);
const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = fs.constants;

const newFile = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
const sliceBytes = 8 * 1024 * 1024;
const leftoverAge = 24 * 60 * 60 * 1000;
const temporaryName = /^[0-9a-f]{24}$/;
// What link() says on FAT, on many network mounts, and when tmp/ is a mount of its own.
const noHardLinks = new Set<string | undefined>([
  'EPERM',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
  'EXDEV',
  'EMLINK',
]);

/** What a store knows about its directory; one for each handle. */
export interface Place {
  readonly location: string;
  /** False once link() has said that it cannot. */
  canLink: boolean;
  /** True once leftovers of killed runs have been looked for. */
  swept: boolean;
}

/** One object on its way in. */
interface Job {
  readonly place: Place;
  readonly root: Anchor;
  /** The directories above it, and its name in the last of them. */
  readonly segments: readonly string[];
  readonly base: string;
  readonly bytes: Uint8Array;
  readonly signal: AbortSignal | undefined;
}

/**
 * Writes an object, write-once and durable. Throws system errors besides those of Store.create.
 *
 * @param root the open root of the vault
 * @param name a checked object name
 */
export async function createObject(
  place: Place,
  root: Anchor,
  name: string,
  bytes: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<'created' | 'exists'> {
  const segments = name.split('/');
  const job = { place, root, base: segments.pop()!, segments, bytes, signal };
  if (place.canLink) {
    const outcome = await throughLink(job);
    if (outcome !== 'no hard links') return outcome;
    place.canLink = false;
  }
  return inPlace(job);
}

// The bytes are on disk before the name is, so no crash and no kill leaves a name with less than all of them.
async function throughLink(job: Job): Promise<'created' | 'exists' | 'no hard links'> {
  const { place, root } = job;
  const tmp = openChain(root, ['tmp'], place.location, true)!;
  const directory = tmp.anchors[1]!.path;
  const temporary = `${directory}/${randomBytes(12).toString('hex')}`;
  let entered: Entered<'created' | 'exists' | 'no hard links'>;
  try {
    const fd = fs.openSync(temporary, newFile, 0o600);
    try {
      await writeDurably(fd, job);
      if (!place.swept) sweep(place, directory, fs.fstatSync(fd).mtimeMs);
    } finally {
      fs.closeSync(fd);
    }
    entered = enter(job, (path) => link(temporary, path));
  } finally {
    discard(temporary);
    closeChain(tmp);
  }
  try {
    if (entered.outcome === 'created') await syncChain(entered.chain);
    return entered.outcome;
  } finally {
    closeChain(entered.chain);
  }
}

// Where there are no hard links a killed run leaves a part of an object under its name. It does not verify, so
// it does not count.
async function inPlace(job: Job): Promise<'created' | 'exists'> {
  const { chain, outcome } = enter(job, openNew);
  try {
    if (outcome === 'exists') return outcome;
    try {
      await writeDurably(outcome, job).finally(() => fs.closeSync(outcome));
    } catch (error) {
      discard(`${chain.anchors.at(-1)!.path}/${job.base}`);
      throw error;
    }
    await syncChain(chain);
    return 'created';
  } finally {
    closeChain(chain);
  }
}

interface Entered<Outcome> {
  /** The open directories down to the one that holds the name; the caller closes them. */
  readonly chain: Chain;
  readonly outcome: Outcome;
}

/**
 * Opens the target's directories, making them, and does `act` with the path of the new name in the last one.
 * A remover may take an empty directory away between the two; then both are done again.
 */
function enter<Outcome>(
  { place, root, segments, base }: Job,
  act: (path: string) => Outcome,
): Entered<Outcome> {
  for (let attempt = 1; ; attempt++) {
    let chain: Chain | undefined;
    try {
      chain = openChain(root, segments, place.location, true)!;
      const path = `${chain.anchors.at(-1)!.path}/${base}`;
      const outcome = act(path);
      if (outcome === 'exists' && fs.lstatSync(path, { throwIfNoEntry: false })?.isDirectory()) {
        throw notAnObject([...segments, base].join('/'), place.location, 'plain file');
      }
      return { chain, outcome };
    } catch (error) {
      if (chain) closeChain(chain);
      if (errno(error) !== 'ENOENT' || attempt === 10) throw error;
    }
  }
}

function link(temporary: string, path: string): 'created' | 'exists' | 'no hard links' {
  try {
    fs.linkSync(temporary, path);
    return 'created';
  } catch (error) {
    if (errno(error) === 'EEXIST') return 'exists';
    if (noHardLinks.has(errno(error))) return 'no hard links';
    throw error;
  }
}

function openNew(path: string): number | 'exists' {
  try {
    return fs.openSync(path, newFile, 0o600);
  } catch (error) {
    if (errno(error) === 'EEXIST') return 'exists';
    throw error;
  }
}

// In slices, so that a signal is heeded on a slow mount too. Nothing is copied.
async function writeDurably(fd: number, { bytes, signal }: Job): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    checkSignal(signal);
    at += (await write(fd, bytes, at, Math.min(sliceBytes, bytes.length - at), at)).bytesWritten;
  }
  checkSignal(signal);
  await fsync(fd);
  checkSignal(signal);
}

// The name, and the names of the directories made for it. A directory found there is synced by whoever made it.
async function syncChain({ anchors, firstMade }: Chain): Promise<void> {
  await Promise.all(anchors.slice(firstMade - 1).map(syncDirectory));
}

// What killed runs left in tmp/ goes when it is a day old by the clock of the file system. Once for each handle,
// and never a reason to fail.
function sweep(place: Place, directory: string, now: number): void {
  place.swept = true;
  try {
    for (const name of fs.readdirSync(directory)) {
      if (!temporaryName.test(name)) continue;
      const found = fs.lstatSync(`${directory}/${name}`, { throwIfNoEntry: false });
      if (found?.isFile() && now - found.mtimeMs > leftoverAge) discard(`${directory}/${name}`);
    }
  } catch (error) {
    if (errno(error) === undefined) throw error;
  }
}

// A temporary file that stays is swept later; that must not hide why it is left, nor fail what has succeeded.
function discard(path: string): void {
  try {
    fs.unlinkSync(path);
  } catch (error) {
    if (errno(error) === undefined) throw error;
  }
}
