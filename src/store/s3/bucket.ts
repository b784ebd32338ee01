// Owns questions about a bucket: how it is set up, and what this role may do there. It changes nothing of a vault's.

import { randomBytes } from 'node:crypto';
import { StoreError } from '../../errors.ts';
import type { Allowed, BucketPort, LifecycleRule } from '../../vault/doctor/bucket-port.ts';
import type { Answer } from '../../vault/doctor/check.ts';
import { Asker } from './bucket-ask.ts';
import { type Environment, endpointOf, isElsewhere, makeClient } from './client.ts';
import { parseS3Location, type S3Location } from './location.ts';
import type { S3Options } from './options.ts';
import * as sdk from './sdk.ts';

const DEADLINE_SECONDS = 10;
const AWS_HOST = /\.(?:amazonaws\.com(?:\.cn)?|api\.aws)$/;
/** No policy can be this: AWS refuses it with 403 to whoever may not, and with 400 to anybody else. */
const NO_POLICY = 'strongroom doctor asks whether it may';

/**
 * @param location `s3://bucket/prefix`
 * @throws UsageError `bad-location`
 */
export function s3Bucket(location: string, options: S3Options, env: Environment): BucketPort {
  return new S3Bucket(parseS3Location(location), options, env);
}

class S3Bucket implements BucketPort {
  readonly bucket: string;
  readonly prefix: string;
  readonly onAws: boolean;
  readonly endpoint: string | undefined;
  readonly #client: sdk.S3Client;
  readonly #fields: { readonly Bucket: string; readonly ExpectedBucketOwner?: string };
  readonly #asker: Asker;

  constructor({ bucket, prefix }: S3Location, options: S3Options, env: Environment) {
    this.bucket = bucket;
    this.prefix = prefix;
    this.onAws = !isElsewhere(options, env);
    this.endpoint = endpointOf(options, env);
    const owner = options.expectedBucketOwner;
    this.#fields = { Bucket: bucket, ...(owner === undefined ? {} : { ExpectedBucketOwner: owner }) };
    this.#client = makeClient(options, env);
    const seconds = Math.min(options.deadline ?? DEADLINE_SECONDS, DEADLINE_SECONDS);
    this.#asker = new Asker(bucket, seconds * 1000, this.#client);
  }

