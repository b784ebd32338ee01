import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { generateIdentity, recipientOf } from '../../src/crypt/identity.ts';
import { InterruptedError, type StrongroomError } from '../../src/errors.ts';
import { checkKmsArn, inRegion, isSameKey, parseKmsArn } from '../../src/keys/kms/arn.ts';
import type { KmsOptions } from '../../src/keys/kms/ask.ts';
import { kmsCredential, newKmsKey } from '../../src/keys/kms.ts';
import type { WrappedSlot } from '../../src/keys/method.ts';
import { writeSlotPlaintext } from '../../src/keys/slot.ts';
import { describeMethod } from '../contract/method.ts';
import { type Credentials, type Fault, type Kms, startKms } from '../servers/kms.ts';

let kms: Kms;
beforeAll(async () => {
  kms = await startKms();
});
afterEach(() => kms.interfere(undefined));
afterAll(() => kms.close());

const context = { vault: '0123456789abcdefghjkmnpqrs', generation: 1 };
const object = 'keys/1/kms-0123456789.kms';
const by = (credentials: Credentials = kms.credentials): KmsOptions => ({
  endpoint: kms.endpoint,
  credentials,
});

async function wrapped(arn: string, options = by()): Promise<{ bytes: Buffer; slot: WrappedSlot }> {
  const { bytes, fields } = await newKmsKey('kms', arn, options).wrap(Buffer.from('plain'), context);
  return { bytes, slot: { name: 'kms', method: 'kms', object, ...fields } };
}

/** What is said when it does not open. */
async function refusal(work: Promise<unknown>): Promise<StrongroomError> {
  return await work.then(
    () => {
      throw new Error('it opened');
    },
    (error: StrongroomError) => error,
  );
}

/** What was asked of the service since a call of this, as `Operation region`. */
function asked(): () => string[] {
  const from = kms.calls.length;
  return () => kms.calls.slice(from).map(({ operation, region }) => `${operation} ${region}`);
}

describeMethod('kms', async () => {
  const arn = kms.createKey();
  const stranger = kms.createUser(['Encrypt']);
  return {
    newKey: async (name) => newKmsKey(name, arn, by()),
    right: async () => kmsCredential({}, by()),
    wrong: async () => kmsCredential({}, by(stranger)),
    others: [
      {
        name: 'passphrase',
        method: 'passphrase',
        object: 'keys/1/passphrase-0123456789.age',
        workFactor: 18,
      },
      { name: 'age', method: 'age', object: 'keys/1/age-0123456789.age', recipient: 'age1x' },
    ],
    secrets: [kms.credentials.secretAccessKey, stranger.secretAccessKey],
  };
});

