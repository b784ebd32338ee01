// Owns one call to the service: bucket, key, attempts, deadline, and what its failure is called.

import { type CallOptions, checkObjectName, checkSignal } from '../store.ts';
import { attempt } from './attempt.ts';
import { bodyOf } from './body.ts';
import { facts, isTransient, s3Failure } from './failure.ts';
import type { S3Location } from './location.ts';
import type { S3Options } from './options.ts';
import { explained, type Place } from './plain-http.ts';
import { GetObjectCommand, type GetObjectCommandOutput, ListObjectsV2Command, type S3Client } from './sdk.ts';

const DEADLINE_SECONDS = 60;

/** What a call is made for. */
export interface Asked {
  /** `PutObject` and the like. */
  readonly action: string;
  /** Object name or prefix. */
  readonly name: string;
  /** The permission, where it is not called like the action. */
  readonly permission?: string;
  readonly signal?: AbortSignal | undefined;
}

/** A bucket and a prefix in it. */
export class Caller {
  readonly client: S3Client;
  /** Fields of every request. */
  readonly bucket: { readonly Bucket: string; readonly ExpectedBucketOwner?: string };
  readonly prefix: string;
  readonly #deadline: number;
  /** Something was signed and sent, so there were credentials. */
  #isSent = false;
  /** Something answered, whatever it was. */
  #isAnswered = false;

  constructor(place: S3Location, { expectedBucketOwner, deadline }: S3Options, client: S3Client) {
    const owner = expectedBucketOwner === undefined ? {} : { ExpectedBucketOwner: expectedBucketOwner };
    this.client = client;
    this.bucket = { Bucket: place.bucket, ...owner };
    this.prefix = place.prefix;
    this.#deadline = (deadline ?? DEADLINE_SECONDS) * 1000;
    client.middlewareStack.add(
      (next) => async (args) => {
        this.#isSent = true;
        try {
          const result = await next(args);
          this.#isAnswered = true;
          return result;
        } catch (error) {
          throw this.#isAnswered ? error : await explained(error, args.request as Place);
        }
      },
      // The last before the network, after the signature.
      { step: 'deserialize', priority: 'low', name: 'strongroomSent' },
    );
  }

  /**
   * @param work gets a signal that ends it, and the number of the attempt, from 1
   * @throws StoreError; InterruptedError; whatever of our own `work` throws
   */
  async call<T>(
    { action, name, permission, signal }: Asked,
    work: (signal: AbortSignal, number: number) => Promise<T>,
  ): Promise<T> {
    checkSignal(signal);
    try {
      const options = { signal, deadline: this.#deadline, isTransient };
      return await attempt((number, abortSignal) => work(abortSignal, number), options);
    } catch (error) {
      const { Bucket: bucket } = this.bucket;
      const asked = { name: action, bucket, key: this.prefix + name, isSent: this.#isSent };
      throw s3Failure(error, permission === undefined ? asked : { ...asked, permission });
    }
  }

  /**
   * One object, or one version of it, and what the service says of it.
   * @returns null when there is none
   */
  async read(
    name: string,
    { signal, maxBytes, version }: CallOptions & { maxBytes?: number; version?: string },
  ): Promise<{ bytes: Buffer; reply: GetObjectCommandOutput } | null> {
    checkObjectName(name);
    const permission = version === undefined ? {} : { permission: 's3:GetObjectVersion' };
    return await this.call({ action: 'GetObject', name, signal, ...permission }, async (abortSignal) => {
      try {
        const wanted = version === undefined ? {} : { VersionId: version };
        const command = new GetObjectCommand({ ...this.bucket, Key: this.prefix + name, ...wanted });
        const reply = await this.client.send(command, { abortSignal });
        return { bytes: await bodyOf(reply, name, maxBytes), reply };
      } catch (error) {
        if (/^NoSuch(Key|Version)$/.test(facts(error).name)) return null;
        if (facts(error).status === 403 && version === undefined && (await this.#isGone(name, abortSignal)))
          return null;
        throw error;
      }
    });
  }

  /**
   * To a role that may list below a prefix only, the service denies what is not there. Whether that is so, a list tells;
   * where there may be none, the denial stands.
   */
  async #isGone(name: string, abortSignal: AbortSignal): Promise<boolean> {
    const Key = this.prefix + name;
    const command = new ListObjectsV2Command({ ...this.bucket, Prefix: Key, MaxKeys: 1 });
    // In byte order the name itself comes before all that begin with it.
    return await this.client.send(command, { abortSignal }).then(
      ({ Contents = [] }) => Contents[0]?.Key !== Key,
      () => false,
    );
  }
}