  async reach(): Promise<void> {
    const said = await this.#asker.try('ListObjectsV2', this.prefix, (abortSignal) =>
      this.#client.send(this.#list(), { abortSignal }),
    );
    const isDenied = said.error instanceof StoreError && said.error.code === 'store-denied';
    if (said.error !== undefined && !isDenied) throw said.error;
  }

  versioning(): Promise<Answer<'enabled' | 'suspended' | 'never'>> {
    return this.#asker.ask('GetBucketVersioning', {}, async (abortSignal) => {
      const { Status } = await this.#client.send(new sdk.GetBucketVersioningCommand(this.#fields), {
        abortSignal,
      });
      return Status === 'Enabled' ? 'enabled' : Status === 'Suspended' ? 'suspended' : 'never';
    });
  }

  policy(): Promise<Answer<unknown>> {
    return this.#asker.ask('GetBucketPolicy', { NoSuchBucketPolicy: undefined }, async (abortSignal) => {
      const { Policy } = await this.#client.send(new sdk.GetBucketPolicyCommand(this.#fields), {
        abortSignal,
      });
      return Policy ? (JSON.parse(Policy) as unknown) : undefined;
    });
  }

  publicAccessBlock(): Promise<Answer<Readonly<Record<string, boolean>> | undefined>> {
    const absent = { NoSuchPublicAccessBlockConfiguration: undefined };
    return this.#asker.ask(
      'GetPublicAccessBlock',
      absent,
      async (abortSignal) => {
        const command = new sdk.GetPublicAccessBlockCommand(this.#fields);
        const { PublicAccessBlockConfiguration } = await this.#client.send(command, { abortSignal });
        return { ...PublicAccessBlockConfiguration } as Record<string, boolean>;
      },
      's3:GetBucketPublicAccessBlock',
    );
  }

  objectLock(): Promise<Answer<{ mode: string; days: number } | null | undefined>> {
    const absent = { ObjectLockConfigurationNotFoundError: undefined };
    return this.#asker.ask<{ mode: string; days: number } | null | undefined>(
      'GetObjectLockConfiguration',
      absent,
      async (abortSignal) => {
        const command = new sdk.GetObjectLockConfigurationCommand(this.#fields);
        const { ObjectLockConfiguration } = await this.#client.send(command, { abortSignal });
        if (ObjectLockConfiguration?.ObjectLockEnabled !== 'Enabled') return undefined;
        const { Mode, Days, Years } = ObjectLockConfiguration.Rule?.DefaultRetention ?? {};
        return Mode === undefined ? null : { mode: Mode, days: Days ?? (Years ?? 0) * 365 };
      },
      's3:GetBucketObjectLockConfiguration',
    );
  }

  encryption(): Promise<
    Answer<{ algorithm: string; key?: string; blocksCustomerKeys: boolean } | undefined>
  > {
    const absent = { ServerSideEncryptionConfigurationNotFoundError: undefined };
    return this.#asker.ask(
      'GetBucketEncryption',
      absent,
      async (abortSignal) => {
        const command = new sdk.GetBucketEncryptionCommand(this.#fields);
        const reply = await this.#client.send(command, { abortSignal });
        const [rule] = reply.ServerSideEncryptionConfiguration?.Rules ?? [];
        const { SSEAlgorithm, KMSMasterKeyID } = rule?.ApplyServerSideEncryptionByDefault ?? {};
        if (SSEAlgorithm === undefined) return undefined;
        return {
          algorithm: SSEAlgorithm,
          ...(KMSMasterKeyID === undefined ? {} : { key: KMSMasterKeyID }),
          blocksCustomerKeys: rule?.BlockedEncryptionTypes?.EncryptionType?.includes('SSE-C') ?? false,
        };
      },
      's3:GetEncryptionConfiguration',
    );
  }

  lifecycle(): Promise<Answer<readonly LifecycleRule[]>> {
    return this.#asker.ask<readonly LifecycleRule[]>(
      'GetBucketLifecycleConfiguration',
      { NoSuchLifecycleConfiguration: [] },
      async (abortSignal) => {
        const command = new sdk.GetBucketLifecycleConfigurationCommand(this.#fields);
        const { Rules = [] } = await this.#client.send(command, { abortSignal });
        return Rules.filter(({ Status }) => Status === 'Enabled').map(ruleOf);
      },
      's3:GetLifecycleConfiguration',
    );
  }

  async clockAhead(): Promise<Answer<number>> {
    if (this.#asker.ahead === undefined) await this.reach().catch(() => {});
    return this.#asker.ahead === undefined
      ? { known: false, why: 'the service does not say what time it is' }
      : { known: true, value: this.#asker.ahead };
  }

  encryptionOf(name: string): Promise<Answer<{ algorithm: string | undefined } | undefined>> {
    return this.#asker.ask(
      'HeadObject',
      { NotFound: undefined },
      async (abortSignal) => {
        const command = new sdk.HeadObjectCommand({ ...this.#fields, Key: this.prefix + name });
        const { ServerSideEncryption } = await this.#client.send(command, { abortSignal });
        return { algorithm: ServerSideEncryption };
      },
      's3:GetObject',
    );
  }

  async may(what: 'list' | 'read' | 'delete' | 'change-policy'): Promise<Answer<Allowed>> {
    switch (what) {
      case 'list':
        return await this.#asker.may('ListObjectsV2', (abortSignal) =>
          this.#client.send(this.#list(), { abortSignal }),
        );
      case 'read':
        return await this.#asker.may('HeadObject', (abortSignal) => {
          const Key = `${this.prefix}vault/1.json`;
          return this.#client.send(new sdk.HeadObjectCommand({ ...this.#fields, Key }), { abortSignal });
        });
      case 'delete':
        return await this.#asker.may('DeleteObject', (abortSignal) => this.#deleteNothing(abortSignal));
      case 'change-policy':
        return await this.#mayChangePolicy();
    }
  }

  async #mayChangePolicy(): Promise<Answer<Allowed>> {
    const elsewhere: Answer<Allowed> = {
      known: false,
      why: 'only AWS is asked: another service might take the question for the new policy',
    };
    if (!this.onAws) return elsewhere;
    const command = new sdk.PutBucketPolicyCommand({ ...this.#fields, Policy: NO_POLICY });
    let isAsked = false;
    // A profile may name another service too: what counts is the host that it would go to.
    command.middlewareStack.add(
      (next) => async (args) => {
        isAsked = AWS_HOST.test((args.request as { hostname: string }).hostname);
        if (!isAsked) throw new StoreError('store-refused', 'this is not AWS', { object: this.bucket });
        return await next(args);
      },
      { step: 'finalizeRequest', priority: 'low', name: 'strongroomOnAws' },
    );
    const ask = (abortSignal: AbortSignal) => this.#client.send(command, { abortSignal });
    const said = await this.#asker.may('PutBucketPolicy', ask, [400]);
    return isAsked ? said : elsewhere;
  }

  #list(): sdk.ListObjectsV2Command {
    return new sdk.ListObjectsV2Command({ ...this.#fields, Prefix: this.prefix, MaxKeys: 1 });
  }

  /** Deletes a name that nobody has; where there are versions, that leaves a mark of its own, which goes again. */
  async #deleteNothing(abortSignal: AbortSignal): Promise<void> {
    const Key = `${this.prefix}data/doctor-${randomBytes(12).toString('hex')}`;
    const { DeleteMarker, VersionId } = await this.#client.send(
      new sdk.DeleteObjectCommand({ ...this.#fields, Key }),
      { abortSignal },
    );
    if (!DeleteMarker || VersionId === undefined) return;
    const mark = new sdk.DeleteObjectCommand({ ...this.#fields, Key, VersionId });
    await this.#client.send(mark, { abortSignal }).catch(() => {});
  }
}

function ruleOf(rule: sdk.LifecycleRule): LifecycleRule {
  const { ID = '(without a name)', Filter, Expiration, Transitions = [] } = rule;
  const { Days, Date: on } = Expiration ?? {};
  const expires = Days ? `after ${Days} days` : on ? `on ${on.toISOString().slice(0, 10)}` : undefined;
  return {
    id: ID,
    prefix: Filter?.Prefix ?? Filter?.And?.Prefix ?? rule.Prefix ?? '',
    tagged: Filter?.Tag !== undefined || (Filter?.And?.Tags ?? []).length > 0,
    expires,
    moves: Transitions.flatMap(({ StorageClass }) => StorageClass ?? []),
  };
}
