// A keys file (keys.example): one way to open the vault a line, `#` begins a comment. An age recipients file is one.
import { recipientKind } from '../crypt/identity.ts';
import { UsageError } from '../errors.ts';
import { parseKmsArn } from './kms/arn.ts';

export type KeyLine =
  | { readonly method: 'passphrase' }
  | { readonly method: 'age'; readonly recipient: string }
  | { readonly method: 'kms'; readonly arn: string };

/**
 * @param source where the text came from, for messages
 * @throws UsageError `bad-keys-file`, which names the line and never repeats it: it may be a secret put there by
 *   mistake
 */
export function parseKeysFile(text: string, source: string): KeyLine[] {
  const lines = text.split(/\r?\n/);
  const found: KeyLine[] = [];
  lines.forEach((raw, i) => {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) return;
    const at = `${source}, line ${i + 1}`;
    if (line === 'passphrase') {
      found.push({ method: 'passphrase' });
    } else if (/^age1[0-9a-z]+$/.test(line)) {
      try {
        recipientKind(line);
      } catch (error) {
        throw new UsageError('bad-keys-file', `${at}: not a valid age recipient`, {
          object: source,
          hint: 'copy it again: it begins with age1',
          cause: error,
        });
      }
      found.push({ method: 'age', recipient: line });
    } else if (/^arn:aws[a-z-]*:kms:/.test(line)) {
      if (!parseKmsArn(line)) {
        throw new UsageError('bad-keys-file', `${at}: not a valid ARN of an AWS KMS key`, {
          object: source,
          hint: 'copy it again: arn:aws:kms:REGION:ACCOUNT:key/ID',
        });
      }
      found.push({ method: 'kms', arn: line });
    } else {
      throw refused(line, at, source);
    }
  });
  if (found.length > 0) return found;
  throw new UsageError('bad-keys-file', `${source} names no way to open the vault`, {
    object: source,
    hint: 'write one a line: `passphrase`, an age recipient (age1…), or the ARN of an AWS KMS key (arn:aws:kms:…)',
  });
}

function refused(line: string, at: string, source: string): UsageError {
  if (/^(?:ssh|ecdsa)-/.test(line)) {
    return new UsageError('not-yet', `${at}: SSH keys are not supported by this version`, { object: source });
  }
  const secret = /^AGE-SECRET-KEY-|PRIVATE KEY/.test(line);
  return new UsageError(
    'bad-keys-file',
    `${at}: ${secret ? 'a private key does not belong here' : 'not a way to open a vault'}`,
    {
      object: source,
      hint: secret
        ? 'write its recipient (age-keygen -y prints it), and consider the key exposed if others could read this file'
        : 'write one a line: `passphrase`, an age recipient (age1…), or the ARN of an AWS KMS key (arn:aws:kms:…)',
    },
  );
}
