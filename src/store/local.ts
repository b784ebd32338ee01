// A vault in a directory. What is in it may have been put there by anybody who can write to it: no link is
// followed and nothing but plain files is read.

import * as fs from 'node:fs';
import { resolve } from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import { promisify } from 'node:util';
import { IntegrityError, StoreError } from '../errors.ts';
import { type Anchor, makeRoot, openRoot } from './anchor.ts';
import { errno, notAnObject, storeFailure } from './errno.ts';
import { createObject, type Place } from './local-create.ts';
import { removeObjects } from './local-remove.ts';
import {
  type CallOptions,
  checkObjectName,
  checkPrefix,
  checkSignal,
  checkSize,
  isObjectName,
  type Store,
  type StoredObject,
} from './store.ts';

const read = promisify(fs.read);
const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = fs.constants;

// What open() says to a link, and to a socket (on Linux, on macOS).
const special = new Set<string | undefined>(['ELOOP', 'ENXIO', 'EOPNOTSUPP']);

// Up to here a read blocks for less time than a trip through the thread pool costs.
const smallBytes = 256 * 1024;
const sliceBytes = 8 * 1024 * 1024;
// How many quick calls are made in a row before other work gets its turn.
const run = 1024;

/**
 * A store in a directory, which need not exist yet: a missing one is empty.
 *
 * @param directory absolute, or relative to the working directory
 * @param options.create the first `create` makes the directory, 0700; otherwise it is then an error that it is
 *   missing, because a backup must not fill the mount point of a disk that is not there
 */
export async function localStore(directory: string, options: { create?: boolean } = {}): Promise<Store> {
  return new LocalStore(resolve(directory), options.create ?? false);
}

/** A name on its way through a listing: an object, or a directory (its name ends in '/') still to be read. */
interface Entry {
  readonly name: string;
  readonly object: StoredObject | null;
}

class LocalStore implements Store {
  readonly location: string;
  readonly #mayMake: boolean;
  readonly #place: Place;

  constructor(location: string, mayMake: boolean) {
    this.location = location;
    this.#mayMake = mayMake;
    this.#place = { location, canLink: true, swept: false };
  }

