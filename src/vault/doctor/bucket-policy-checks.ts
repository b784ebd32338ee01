// Checks of what the bucket's policy says: nothing overwritten, TLS only, nobody let in, no guard forgotten.
import { evaluate, matches } from '../policy/evaluate.ts';
import { s3api } from './aws-cli.ts';
import type { BucketPort } from './bucket-port.ts';
import { type Check, given, type Outcome, ok, unknown, warning, wrong } from './check.ts';

const PRINT = '`strongroom policy bucket` prints one that does';

const objectOf = ({ bucket, prefix }: BucketPort): string => `arn:aws:s3:::${bucket}/${prefix}vault/1.json`;

/** A policy may be of another partition; the name of the bucket says enough. */
function inOnePartition(policy: unknown): unknown {
  return JSON.parse(JSON.stringify(policy ?? {}).replace(/arn:aws[a-z-]*:s3:::/g, 'arn:aws:s3:::'));
}

interface Said {
  readonly Effect?: unknown;
  readonly Principal?: unknown;
  readonly Condition?: unknown;
  readonly Action?: unknown;
  readonly NotAction?: unknown;
}

function statementsOf(policy: unknown): Said[] {
  const all = [(policy as { Statement?: unknown } | undefined)?.Statement ?? []].flat();
  return all.filter((s): s is Said => typeof s === 'object' && s !== null);
}

type Keys = Readonly<Record<string, string>>;

/** A put of ours, over TLS; and that it makes a whole object, where a rule makes an exception for pieces. */
const PUT: Keys = { 'aws:securetransport': 'true', 's3:objectcreationoperation': 'true' };

/**
 * Whether a rule of the policy refuses a call for what it lacks: it denies `bad`, and would not deny `good`. A rule that
 * denies both is about something else.
 * @returns for whom
 */
function refuses(policy: unknown, call: { action: string; resource: string }, bad: Keys, good: Keys) {
  const said = statementsOf(policy).map((statement) => {
    const { Principal, ...rest } = statement;
    const denied = (context: Keys) => evaluate({ Statement: rest }, { ...call, context });
    const [worse, better] = [denied(bad), denied(good)];
    const isAll = Principal === '*' || JSON.stringify(Principal) === '{"AWS":"*"}';
    return { isAll, isRule: worse.denied && !better.denied && !better.unsure, unsure: worse.unsure };
  });
  const rules = said.filter(({ isRule }) => isRule);
  if (rules.some(({ isAll }) => isAll)) return 'everybody';
  if (rules.length > 0) return 'some';
  return said.some(({ unsure }) => unsure) ? 'unsure' : 'nobody';
}

export const overwrite: Check<BucketPort> = {
  id: 'overwrite',
  title: 'overwriting',
  async run(bucket) {
    const [versioning, policy] = await Promise.all([bucket.versioning(), bucket.policy()]);
    if (versioning.known && versioning.value === 'enabled')
      return ok('the bucket keeps old versions of what is overwritten');
    const call = { action: 's3:PutObject', resource: objectOf(bucket) };
    const whom = policy.known
      ? refuses(inOnePartition(policy.value), call, PUT, { ...PUT, 's3:if-none-match': '*' })
      : 'nobody';
    if (whom === 'everybody') return ok('the policy of the bucket refuses to overwrite');
    if (!versioning.known) return unknown(versioning.why);
    if (!policy.known && bucket.onAws) return unknown(policy.why);
    if (whom === 'unsure') return unknown('its policy has conditions that are not understood here');
    const versions = s3api(bucket, 'put-bucket-versioning', '--versioning-configuration Status=Enabled');
    const fix = bucket.onAws ? `${versions}; or a policy that refuses: ${PRINT}` : versions;
    if (whom === 'some')
      return warning('the policy of the bucket refuses to overwrite, but to some roles only', fix);
    const now = versioning.value === 'suspended' ? 'its versioning is suspended' : 'it keeps no versions';
    return wrong(
      `whoever may write can overwrite every snapshot: ${now}, and no policy of the bucket refuses`,
      fix,
    );
  },
};

