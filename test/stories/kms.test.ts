// A team that keeps the key of its vault in AWS KMS: the machine that backs up may not decrypt, the one that restores
// may; somebody who can write to the store offers a key of his own; and the day strongroom is not to be had.

import { execFile, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Credentials, type Kms, startKms } from '../servers/kms.ts';
import { type Machine, machines, PASSPHRASE } from '../support/program.ts';

const machine = machines();
let kms: Kms;
let arn: string;
let mayEncrypt: Credentials;
let mayDecrypt: Credentials;
beforeAll(async () => {
  kms = await startKms();
  arn = kms.createKey();
  mayEncrypt = kms.createUser(['Encrypt']);
  mayDecrypt = kms.createUser(['Decrypt']);
});
afterEach(() => {
  kms.interfere(undefined);
  kms.setState(arn, 'Enabled');
});
afterAll(() => kms.close());

const as = ({ accessKeyId, secretAccessKey }: Credentials) => ({
  AWS_ENDPOINT_URL_KMS: kms.endpoint,
  AWS_ACCESS_KEY_ID: accessKeyId,
  AWS_SECRET_ACCESS_KEY: secretAccessKey,
});

interface Made {
  readonly host: Machine;
  readonly vault: string;
  readonly fingerprint: string;
}

/** A machine with a vault of one snapshot. @param more further ways to open it */
async function made(name: string, by: Credentials, key: string, more: readonly string[] = []): Promise<Made> {
  const host = machine(name);
  const vault = join(host.directory, 'vault');
  host.write('.env', 'TOKEN=4711\n');
  host.write('compose.yaml', 'services: {}\n', 0o644);
  const env = { ...as(by), STRONGROOM_PASSPHRASE_FILE: host.passphrase() };
  const args = ['init', '--name', 'shop', '--location', vault, '--kms', key, ...more, '--json'];
  const { fingerprint } = (await host.ok(args, { env })).summary();
  await host.ok(['backup']);
  return { host, vault, fingerprint };
}

const envOf = (directory: string) => readFileSync(join(directory, '.env'), 'utf8');

describe('a vault that opens with a KMS key', () => {
  let shop: Made;
  beforeAll(async () => {
    shop = await made('web-1', mayEncrypt, arn);
  });

  it('is made by a role that may only encrypt, and says which key opens it', async () => {
    const host = machine('web-2');
    const alias = kms.setAlias('strongroom', arn);
    const said = await host.ok(['init', '--location', join(host.directory, 'vault'), '--kms', alias], {
      env: as(mayEncrypt),
    });
    expect(said.stdout).toContain(`opens with: kms (${arn}) (only one way in: think of a second)`);
    expect((await host.ok(['keys', 'list', '--json'])).lines()[0]).toMatchObject({
      name: 'kms',
      method: 'kms',
      arn,
    });
  });

  it('is backed up to, listed and verified without a call to KMS', async () => {
    kms.calls.length = 0;
    await shop.host.ok(['backup']);
    expect(
      (await shop.host.ok(['list', '--json'])).lines().filter((l) => l.message_type === 'snapshot'),
    ).toHaveLength(2);
    await shop.host.ok(['verify']);
    expect(kms.calls).toEqual([]);
  });

  it('is restored from by a role that may only decrypt', async () => {
    kms.calls.length = 0;
    await shop.host.ok(['restore', 'latest', '--target', './out'], { env: as(mayDecrypt) });
    expect(envOf(join(shop.host.work, 'out'))).toBe('TOKEN=4711\n');
    expect(kms.calls.map(({ operation, input }) => [operation, input.KeyId])).toEqual([['Decrypt', arn]]);
    expect((await shop.host.ok(['verify', '--read-data'], { env: as(mayDecrypt) })).code).toBe(0);
  });

  it.each<[string, () => Record<string, string>, string, RegExp, RegExp]>([
    [
      'the role that backs up',
      () => as(mayEncrypt),
      'kms-denied',
      /access denied$/,
      /allow this role kms:Decrypt on arn:/,
    ],
    [
      'whoever has the key disabled',
      () => {
        kms.setState(arn, 'Disabled');
        return as(mayDecrypt);
      },
      'kms-disabled',
      /the key is disabled$/,
      /aws kms enable-key/,
    ],
    [
      'whoever is about to delete it',
      () => {
        kms.setState(arn, 'PendingDeletion');
        return as(mayDecrypt);
      },
      'kms-pending-deletion',
      /the key is about to be deleted$/,
      /aws kms cancel-key-deletion/,
    ],
    [
      'an unknown access key',
      () => as({ accessKeyId: 'AKIAUNKNOWN', secretAccessKey: 'hunter2' }),
      'kms-credentials',
      /the AWS access key is not known there$/,
      /AWS_ACCESS_KEY_ID/,
    ],
    [
      'a machine without credentials',
      () => ({ AWS_ENDPOINT_URL_KMS: kms.endpoint, AWS_EC2_METADATA_DISABLED: 'true' }),
      'no-credentials',
      /this machine has no AWS credentials$/,
      /AWS_PROFILE/,
    ],
    [
      'a machine that cannot reach it',
      () => ({ ...as(mayDecrypt), AWS_ENDPOINT_URL_KMS: 'http://127.0.0.1:1' }),
      'kms-unreachable',
      /nothing answers there$/,
      /AWS_ENDPOINT_URL_KMS/,
    ],
  ])('does not open for %s, which is told why and what to do', async (_, env, code, message, hint) => {
    const ran = await shop.host.run(['restore', 'latest', '--target', './none', '--json'], { env: env() });
    expect(ran.code).toBe(12);
    expect(ran.failure()).toMatchObject({
      code,
      message: expect.stringMatching(message),
      hint: expect.stringMatching(hint),
    });
    expect(ran.stderr).not.toContain('hunter2');
    expect(existsSync(join(shop.host.work, 'none'))).toBe(false);
  });

  it('names no key that it could not encrypt with, and leaves nothing behind', async () => {
    const host = machine('web-3');
    const vault = join(host.directory, 'vault');
    const ran = await host.run(['init', '--location', vault, '--kms', arn, '--json'], {
      env: as(mayDecrypt),
    });
    expect(ran.code).toBe(12);
    expect(ran.failure()).toMatchObject({
      code: 'kms-denied',
      hint: expect.stringContaining('allow this role kms:Encrypt'),
    });
    const left = existsSync(vault) ? readdirSync(vault, { recursive: true, encoding: 'utf8' }) : [];
    expect(left.filter((name) => /\.(?:kms|age|json)$/.test(name))).toEqual([]);
    expect(existsSync(join(host.work, 'strongroom.yaml'))).toBe(false);
  });

  it('with a slip in its ARN is refused before anybody is asked for anything', async () => {
    const host = machine('web-4');
    const ran = await host.run(['init', '--passphrase', '--kms', `${arn}/x`, '--json']);
    expect(ran.code).toBe(2);
    expect(ran.failure()).toMatchObject({ code: 'bad-kms-key' });
  });
});