  async *list(prefix: string, { signal }: CallOptions = {}): AsyncGenerator<StoredObject> {
    checkPrefix(prefix);
    checkSignal(signal);
    const top = prefix.slice(0, prefix.lastIndexOf('/') + 1);
    try {
      if (!this.#directoriesExist(top)) return;
      // The next name is at the end.
      const pending = await this.#entries(top, prefix, signal);
      for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
        checkSignal(signal);
        if (next.object) yield next.object;
        else for (const entry of await this.#entries(next.name, prefix, signal)) pending.push(entry);
      }
    } catch (error) {
      throw storeFailure(error, `cannot list '${prefix}' in ${this.location}`, prefix);
    }
  }

  async get(
    name: string,
    { signal, maxBytes }: CallOptions & { maxBytes?: number } = {},
  ): Promise<Buffer | null> {
    checkObjectName(name);
    checkSignal(signal);
    let fd: number | undefined;
    try {
      if (!this.#directoriesExist(name)) return null;
      fd = fs.openSync(`${this.location}/${name}`, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
      const found = fs.fstatSync(fd);
      if (found.isDirectory()) return null;
      if (!found.isFile()) throw notAnObject(name, this.location, 'plain file');
      checkSize(name, found.size, maxBytes);
      return await readWhole(fd, name, found.size, signal);
    } catch (error) {
      if (errno(error) === 'ENOENT') return null;
      if (special.has(errno(error))) throw notAnObject(name, this.location, 'plain file');
      throw storeFailure(error, `cannot read ${name} in ${this.location}`, name);
    } finally {
      if (fd !== undefined) fs.closeSync(fd);
    }
  }

  async create(name: string, bytes: Uint8Array, { signal }: CallOptions = {}): Promise<'created' | 'exists'> {
    checkObjectName(name);
    checkSize(name, bytes.length);
    checkSignal(signal);
    let root: Anchor | undefined;
    try {
      root = await this.#rootToWrite();
      return await createObject(this.#place, root, name, bytes, signal);
    } catch (error) {
      throw storeFailure(error, `cannot create ${name} in ${this.location}`, name);
    } finally {
      if (root) fs.closeSync(root.fd);
    }
  }

  async remove(names: readonly string[], { signal }: CallOptions = {}): Promise<void> {
    names.forEach(checkObjectName);
    checkSignal(signal);
    let root: Anchor | undefined;
    try {
      root = openRoot(this.location);
      await removeObjects(this.#place, root, names, signal);
    } catch (error) {
      if (root === undefined && errno(error) === 'ENOENT') return;
      throw storeFailure(error, `cannot remove objects in ${this.location}`, this.location);
    } finally {
      if (root) fs.closeSync(root.fd);
    }
  }

  async #rootToWrite(): Promise<Anchor> {
    try {
      return openRoot(this.location);
    } catch (error) {
      if (errno(error) !== 'ENOENT') throw error;
      if (!this.#mayMake) {
        throw new StoreError('store-unreachable', `there is no directory ${this.location}`, {
          object: this.location,
          hint: 'check that its disk or network mount is there',
          cause: error,
        });
      }
      await makeRoot(this.location);
      return openRoot(this.location);
    }
  }

  // Checked by path, not by descriptor as for writing: that takes twice as long, and somebody who swaps a
  // directory for a link at the right moment gains nothing but a file that does not verify.
  #directoriesExist(name: string): boolean {
    for (let slash = name.indexOf('/'); slash >= 0; slash = name.indexOf('/', slash + 1)) {
      const directory = name.slice(0, slash);
      const found = fs.lstatSync(`${this.location}/${directory}`, { throwIfNoEntry: false });
      if (found === undefined || found.isFile()) return false;
      if (!found.isDirectory()) throw notAnObject(directory, this.location, 'directory');
    }
    return true;
  }

  // What one directory holds, last name first. A link or a device is listed like an object, so that nothing hides
  // behind its name; `get` refuses it.
  async #entries(directory: string, prefix: string, signal: AbortSignal | undefined): Promise<Entry[]> {
    const entries: Entry[] = [];
    for (const [index, found] of readDirectory(`${this.location}/${directory}`).entries()) {
      if (index % run === run - 1) {
        await breathe();
        checkSignal(signal);
      }
      const name = directory + found.name;
      if (!isObjectName(name) || !name.startsWith(prefix)) continue;
      if (found.isDirectory()) entries.push({ name: `${name}/`, object: null });
      else {
        const object = describe(this.location, name);
        if (object) entries.push({ name, object });
      }
    }
    return entries.sort((a, b) => (a.name < b.name ? 1 : -1));
  }
}

function readDirectory(path: string): fs.Dirent[] {
  try {
    return fs.readdirSync(path, { withFileTypes: true });
  } catch (error) {
    if (errno(error) === 'ENOENT') return [];
    throw error;
  }
}

// The change time, because the modification time can be set to any value by whoever may write the file.
function describe(location: string, name: string): StoredObject | null {
  const found = fs.lstatSync(`${location}/${name}`, { throwIfNoEntry: false });
  if (!found) return null;
  const { size, ino, ctimeMs } = found;
  return { name, size, modified: new Date(ctimeMs), etag: `${ino.toString(36)}-${ctimeMs}-${size}` };
}

async function readWhole(
  fd: number,
  name: string,
  size: number,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(size);
  for (let at = 0; at < size; ) {
    const length = Math.min(sliceBytes, size - at);
    const got =
      size <= smallBytes
        ? fs.readSync(fd, bytes, at, length, at)
        : (await read(fd, bytes, at, length, at)).bytesRead;
    checkSignal(signal);
    if (got === 0) {
      throw new IntegrityError('object-cut-short', `${name} became shorter while it was read`, {
        object: name,
      });
    }
    at += got;
  }
  return bytes;
}
