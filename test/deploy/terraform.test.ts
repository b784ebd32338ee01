// The Terraform in deploy/: its policies are those that `strongroom policy` prints, to the letter.

import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bucketPolicy } from '../../src/vault/policy/bucket-policy.ts';
import { ROLES, rolePolicy } from '../../src/vault/policy/roles.ts';
import type { Policy, PolicySubject } from '../../src/vault/policy/statement.ts';
import { policyJson } from '../../src/vault/policy/terraform.ts';
import { hasProgram } from '../support/schedule.ts';
import { scratch } from '../support/vault.ts';

// Without its types: they bring those of a browser along.
const { parse } = createRequire(import.meta.url)('@cdktf/hcl2json') as {
  parse(name: string, text: string): Promise<unknown>;
};

const directory = resolve(import.meta.dirname, '../../deploy/terraform');

/** What stands in for the values: ARNs and numbers are checked for their form. */
const KEY = 'arn:aws:kms:eu-central-1:000000000000:key/UNLOCK';
const ROLE = 'arn:aws:iam::000000000000:role/BACKUP';
const DAYS = 776;

const options = (sets: readonly string[]) => ({ sets, deleteVersions: false, hold: false });

function policies(subject: PolicySubject, sets: readonly string[], backupRole: string): [string, Policy][] {
  return [
    ...ROLES.map((role): [string, Policy] => [role, rolePolicy(role, subject, options(sets))]),
    ['bucket', bucketPolicy(subject, [backupRole])],
  ];
}

const place = (name: string): string => `$\{${name}}`;

describe('the policies', () => {
  const subject: PolicySubject = {
    bucket: place('bucket'),
    prefix: place('prefix'),
    partition: place('partition'),
    sseKey: undefined,
    lock: { mode: 'governance', days: DAYS },
    unlockKeys: [{ arn: KEY, context: { vault: place('vault'), generation: place('generation') } }],
    onAws: true,
  };

  it.each(policies(subject, [place('set')], ROLE))('%s is as strongroom prints it', async (name, policy) => {
    const text = policyJson(policy)
      .replaceAll(KEY, place('unlock_key'))
      .replaceAll(ROLE, place('backup_role'))
      .replaceAll(`"${DAYS + 1}"`, `"${place('lock_days + 1')}"`);
    await expect(text).toMatchFileSnapshot(join(directory, 'policies', `${name}.json.tftpl`));
  });

  it.skipIf(!hasProgram('terraform'))(
    'come out of Terraform as strongroom prints them for that very vault',
    () => {
      const at = join(scratch(), 'policies');
      cpSync(join(directory, 'policies'), at, { recursive: true });
      const real: PolicySubject = {
        bucket: 'acme-backups',
        prefix: 'shop/',
        partition: 'aws',
        sseKey: undefined,
        lock: { mode: 'governance', days: 30 },
        unlockKeys: [{ arn: KEY, context: { vault: 'v'.repeat(26), generation: '2' } }],
        onAws: true,
      };
      const values = {
        bucket: real.bucket,
        prefix: real.prefix,
        sets: '["app","web"]',
        lock_days: '30',
        backup_role: ROLE,
        unlock_key: KEY,
        vault: 'v'.repeat(26),
        generations: '[2]',
      };
      const { stdout, stderr } = spawnSync(
        'terraform',
        [
          `-chdir=${at}`,
          'console',
          ...Object.entries(values).map(([name, value]) => `-var=${name}=${value}`),
        ],
        {
          input: 'jsonencode(local.policies)\n',
          encoding: 'utf8',
          env: { PATH: process.env.PATH, HOME: at, CHECKPOINT_DISABLE: '1' },
        },
      );
      expect(stderr).toBe('');
      // A JSON text of JSON texts, printed as a text.
      const said: Record<string, string> = JSON.parse(JSON.parse(stdout));
      for (const [name, policy] of policies(real, ['app', 'web'], ROLE)) {
        const expected = JSON.parse(JSON.stringify(policy).replaceAll('"OpenTheVault"', '"OpenTheVault2"'));
        const sorted = (value: Policy) =>
          value.Statement.map((s) => ({ ...s, Resource: [...s.Resource].sort() }));
        expect([name, sorted(JSON.parse(said[name]!))]).toEqual([name, sorted(expected)]);
      }
    },
  );
});

