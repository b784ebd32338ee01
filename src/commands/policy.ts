// `strongroom policy`: the least that a role needs on this vault, and the policy of its bucket, to be attached by
// whoever administers the account. It changes nothing.
import { UsageError } from '../errors.ts';
import { bucketPolicy } from '../vault/policy/bucket-policy.ts';
import { ROLES, type Role, rolePolicy } from '../vault/policy/roles.ts';
import type { Policy, PolicySubject } from '../vault/policy/statement.ts';
import { policyJson, policyTerraform, type ResourceName } from '../vault/policy/terraform.ts';
import { defineCommand, type JsonValue } from './command.ts';
import { policySubject, setsOf } from './policy/subject.ts';

const CHOICES = [...ROLES, 'bucket'] as const;

export const command = defineCommand({
  description: [
    'Prints the least IAM policy for a role on this very vault: its bucket, its prefix, its sets, its KMS keys.',
    'backup creates snapshots of its sets and nothing else; verify reads, without a key; restore also opens; drill also writes its evidence; prune also deletes snapshots. `bucket` is the policy of the bucket: TLS only, nothing is overwritten, no lock longer than configured.',
    'Print it again after a change of sets, and after a rotation of keys: KMS opens what it is told to open, and nothing later.',
  ],
  needs: 'nothing; restore and drill read the vault where they can, for its KMS keys',
  args: { role: { value: 'ROLE', summary: 'whose policy', choices: CHOICES } },
  flags: {
    set: { value: 'SET', repeat: true, summary: 'backup: the sets, else those of strongroom.yaml' },
    format: {
      value: 'FORMAT',
      choices: ['json', 'terraform'],
      summary: 'how it is written, json unless given',
    },
    sseKey: {
      value: 'ARN',
      summary: "the KMS key that the bucket's service encrypts with, where s3.kmsKeyId does not say",
    },
    backupRole: {
      value: 'ARN',
      repeat: true,
      summary: 'bucket: a backup role, which then can neither delete nor change how the bucket is set up',
    },
    deleteVersions: { summary: 'prune: old versions go too' },
    hold: {
      summary: 'backup: may keep what it creates from being removed; prune: may do so, and allow it again',
    },
  },
  examples: [
    ['policy backup --set app', 'what the machine that backs up needs'],
    ['policy restore --format terraform', 'the same for restores, for Terraform'],
    ['policy bucket --backup-role arn:aws:iam::111122223333:role/backup', 'the policy of the bucket'],
  ],
  async run({ args: { role }, flags }, context) {
    checkFlags(role, flags);
    const opens = role === 'restore' || role === 'drill';
    const subject = await policySubject(context, { sseKey: flags.sseKey, opens });
    if (subject.unlockKeys.length > 0 && !subject.onAws) {
      const object = subject.unlockKeys[0]!.arn;
      context.warn('kms-elsewhere', 'the keys that open this vault are in AWS, and the bucket is not', {
        object,
        hint: 'attach the statements about kms: to this role in AWS, and the others at the service of the bucket, which knows no keys of AWS',
      });
    }
    if (role === 'bucket' && !subject.onAws) {
      context.warn('not-create-only', 'this service knows no rule against overwriting', {
        object: subject.bucket,
        hint: 'turn versioning on for the bucket, so that what is overwritten is still there',
      });
    }
    if (flags.hold && subject.lock === undefined) {
      throw new UsageError(
        'needs-object-lock',
        'strongroom.yaml asks for no Object Lock, so nothing is held',
        {
          object: 's3.objectLock',
          hint: 'in a bucket with Object Lock set s3.objectLock: { mode: governance, days: 30 }, or leave --hold out',
        },
      );
    }
    const settings = await context.settings();
    const sets = role === 'backup' ? setsOf(settings, flags.set) : [];
    for (const set of flags.set) {
      // One for paths that are given by hand need not be there.
      if (settings.config === undefined || settings.config.sets.has(set)) continue;
      context.warn('unknown-set', `strongroom.yaml has no set ${set}`, {
        object: set,
        hint: 'is that a slip?',
      });
    }
    const policy =
      role === 'bucket'
        ? bucketPolicy(subject, flags.backupRole)
        : rolePolicy(role, subject, { sets, deleteVersions: flags.deleteVersions, hold: flags.hold });
    const terraform =
      flags.format === 'terraform' ? policyTerraform(policy, resourceOf(role, subject)) : undefined;
    return { role, policy, terraform };
  },
  human({ policy, terraform }, out) {
    out.raw(terraform ?? policyJson(policy));
  },
  json: ({ role, policy, terraform }) => ({ role, policy: asJson(policy), terraform }),
});

type Choice = Role | 'bucket';

/** @throws UsageError `flag-of-another-role`: a policy that ignored a flag would not be the one that was meant */
function checkFlags(
  role: Choice,
  flags: {
    readonly set: readonly string[];
    readonly backupRole: readonly string[];
    readonly deleteVersions: boolean;
    readonly hold: boolean;
  },
): void {
  const only: readonly (readonly [flag: string, given: boolean, ...of: Choice[]])[] = [
    ['--set', flags.set.length > 0, 'backup'],
    ['--backup-role', flags.backupRole.length > 0, 'bucket'],
    ['--delete-versions', flags.deleteVersions, 'prune'],
    ['--hold', flags.hold, 'backup', 'prune'],
  ];
  for (const [flag, given, ...of] of only) {
    if (!given || of.includes(role)) continue;
    throw new UsageError(
      'flag-of-another-role',
      `${flag} is for ${of.map((other) => `\`policy ${other}\``).join(' and ')}`,
      { object: flag, hint: `leave it out, or run \`strongroom policy ${of[0]}\`` },
    );
  }
}

function resourceOf(role: Choice, { bucket, prefix }: PolicySubject): ResourceName {
  if (role === 'bucket') {
    return { type: 'aws_s3_bucket_policy', label: 'strongroom', attributes: { bucket } };
  }
  // What IAM takes in a name.
  const name = `strongroom-${role}-${bucket}/${prefix}`
    .replace(/[^A-Za-z0-9+=,.@_-]+/g, '-')
    .replace(/-+$/, '');
  return { type: 'aws_iam_policy', label: `strongroom_${role}`, attributes: { name: name.slice(0, 128) } };
}

function asJson(policy: Policy): JsonValue {
  return policy as unknown as JsonValue;
}
