// The S3 store: objects of one bucket under one prefix. Creates need no other permission than s3:PutObject. Sized
// bodies from memory, no multipart upload: that would need more permissions, and some services know no streams.

import {
  type CallOptions,
  type CreateOptions,
  checkObjectName,
  checkPrefix,
  checkSignal,
  checkSize,
  type History,
  type Holds,
  type ListOptions,
  type Store,
  type StoredObject,
} from '../store.ts';
import { Caller } from './caller.ts';
import { type Environment, isElsewhere, makeClient } from './client.ts';
import { checkConfirmed, type EncryptionFields, encryptionFields } from './encryption.ts';
import { facts } from './failure.ts';
import { s3History } from './history.ts';
import { s3Holds } from './holds.ts';
import { listObjects } from './listing.ts';
import { parseS3Location, type S3Location } from './location.ts';
import type { S3Options } from './options.ts';
import { permissionOf, putRequest } from './put-request.ts';
import { removeObjects } from './remove.ts';
import { PutObjectCommand, type S3Client } from './sdk.ts';

/**
 * @param location `s3://bucket/prefix`
 * @param options settings; credentials are the usual AWS chain's
 * @param env where an endpoint and a region may stand, besides
 * @throws UsageError `bad-location`, `bad-setting`
 */
export function s3Store(location: string, options: S3Options = {}, env: Environment = {}): Store {
  // AWS encrypts anyway: asked for, its reply says so. Of others most know nothing of it.
  const sse = options.sse ?? (isElsewhere(options, env) ? 'none' : 'AES256');
  return new S3Store(parseS3Location(location), { ...options, sse }, makeClient(options, env));
}

class S3Store implements Store {
  readonly location: string;
  readonly remote = true;
  readonly history: History;
  readonly holds?: Holds;
  readonly #options: S3Options;
  readonly #encryption: EncryptionFields;
  readonly #caller: Caller;

  constructor(place: S3Location, options: S3Options, client: S3Client) {
    this.location = place.text;
    this.#options = options;
    this.#encryption = encryptionFields(options);
    this.#caller = new Caller(place, options, client);
    this.history = s3History(this.#caller);
    // Elsewhere each put with a hold would be refused.
    if (options.objectLock) this.holds = s3Holds(this.#caller);
  }

  list(prefix: string, options: ListOptions = {}): AsyncIterable<StoredObject> {
    checkPrefix(prefix);
    return listObjects(this.#caller, prefix, options);
  }

  async get(name: string, options: CallOptions & { maxBytes?: number } = {}): Promise<Buffer | null> {
    return (await this.#caller.read(name, options))?.bytes ?? null;
  }

  async create(
    name: string,
    bytes: Uint8Array,
    { signal, hold = false }: CreateOptions = {},
  ): Promise<'created' | 'exists'> {
    checkObjectName(name);
    checkSize(name, bytes.length);
    const { client, bucket, prefix } = this.#caller;
    const permission = permissionOf(this.#options, name, hold);
    const asked = { action: 'PutObject', name, permission, signal };
    const outcome = await this.#caller.call(asked, async (abortSignal, number) => {
      try {
        const ahead = client.config.systemClockOffset;
        const request = putRequest(this.#options, this.#encryption, { name, bytes, hold, ahead });
        const command = new PutObjectCommand({ ...bucket, Key: prefix + name, ...request });
        return await client.send(command, { abortSignal });
      } catch (error) {
        // Any attempt before may have come through, whatever it seemed to fail with.
        if (facts(error).status === 412) return number === 1 ? 'exists' : 'unknown';
        throw error;
      }
    });
    if (outcome === 'exists') return 'exists';
    if (outcome === 'unknown') return await this.#isOurs(name, bytes, signal);
    await this.#confirm(name, outcome);
    return 'created';
  }

  async remove(names: readonly string[], { signal }: CallOptions = {}): Promise<void> {
    names.forEach(checkObjectName);
    checkSignal(signal);
    await removeObjects(this.#caller, names, signal);
  }

  /** What is not encrypted as asked must not stay as if it were fine. */
  async #confirm(name: string, reply: Parameters<typeof checkConfirmed>[1]): Promise<void> {
    try {
      checkConfirmed(this.#encryption, reply, `${this.location}/${name}`);
    } catch (error) {
      await this.remove([name]).catch(() => {});
      throw error;
    }
  }

  /**
   * Settles a 412 after an attempt of unknown outcome. A role that may only put cannot look; its names are random, so
   * that what is there is its own.
   */
  async #isOurs(
    name: string,
    bytes: Uint8Array,
    signal: AbortSignal | undefined,
  ): Promise<'created' | 'exists'> {
    try {
      const there = await this.#caller.read(name, signal ? { signal } : {});
      if (!there?.bytes.equals(bytes)) return 'exists';
      await this.#confirm(name, there.reply);
      return 'created';
    } catch (error) {
      if ((error as { code?: unknown }).code === 'store-denied') return 'created';
      throw error;
    }
  }
}