describe.skipIf(!hasProgram('terraform'))('the policy of the key', () => {
  const said = (values: Record<string, string>): Policy & { Statement: Record<string, unknown>[] } => {
    const at = join(scratch(), 'policies');
    cpSync(join(directory, 'policies'), at, { recursive: true });
    const all = {
      bucket: 'b',
      sets: '["app"]',
      lock_days: '1',
      backup_role: ROLE,
      unlock_key: KEY,
      ...values,
    };
    const vars = Object.entries(all).map(([name, value]) => `-var=${name}=${value}`);
    const { stdout, stderr } = spawnSync('terraform', [`-chdir=${at}`, 'console', ...vars], {
      input: 'local.key_policy\n',
      encoding: 'utf8',
      env: { PATH: process.env.PATH, HOME: at, CHECKPOINT_DISABLE: '1' },
    });
    expect(stderr).toBe('');
    return JSON.parse(JSON.parse(stdout));
  };
  const actions = ({ Statement }: Policy, who: string): unknown[] =>
    Statement.flatMap((one) => (JSON.stringify(one).includes(who) ? one.Action : []));

  it('lets nobody open the vault but the roles that do, and only this vault', () => {
    const policy = said({
      vault: 'v'.repeat(26),
      generations: '[1,2]',
      administrators: '["ADMIN"]',
      openers: '["RESTORE","DRILL"]',
    });
    expect(actions(policy, 'RESTORE')).toEqual(['kms:Decrypt']);
    expect(actions(policy, 'ADMIN')).toEqual(expect.arrayContaining(['kms:PutKeyPolicy', 'kms:Encrypt']));
    for (const action of actions(policy, 'ADMIN'))
      expect(action).not.toMatch(/\*|Decrypt|ReEncrypt|CreateGrant/);
    expect(policy.Statement[1]!.Principal).toEqual({ AWS: ['RESTORE', 'DRILL'] });
    expect(policy.Statement[1]!.Condition).toEqual({
      StringEquals: {
        'kms:EncryptionContext:vault': 'v'.repeat(26),
        'kms:EncryptionContext:generation': ['1', '2'],
      },
      'ForAllValues:StringEquals': { 'kms:EncryptionContextKeys': ['vault', 'generation'] },
    });
    expect(JSON.stringify(policy)).not.toContain(':root');
  });

  it('lets nobody at all before there is a vault', () => {
    const policy = said({ vault: '', generations: '[1]', administrators: '["ADMIN"]' });
    expect(JSON.stringify(policy)).not.toContain('Decrypt');
    expect(policy.Statement).toHaveLength(1);
  });
});

describe('the bucket', () => {
  // biome-ignore lint/suspicious/noExplicitAny: whatever the parser makes of it.
  const read = async (name: string): Promise<any> =>
    await parse(name, readFileSync(join(directory, name), 'utf8'));

  it('keeps versions, is locked, is closed to everybody, and its key cannot go unseen', async () => {
    const { resource } = await read('main.tf');
    expect(resource.aws_s3_bucket.vault[0].object_lock_enabled).toBe(true);
    expect(resource.aws_s3_bucket_versioning.vault[0].versioning_configuration[0].status).toBe('Enabled');
    const { bucket: _, ...blocks } = resource.aws_s3_bucket_public_access_block.vault[0];
    expect(blocks).toEqual({
      block_public_acls: true,
      block_public_policy: true,
      ignore_public_acls: true,
      restrict_public_buckets: true,
    });
    expect(resource.aws_s3_bucket_object_lock_configuration.vault[0].rule[0].default_retention[0].mode).toBe(
      'GOVERNANCE',
    );
    expect(resource.aws_kms_key.unlock[0]).toMatchObject({
      enable_key_rotation: true,
      deletion_window_in_days: 30,
    });
    expect(resource.aws_kms_key_policy.unlock[0].policy).toBe('$' + '{module.policies.key_policy}');
    for (const of of ['aws_s3_bucket', 'aws_kms_key'])
      for (const [one] of Object.values(resource[of]) as [{ lifecycle?: unknown }][])
        expect(one.lifecycle).toEqual([{ prevent_destroy: true }]);
  });

  it('every variable and output says what it is', async () => {
    for (const name of ['main.tf', 'policies/main.tf']) {
      const { variable, output } = await read(name);
      for (const [it] of Object.values({ ...variable, ...output }) as [{ description?: string }][])
        expect(it.description).toMatch(/\w/);
    }
  });

  it.skipIf(!hasProgram('terraform'))('is laid out as terraform fmt has it', () => {
    const { status, stdout } = spawnSync('terraform', ['fmt', '-check', '-recursive', '-diff', directory], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, CHECKPOINT_DISABLE: '1' },
    });
    expect([stdout, status]).toEqual(['', 0]);
    expect(readdirSync(join(directory, 'policies')).length).toBe(ROLES.length + 2);
  });
});
