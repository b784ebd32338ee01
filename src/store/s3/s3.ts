// The S3 store: objects of one bucket under one prefix. Creates need no other permission than s3:PutObject. Sized
// bodies from memory, no multipart upload: that would need more permissions, and some services know no streams.

import {
  type CallOptions,
  checkObjectName,
  checkPrefix,
  checkSignal,
  checkSize,
  isObjectName,
  type Store,
  type StoredObject,
} from '../store.ts';
import { attempt } from './attempt.ts';
import { bodyOf } from './body.ts';
import { type Environment, isElsewhere, makeClient } from './client.ts';
import { checkConfirmed, type EncryptionFields, encryptionFields } from './encryption.ts';
import { type Action, facts, isTransient, isUnknownOutcome, s3Failure } from './failure.ts';
import { parseS3Location, type S3Location } from './location.ts';
import type { S3Options } from './options.ts';
import { putRequest } from './put-request.ts';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  type GetObjectCommandOutput,
  ListObjectsV2Command,
  type ListObjectsV2CommandOutput,
  PutObjectCommand,
  type S3Client,
} from './sdk.ts';

const DEADLINE_SECONDS = 60;
/** Removals under way at once. */
const REMOVALS = 16;

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
  readonly #place: S3Location;
  readonly #options: S3Options;
  readonly #encryption: EncryptionFields;
  readonly #client: S3Client;

  constructor(place: S3Location, options: S3Options, client: S3Client) {
    this.location = place.text;
    this.#place = place;
    this.#options = options;
    this.#encryption = encryptionFields(options);
    this.#client = client;
  }

  async *list(prefix: string, { signal }: CallOptions = {}): AsyncGenerator<StoredObject> {
    checkPrefix(prefix);
    const page = (token?: string) => {
      const input = { Prefix: this.#place.prefix + prefix, ...(token ? { ContinuationToken: token } : {}) };
      const listed = this.#call('ListObjectsV2', prefix, signal, 's3:ListBucket', (abortSignal) =>
        this.#client.send(new ListObjectsV2Command({ ...this.#bucket, ...input }), { abortSignal }),
      );
      listed.catch(() => {});
      return listed;
    };
    let next: ReturnType<typeof page> | undefined = page();
    while (next) {
      const { Contents = [], NextContinuationToken }: ListObjectsV2CommandOutput = await next;
      // The next page comes while this one is looked at.
      next = NextContinuationToken ? page(NextContinuationToken) : undefined;
      for (const { Key = '', Size = 0, LastModified, ETag } of Contents) {
        checkSignal(signal);
        const name = Key.slice(this.#place.prefix.length);
        if (!isObjectName(name)) continue;
        const etag = ETag ? { etag: `${ETag.replaceAll('"', '')}-${Size}` } : {};
        yield { name, size: Size, modified: LastModified ?? new Date(0), ...etag };
      }
    }
  }

  async get(name: string, options: CallOptions & { maxBytes?: number } = {}): Promise<Buffer | null> {
    return (await this.#read(name, options))?.bytes ?? null;
  }

  async create(name: string, bytes: Uint8Array, { signal }: CallOptions = {}): Promise<'created' | 'exists'> {
    checkObjectName(name);
    checkSize(name, bytes.length);
    // Whether an attempt may have come through although its reply did not.
    let isUnknown = false;
    return await this.#call('PutObject', name, signal, undefined, async (abortSignal) => {
      try {
        const request = putRequest(this.#options, this.#encryption, name, bytes);
        const command = new PutObjectCommand({ ...this.#bucket, Key: this.#key(name), ...request });
        const reply = await this.#client.send(command, { abortSignal });
        await this.#confirm(name, reply);
        return 'created';
      } catch (error) {
        if (facts(error).status === 412)
          return isUnknown ? await this.#isOurs(name, bytes, signal) : 'exists';
        isUnknown ||= isUnknownOutcome(error);
        throw error;
      }
    });
  }

  async remove(names: readonly string[], { signal }: CallOptions = {}): Promise<void> {
    names.forEach(checkObjectName);
    checkSignal(signal);
    for (const run of runsOf(names)) {
      const pending = [...run];
      const worker = async (): Promise<void> => {
        for (let name = pending.shift(); name !== undefined; name = pending.shift()) {
          const Key = this.#key(name);
          await this.#call('DeleteObject', name, signal, undefined, (abortSignal) =>
            this.#client.send(new DeleteObjectCommand({ ...this.#bucket, Key }), { abortSignal }),
          );
        }
      };
      await Promise.all(Array.from({ length: Math.min(REMOVALS, run.length) }, worker));
    }
  }

  get #bucket(): { Bucket: string; ExpectedBucketOwner?: string } {
    const owner = this.#options.expectedBucketOwner;
    return { Bucket: this.#place.bucket, ...(owner === undefined ? {} : { ExpectedBucketOwner: owner }) };
  }

  #key(name: string): string {
    return this.#place.prefix + name;
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
      const there = await this.#read(name, signal ? { signal } : {});
      if (!there?.bytes.equals(bytes)) return 'exists';
      await this.#confirm(name, there.reply);
      return 'created';
    } catch (error) {
      if ((error as { code?: unknown }).code === 'store-denied') return 'created';
      throw error;
    }
  }

  async #read(
    name: string,
    { signal, maxBytes }: CallOptions & { maxBytes?: number },
  ): Promise<{ bytes: Buffer; reply: GetObjectCommandOutput } | null> {
    checkObjectName(name);
    return await this.#call('GetObject', name, signal, undefined, async (abortSignal) => {
      try {
        const command = new GetObjectCommand({ ...this.#bucket, Key: this.#key(name) });
        const reply = await this.#client.send(command, { abortSignal });
        return { bytes: await bodyOf(reply, name, maxBytes), reply };
      } catch (error) {
        if (facts(error).name === 'NoSuchKey') return null;
        throw error;
      }
    });
  }

  async #call<T>(
    action: string,
    name: string,
    signal: AbortSignal | undefined,
    permission: string | undefined,
    work: (abortSignal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    checkSignal(signal);
    const asked: Action = {
      name: action,
      bucket: this.#place.bucket,
      key: this.#key(name),
      ...(permission === undefined ? {} : { permission }),
    };
    const deadline = (this.#options.deadline ?? DEADLINE_SECONDS) * 1000;
    try {
      return await attempt((_, abortSignal) => work(abortSignal), { signal, deadline, isTransient });
    } catch (error) {
      throw s3Failure(error, asked);
    }
  }
}

/** Names in runs of one top-level directory each: within a run the order does not matter. */
function runsOf(names: readonly string[]): string[][] {
  const runs: string[][] = [];
  const top = (name: string) => name.slice(0, name.indexOf('/') + 1);
  for (const name of names) {
    const last = runs.at(-1);
    if (last && top(last[0]!) === top(name)) last.push(name);
    else runs.push([name]);
  }
  return runs;
}
