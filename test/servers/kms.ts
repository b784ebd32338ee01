// A small AWS KMS for tests: the JSON 1.1 protocol over HTTP, for the SDK and for the `aws` program. Keys are real
// AES-256-GCM with the encryption context as associated data; requests are signed, and the signature is checked. It
// knows every region: which one is meant, a request's signature says. Nothing here is a mock of our own code.

import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  randomBytes,
  randomUUID,
} from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type KeyState = 'Enabled' | 'Disabled' | 'PendingDeletion' | 'PendingImport';

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** One request, as it came. */
export interface KmsCall {
  readonly operation: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly input: Input;
}

/** What goes wrong on demand: no answer at all, a connection that breaks, or an error of this name. */
export type Fault = 'stall' | 'reset' | { readonly error: string; readonly status?: number };

export interface NewKeyOptions {
  readonly region?: string;
  readonly account?: string;
  /** Further regions that hold a replica: the key is then a multi-Region one (`mrk-…`). */
  readonly replicas?: readonly string[];
  /** Without `alias/`. */
  readonly alias?: string;
}

export interface Kms {
  readonly endpoint: string;
  /** Of somebody who may do everything. */
  readonly credentials: Credentials;
  /** Every call so far, refused ones too. */
  readonly calls: KmsCall[];
  /** @returns the key's ARN in its first region */
  createKey(options?: NewKeyOptions): string;
  /** @returns the alias's ARN; one that is there already is moved */
  setAlias(name: string, arn: string): string;
  setState(arn: string, state: KeyState): void;
  /** Takes a key away for good, in one region. */
  forget(arn: string): void;
  /** @param may operations, such as `Encrypt`; every one when left out */
  createUser(may?: readonly string[]): Credentials;
  /** Asked before each call; undefined lets it through. */
  interfere(how: ((call: KmsCall) => Fault | undefined) | undefined): void;
  close(): Promise<void>;
}

interface Material {
  readonly id: string;
  readonly bytes: Buffer;
}

interface Key {
  readonly arn: string;
  readonly material: Material;
  readonly account: string;
  state: KeyState;
  rotates: boolean;
  deletion: number | undefined;
}

interface User extends Credentials {
  readonly may: readonly string[] | undefined;
}

interface Input {
  readonly KeyId?: string;
  readonly Plaintext?: string;
  readonly CiphertextBlob?: string;
  readonly EncryptionContext?: Readonly<Record<string, string>>;
  readonly NumberOfBytes?: number;
  readonly KeySpec?: string;
  readonly PendingWindowInDays?: number;
}

class Refusal extends Error {
  readonly status: number;
  constructor(name: string, message: string, status = 400) {
    super(message);
    this.name = name;
    this.status = status;
  }
}

const ACCOUNT = '111122223333';
const DAY = 86_400;

