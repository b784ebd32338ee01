// The kms method: the identity as AWS KMS encrypted it, bound to this vault and generation by the encryption context.
// What is stored is the service's own ciphertext, so that `aws kms decrypt` opens it.
import { IntegrityError } from '../errors.ts';
import { checkKmsArn, checkRegions, inRegion, isBehind, isSameKey, parseKmsArn } from './kms/arn.ts';
import { ask, KmsFailure, type KmsOptions, unlockError } from './kms/ask.ts';
import { liedTo } from './kms/failure.ts';
import type { Credential, NewKey, WrappedSlot } from './method.ts';

const OF_ANOTHER = liedTo('the reply is not that of this key');

/**
 * @param arn of a key, or of an alias, which is resolved once: the vault document names the key itself
 * @throws UsageError `bad-kms-key`; its `wrap` UnlockError `kms-…`, `no-credentials`
 */
export function newKmsKey(name: string, arn: string, options: KmsOptions = {}): NewKey {
  const { region, isAlias } = checkKmsArn(arn, true);
  return {
    name,
    method: 'kms',
    extension: 'kms',
    async wrap(plain, { vault, generation }) {
      const context = { vault, generation: String(generation) };
      try {
        const key = isAlias ? await keyBehind(arn, region, options) : arn;
        const reply = await ask({ operation: 'Encrypt', arn: key, region }, options, (client, sdk, http) =>
          client.send(
            new sdk.EncryptCommand({ KeyId: key, Plaintext: plain, EncryptionContext: context }),
            http,
          ),
        );
        const used = reply.KeyId ?? '';
        if (!reply.CiphertextBlob || (used !== key && !isBehind(key, used)))
          throw new KmsFailure(OF_ANOTHER, undefined);
        return { bytes: Buffer.from(reply.CiphertextBlob), fields: { arn: used, context } };
      } catch (error) {
        if (!(error instanceof KmsFailure)) throw error;
        throw unlockError(`kms:Encrypt with ${arn}`, arn, [[region, error]]);
      }
    },
  };
}

/** The ARN of the key that an alias names now; the alias itself where this role may not know. */
async function keyBehind(alias: string, region: string, options: KmsOptions): Promise<string> {
  try {
    const asked = { operation: 'DescribeKey', arn: alias, region } as const;
    const reply = await ask(asked, options, (client, sdk, http) =>
      client.send(new sdk.DescribeKeyCommand({ KeyId: alias }), http),
    );
    const key = reply.KeyMetadata?.Arn;
    if (key !== undefined && !isBehind(alias, key)) throw new KmsFailure(OF_ANOTHER, undefined);
    return key ?? alias;
  } catch (error) {
    // Encrypt takes an alias too, and its reply names the key.
    if (error instanceof KmsFailure && error.failure.code === 'kms-denied') return alias;
    throw error;
  }
}

export interface KmsTrust {
  /**
   * Keys that the user named. Only who may encrypt with them can have made what they open, so they prove a vault.
   * Left out: whatever key the vault names, which proves nothing.
   */
  readonly named?: readonly string[];
  /** Keys that are none of this credential's, as another one has them. */
  readonly except?: readonly string[];
}

/**
 * What AWS KMS opens for whoever runs this.
 * @throws UsageError `bad-kms-key` for a named one that is none, `bad-region`
 */
export function kmsCredential({ named, except = [] }: KmsTrust = {}, options: KmsOptions = {}): Credential {
  for (const arn of named ?? []) checkKmsArn(arn, false);
  checkRegions(options.regions ?? []);
  const isIn = (arns: readonly string[], { arn = '' }: WrappedSlot) =>
    arns.some((other) => isSameKey(arn, other));
  return {
    description: named ? 'the AWS KMS key that you named' : 'the AWS KMS key that the vault names',
    authenticates: named !== undefined,
    asks: 'service',
    fits: (slot) =>
      slot.method === 'kms' && (named === undefined || isIn(named, slot)) && !isIn(except, slot),
    async unwrap(bytes, slot) {
      const { arn, region, context, isMultiRegion } = checkSlot(slot);
      const replicas = (named ?? [])
        .filter((other) => isSameKey(arn, other))
        .map((r) => parseKmsArn(r)!.region);
      const regions = new Set([region, ...(isMultiRegion ? [...replicas, ...(options.regions ?? [])] : [])]);
      const failures: [string, KmsFailure][] = [];
      for (const place of regions) {
        try {
          return await decrypt(bytes, inRegion(arn, place), place, context, options);
        } catch (error) {
          if (!(error instanceof KmsFailure)) throw error;
          failures.push([place, error]);
          if (!error.failure.isRegional) break;
        }
      }
      throw unlockError(`kms:Decrypt of ${slot.object} with ${arn}`, slot.object, failures);
    },
  };
}

async function decrypt(
  bytes: Uint8Array,
  arn: string,
  region: string,
  context: Readonly<Record<string, string>>,
  options: KmsOptions,
): Promise<Buffer> {
  const reply = await ask({ operation: 'Decrypt', arn, region }, options, (client, sdk, http) =>
    // With the key named, KMS opens nothing that another key made, whatever the ciphertext says of itself.
    client.send(
      new sdk.DecryptCommand({ KeyId: arn, CiphertextBlob: bytes, EncryptionContext: context }),
      http,
    ),
  );
  // A replica answers by its own name. Whoever gives another was not asked, and what he says would be believed.
  if (!reply.Plaintext || reply.KeyId !== arn) throw new KmsFailure(OF_ANOTHER, undefined);
  return Buffer.from(reply.Plaintext);
}

/** The ARN and the context of a slot: held to their form, as without a pin anybody may have written them. */
function checkSlot(slot: WrappedSlot) {
  const parsed = parseKmsArn(slot.arn ?? '');
  const { vault = '', generation = '', ...more } = slot.context ?? {};
  const isContext = /^[0-9a-z]{26}$/.test(vault) && /^[1-9]\d{0,8}$/.test(generation);
  if (parsed && !parsed.isAlias && isContext && Object.keys(more).length === 0) {
    return { ...parsed, context: { vault, generation } };
  }
  throw new IntegrityError(
    'bad-kms-slot',
    `${slot.object}: what the vault document says of it is no AWS KMS key`,
    {
      object: slot.object,
      hint: 'use another key, or a copy of the vault',
    },
  );
}
