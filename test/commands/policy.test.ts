import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { SSE_KEY, UNLOCK_KEY } from '../vault/policy/subject.ts';
import { type Desk, desk } from './desk.ts';

const PIN =
  '{ vault: 0123456789abcdefghjkmnpqrs, generation: 2, revision: 3, recipient: age1xmwwc06ly3ee5rytxm9mflaz2u56jjj36s0mypdrwsvlul66mv4q47ryef, authority: "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" }';

let at: Desk;
beforeEach(async () => {
  at = await desk();
  // Nobody answers there: whatever is asked of the service fails.
  at.env.AWS_ENDPOINT_URL_S3 = undefined;
});

const configure = (more = '') =>
  at.write(
    'strongroom.yaml',
    `location: s3://acme-backups/shop\npin: ${PIN}\nsets: { app: {}, db: {} }\n${more}`,
  );

interface Said {
  readonly Statement: readonly {
    readonly Sid: string;
    readonly Resource: readonly string[];
    readonly Condition?: unknown;
  }[];
}
const policy = async (line: string): Promise<Said> => JSON.parse((await at.ok(line)).bytes.toString());

describe('policy', () => {
  it('prints what a backup needs, without asking the service anything', async () => {
    configure();
    const said = await at.ok('policy backup');
    expect(said.err).toBe('');
    expect(said.out).toMatchInlineSnapshot(`
      "{
        "Version": "2012-10-17",
        "Statement": [
          {
            "Sid": "CreateSnapshots",
            "Effect": "Allow",
            "Action": [
              "s3:PutObject"
            ],
            "Resource": [
              "arn:aws:s3:::acme-backups/shop/data/app/*",
              "arn:aws:s3:::acme-backups/shop/snapshots/app/*",
              "arn:aws:s3:::acme-backups/shop/data/db/*",
              "arn:aws:s3:::acme-backups/shop/snapshots/db/*"
            ],
            "Condition": {
              "Null": {
                "s3:if-none-match": "false"
              }
            }
          }
        ]
      }
      "
    `);
  });

  it('takes other sets, without a file', async () => {
    const { Statement } = await policy(
      'policy backup --location s3://acme-backups --set one --set two --set one',
    );
    expect(Statement.map(({ Resource }) => Resource)).toEqual([
      ['data/one/*', 'snapshots/one/*', 'data/two/*', 'snapshots/two/*'].map(
        (o) => `arn:aws:s3:::acme-backups/${o}`,
      ),
    ]);
  });

  it('tells programs', async () => {
    configure();
    const [line, ...others] = (await at.ok('policy verify --json --format terraform')).json();
    expect(others).toEqual([]);
    expect(line).toMatchObject({
      message_type: 'summary',
      role: 'verify',
      policy: { Version: '2012-10-17' },
    });
    expect(line?.terraform).toContain('resource "aws_iam_policy" "strongroom_verify" {\n');
    expect(line?.terraform).toContain('name = "strongroom-verify-acme-backups-shop"');
  });

  it('prints Terraform for the bucket', async () => {
    configure();
    const { out } = await at.ok(
      'policy bucket --format terraform --backup-role arn:aws:iam::111122223333:role/b',
    );
    expect(out).toMatch(/^resource "aws_s3_bucket_policy" "strongroom" \{\n {2}bucket = "acme-backups"\n/);
    expect(out).toContain('"arn:aws:iam::111122223333:role/b"');
  });

  it('follows the settings: encryption, locks, KMS keys of this user', async () => {
    configure(
      `s3: { sse: "aws:kms", kmsKeyId: "${SSE_KEY}", objectLock: { mode: compliance, days: 7 }, endpoint: "http://127.0.0.1:9", deadline: 1s }\nkms: ["${UNLOCK_KEY}"]\n`,
    );
    // Another service: it has no IAM for a KMS key of its own, but ours may be used from there.
    const said = await at.ok('policy restore');
    expect(said.err).toContain('vault cannot be read from here');
    expect(said.err).toContain('attach the statements about kms: to this role in AWS');
    const { Statement } = JSON.parse(said.bytes.toString()) as Said;
    const opening = Statement.find(({ Sid }) => Sid === 'OpenTheVault');
    expect(opening).toMatchObject({
      Resource: [UNLOCK_KEY],
      Condition: {
        StringEquals: {
          'kms:EncryptionContext:vault': '0123456789abcdefghjkmnpqrs',
          'kms:EncryptionContext:generation': '2',
        },
      },
    });
    const sids = (await policy('policy backup')).Statement.map(({ Sid }) => Sid);
    expect(sids).toEqual(['CreateSnapshots', 'LockWhatIsCreated']);
  });

  it('knows the key that S3 encrypts with, from the settings or as it is given', async () => {
    configure(`s3: { sse: "aws:kms", kmsKeyId: "${SSE_KEY}" }\n`);
    const key = (said: Said) => said.Statement.find(({ Sid }) => Sid === 'EncryptThroughS3')?.Resource;
    expect(key(await policy('policy backup'))).toEqual([SSE_KEY]);
    configure('s3: { sse: "aws:kms", kmsKeyId: "alias/backups" }\n');
    expect(await at.say('policy backup')).toMatchObject({
      code: 2,
      err: expect.stringContaining('--sse-key ARN'),
    });
    expect(key(await policy(`policy backup --sse-key ${SSE_KEY}`))).toEqual([SSE_KEY]);
    // The bucket may encrypt by default, without having been asked.
    configure();
    expect(key(await policy(`policy backup --sse-key ${SSE_KEY}`))).toEqual([SSE_KEY]);
  });

  it('asks no other service than AWS for what it does not know, and says so of the bucket', async () => {
    configure('s3: { endpoint: "https://s3.example.com" }\n');
    expect(JSON.stringify(await policy('policy backup'))).not.toContain('if-none-match');
    const bucket = await at.ok('policy bucket');
    expect(bucket.out).not.toContain('if-none-match');
    expect(bucket.err).toContain('turn versioning on');
    configure('s3: { endpoint: "https://bucket.vpce-1-a.s3.eu-central-1.vpce.amazonaws.com" }\n');
    expect(JSON.stringify(await policy('policy backup'))).toContain('if-none-match');
  });

  it('knows a service that only ~/.aws/config names', async () => {
    configure();
    const file = at.write('aws-config', '[default]\nendpoint_url = https://s3.example.com\n');
    vi.stubEnv('AWS_CONFIG_FILE', file);
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    expect(JSON.stringify(await policy('policy backup'))).not.toContain('if-none-match');
  });

  it.each([
    ['policy backup --location vault', 'not-s3'],
    ['policy backup --location s3://acme-backups', 'no-sets'],
    ['policy backup --location s3://acme-backups --set a*', 'bad-name'],
    ['policy backup --location s3://acme-backups --set a --sse-key alias/x', 'bad-arn'],
    ['policy bucket --location s3://acme-backups --backup-role x', 'bad-arn'],
    ['policy verify --location s3://acme-backups --set a', 'flag-of-another-role'],
    ['policy verify --location s3://acme-backups --hold', 'flag-of-another-role'],
    ['policy prune --location s3://acme-backups --hold', 'needs-object-lock'],
    ['policy backup --location s3://acme-backups --set a --delete-versions', 'flag-of-another-role'],
    ['policy backup --location s3://acme-backups --set a --backup-role x', 'flag-of-another-role'],
    ['policy backup --location s3://a/b*', 'bad-location'],
  ])('refuses %s', async (line, code) => {
    const said = await at.say(`${line} --json`);
    expect(said.code).toBe(2);
    expect(JSON.parse(said.err)).toMatchObject({ message_type: 'exit_error', code });
  });

  it('says of a service that cannot be asked why, such as a region that nobody named', async () => {
    configure();
    vi.stubEnv('AWS_REGION', undefined);
    vi.stubEnv('AWS_CONFIG_FILE', '/nowhere');
    onTestFinished(() => void vi.unstubAllEnvs());
    const said = await at.ok('policy restore');
    expect(said.err).toContain('nothing says in which region the bucket is');
    const doctor = await at.say('doctor');
    expect([doctor.code, doctor.out]).toEqual([
      5,
      expect.stringContaining('fix: set s3.region, or AWS_REGION'),
    ]);
  });

  it('leaves KMS keys out, and says so, where nothing vouches for the vault', async () => {
    const said = await at.ok('policy restore --location s3://acme-backups');
    expect(said.err).toContain('nothing vouches for this vault');
    expect(said.out).not.toContain('kms:');
  });
});