export async function startKms(port = 0): Promise<Kms> {
  const keys = new Map<string, Key>();
  const aliases = new Map<string, string>();
  const users = new Map<string, User>();
  const calls: KmsCall[] = [];
  let interference: ((call: KmsCall) => Fault | undefined) | undefined;

  const keyAt = (arn: string): Key => {
    const key = keys.get(arn);
    if (key) return key;
    throw new Refusal('NotFoundException', `Key '${arn}' does not exist`);
  };

  /** The key that an ARN, an id or an alias means in a region. As AWS does, no ARN of another region is known. */
  function find(keyId: string | undefined, region: string): Key {
    if (!keyId)
      throw new Refusal('ValidationException', "1 validation error detected: 'keyId' must not be null");
    const text = keyId.startsWith('arn:')
      ? keyId
      : `arn:aws:kms:${region}:${ACCOUNT}:${keyId.startsWith('alias/') ? keyId : `key/${keyId}`}`;
    const [, , , place = ''] = text.split(':');
    if (place !== region) throw new Refusal('NotFoundException', `Invalid arn ${place}`);
    if (!text.includes(':alias/')) return keyAt(text);
    const target = aliases.get(text);
    if (target === undefined) throw new Refusal('NotFoundException', `Alias ${text} is not found.`);
    return keyAt(target);
  }

  function usable(key: Key): Key {
    if (key.state === 'Disabled') throw new Refusal('DisabledException', `${key.arn} is disabled.`);
    if (key.state === 'PendingDeletion')
      throw new Refusal('KMSInvalidStateException', `${key.arn} is pending deletion.`);
    if (key.state === 'PendingImport')
      throw new Refusal('KMSInvalidStateException', `${key.arn} is pending import.`);
    return key;
  }

  function describe({ arn, account, state, deletion, material }: Key): object {
    const [, , , region = ''] = arn.split(':');
    const isMulti = material.id.startsWith('mrk-');
    const related = [...keys.values()].filter((key) => key.material === material);
    const place = (key: Key | undefined) => ({ Arn: key?.arn, Region: key?.arn.split(':')[3] });
    return {
      AWSAccountId: account,
      Arn: arn,
      KeyId: material.id,
      Enabled: state === 'Enabled',
      KeyState: state,
      KeyUsage: 'ENCRYPT_DECRYPT',
      KeySpec: 'SYMMETRIC_DEFAULT',
      KeyManager: 'CUSTOMER',
      Origin: 'AWS_KMS',
      MultiRegion: isMulti,
      ...(deletion === undefined ? {} : { DeletionDate: deletion }),
      ...(isMulti
        ? {
            MultiRegionConfiguration: {
              MultiRegionKeyType: related[0]?.arn.split(':')[3] === region ? 'PRIMARY' : 'REPLICA',
              PrimaryKey: place(related[0]),
              ReplicaKeys: related.slice(1).map(place),
            },
          }
        : {}),
    };
  }

  const operations: Readonly<Record<string, (input: Input, region: string) => object>> = {
    Encrypt(input, region) {
      const key = usable(find(input.KeyId, region));
      const plain = Buffer.from(input.Plaintext ?? '', 'base64');
      if (plain.length === 0 || plain.length > 4096)
        throw new Refusal('ValidationException', "Value at 'plaintext' failed to satisfy constraint");
      return { ...sealed(key, plain, input.EncryptionContext), EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' };
    },
    Decrypt(input, region) {
      const blob = Buffer.from(input.CiphertextBlob ?? '', 'base64');
      const id = blob.length > 1 ? blob.subarray(1, 1 + blob[0]!).toString('latin1') : '';
      // Without a key id the ciphertext says which one; with it, it must be that one.
      const known = [...keys.values()].find(
        (key) => key.material.id === id && key.arn.split(':')[3] === region,
      );
      if (input.KeyId === undefined && !known) throw new Refusal('InvalidCiphertextException', '');
      const key = usable(input.KeyId === undefined ? known! : find(input.KeyId, region));
      if (known && known.material !== key.material) {
        throw new Refusal(
          'IncorrectKeyException',
          'The key ID in the request does not identify a CMK that can perform this operation.',
        );
      }
      const plain = opened(key, blob, input.EncryptionContext);
      return { KeyId: key.arn, Plaintext: plain, EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' };
    },
    GenerateDataKey(input, region) {
      const key = usable(find(input.KeyId, region));
      const size = input.NumberOfBytes ?? (input.KeySpec === 'AES_128' ? 16 : 32);
      const plain = randomBytes(size);
      return { ...sealed(key, plain, input.EncryptionContext), Plaintext: plain.toString('base64') };
    },
    DescribeKey: (input, region) => ({ KeyMetadata: describe(find(input.KeyId, region)) }),
    GetKeyRotationStatus(input, region) {
      const key = find(input.KeyId, region);
      return {
        KeyId: key.arn,
        KeyRotationEnabled: key.rotates,
        ...(key.rotates ? { RotationPeriodInDays: 365 } : {}),
      };
    },
    EnableKeyRotation(input, region) {
      usable(find(input.KeyId, region)).rotates = true;
      return {};
    },
    EnableKey(input, region) {
      const key = find(input.KeyId, region);
      if (key.state === 'PendingDeletion') usable(key);
      key.state = 'Enabled';
      return {};
    },
    DisableKey(input, region) {
      find(input.KeyId, region).state = 'Disabled';
      return {};
    },
    ScheduleKeyDeletion(input, region) {
      const key = find(input.KeyId, region);
      usable({ ...key, state: key.state === 'Disabled' ? 'Enabled' : key.state });
      key.state = 'PendingDeletion';
      key.deletion = Math.floor(Date.now() / 1000) + (input.PendingWindowInDays ?? 30) * DAY;
      return { KeyId: key.arn, DeletionDate: key.deletion, KeyState: key.state };
    },
    CancelKeyDeletion(input, region) {
      const key = find(input.KeyId, region);
      // As AWS does: it comes back disabled.
      key.state = 'Disabled';
      key.deletion = undefined;
      return { KeyId: key.arn };
    },
    ListAliases: (_input, region) => ({
      Aliases: [...aliases]
        .filter(([alias]) => alias.split(':')[3] === region)
        .map(([alias, arn]) => ({
          AliasArn: alias,
          AliasName: alias.slice(alias.indexOf('alias/')),
          TargetKeyId: keys.get(arn)?.material.id,
        })),
      Truncated: false,
    }),
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const reply = (status: number, value: object): void => {
      const bytes = Buffer.from(JSON.stringify(value));
      response.writeHead(status, {
        'content-type': 'application/x-amz-json-1.1',
        'content-length': bytes.length,
        'x-amzn-requestid': randomUUID(),
      });
      response.end(bytes);
    };
    try {
      const { user, region } = authenticate(request, body, users);
      const [, operation = ''] = /^TrentService\.(\w+)$/.exec(String(request.headers['x-amz-target'])) ?? [];
      const input = JSON.parse(body.toString() || '{}') as Input;
      const call: KmsCall = { operation, region, accessKeyId: user.accessKeyId, input };
      calls.push(call);
      const fault = interference?.(call);
      if (fault === 'stall') return;
      if (fault === 'reset') return void request.socket.destroy();
      if (fault) throw new Refusal(fault.error, 'on demand', fault.status);
      const run = operations[operation];
      if (!run) throw new Refusal('UnknownOperationException', '');
      if (user.may && !user.may.includes(operation)) {
        throw new Refusal(
          'AccessDeniedException',
          `User: arn:aws:iam::${ACCOUNT}:user/${user.accessKeyId} is not authorized to perform: kms:${operation} on resource: ${input.KeyId} because no identity-based policy allows the kms:${operation} action`,
        );
      }
      reply(200, run(input, region));
    } catch (error) {
      const refusal =
        error instanceof Refusal ? error : new Refusal('KMSInternalException', String(error), 500);
      reply(refusal.status, { __type: refusal.name, message: refusal.message });
    }
  }

  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });

  const self: Kms = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    credentials: { accessKeyId: '', secretAccessKey: '' },
    calls,
    createKey({ region = 'eu-central-1', account = ACCOUNT, replicas = [], alias } = {}) {
      const id = replicas.length > 0 ? `mrk-${randomBytes(16).toString('hex')}` : randomUUID();
      const material: Material = { id, bytes: randomBytes(32) };
      const [arn = ''] = [region, ...replicas].map((place) => {
        const at = `arn:aws:kms:${place}:${account}:key/${id}`;
        keys.set(at, { arn: at, material, account, state: 'Enabled', rotates: false, deletion: undefined });
        return at;
      });
      if (alias !== undefined) self.setAlias(alias, arn);
      return arn;
    },
    setAlias(name, arn) {
      const alias = `${arn.slice(0, arn.indexOf(':key/'))}:alias/${name}`;
      aliases.set(alias, arn);
      return alias;
    },
    setState(arn, state) {
      keyAt(arn).state = state;
    },
    forget: (arn) => void keys.delete(arn),
    createUser(may) {
      const user: User = {
        accessKeyId: `AKIA${randomBytes(8).toString('hex').toUpperCase()}`,
        secretAccessKey: randomBytes(30).toString('base64url'),
        may,
      };
      users.set(user.accessKeyId, user);
      return { accessKeyId: user.accessKeyId, secretAccessKey: user.secretAccessKey };
    },
    interfere(how) {
      interference = how;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return { ...self, credentials: self.createUser() };
}

/** Who signed a request, and for which region. @see AWS Signature Version 4 */
function authenticate(
  request: IncomingMessage,
  body: Buffer,
  users: ReadonlyMap<string, User>,
): { user: User; region: string } {
  const header = request.headers.authorization ?? '';
  const [, id = '', scope = '', region = '', signed = '', signature = ''] =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/((?:\d+)\/([^/]+)\/kms\/aws4_request), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]+)$/.exec(
      header,
    ) ?? [];
  if (signature === '')
    throw new Refusal('MissingAuthenticationTokenException', 'Missing Authentication Token');
  const user = users.get(id);
  if (!user)
    throw new Refusal(
      'UnrecognizedClientException',
      'The security token included in the request is invalid.',
    );
  const headers = signed.split(';').map((name) => `${name}:${String(request.headers[name]).trim()}\n`);
  const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest('hex');
  const canonical = ['POST', '/', '', headers.join(''), signed, sha256(body)].join('\n');
  const toSign = ['AWS4-HMAC-SHA256', request.headers['x-amz-date'], scope, sha256(canonical)].join('\n');
  const hmac = (key: string | Buffer, data: string) => createHmac('sha256', key).update(data).digest();
  const key = scope.split('/').reduce<string | Buffer>(hmac, `AWS4${user.secretAccessKey}`);
  if (hmac(key, toSign).toString('hex') !== signature) {
    throw new Refusal(
      'InvalidSignatureException',
      'The request signature we calculated does not match the signature you provided.',
    );
  }
  return { user, region };
}