describe('a new KMS key', () => {
  it('is encrypted with the vault and the generation as context, in words, which the fields repeat', async () => {
    const arn = kms.createKey({ region: 'ap-southeast-2', account: '444455556666' });
    const calls = asked();
    const { slot } = await wrapped(arn);
    expect(calls()).toEqual(['Encrypt ap-southeast-2']);
    expect(kms.calls.at(-1)?.input).toMatchObject({
      KeyId: arn,
      EncryptionContext: { vault: context.vault, generation: '1' },
    });
    expect(slot).toMatchObject({ arn, context: { vault: context.vault, generation: '1' } });
  });

  it('given by its alias is kept by its own ARN, and stays the same when the alias moves', async () => {
    const [arn, other] = [kms.createKey(), kms.createKey()];
    const alias = kms.setAlias('backup', arn);
    const calls = asked();
    const { bytes, slot } = await wrapped(alias);
    expect(calls()).toEqual(['DescribeKey eu-central-1', 'Encrypt eu-central-1']);
    expect(slot.arn).toBe(arn);
    kms.setAlias('backup', other);
    expect((await kmsCredential({}, by()).unwrap(bytes, slot))?.toString()).toBe('plain');
  });

  it('given by its alias is known by the reply where this role may only encrypt', async () => {
    const arn = kms.createKey({ alias: 'narrow' });
    const alias = kms.setAlias('narrow', arn);
    const calls = asked();
    expect((await wrapped(alias, by(kms.createUser(['Encrypt'])))).slot.arn).toBe(arn);
    expect(calls()).toEqual(['DescribeKey eu-central-1', 'Encrypt eu-central-1']);
  });

  it('has room for a post-quantum identity, the longest there is', async () => {
    const identity = await generateIdentity('hybrid');
    const plain = writeSlotPlaintext({
      ...context,
      generation: 999_999_999,
      recipient: await recipientOf(identity),
      identity,
    });
    const { bytes, fields } = await newKmsKey('kms', kms.createKey(), by()).wrap(plain, context);
    const slot = { name: 'kms', method: 'kms', object, ...fields };
    expect((await kmsCredential({}, by()).unwrap(bytes, slot))?.equals(plain)).toBe(true);
  });

  it.each([
    '',
    'alias/backup',
    '1234abcd-12ab-34cd-56ef-1234567890ab',
    'arn:aws:kms:eu-central-1:1:key/x',
    'hunter2',
  ])('is not made of %j, which is not repeated', (text) => {
    expect(() => newKmsKey('kms', text)).toThrow(
      expect.objectContaining({
        code: 'bad-kms-key',
        exitCode: 2,
        message: 'this is not the ARN of an AWS KMS key',
        hint: expect.stringContaining('arn:aws:kms:REGION:ACCOUNT:key/ID'),
      }),
    );
  });

  it.each<[string, (arn: string) => KmsOptions | undefined, string, string]>([
    ['a role that may nothing', () => by(kms.createUser([])), 'kms-denied', 'access denied'],
    ['a key that is not there', (arn) => void kms.forget(arn), 'kms-not-found', 'there is no such key'],
    ['a disabled key', (arn) => void kms.setState(arn, 'Disabled'), 'kms-disabled', 'the key is disabled'],
  ])('fails with %s, by name', async (_, set, code, reason) => {
    const arn = kms.createKey();
    const options = set(arn) ?? by();
    expect(await refusal(wrapped(arn, options))).toMatchObject({
      code,
      exitCode: 12,
      message: `kms:Encrypt with ${arn} failed: ${reason}`,
      object: arn,
    });
  });
});

describe('an endpoint that is not AWS KMS', () => {
  it.each<[string, object]>([
    [
      'encrypts with another key',
      { KeyId: `arn:aws:kms:eu-central-1:999999999999:key/x`, CiphertextBlob: 'eA==' },
    ],
    ['names no key', { CiphertextBlob: 'eA==' }],
    ['names an alias', { KeyId: 'arn:aws:kms:eu-central-1:111122223333:alias/x', CiphertextBlob: 'eA==' }],
    ['gives nothing back', { KeyId: 'arn:aws:kms:eu-central-1:111122223333:key/x' }],
  ])('and %s is not believed', async (_, reply) => {
    const server = createHttpServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' });
      response.end(JSON.stringify(reply));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const arn = 'arn:aws:kms:eu-central-1:111122223333:key/x';
    const options = { ...by(), endpoint: `http://127.0.0.1:${port}` };
    expect(await refusal(wrapped(arn, options))).toMatchObject({
      code: 'kms-refused',
      exitCode: 12,
      message: `kms:Encrypt with ${arn} failed: the reply is not that of this key`,
      hint: 'check AWS_ENDPOINT_URL_KMS: what answers there is not AWS KMS',
    });
    server.close();
  });
});