describe('the key of the vault is sent to KMS alone:', () => {
  it('not to the service that AWS_ENDPOINT_URL names', async () => {
    const host = machine('web-5');
    const got: string[] = [];
    const server = createServer((request, response) => {
      got.push(`${request.method} ${request.url}`);
      request.resume();
      response.writeHead(200).end('{}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const env = { ...as(mayEncrypt), AWS_ENDPOINT_URL: `http://127.0.0.1:${port}` };
    const init = (key: string) => [
      'init',
      '--location',
      join(host.directory, 'vault'),
      '--kms',
      key,
      '--json',
    ];
    try {
      // A region that nobody has.
      const nowhere = await host.run(init(arn.replace('eu-central-1', 'xx-nowhere-1')), {
        env: { ...env, AWS_ENDPOINT_URL_KMS: '' },
      });
      expect(nowhere.failure()).toMatchObject({ code: 'kms-unreachable' });
      await host.ok(init(arn), { env });
      expect(got).toEqual([]);
    } finally {
      server.close();
    }
  });

  it('not without encryption, unless it is this machine', async () => {
    const host = machine('web-6');
    const env = { ...as(mayEncrypt), AWS_ENDPOINT_URL_KMS: 'http://kms.example.com' };
    const ran = await host.run(
      ['init', '--location', join(host.directory, 'vault'), '--kms', arn, '--json'],
      {
        env,
      },
    );
    expect(ran.code).toBe(2);
    expect(ran.failure()).toMatchObject({
      code: 'bad-kms-endpoint',
      object: 'AWS_ENDPOINT_URL_KMS',
      hint: expect.stringContaining('https://'),
    });
  });
});

it('keys of several regions and accounts stand in a keys file beside a passphrase, and any of them opens the vault', async () => {
  const host = machine('app-1');
  const vault = join(host.directory, 'vault');
  const [here, there] = [kms.createKey(), kms.createKey({ region: 'us-east-1', account: '444455556666' })];
  host.write('.env', 'TOKEN=1\n');
  host.write('../keys.txt', `passphrase\n${here}\n# the other account\n${there}\n`);
  const env = { ...as(kms.credentials), STRONGROOM_PASSPHRASE_FILE: host.passphrase() };
  const said = await host.ok(['init', '--location', vault, '--keys', '../keys.txt'], { env });
  expect(said.stdout).toContain(`opens with: passphrase, kms (${here}), kms-2 (${there})\n`);
  await host.ok(['backup']);
  kms.setState(here, 'Disabled');
  kms.calls.length = 0;
  await host.ok(['restore', 'latest', '--target', './out'], { env: as(kms.credentials) });
  expect(kms.calls.map(({ input }) => input.KeyId)).toEqual([here, there]);
  kms.calls.length = 0;
  await host.ok(['restore', 'latest', '--target', './out2'], { env });
  expect(kms.calls).toEqual([]);
});

it('a multi-region key opens the vault while its own region is down', async () => {
  const key = kms.createKey({ region: 'eu-west-1', replicas: ['us-east-1'] });
  const { host } = await made('app-2', kms.credentials, key);
  kms.interfere(({ region }) => (region === 'eu-west-1' ? 'reset' : undefined));
  const env = { ...as(kms.credentials), STRONGROOM_KMS_REGIONS: 'us-east-1, ap-southeast-2' };
  await host.ok(['restore', 'latest', '--target', './out'], { env });
  expect(envOf(join(host.work, 'out'))).toBe('TOKEN=4711\n');
});

describe('on a machine that does not know the vault', () => {
  let shop: Made;
  let count = 0;
  beforeAll(async () => {
    shop = await made('db-1', mayEncrypt, arn);
  });
  /** A fresh machine that restores from the vault. */
  async function restores(
    args: readonly string[],
    env: Record<string, string>,
    config?: string,
    vault = shop.vault,
  ) {
    const fresh = machine(`fresh-${++count}`);
    if (config !== undefined) fresh.write('strongroom.yaml', config);
    kms.calls.length = 0;
    const target = join(fresh.work, 'out');
    const ran = await fresh.run(
      ['restore', 'latest', '--host', 'db-1', '--location', vault, '--target', target, '--json', ...args],
      {
        env: { ...as(mayDecrypt), ...env },
      },
    );
    return { ran, target };
  }

  it('a key that only the vault names is not asked', async () => {
    const { ran, target } = await restores([], {});
    expect(ran.code).toBe(12);
    expect(ran.failure()).toMatchObject({
      code: 'not-trusted',
      message: `nothing vouches for the vault at ${shop.vault}, nor for the AWS KMS key ${arn}, which was not asked`,
      hint: expect.stringMatching(/strongroom trust SHA256:.*--trust-new.*STRONGROOM_KMS_KEYS/),
    });
    expect(kms.calls).toEqual([]);
    expect(existsSync(target)).toBe(false);
  });

  it.each<[string, readonly string[], () => Record<string, string>, () => string | undefined]>([
    ['named in the environment', [], () => ({ STRONGROOM_KMS_KEYS: arn }), () => undefined],
    ['named in the settings', [], () => ({}), () => `kms: ["${arn}"]\n`],
  ])('a key that is %s proves the vault', async (_, args, env, config) => {
    const { ran, target } = await restores(args, env(), config());
    expect(ran.stderr).toBe('');
    expect(ran.code).toBe(0);
    expect(envOf(target)).toBe('TOKEN=4711\n');
  });

  it('with --trust-new it is asked, and which one is said first', async () => {
    const { ran, target } = await restores(['--trust-new'], {});
    expect(ran.code).toBe(0);
    expect(ran.warnings()[0]).toMatchObject({
      code: 'unpinned-kms',
      message: `asking the AWS KMS key ${arn}, which only the vault names`,
      object: arn,
    });
    expect(envOf(target)).toBe('TOKEN=4711\n');
  });

  it('`trust` pins the vault that a named key opens, and no other', async () => {
    const fresh = machine('fresh-trust');
    const env = { ...as(mayDecrypt), STRONGROOM_LOCATION: shop.vault };
    const refused = await fresh.run(['trust', '--json'], { env });
    expect(refused.code).toBe(12);
    expect(refused.failure()).toMatchObject({ code: 'not-trusted' });
    const trusted = await fresh.ok(['trust', '--json'], { env: { ...env, STRONGROOM_KMS_KEYS: arn } });
    expect(trusted.stdout).toContain(shop.fingerprint);
    // From then on it is asked without a word.
    const ran = await fresh.ok(['restore', 'latest', '--host', 'db-1', '--target', './out', '--json'], {
      env,
    });
    expect(ran.stderr).toBe('');
    expect(envOf(join(fresh.work, 'out'))).toBe('TOKEN=4711\n');
  });

  describe('doctor', () => {
    const looks = async (env: Record<string, string>) => {
      const fresh = machine(`fresh-${++count}`);
      kms.calls.length = 0;
      const ran = await fresh.run(['doctor', '--location', shop.vault, '--json'], {
        env: { ...as(kms.credentials), ...env },
      });
      return ran.lines().find(({ id }) => id === 'kms-key');
    };

    it('does not ask a key that only the vault names, and says how to have it asked', async () => {
      expect(await looks({})).toMatchObject({
        verdict: 'unknown',
        message: `it was not asked: only a vault that nothing vouches for names it (${arn})`,
        fix: expect.stringMatching(/strongroom trust SHA256:.*STRONGROOM_KMS_KEYS/),
      });
      expect(kms.calls).toEqual([]);
    });

    it('asks one that the user named, and no other', async () => {
      expect(await looks({ STRONGROOM_KMS_KEYS: arn })).toMatchObject({
        message: expect.stringMatching(/^enabled/),
      });
      expect(kms.calls.map(({ operation }) => operation)).toEqual(['DescribeKey', 'GetKeyRotationStatus']);
      expect(await looks({ STRONGROOM_KMS_KEYS: kms.createKey() })).toMatchObject({ verdict: 'unknown' });
      expect(kms.calls).toEqual([]);
    });

    it('asks every key of a vault that is pinned', async () => {
      kms.calls.length = 0;
      const ran = await shop.host.run(['doctor', '--json'], { env: as(kms.credentials) });
      expect(ran.lines().find(({ id }) => id === 'kms-key')).toMatchObject({
        message: expect.stringMatching(/^enabled/),
      });
      expect(kms.calls.map(({ input }) => input.KeyId)).toEqual([arn, arn]);
    });
  });

  it('another key that was named says nothing for this vault', async () => {
    const { ran } = await restores([], { STRONGROOM_KMS_KEYS: kms.createKey() });
    expect(ran.failure()).toMatchObject({ code: 'not-trusted' });
    expect(kms.calls).toEqual([]);
  });

  it('what is no ARN is not taken for one', async () => {
    const { ran } = await restores([], { STRONGROOM_KMS_KEYS: 'alias/backup' });
    expect(ran.code).toBe(2);
    expect(ran.failure()).toMatchObject({ code: 'bad-kms-key' });
  });

  describe('somebody who can write to the store offers a vault with a KMS key of his own:', () => {
    let forged: Made;
    let his: string;
    beforeAll(async () => {
      his = kms.createKey({ account: '999999999999' });
      forged = await made('db-1', kms.credentials, his);
    });
    const replaced = (host: Machine) => {
      const vault = join(host.directory, 'replaced');
      cpSync(forged.vault, vault, { recursive: true });
      return vault;
    };

    it('without a pin his key is not asked, and it is said whose it would be', async () => {
      const { ran, target } = await restores(
        [],
        { STRONGROOM_KMS_KEYS: arn },
        undefined,
        replaced(shop.host),
      );
      expect(ran.code).toBe(12);
      expect(ran.failure()).toMatchObject({ code: 'not-trusted', message: expect.stringContaining(his) });
      expect(kms.calls).toEqual([]);
      expect(existsSync(target)).toBe(false);
    });

    it('with a pin it is refused, whatever else is allowed', async () => {
      const aside = join(shop.host.directory, 'aside');
      cpSync(shop.vault, aside, { recursive: true });
      rmSync(shop.vault, { recursive: true });
      cpSync(forged.vault, shop.vault, { recursive: true });
      try {
        kms.calls.length = 0;
        const ran = await shop.host.run(
          ['restore', 'latest', '--target', './forged', '--trust-new', '--json'],
          {
            env: as(kms.credentials),
          },
        );
        expect(ran.code).toBe(13);
        expect(ran.failure()).toMatchObject({ code: 'foreign-vault' });
        expect(kms.calls).toEqual([]);
      } finally {
        rmSync(shop.vault, { recursive: true });
        cpSync(aside, shop.vault, { recursive: true });
      }
    });

    it('his ciphertext in the place of ours is refused, and nothing is asked', async () => {
      const slots = (vault: string) =>
        readdirSync(join(vault, 'keys/1')).map((name) => join(vault, 'keys/1', name));
      const [ours = ''] = slots(shop.vault);
      const bytes = readFileSync(ours);
      rmSync(ours);
      writeFileSync(ours, readFileSync(slots(forged.vault)[0]!));
      try {
        kms.calls.length = 0;
        const ran = await shop.host.run(['restore', 'latest', '--target', './forged', '--json'], {
          env: as(kms.credentials),
        });
        expect(ran.code).toBe(13);
        expect(ran.failure()).toMatchObject({ code: 'slot-differs' });
        expect(kms.calls).toEqual([]);
      } finally {
        rmSync(ours);
        writeFileSync(ours, bytes);
      }
    });
  });
});

const AWS = existsSync('/usr/bin/aws') ? '/usr/bin/aws' : '';
const TOOLS = ['age', 'ssh-keygen', 'gzip', 'tar', 'sha256sum', 'awk', 'base64'];
const missing = TOOLS.filter((tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0);

describe.skipIf(AWS === '' || missing.length > 0)(
  'recovered with stock tools alone, by the commands of RECOVERY.md',
  () => {
    let shop: Made;
    let bin: string;
    let count = 0;
    beforeAll(async () => {
      shop = await made('mail-1', kms.credentials, arn, [
        '--passphrase',
        '--kms',
        kms.createKey({ region: 'us-east-1' }),
      ]);
      // The `aws` of Debian 12 reads no endpoint from the environment: nothing else is added to what RECOVERY.md says.
      bin = join(shop.host.directory, 'bin');
      mkdirSync(bin);
      writeFileSync(join(bin, 'aws'), `#!/bin/sh\nexec ${AWS} --endpoint-url '${kms.endpoint}' "$@"\n`, {
        mode: 0o755,
      });
    });

    async function recover(by: Credentials, shell = 'bash') {
      const place = join(shop.host.directory, `recovery-${++count}`);
      const home = `${place}-home`;
      mkdirSync(home);
      cpSync(shop.vault, place, { recursive: true });
      const id = readdirSync(join(place, 'snapshots/shop'))[0]!.split('.')[0]!;
      const commands = readFileSync(join(place, 'RECOVERY.md'), 'utf8')
        .split('\n')
        .filter((line) => line.startsWith('    '))
        .map((line) => line.slice(4))
        // The ways in that are not at hand.
        .filter((line) => !line.includes('slots passphrase') && !line.includes('me.txt'))
        .map((line) => (line === 'set=SET' ? 'set=shop' : line === 'id=ID' ? `id=${id}` : line));
      writeFileSync(join(place, 'recovery.sh'), `${commands.join('\n')}\n`);
      const env = {
        ...as(by),
        PATH: `${bin}:${process.env.PATH}`,
        HOME: home,
        TMPDIR: join(shop.host.directory, 'tmp'),
      };
      // Not spawnSync: the service that it calls lives in this process.
      const said = await new Promise<string>((resolve) => {
        execFile(shell, ['recovery.sh'], { cwd: place, env, timeout: 50_000 }, (_, stdout, stderr) =>
          resolve(stdout + stderr),
        );
      });
      return { out: join(home, 'restored'), said };
    }

    it.each(['bash', 'sh'])('with the KMS key, in %s', async (shell) => {
      const { out, said } = await recover(mayDecrypt, shell);
      expect(readdirSync(out).sort(), said).toEqual(['.env', 'compose.yaml', 'strongroom.yaml']);
      expect(envOf(out)).toBe('TOKEN=4711\n');
      expect(said).toContain(shop.fingerprint);
      expect(said).toContain('# strongroom vault=');
      expect(said).not.toContain('AGE-SECRET-KEY');
    });

    it('with the key of another region, when the first is disabled', async () => {
      kms.setState(arn, 'Disabled');
      const { out, said } = await recover(mayDecrypt);
      expect(said).toContain('DisabledException');
      expect(envOf(out), said).toBe('TOKEN=4711\n');
    });

    it('not by a role that may not decrypt', async () => {
      const { out, said } = await recover(mayEncrypt);
      expect(said).toContain('AccessDeniedException');
      expect(readdirSync(out)).toEqual([]);
    });

    it('still with the passphrase', async () => {
      kms.setState(arn, 'Disabled');
      const env = { STRONGROOM_PASSPHRASE_FILE: shop.host.passphrase(PASSPHRASE) };
      await shop.host.ok(['restore', 'latest', '--target', './by-passphrase'], { env });
      expect(envOf(join(shop.host.work, 'by-passphrase'))).toBe('TOKEN=4711\n');
    });

    it('after a rotation, be the snapshots encrypted anew or not', async () => {
      const env = as(kms.credentials);
      for (const step of [[], ['--finish']]) {
        await shop.host.ok(['keys', 'rotate', '--yes', ...step], { env });
        const { out, said } = await recover(mayDecrypt);
        expect(envOf(out), said).toBe('TOKEN=4711\n');
        expect(said).toContain(' generation=2\n');
      }
    });
  },
);
