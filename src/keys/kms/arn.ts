// The names of AWS KMS keys. An ARN from a vault document was written by whoever writes to the store, and its region
// becomes part of a host name: nothing but plain words gets through.
import { UsageError } from '../../errors.ts';

const REGION = '[a-z]{2,4}(?:-[a-z]+)+-\\d{1,2}';
const FORM = new RegExp(
  `^arn:(aws(?:-[a-z]+)*):kms:(${REGION}):(\\d{12}):(key/[A-Za-z0-9-]{1,128}|alias/[A-Za-z0-9/_-]{1,250})$`,
);

export interface KmsArn {
  readonly arn: string;
  readonly region: string;
  /** The name of an alias can be given to another key tomorrow. */
  readonly isAlias: boolean;
  /** Whether there may be the same key in other regions. */
  readonly isMultiRegion: boolean;
}

/** @returns undefined when the text is no ARN of a KMS key or alias */
export function parseKmsArn(text: string): KmsArn | undefined {
  const [, , region, , id] = FORM.exec(text) ?? [];
  if (region === undefined || id === undefined) return undefined;
  return { arn: text, region, isAlias: id.startsWith('alias/'), isMultiRegion: id.startsWith('key/mrk-') };
}

/**
 * An ARN that somebody typed.
 * @param aliases whether the ARN of an alias will do
 * @throws UsageError `bad-kms-key`; the text is not repeated, as it may be anything
 */
export function checkKmsArn(text: string, aliases: boolean): KmsArn {
  const parsed = parseKmsArn(text);
  if (parsed && (aliases || !parsed.isAlias)) return parsed;
  throw new UsageError(
    'bad-kms-key',
    parsed ? 'the ARN of an alias is not that of a key' : 'this is not the ARN of an AWS KMS key',
    {
      hint: 'give the whole ARN, arn:aws:kms:REGION:ACCOUNT:key/ID; `aws kms describe-key --key-id alias/NAME` prints it',
    },
  );
}

/** The same key, seen from another region. */
export function inRegion(arn: string, region: string): string {
  const words = arn.split(':');
  words[3] = region;
  return words.join(':');
}

/** Whether two ARNs name one key: they are equal, or differ only in the region of a multi-region key. */
export function isSameKey(one: string, other: string): boolean {
  if (one === other) return true;
  const parsed = parseKmsArn(other);
  return parsed?.isMultiRegion === true && parsed.arn === inRegion(one, parsed.region);
}

/** Whether an alias may stand for a key: they are of one account in one region. */
export function isBehind(alias: string, key: string): boolean {
  const place = (arn: string) => arn.split(':', 5).join(':');
  return (
    parseKmsArn(alias)?.isAlias === true && parseKmsArn(key)?.isAlias === false && place(alias) === place(key)
  );
}

/** @throws UsageError `bad-region` when one is no name of a region */
export function checkRegions(regions: readonly string[]): void {
  if (regions.every((region) => new RegExp(`^${REGION}$`).test(region))) return;
  throw new UsageError('bad-region', 'this is not the name of an AWS region', {
    object: 'STRONGROOM_KMS_REGIONS',
    hint: 'write regions with commas between them, such as eu-west-1,us-east-1',
  });
}
