// What a policy must know of this vault: from the settings, and the keys that open it from the vault itself where it
// can be read. Prints nothing of it.
import { StrongroomError, UsageError } from '../../errors.ts';
import { checkName } from '../../vault/names.ts';
import type { Pin } from '../../vault/pin.ts';
import { kmsKey, type PolicySubject, type UnlockKey } from '../../vault/policy/statement.ts';
import { effectivePin, openPinned } from '../../vault/vault.ts';
import { type Context, locationOf, type Settings } from '../context.ts';
import { configuredPin, vaultContext } from '../open.ts';

/**
 * @param options.sseKey `--sse-key`
 * @param options.opens whether the role opens the vault, so that its KMS keys matter
 * @throws UsageError `not-s3`, `needs-sse-key`, `bad-arn`, and as the location
 */
export async function policySubject(
  context: Context,
  { sseKey, opens }: { readonly sseKey: string | undefined; readonly opens: boolean },
): Promise<PolicySubject> {
  const settings = await context.settings();
  const place = await (await context.world()).s3Place(locationOf(settings));
  if (place === undefined) {
    throw new UsageError('not-s3', 'a vault in a directory has no policies', {
      hint: 'its owner and its modes are what guards it: see `strongroom doctor`',
    });
  }
  const onAws = await isAws(settings, context);
  const key = sseKeyOf(settings, sseKey, onAws);
  return {
    bucket: place.bucket,
    prefix: place.prefix,
    partition: key === undefined ? partitionOf(settings, context) : kmsKey(key).partition,
    sseKey: key,
    lock: settings.config?.s3.objectLock,
    unlockKeys: opens ? await unlockKeys(context) : [],
    onAws,
  };
}

/** The sets of a backup role. @throws UsageError `no-sets`, `bad-name` */
export function setsOf({ config }: Settings, given: readonly string[]): string[] {
  const sets = given.length > 0 ? given : [...(config?.sets.keys() ?? [])];
  if (sets.length > 0) return [...new Set(sets.map((set) => checkName(set, 'set')))];
  throw new UsageError('no-sets', 'a backup role may write its sets only, and none was named', {
    hint: 'give --set SET, or run this where a strongroom.yaml with sets is',
  });
}

/** Private endpoints of AWS count: they know what the public ones know. */
async function isAws(settings: Settings, context: Context): Promise<boolean> {
  const endpoint = (await (await context.world()).bucket(locationOf(settings), settings))?.endpoint;
  return endpoint === undefined || /^https?:\/\/[^/]*\.amazonaws\.com(\.cn)?(?::\d+)?\/?$/.test(endpoint);
}

function partitionOf({ config }: Settings, { env }: Context): string {
  const region = config?.s3.region ?? env.AWS_REGION ?? env.AWS_DEFAULT_REGION ?? '';
  if (region.startsWith('cn-')) return 'aws-cn';
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
}

function sseKeyOf({ config }: Settings, given: string | undefined, onAws: boolean): string | undefined {
  if (given !== undefined) {
    kmsKey(given);
    return given;
  }
  const { sse = 'none', kmsKeyId } = config?.s3 ?? {};
  // Other services have no IAM for their keys.
  if (!sse.startsWith('aws:kms') || !onAws) return undefined;
  if (kmsKeyId?.includes(':key/')) {
    kmsKey(kmsKeyId);
    return kmsKeyId;
  }
  throw new UsageError('needs-sse-key', 's3.sse asks for a KMS key, but its ARN is not known', {
    object: 's3.kmsKeyId',
    hint: 'give --sse-key ARN, or write the ARN as s3.kmsKeyId (aws kms describe-key shows it)',
  });
}

/** The KMS keys that open the vault: those that it lists, else those of the settings. */
async function unlockKeys(context: Context): Promise<UnlockKey[]> {
  const { config } = await context.settings();
  const given = await configuredPin(context);
  const base = await vaultContext(context);
  const pin = await effectivePin(base, given);
  const left = (code: string, message: string, hint: string): UnlockKey[] => {
    context.warn(code, message, { hint, object: base.store.location });
    return pin === undefined ? [] : (config?.kms ?? []).map((arn) => ({ arn, context: contextOf(pin) }));
  };
  if (pin === undefined) {
    return left(
      'unpinned',
      'nothing vouches for this vault, so KMS keys that open it are not in the policy',
      'run `strongroom trust` first, or put the pin into strongroom.yaml',
    );
  }
  try {
    const vault = await openPinned(base, { pin });
    return (vault?.document.slots ?? []).flatMap(({ method, arn, context: told }) =>
      method === 'kms' && arn !== undefined ? [{ arn, context: told ?? contextOf(pin) }] : [],
    );
  } catch (error) {
    // What is not this vault must stop everything; what cannot be read now must not.
    if (!(error instanceof StrongroomError) || error.exitCode === 13) throw error;
    return left(
      'vault-unread',
      `the vault cannot be read from here (${error.message}): the policy has only the KMS keys of the settings`,
      'write their ARNs under kms: in strongroom.yaml, or run this with a role that may read',
    );
  }
}

/** What KMS is told when it wraps for this vault (docs/format.md section 4). */
function contextOf({ vault, generation }: Pin): Record<string, string> {
  return { vault, generation: String(generation) };
}