export const tls: Check<BucketPort> = {
  id: 'tls',
  title: 'TLS',
  async run(bucket) {
    if (bucket.endpoint?.startsWith('http:')) {
      const isHere = /^http:\/\/(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::|\/|$)/.test(bucket.endpoint);
      const fix = 'use an https:// endpoint';
      if (!isHere)
        return wrong('the endpoint is plain HTTP: names, sizes and times can be read on the way', fix);
      return warning('the endpoint is plain HTTP, on this machine', fix);
    }
    return given(await bucket.policy(), (policy) => {
      const call = { action: 's3:GetObject', resource: objectOf(bucket) };
      const whom = refuses(inOnePartition(policy), call, { 'aws:securetransport': 'false' }, PUT);
      if (whom === 'everybody') return ok('the bucket refuses what is not over TLS');
      if (whom === 'unsure') return unknown('its policy has conditions that are not understood here');
      return warning('the bucket takes plain HTTP as well', `set a policy that refuses it: ${PRINT}`);
    });
  },
};

export const strangers: Check<BucketPort> = {
  id: 'public-policy',
  title: 'public policy',
  async run(bucket) {
    return given(await bucket.policy(), (policy) => {
      const said = ['s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:ListBucket'].map((action) => {
        const resource = action === 's3:ListBucket' ? `arn:aws:s3:::${bucket.bucket}` : objectOf(bucket);
        const context = {
          'aws:securetransport': 'true',
          's3:if-none-match': '*',
          's3:prefix': bucket.prefix,
        };
        return { action, verdict: evaluate(inOnePartition(policy), { action, resource, context }) };
      });
      const open = said
        .filter(({ verdict }) => verdict.allowed && !verdict.denied)
        .map(({ action }) => action);
      if (open.length > 0) {
        return wrong(
          `its policy allows everybody ${open.join(', ')}`,
          'take that statement out of the policy of the bucket',
        );
      }
      if (said.some(({ verdict }) => verdict.unsure))
        return unknown('its policy has conditions that are not understood here');
      return ok('its policy lets nobody in');
    });
  },
};

const FORGOTTEN = ['s3:PutLifecycleConfiguration', 's3:PutBucketVersioning'];

export const guards: Check<BucketPort> = {
  id: 'guards',
  title: 'rules that deny',
  async run(bucket) {
    return given(await bucket.policy(), (policy) => judgeGuards(inOnePartition(policy)));
  },
};

function judgeGuards(policy: unknown): Outcome {
  const denies = statementsOf(policy).filter(({ Effect }) => Effect === 'Deny');
  const about = (statement: Said, action: string): boolean => {
    const fits = (list: unknown) =>
      [list ?? []].flat().some((a) => matches(String(a).toLowerCase(), action.toLowerCase()));
    return statement.NotAction === undefined ? fits(statement.Action) : !fits(statement.NotAction);
  };
  // Over plain HTTP everything is denied: that is another matter.
  const whom = ({ Principal, Condition }: Said) => JSON.stringify([Principal, Condition ?? null]);
  const deletion = denies.filter(
    (s) =>
      (about(s, 's3:DeleteObject') || about(s, 's3:DeleteObjectVersion')) &&
      !JSON.stringify(s.Condition ?? '').includes('SecureTransport'),
  );
  if (deletion.length === 0) return ok('its policy denies no deletion, so that none can be gone round');
  const missing = FORGOTTEN.filter((action) =>
    deletion.some((s) => !denies.some((other) => about(other, action) && whom(other) === whom(s))),
  );
  if (missing.length === 0)
    return ok('who may not delete may not change lifecycle rules or versioning either');
  return wrong(
    `its policy denies deletion but not ${missing.join(' and ')}, which delete just as well`,
    'deny these to the same roles: `strongroom policy bucket --backup-role ARN` prints how',
  );
}