/** What a ciphertext is bound to: the key and the context, in an order of its own. */
function bindingOf(key: Key, context: Input['EncryptionContext']): Buffer {
  const pairs = Object.entries(context ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return Buffer.from(JSON.stringify([key.material.id, pairs]));
}

function sealed(
  key: Key,
  plain: Buffer,
  context: Input['EncryptionContext'],
): { KeyId: string; CiphertextBlob: string } {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key.material.bytes, nonce);
  cipher.setAAD(bindingOf(key, context));
  const id = Buffer.from(key.material.id);
  const sealedBytes = [cipher.update(plain), cipher.final()];
  const blob = Buffer.concat([Buffer.from([id.length]), id, nonce, ...sealedBytes, cipher.getAuthTag()]);
  return { KeyId: key.arn, CiphertextBlob: blob.toString('base64') };
}

function opened(key: Key, blob: Buffer, context: Input['EncryptionContext']): string {
  const at = 1 + (blob[0] ?? 0);
  const isOurs = blob.subarray(1, at).toString('latin1') === key.material.id && blob.length >= at + 28;
  if (!isOurs) throw new Refusal('InvalidCiphertextException', '');
  const decipher = createDecipheriv('aes-256-gcm', key.material.bytes, blob.subarray(at, at + 12));
  decipher.setAAD(bindingOf(key, context));
  decipher.setAuthTag(blob.subarray(-16));
  try {
    return Buffer.concat([decipher.update(blob.subarray(at + 12, -16)), decipher.final()]).toString('base64');
  } catch {
    throw new Refusal('InvalidCiphertextException', '');
  }
}
