// How a KMS key is: its state, its end, its rotation. Reads only, and uses the key for nothing.
import { UsageError } from '../../errors.ts';
import type { Answer } from '../../vault/doctor/check.ts';
import type { KmsKeyState } from '../../vault/doctor/key-checks.ts';
import { parseKmsArn } from './arn.ts';
import { ask, KmsFailure, type KmsOptions } from './ask.ts';

/** @param arn of a key */
export async function kmsKeyState(arn: string, options: KmsOptions = {}): Promise<Answer<KmsKeyState>> {
  const region = parseKmsArn(arn)?.region;
  if (region === undefined) return { known: false, why: 'its ARN is not one of a KMS key' };
  try {
    const { KeyMetadata } = await ask(
      { operation: 'DescribeKey', arn, region },
      options,
      (client, sdk, http) => client.send(new sdk.DescribeKeyCommand({ KeyId: arn }), http),
    );
    // What is said of another key says nothing of this one.
    if (KeyMetadata?.Arn !== arn)
      return { known: false, why: 'kms:DescribeKey answered about another key; check AWS_ENDPOINT_URL_KMS' };
    const { KeyState = 'unknown', DeletionDate, KeySpec, Origin } = KeyMetadata;
    // Only these can be renewed by the service itself.
    const canRotate = KeySpec === 'SYMMETRIC_DEFAULT' && (Origin === undefined || Origin === 'AWS_KMS');
    const rotates = KeyState === 'Enabled' && canRotate ? await rotationOf(arn, region, options) : undefined;
    return { known: true, value: { state: KeyState, deletion: DeletionDate, rotates } };
  } catch (error) {
    if (error instanceof UsageError) return { known: false, why: `${error.message}: ${error.hint}` };
    if (!(error instanceof KmsFailure)) throw error;
    // That is an answer: whatever hangs on this key is lost.
    if (error.failure.code === 'kms-not-found')
      return { known: true, value: { state: 'Deleted', deletion: undefined, rotates: undefined } };
    return { known: false, why: `kms:DescribeKey failed: ${error.failure.reason}` };
  }
}

async function rotationOf(arn: string, region: string, options: KmsOptions): Promise<Answer<boolean>> {
  try {
    const asked = { operation: 'GetKeyRotationStatus', arn, region } as const;
    const { KeyRotationEnabled } = await ask(asked, options, (client, sdk, http) =>
      client.send(new sdk.GetKeyRotationStatusCommand({ KeyId: arn }), http),
    );
    return { known: true, value: KeyRotationEnabled === true };
  } catch (error) {
    if (!(error instanceof KmsFailure)) throw error;
    return { known: false, why: error.failure.reason };
  }
}
