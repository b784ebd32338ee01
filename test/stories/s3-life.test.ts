// A careful team with its vault in a bucket and the key of it in KMS: each machine may do its own part only. The whole
// life of the vault, what each role is refused, and the day strongroom is not to be had.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DeleteObjectCommand, HeadObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type FaultProxy, startFaultProxy } from '../servers/fault-proxy.ts';
import { type Kms, startKms } from '../servers/kms.ts';
import { type Machine, machines } from '../support/program.ts';
import { type Bucket, type Credentials, ROLES, s3Ground, skipS3 } from '../support/s3.ts';

// Debian's, where it is: others of this name may be older or newer.
const AWS = spawnSync('sh', ['-c', 'command -v /usr/bin/aws || command -v aws'], {
  encoding: 'utf8',
}).stdout.trim();
const TOOLS = ['age', 'ssh-keygen', 'gzip', 'tar', 'sha256sum', 'awk', 'base64'];
const missing = TOOLS.filter((tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0);

const machine = machines();

describe.skipIf(skipS3)('a vault in a bucket, with its key in KMS', () => {
  const bucket = s3Ground();
  let place: Bucket;
  let kms: Kms;
  let proxy: FaultProxy;
  let founder: Credentials;
  let backup: Credentials;
  let restore: Credentials;
  let web: Machine;
  let fingerprint: string;
  const ids: string[] = [];

  const as = (user: Credentials) => ({
    ...place.env(user, proxy.endpoint),
    AWS_ENDPOINT_URL_KMS: kms.endpoint,
  });
  /** What was asked of the bucket: `PUT data/app/…`, without random parts. */
  const asked = () =>
    proxy.log.map(({ method, path }) => {
      const object = path.split('?')[0]!.replace(`/${place.name}/vault/`, '');
      return `${method} ${object.replace(/\d{8}T\d{6}Z-\w{6}/, 'ID').replace(/\/\d+-\w{10}\//, '/DIR/')}`;
    });

  beforeAll(async () => {
    [place, kms] = await Promise.all([bucket(), startKms()]);
    proxy = await startFaultProxy(place.server.endpoint);
    founder = await place.user(ROLES.maintain, kms.createUser());
    backup = await place.user(ROLES.backup, kms.createUser([]));
    restore = await place.user(ROLES.restore, kms.createUser(['Decrypt']));
    web = machine('web-1');
    web.write('.env', 'TOKEN=4711\n');
    web.write('bin/deploy', '#!/bin/sh\n', 0o755);
  }, 240_000);
  afterAll(async () => {
    await proxy?.close();
    await kms?.close();
  });
  beforeEach(() => proxy.forget());

  it('is made by whoever may encrypt with the key', async () => {
    const args = ['init', '--name', 'app', '--location', place.location, '--kms', kms.createKey(), '--json'];
    const made = (await web.ok(args, { env: as(founder) })).summary();
    expect(made).toMatchObject({ location: place.location, config_written: true });
    fingerprint = made.fingerprint;
    expect((await place.names()).sort()).toEqual([
      'RECOVERY.md',
      expect.stringMatching(/^keys\/1\/kms-\w+\.kms$/),
      'vault/1.json',
    ]);
    // The vault document last: only then is there a vault.
    expect(asked().at(-1)).toBe('PUT vault/1.json');
  });

  it('is not made a second time in its place', async () => {
    const again = machine('web-2');
    const args = ['init', '--location', place.location, '--kms', kms.createKey(), '--json'];
    const ran = await again.run(args, { env: as(founder) });
    expect([ran.code, ran.failure().code]).toEqual([11, 'vault-exists']);
  });

  it('is backed up to by a role that may only put, which asks for nothing else', async () => {
    for (const token of ['4711', '4712']) {
      proxy.forget();
      web.write('.env', `TOKEN=${token}\n`);
      const ran = await web.ok(['backup', '--set', 'app', '--json'], { env: as(backup) });
      expect(ran.summary()).toMatchObject({ complete: true, files: 3, vault_read: false });
      // Nobody looks whether the vault counts it, which is said once.
      expect(ran.warnings().map((w) => w.code)).toEqual(token === '4711' ? ['unseen'] : []);
      ids.push(ran.summary().snapshot);
      expect(asked()).toEqual([
        'PUT data/app/ID/DIR/files.tar.gz.age.00000',
        'PUT data/app/ID/DIR/contents.json.gz.age.00000',
        'PUT snapshots/app/ID.json',
      ]);
    }
    expect(kms.calls.filter(({ accessKeyId }) => accessKeyId === backup.accessKeyId)).toEqual([]);
  });

  it.each([
    ['list', 'ListObjectsV2', /allow this role s3:ListBucket on arn:aws:s3:::\S+ for the prefix vault\//],
    ['verify', 'ListObjectsV2', /s3:ListBucket/],
    ['restore latest --set app --target out-1', 'ListObjectsV2', /s3:ListBucket/],
    ['cat latest .env --set app', 'ListObjectsV2', /s3:ListBucket/],
  ])('refuses that role `%s`, with the permission that is missing', async (command, action, hint) => {
    const ran = await web.run([...command.split(' '), '--json'], { env: as(backup) });
    expect(ran.code).toBe(14);
    expect(ran.failure()).toMatchObject({
      code: 'store-denied',
      message: expect.stringMatching(
        new RegExp(`^${action} of ${place.location}/\\S* failed: access denied$`),
      ),
      hint: expect.stringMatching(hint),
    });
    expect(existsSync(join(web.work, 'out-1'))).toBe(false);
  });

  it('refuses a delete to whoever may only read, and it is all there afterwards', async () => {
    const before = await place.names();
    const ran = await web.run(['delete', ids[0]!, '--yes', '--json'], { env: as(restore) });
    expect([ran.code, ran.failure().code]).toEqual([14, 'store-denied']);
    expect(ran.failure().hint).toMatch(/s3:PutObject on arn:aws:s3:::\S+\/vault\/ledger\//);
    expect(await place.names()).toEqual(before);
    expect((await web.ok(['verify', '--json'], { env: as(restore) })).summary()).toMatchObject({
      sound: true,
    });
  });

  it('is listed and verified without the key', async () => {
    const listed = (await web.ok(['list', '--json'], { env: as(restore) })).lines();
    expect(listed.filter((m) => m.message_type === 'snapshot').map(({ id }) => id)).toEqual(ids);
    const checked = (await web.ok(['verify', '--json'], { env: as(restore) })).summary();
    expect(checked).toMatchObject({ sound: true, errors: 0, warnings: 0 });
    expect(kms.calls.filter(({ accessKeyId }) => accessKeyId === restore.accessKeyId)).toEqual([]);
  });

  it('is restored from by a role that may read and decrypt', async () => {
    const env = as(restore);
    await web.ok(['restore', 'latest', '--set', 'app', '--target', 'out'], { env });
    expect(readFileSync(join(web.work, 'out/.env'), 'utf8')).toBe('TOKEN=4712\n');
    const older = await web.ok(['cat', ids[0]!, '.env'], { env });
    expect(older.stdout).toBe('TOKEN=4711\n');
    const deep = (await web.ok(['verify', '--read-data', '--json'], { env })).summary();
    expect(deep).toMatchObject({ sound: true });
  });

  it.skipIf(AWS === '' || missing.length > 0)(
    'is recovered with an S3 client, KMS and stock tools alone',
    async () => {
      const where = join(web.directory, 'recovery');
      mkdirSync(join(where, 'bin'), { recursive: true, mode: 0o700 });
      // Debian's `aws` takes an endpoint only as a flag: nothing else is added to what RECOVERY.md says.
      const shim = `#!/bin/sh\ncase $1 in kms) end=${kms.endpoint} ;; *) end=${place.server.endpoint} ;; esac\nexec ${AWS} --endpoint-url "$end" "$@"\n`;
      writeFileSync(join(where, 'bin/aws'), shim, { mode: 0o755 });
      const sh = (line: string) =>
        shell(line, where, { ...as(restore), PATH: `${where}/bin:${process.env.PATH}` });
      const copied = await sh(`aws s3 cp --recursive --quiet ${place.location}/ copy/`);
      expect(copied).toBe('');
      const commands = readFileSync(join(where, 'copy/RECOVERY.md'), 'utf8')
        .split('\n')
        .filter((line) => line.startsWith('    '))
        .map((line) => line.slice(4))
        .filter((line) => !line.includes('slots passphrase') && !line.includes('me.txt'))
        .map((line) => line.replace(/^set=SET$/, 'set=app').replace(/^id=ID$/, `id=${ids[1]}`));
      writeFileSync(join(where, 'recovery.sh'), `cd copy\n${commands.join('\n')}\n`);
      const said = await sh('bash recovery.sh');
      const out = join(where, 'restored');
      expect(existsSync(out) && readdirSync(out).sort(), said).toEqual(['.env', 'bin', 'strongroom.yaml']);
      expect(readFileSync(join(out, '.env'), 'utf8')).toBe('TOKEN=4712\n');
      expect(said).toContain(fingerprint);
      expect(said).toContain('Good "strongroom-record-v1" signature');
    },
  );

  it('loses a snapshot when whoever may delete it does, and nothing else', async () => {
    // It opens nothing for that: deleting needs no key.
    await web.ok(['delete', ids[0]!, '--yes'], { env: as(founder) });
    expect((await place.names()).filter((name) => name.includes(ids[0]!))).toEqual([]);
    const env = as(restore);
    const listed = (await web.ok(['list', '--json'], { env })).lines();
    expect(listed.filter((m) => m.message_type === 'snapshot').map(({ id }) => id)).toEqual([ids[1]]);
    expect((await web.ok(['verify', '--read-data', '--json'], { env })).summary()).toMatchObject({
      sound: true,
      errors: 0,
      warnings: 0,
    });
    expect((await web.run(['cat', ids[0]!, '.env', '--json'], { env })).code).toBe(10);
  });

  describe('over TLS with a certificate of a private authority', () => {
    // The settings that init wrote name the endpoint without it.
    const list = () => ['list', '--config', 'none', '--location', place.location];

    it('works when it is named', async () => {
      const env = { ...place.env(restore, place.server.tlsEndpoint), NODE_EXTRA_CA_CERTS: place.server.ca };
      expect((await web.ok(list(), { env })).stdout).toContain(ids[1]);
    });

    it('is refused when it is not, with what to do', async () => {
      const ran = await web.run([...list(), '--json'], { env: place.env(restore, place.server.tlsEndpoint) });
      expect(ran.code).toBe(14);
      expect(ran.failure()).toMatchObject({
        code: 'store-unreachable',
        message: expect.stringMatching(/its certificate is signed by nobody that is trusted here$/),
        hint: expect.stringContaining('NODE_EXTRA_CA_CERTS'),
      });
    });
  });
});

describe.skipIf(skipS3)('a locked bucket with encryption by the service, as the configuration says', () => {
  const bucket = s3Ground();
  const settings = 's3: { objectLock: { mode: compliance, days: 1 }, sse: "aws:kms", kmsKeyId: testkey-1 }\n';
  let place: Bucket;
  let web: Machine;
  const LOCK = [...ROLES.backup, { Action: 's3:PutObjectRetention', on: '/vault/*' }];
  beforeAll(async () => {
    place = await bucket({ lock: true });
    web = machine('web-1');
    const me = await web.identity();
    web.write('.env', 'TOKEN=1\n');
    web.write('strongroom.yaml', `location: ${place.location}\n${settings}`);
    await web.ok(['init', '--name', 'app', '--recipient', me.recipient], { env: place.env() });
  });

  it('holds each new object back for its time, encrypted', async () => {
    const env = place.env(await place.user(LOCK));
    const { snapshot } = (await web.ok(['backup', '.', '--set', 'app', '--json'], { env })).summary();
    const mine = (await place.names()).filter((name) => name.includes(snapshot));
    expect(mine).toHaveLength(3);
    for (const name of mine) {
      const at = { Bucket: place.name, Key: `vault/${name}` };
      const head = await place.client.send(new HeadObjectCommand(at));
      expect([head.ServerSideEncryption, head.ObjectLockMode], name).toEqual(['aws:kms', 'COMPLIANCE']);
      const erased = place.client.send(new DeleteObjectCommand({ ...at, VersionId: head.VersionId }));
      await expect(erased).rejects.toMatchObject({ name: 'AccessDenied' });
    }
    expect((await web.ok(['verify', '--json'], { env: place.env() })).summary()).toMatchObject({
      sound: true,
      errors: 0,
    });
  });

  // This gateway lets whoever may put also lock; AWS asks for both.
  it('names both permissions to a role that has neither', async () => {
    const env = place.env(await place.user());
    const before = await place.names();
    const ran = await web.run(['backup', '.', '--set', 'app', '--json'], { env });
    expect([ran.code, ran.failure().code]).toEqual([14, 'store-denied']);
    expect(ran.failure().hint).toMatch(/allow this role s3:PutObject and s3:PutObjectRetention on arn:/);
    expect(await place.names()).toEqual(before);
  });
});

/** Runs a line in a shell, without blocking the servers in this process. @returns all that it said */
function shell(line: string, cwd: string, env: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('sh', ['-c', line], { cwd, env: { HOME: cwd, LC_ALL: 'C', ...env } });
    const said: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => said.push(chunk));
    child.on('error', reject);
    child.on('close', () => resolve(Buffer.concat(said).toString()));
  });
}
