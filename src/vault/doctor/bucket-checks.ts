// Checks of how the bucket is set up.

import { s3api } from './aws-cli.ts';
import { guards, overwrite, strangers, tls } from './bucket-policy-checks.ts';
import type { BucketPort, LifecycleRule } from './bucket-port.ts';
import { type Check, type Checked, given, type Outcome, ok, runChecks, warning, wrong } from './check.ts';

/** What the settings ask of the bucket. */
export interface BucketFacts {
  readonly port: BucketPort;
  readonly sse: string | undefined;
  readonly lock: { readonly mode: string; readonly days: number } | undefined;
}

const BLOCKS = ['BlockPublicAcls', 'IgnorePublicAcls', 'BlockPublicPolicy', 'RestrictPublicBuckets'] as const;
const DEEP = /^(?:GLACIER|DEEP_ARCHIVE)$/;
/** The service refuses at 15 minutes, and readers refuse what is dated 10 minutes ahead. */
const SKEW = { wrong: 10 * 60_000, warning: 60_000 };

const publicAccess: Check<BucketFacts> = {
  id: 'public-access-block',
  title: 'public access',
  async run({ port }) {
    return given(await port.publicAccessBlock(), (blocks) => {
      const off = BLOCKS.filter((name) => blocks?.[name] !== true);
      if (off.length === 0) return ok('all four blocks are on');
      const all = BLOCKS.map((name) => `${name}=true`).join(',');
      const fix = s3api(port, 'put-public-access-block', `--public-access-block-configuration ${all}`);
      const message = blocks === undefined ? 'public access is not blocked' : `off: ${off.join(', ')}`;
      return port.onAws ? wrong(message, fix) : warning(message, fix);
    });
  },
};

const lock: Check<BucketFacts> = {
  id: 'object-lock',
  title: 'Object Lock',
  async run({ port, lock: asked }) {
    return given(await port.objectLock(), (bucket) => {
      if (bucket === undefined) {
        if (asked)
          return wrong(
            's3.objectLock asks for locks, but the bucket has no Object Lock',
            'make the vault in a bucket with Object Lock, or take s3.objectLock out',
          );
        return warning(
          'the bucket has none: whoever may delete can delete every snapshot at once',
          'for snapshots that nobody can delete too soon, use a bucket with Object Lock and s3.objectLock; versions that a backup role may not delete are the next best',
        );
      }
      if (asked) return ok(`snapshots are locked for ${asked.days} days (${asked.mode})`);
      if (bucket)
        return ok(`the bucket locks everything for ${bucket.days} days (${bucket.mode.toLowerCase()})`);
      return warning(
        'the bucket has Object Lock, but nothing is locked',
        'set s3.objectLock: { mode: governance, days: 30 }, or a default retention of the bucket',
      );
    });
  },
};

const encryption: Check<BucketFacts> = {
  id: 'encryption',
  title: 'encryption by the service',
  async run({ port, sse }) {
    const [bucket, stored] = await Promise.all([port.encryption(), port.encryptionOf('vault/1.json')]);
    const asked = sse === undefined || sse === 'none' ? undefined : sse;
    if (asked && stored.known && stored.value && stored.value.algorithm !== asked) {
      return warning(
        `s3.sse asks for ${asked}, but what is stored there says ${stored.value.algorithm ?? 'none'}`,
        'what was written before the setting stays as it is; if it was there from the start, the service ignores it',
      );
    }
    if (asked && stored.known && stored.value) return ok(`${asked}, and the service confirms it`);
    return given(bucket, (set) => {
      if (set === undefined) {
        return warning(
          'the bucket encrypts nothing by default (strongroom encrypts before it sends, all the same)',
          s3api(
            port,
            'put-bucket-encryption',
            `--server-side-encryption-configuration '{"Rules":[{"ApplyServerSideEncryptionByDefault":{"SSEAlgorithm":"AES256"}}]}'`,
          ),
        );
      }
      if (port.onAws && !set.blocksCustomerKeys) {
        return warning(
          `${set.algorithm} by default, but the bucket takes objects under a key of the writer's own (SSE-C)`,
          'block SSE-C in the default encryption of the bucket: strongroom never uses it, and extortion does',
        );
      }
      return ok(`${set.algorithm} by default`);
    });
  },
};

const lifecycle: Check<BucketFacts> = {
  id: 'lifecycle',
  title: 'lifecycle rules',
  async run({ port }) {
    return given(await port.lifecycle(), (rules) => judgeLifecycle(rules, port));
  },
};

function judgeLifecycle(rules: readonly LifecycleRule[], port: BucketPort): Outcome {
  const { prefix } = port;
  const touching = rules.filter(
    (rule) => !rule.tagged && (rule.prefix.startsWith(prefix) || prefix.startsWith(rule.prefix)),
  );
  const look = s3api(port, 'get-bucket-lifecycle-configuration');
  const eats = touching.find(({ expires }) => expires !== undefined);
  if (eats) {
    return wrong(
      `the lifecycle rule ${eats.id} deletes what is in the vault ${eats.expires}`,
      `take it out, or limit it to another prefix (${look}); strongroom alone decides what goes`,
    );
  }
  const deep = touching.find(({ moves }) => moves.some((name) => DEEP.test(name)));
  if (deep) {
    return wrong(
      `the lifecycle rule ${deep.id} moves the vault to ${deep.moves.join(', ')}: a restore waits for hours, and nothing can be listed or opened until then`,
      `take it out, or limit it to another prefix (${look}); s3.storageClass is for large sets`,
    );
  }
  const moves = touching.find((rule) => rule.moves.length > 0);
  if (moves) {
    return warning(
      `the lifecycle rule ${moves.id} moves the vault to ${moves.moves.join(', ')}`,
      'small objects cost more there than they save; s3.storageClass puts only data there',
    );
  }
  return ok(touching.length === 0 ? 'no rule is about the vault' : 'no rule deletes or moves what is there');
}

const clock: Check<BucketFacts> = {
  id: 'clock',
  title: 'clock',
  async run({ port }) {
    return given(await port.clockAhead(), (ahead) => {
      const seconds = Math.round(Math.abs(ahead) / 1000);
      const message = `${seconds} s ${ahead > 0 ? 'behind' : 'ahead of'} the service`;
      if (Math.abs(ahead) > SKEW.wrong) return wrong(message, 'set the clock (timedatectl, chrony)');
      if (Math.abs(ahead) > SKEW.warning) return warning(message, 'set the clock (timedatectl, chrony)');
      return ok(seconds === 0 ? 'as the service has it' : message);
    });
  },
};

const onPort = (check: Check<BucketPort>): Check<BucketFacts> => ({
  ...check,
  run: ({ port }) => check.run(port),
});

/** All of them, the gravest first. */
export const bucketChecks: readonly Check<BucketFacts>[] = [
  onPort(overwrite),
  onPort(strangers),
  publicAccess,
  lifecycle,
  onPort(guards),
  lock,
  encryption,
  onPort(tls),
  clock,
];

/** What nobody should begin a vault with: the checks that `init` makes at once. Only what is wrong. */
export async function graveFindings(facts: BucketFacts): Promise<Checked[]> {
  const grave = bucketChecks.slice(0, 4);
  return (await runChecks(grave, facts)).filter(({ verdict }) => verdict === 'wrong');
}