describe('a KMS key that does not open says why, and what to do', () => {
  const cases: [string, (arn: string) => KmsOptions | undefined, string, string, (arn: string) => string][] =
    [
      [
        'a role that may not decrypt',
        () => by(kms.createUser(['Encrypt', 'DescribeKey'])),
        'kms-denied',
        'access denied',
        (arn) =>
          `allow this role kms:Decrypt on ${arn}, in its own policy and in the key's; \`aws sts get-caller-identity\` says who it is`,
      ],
      [
        'a disabled key',
        (arn) => void kms.setState(arn, 'Disabled'),
        'kms-disabled',
        'the key is disabled',
        (arn) => `enable it: \`aws kms enable-key --region eu-central-1 --key-id ${arn}\``,
      ],
      [
        'a key that is pending deletion',
        (arn) => void kms.setState(arn, 'PendingDeletion'),
        'kms-pending-deletion',
        'the key is about to be deleted',
        (arn) =>
          `keep it, while there is time: \`aws kms cancel-key-deletion --region eu-central-1 --key-id ${arn}\`, then \`aws kms enable-key --region eu-central-1 --key-id ${arn}\``,
      ],
      [
        'a key without material',
        (arn) => void kms.setState(arn, 'PendingImport'),
        'kms-unusable',
        'the key cannot be used as it is',
        (arn) => `see its state: \`aws kms describe-key --region eu-central-1 --key-id ${arn}\``,
      ],
      [
        'a key that was deleted',
        (arn) => void kms.forget(arn),
        'kms-not-found',
        'there is no such key',
        () =>
          'check region, account and id; a key that was deleted is gone for good: use another key of the vault, or a copy of it',
      ],
      [
        'an access key that nobody knows',
        () => by({ accessKeyId: 'AKIAUNKNOWN', secretAccessKey: 'hunter2' }),
        'kms-credentials',
        'the AWS access key is not known there',
        () =>
          'check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or the role of this machine; `aws sso login` renews a session',
      ],
      [
        'a secret key that is wrong',
        () => by({ ...kms.credentials, secretAccessKey: 'hunter2' }),
        'kms-credentials',
        'the AWS secret key does not fit the access key, or the clock of this machine is wrong',
        () =>
          'check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or the role of this machine; `aws sso login` renews a session',
      ],
      [
        'a service that only says that it is busy',
        () => void kms.interfere(() => ({ error: 'ThrottlingException' })),
        'kms-unreachable',
        'too many requests there just now',
        () => 'try again in a while',
      ],
      [
        'a service that only fails',
        () => void kms.interfere(() => ({ error: 'KMSInternalException', status: 500 })),
        'kms-unreachable',
        'the service is not well',
        () => 'try again in a while',
      ],
      [
        'a service that drops every connection',
        () => void kms.interfere(() => 'reset'),
        'kms-unreachable',
        'the connection broke',
        () => 'check the way to AWS KMS in eu-central-1: network, proxy, VPC endpoint, AWS_ENDPOINT_URL_KMS',
      ],
      [
        'a refusal of a new kind',
        () => void kms.interfere(() => ({ error: 'NewKindOfException' })),
        'kms-refused',
        'the service refused (400 NewKindOfException)',
        (arn) => `try it by hand: \`aws kms describe-key --region eu-central-1 --key-id ${arn}\``,
      ],
    ];

  it.each(cases)('%s', async (_, set, code, reason, hint) => {
    const arn = kms.createKey();
    const { bytes, slot } = await wrapped(arn);
    const options = set(arn) ?? by();
    const error = await refusal(kmsCredential({}, options).unwrap(bytes, slot));
    expect(error).toMatchObject({
      code,
      exitCode: 12,
      message: `kms:Decrypt of ${object} with ${arn} failed: ${reason}`,
      hint: hint(arn),
      object,
    });
    expect(error.message + error.hint).not.toContain('hunter2');
  });

  it('nothing listens', async () => {
    const { bytes, slot } = await wrapped(kms.createKey());
    const closed = await startKms();
    await closed.close();
    const options = { ...by(), endpoint: closed.endpoint };
    expect(await refusal(kmsCredential({}, options).unwrap(bytes, slot))).toMatchObject({
      code: 'kms-unreachable',
      exitCode: 12,
      message: expect.stringMatching(/failed: nothing answers there$/),
    });
  });

  it.each<[string, (() => Promise<{ endpoint: string; close(): void }>) | undefined]>([
    ['a service that takes the call and never answers', undefined],
    [
      'something that takes connections and never speaks',
      async () => {
        const server = createServer(() => {});
        await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
        const { port } = server.address() as { port: number };
        return { endpoint: `http://127.0.0.1:${port}`, close: () => void server.close() };
      },
    ],
  ])('%s, within the time limit', async (_, mute) => {
    const { bytes, slot } = await wrapped(kms.createKey());
    const other = await mute?.();
    kms.interfere(() => 'stall');
    const options = { ...by(), ...(other ? { endpoint: other.endpoint } : {}), timeLimit: 600 };
    const began = performance.now();
    expect(await refusal(kmsCredential({}, options).unwrap(bytes, slot))).toMatchObject({
      code: 'kms-unreachable',
      message: expect.stringMatching(/failed: no answer in time$/),
    });
    expect(performance.now() - began).toBeLessThan(2000);
    other?.close();
  });

  it.each<[string, Partial<typeof context>]>([
    ['another vault', { vault: 'z'.repeat(26) }],
    ['another generation', { generation: 2 }],
  ])('what was encrypted for %s', async (_, other) => {
    const arn = kms.createKey();
    const { bytes } = await newKmsKey('kms', arn, by()).wrap(Buffer.from('plain'), { ...context, ...other });
    const { slot } = await wrapped(arn);
    expect(await refusal(kmsCredential({}, by()).unwrap(bytes, slot))).toMatchObject({
      code: 'kms-wrong-context',
      exitCode: 12,
      message: `kms:Decrypt of ${object} with ${arn} failed: the key did not encrypt this, or for another vault`,
      hint: 'somebody may have moved or damaged it: use another key of the vault, or a copy of it',
    });
  });

  it('what another key encrypted, though this role may use that key too', async () => {
    const [mine, other] = [await wrapped(kms.createKey()), await wrapped(kms.createKey())];
    expect(await refusal(kmsCredential({}, by()).unwrap(other.bytes, mine.slot))).toMatchObject({
      code: 'kms-wrong-key',
      exitCode: 12,
      message: expect.stringMatching(/another key encrypted this$/),
    });
  });

  it('no credentials at all', async () => {
    const { bytes, slot } = await wrapped(kms.createKey());
    // The SDK looks into the environment of the process itself.
    const names = Object.keys(process.env).filter((name) => name.startsWith('AWS_') || name === 'HOME');
    for (const name of names) vi.stubEnv(name, undefined);
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
    vi.stubEnv('HOME', '/nonexistent');
    try {
      expect(await refusal(kmsCredential({}, { endpoint: kms.endpoint }).unwrap(bytes, slot))).toMatchObject({
        code: 'no-credentials',
        exitCode: 12,
        message: expect.stringMatching(/failed: this machine has no AWS credentials$/),
        hint: 'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or the role of this machine; `aws sso login` renews a session',
      });
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it('and stops when it is interrupted', async () => {
    const { bytes, slot } = await wrapped(kms.createKey());
    const controller = new AbortController();
    kms.interfere(() => {
      setImmediate(() => controller.abort());
      return 'stall';
    });
    const options = { ...by(), signal: controller.signal };
    expect(await refusal(kmsCredential({}, options).unwrap(bytes, slot))).toBeInstanceOf(InterruptedError);
  });
});

describe('a call that fails once', () => {
  it.each<[string, Fault]>([
    ['as the service is busy', { error: 'ThrottlingException' }],
    ['inside the service', { error: 'KMSInternalException', status: 500 }],
    ['with its connection', 'reset'],
  ])('%s is made again', async (_, fault) => {
    const { bytes, slot } = await wrapped(kms.createKey());
    let left = 1;
    kms.interfere(() => (left-- > 0 ? fault : undefined));
    expect((await kmsCredential({}, by()).unwrap(bytes, slot))?.toString()).toBe('plain');
    expect(left).toBe(-1);
  });

  it('as it is denied is not', async () => {
    const { bytes, slot } = await wrapped(kms.createKey());
    const calls = asked();
    await refusal(kmsCredential({}, by(kms.createUser([]))).unwrap(bytes, slot));
    expect(calls()).toHaveLength(1);
  });
});

describe('a multi-region key', () => {
  const regions = ['us-east-1', 'ap-southeast-2'];
  const make = () => kms.createKey({ region: 'eu-west-1', replicas: regions });
  const outage = (...places: string[]) =>
    kms.interfere(({ region }) =>
      places.includes(region) ? { error: 'KMSInternalException', status: 500 } : undefined,
    );

  it('is asked in its own region, and nowhere else while that answers', async () => {
    const { bytes, slot } = await wrapped(make());
    const calls = asked();
    await kmsCredential({}, { ...by(), regions }).unwrap(bytes, slot);
    expect(calls()).toEqual(['Decrypt eu-west-1']);
  });

  it.each<[string, (arn: string) => void]>([
    ['does not answer', () => outage('eu-west-1')],
    ['has it disabled', (arn) => kms.setState(arn, 'Disabled')],
    ['has lost it', (arn) => kms.forget(arn)],
  ])('is asked in the next region when its own %s', async (_, set) => {
    const arn = make();
    const { bytes, slot } = await wrapped(arn);
    set(arn);
    const opened = await kmsCredential({}, { ...by(), regions }).unwrap(bytes, slot);
    expect(opened?.toString()).toBe('plain');
    expect(kms.calls.at(-1)).toMatchObject({
      region: 'us-east-1',
      input: { KeyId: inRegion(arn, 'us-east-1') },
    });
  });

  it('is asked where a replica was named', async () => {
    const arn = make();
    const { bytes, slot } = await wrapped(arn);
    kms.forget(arn);
    const credential = kmsCredential({ named: [inRegion(arn, 'ap-southeast-2')] }, by());
    expect(credential.fits(slot)).toBe(true);
    expect((await credential.unwrap(bytes, slot))?.toString()).toBe('plain');
  });

  it('that opens nowhere says why, of each region', async () => {
    const arn = make();
    const { bytes, slot } = await wrapped(arn);
    kms.forget(inRegion(arn, 'ap-southeast-2'));
    kms.setState(arn, 'Disabled');
    outage('us-east-1');
    expect(await refusal(kmsCredential({}, { ...by(), regions }).unwrap(bytes, slot))).toMatchObject({
      code: 'kms-disabled',
      message: `kms:Decrypt of ${object} with ${arn} failed: the key is disabled; in us-east-1: the service is not well; in ap-southeast-2: there is no such key`,
      hint: expect.stringContaining('enable it'),
    });
  });

  it('is asked once for what no region can open', async () => {
    const { slot } = await wrapped(make());
    const calls = asked();
    await refusal(kmsCredential({}, { ...by(), regions }).unwrap(Buffer.from('garbage'), slot));
    expect(calls()).toEqual(['Decrypt eu-west-1']);
  });

  it('is the only kind for which other regions are asked', async () => {
    const arn = kms.createKey();
    const { bytes, slot } = await wrapped(arn);
    kms.setState(arn, 'Disabled');
    const calls = asked();
    await refusal(kmsCredential({}, { ...by(), regions }).unwrap(bytes, slot));
    expect(calls()).toEqual(['Decrypt eu-central-1']);
  });

  it('has no region that is no region', () => {
    expect(() => kmsCredential({}, { regions: ['evil.example/'] })).toThrow(
      expect.objectContaining({
        code: 'bad-region',
        exitCode: 2,
        hint: expect.stringContaining('eu-west-1'),
      }),
    );
  });
});

describe('whose key it is', () => {
  const slotOf = (arn: string): WrappedSlot => ({
    name: 'kms',
    method: 'kms',
    object,
    arn,
    context: { vault: context.vault, generation: '1' },
  });
  const mine = 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab';
  const his = 'arn:aws:kms:eu-central-1:999999999999:key/1234abcd-12ab-34cd-56ef-1234567890ab';

  it('a key that the user named proves the vault; one that only the vault names proves nothing', () => {
    expect(kmsCredential({ named: [mine] })).toMatchObject({ authenticates: true, asks: 'service' });
    expect(kmsCredential({})).toMatchObject({ authenticates: false, asks: 'service' });
  });

  it('each fits its own', () => {
    const [named, other] = [kmsCredential({ named: [mine] }), kmsCredential({ except: [mine] })];
    expect([named.fits(slotOf(mine)), named.fits(slotOf(his))]).toEqual([true, false]);
    expect([other.fits(slotOf(mine)), other.fits(slotOf(his))]).toEqual([false, true]);
  });

  it('an alias is not named: it may be another key tomorrow', () => {
    expect(() => kmsCredential({ named: ['arn:aws:kms:eu-central-1:111122223333:alias/backup'] })).toThrow(
      expect.objectContaining({ code: 'bad-kms-key', message: 'the ARN of an alias is not that of a key' }),
    );
  });

  it.each<[string, Partial<WrappedSlot>]>([
    ['no ARN', { arn: undefined }],
    ['a region that leads elsewhere', { arn: 'arn:aws:kms:evil.example/:111122223333:key/x' }],
    ['an alias', { arn: 'arn:aws:kms:eu-central-1:111122223333:alias/backup' }],
    ['no context', { context: undefined }],
    ['the context of something else', { context: { tenant: 'acme' } }],
    ['a context with more in it', { context: { vault: context.vault, generation: '1', tenant: 'acme' } }],
    ['a context of the wrong form', { context: { vault: 'acme', generation: '1' } }],
  ])('a vault that names %s has nothing sent anywhere', async (_, change) => {
    const calls = asked();
    const slot = { ...slotOf(mine), ...change } as WrappedSlot;
    expect(await refusal(kmsCredential({}, by()).unwrap(Buffer.from('x'), slot))).toMatchObject({
      code: 'bad-kms-slot',
      exitCode: 13,
      message: `${object}: what the vault document says of it is no AWS KMS key`,
    });
    expect(calls()).toEqual([]);
  });
});

describe('the ARN of a key', () => {
  const word = fc.stringMatching(/^[a-z0-9-]{1,36}$/);
  const region = fc.constantFrom('eu-central-1', 'us-gov-west-1', 'cn-north-1', 'ap-southeast-12');
  const account = fc.stringMatching(/^\d{12}$/);

  it('is read as it was written, and moves to another region as a whole', () => {
    fc.assert(
      fc.property(region, region, account, word, fc.boolean(), (from, to, owner, id, isMulti) => {
        const arn = `arn:aws:kms:${from}:${owner}:key/${isMulti ? 'mrk-' : ''}${id}`;
        expect(parseKmsArn(arn)).toMatchObject({ arn, region: from, isAlias: false });
        const moved = inRegion(arn, to);
        expect(parseKmsArn(moved)?.region).toBe(to);
        expect(isSameKey(arn, moved)).toBe(from === to || isMulti || id.startsWith('mrk-'));
        expect(checkKmsArn(arn, false).arn).toBe(arn);
      }),
    );
  });

  it('has nothing in it that could lead a call elsewhere', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.nat(5), (text, at) => {
        const words = ['arn', 'aws', 'kms', 'eu-central-1', '111122223333', 'key/1234'];
        words[at] = text;
        const parsed = parseKmsArn(words.join(':'));
        if (parsed)
          expect(parsed.arn).toMatch(/^arn:aws[a-z-]*:kms:[a-z]+(-[a-z]+)+-\d+:\d{12}:(key|alias)\/[\w/-]+$/);
      }),
      { numRuns: 2000 },
    );
  });

  it('is another one in another account', () => {
    const at = (account: string) => `arn:aws:kms:eu-west-1:${account}:key/mrk-${'a'.repeat(32)}`;
    expect(isSameKey(at('111122223333'), at('999999999999'))).toBe(false);
  });
});
