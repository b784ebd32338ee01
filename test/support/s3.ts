// A real S3 service for tests: Ceph's gateway as scripts/s3-server.sh starts it, shared by all test files; buckets and
// users of a test's own; its policies; and a look at what is stored, past strongroom.

import { execFile, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  type _Object,
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { beforeAll } from 'vitest';
import type { S3Options } from '../../src/store/s3/options.ts';
import { s3Store } from '../../src/store/s3/s3.ts';
import type { Store } from '../../src/store/store.ts';
import { sendSigned } from './sigv4.ts';

const run = promisify(execFile);
/** Starts and stops the service. */
export const S3_SCRIPT = join(import.meta.dirname, '../../scripts/s3-server.sh');
const PROGRAMS = [
  'ceph',
  'ceph-mon',
  'ceph-osd',
  'radosgw',
  'radosgw-admin',
  'monmaptool',
  'curl',
  'openssl',
  'flock',
];

/** Programs that the service needs and that are not here. */
export const missingForS3 = PROGRAMS.filter(
  (program) =>
    spawnSync('sh', ['-c', `command -v ${program}`], {
      env: { PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
    }).status !== 0,
);

/** Where there is no gateway the tests are skipped, and scripts/test.sh says so by name; never in CI. */
export const skipS3 = missingForS3.length > 0 && !process.env.CI;

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface S3Server {
  readonly endpoint: string;
  readonly tlsEndpoint: string;
  /** Of another gateway to the same objects, once {@link secondGateway} has started it. */
  readonly secondEndpoint: string;
  /** Path of the certificate of the private authority. */
  readonly ca: string;
  readonly region: string;
  readonly admin: Credentials;
}

export interface BucketOptions {
  /** With Object Lock, which brings versions with it. */
  readonly lock?: boolean;
  readonly versioned?: boolean;
}

/** A bucket of the administrator's, empty at first. */
export interface Bucket {
  readonly name: string;
  /** `s3://bucket/vault` */
  readonly location: string;
  readonly server: S3Server;
  /** Opens it in this process. @param settings besides region and endpoint */
  store(settings?: S3Options): Promise<Store>;
  /** The administrator's own client, which tests look and tamper with. */
  readonly client: S3Client;
  /** Environment of a program that works there, as the administrator unless told otherwise. */
  env(as?: Credentials, endpoint?: string): Record<string, string>;
  /**
   * A user of its own.
   * @param statements of an IAM policy; none: may do nothing
   * @param credentials that somebody else knows already, such as KMS
   */
  user(statements?: readonly Statement[], credentials?: Credentials): Promise<Credentials>;
  /** Every object under `vault/`, by its name in the vault. */
  list(): Promise<_Object[]>;
  names(): Promise<string[]>;
  get(name: string): Promise<Buffer>;
  put(name: string, bytes: Uint8Array | string): Promise<void>;
  remove(name: string): Promise<void>;
}

export interface Statement {
  readonly Effect?: 'Allow' | 'Deny';
  readonly Action: string | readonly string[];
  /** After `arn:aws:s3:::BUCKET`: `/vault/*`, or nothing for the bucket itself. */
  readonly on: string;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** What each kind of work on a vault needs, and nothing more. */
export const ROLES = {
  backup: [{ Action: 's3:PutObject', on: '/vault/*' }],
  restore: [
    { Action: 's3:GetObject', on: '/vault/*' },
    { Action: ['s3:ListBucket', 's3:ListBucketVersions'], on: '' },
  ],
  maintain: [
    { Action: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'], on: '/vault/*' },
    { Action: ['s3:ListBucket', 's3:ListBucketVersions'], on: '' },
  ],
} as const satisfies Readonly<Record<string, readonly Statement[]>>;

/** Call it at the top of a test file or of a `describe`. @returns makes buckets, once tests run */
export function s3Ground(): (options?: BucketOptions) => Promise<Bucket> {
  let server: S3Server;
  beforeAll(async () => {
    server = await startServer();
    // What a store in this process finds by itself, as on a machine with a role.
    Object.assign(process.env, environment(server.admin, server));
  }, 240_000);
  return async (options = {}) => await makeBucket(server, options);
}

/** Starts it unless it runs already. */
export async function startServer(): Promise<S3Server> {
  const { stdout } = await run('bash', [S3_SCRIPT, 'start']);
  const found = Object.fromEntries(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.split(/=(.*)/s).slice(0, 2)),
  );
  return {
    endpoint: found.S3_ENDPOINT,
    tlsEndpoint: found.S3_TLS_ENDPOINT,
    secondEndpoint: found.S3_SECOND_ENDPOINT,
    ca: found.S3_TLS_CA,
    region: found.S3_REGION,
    admin: { accessKeyId: found.AWS_ACCESS_KEY_ID, secretAccessKey: found.AWS_SECRET_ACCESS_KEY },
  };
}

/** The other gateway: `kill` is -9, and both keep what is stored. */
export async function secondGateway(what: 'up' | 'kill' | 'down'): Promise<void> {
  await run('bash', [S3_SCRIPT, 'second', what]);
}

/** Lets a store that is made and first used in `work` act as somebody else. */
export async function actingAs<T>(user: Credentials, work: () => Promise<T>): Promise<T> {
  const before = { ...process.env };
  process.env.AWS_ACCESS_KEY_ID = user.accessKeyId;
  process.env.AWS_SECRET_ACCESS_KEY = user.secretAccessKey;
  try {
    return await work();
  } finally {
    process.env.AWS_ACCESS_KEY_ID = before.AWS_ACCESS_KEY_ID;
    process.env.AWS_SECRET_ACCESS_KEY = before.AWS_SECRET_ACCESS_KEY;
  }
}

function environment(
  as: Credentials,
  { region, endpoint }: S3Server,
  elsewhere = endpoint,
): Record<string, string> {
  return {
    AWS_ACCESS_KEY_ID: as.accessKeyId,
    AWS_SECRET_ACCESS_KEY: as.secretAccessKey,
    AWS_REGION: region,
    AWS_ENDPOINT_URL_S3: elsewhere,
    AWS_EC2_METADATA_DISABLED: 'true',
  };
}

async function makeBucket(
  server: S3Server,
  { lock = false, versioned = false }: BucketOptions,
): Promise<Bucket> {
  const name = `test-${randomBytes(6).toString('hex')}`;
  const client = new S3Client({
    endpoint: server.endpoint,
    region: server.region,
    forcePathStyle: true,
    credentials: server.admin,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  await client.send(
    new CreateBucketCommand({ Bucket: name, ...(lock ? { ObjectLockEnabledForBucket: true } : {}) }),
  );
  if (versioned) {
    const VersioningConfiguration = { Status: 'Enabled' as const };
    await client.send(new PutBucketVersioningCommand({ Bucket: name, VersioningConfiguration }));
  }
  const at = (object: string) => ({ Bucket: name, Key: `vault/${object}` });
  const list = async (): Promise<_Object[]> => {
    const found: _Object[] = [];
    for (let token: string | undefined, more = true; more; more = token !== undefined) {
      const page = await client.send(
        new ListObjectsV2Command({
          Bucket: name,
          Prefix: 'vault/',
          ...(token ? { ContinuationToken: token } : {}),
        }),
      );
      for (const object of page.Contents ?? [])
        found.push({ ...object, Key: object.Key!.slice('vault/'.length) });
      token = page.NextContinuationToken;
    }
    return found;
  };
  return {
    name,
    location: `s3://${name}/vault`,
    server,
    store: async (settings = {}) =>
      s3Store(
        `s3://${name}/vault`,
        { endpoint: server.endpoint, region: server.region, ...settings },
        process.env,
      ),
    client,
    env: (as = server.admin, endpoint = server.endpoint) => environment(as, server, endpoint),
    user: async (statements = [], credentials = undefined) =>
      await makeUser(server, name, statements, credentials),
    list,
    names: async () => (await list()).map(({ Key }) => Key!),
    async get(object) {
      const { Body } = await client.send(new GetObjectCommand(at(object)));
      return Buffer.from(await Body!.transformToByteArray());
    },
    async put(object, Body) {
      await client.send(new PutObjectCommand({ ...at(object), Body }));
    },
    async remove(object) {
      await client.send(new DeleteObjectCommand(at(object)));
    },
  };
}

async function makeUser(
  server: S3Server,
  bucket: string,
  statements: readonly Statement[],
  credentials?: Credentials,
): Promise<Credentials> {
  const uid = `user-${randomBytes(6).toString('hex')}`;
  const user = credentials ?? {
    accessKeyId: `TEST${randomBytes(8).toString('hex').toUpperCase()}`,
    secretAccessKey: `${uid}-secret`,
  };
  // The administrative interface of the gateway; its query has to be sorted to be signed.
  const query = new URLSearchParams({
    'access-key': user.accessKeyId,
    'display-name': uid,
    'generate-key': 'false',
    'secret-key': user.secretAccessKey,
    uid,
  });
  const { admin, region, endpoint } = server;
  await sendSigned({ method: 'PUT', url: `${endpoint}/admin/user?${query}`, region, ...admin });
  if (statements.length > 0) await attachPolicy(server, uid, policyOf(bucket, statements));
  return user;
}

function policyOf(bucket: string, statements: readonly Statement[]): unknown {
  return {
    Version: '2012-10-17',
    Statement: statements.map(({ on, Effect = 'Allow', ...rest }) => ({
      Effect,
      ...rest,
      Resource: `arn:aws:s3:::${bucket}${on}`,
    })),
  };
}

/** Attaches a policy to a user, as IAM's PutUserPolicy does. @param document an IAM policy */
export async function attachPolicy(server: S3Server, user: string, document: unknown): Promise<void> {
  const fields = {
    Action: 'PutUserPolicy',
    UserName: user,
    PolicyName: 'test',
    PolicyDocument: JSON.stringify(document),
  };
  const { admin, region, endpoint } = server;
  const body = new URLSearchParams(fields).toString();
  await sendSigned({ method: 'POST', url: `${endpoint}/`, body, region, ...admin });
}
