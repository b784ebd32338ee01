// A keys file (keys.example): one way to open the vault a line, perhaps followed by a name for it; `#` begins a comment.
// An age recipients file is one, and so is a .pub file.
import { recipientKind } from '../crypt/identity.ts';
import { UsageError } from '../errors.ts';
import { parseKmsArn } from './kms/arn.ts';
import { beginsAsSshKey, readSshLine } from './ssh-public.ts';

/** `name` is a valid name where it was chosen; that of an SSH key is its comment as it stands, often `me@laptop`. */
export type KeyLine = { readonly name?: string } & (
  | { readonly method: 'passphrase' }
  | { readonly method: 'age'; readonly recipient: string }
  | { readonly method: 'ssh'; readonly recipient: string }
  | { readonly method: 'kms'; readonly arn: string }
);

const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;
const WAYS =
  'write one a line: `passphrase`, an age recipient (age1…), an SSH public key (ssh-ed25519 …), or the ARN of an AWS KMS key (arn:aws:kms:…)';

/**
 * @param source where the text came from, for messages
 * @throws UsageError `bad-keys-file`, which names the line and never repeats it: it may be a secret put there by
 *   mistake
 */
export function parseKeysFile(text: string, source: string): KeyLine[] {
  const found: KeyLine[] = [];
  const names = new Set<string>();
  text.split(/\r?\n/).forEach((raw, i) => {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) return;
    const refuse = (why: string, hint: string, cause?: unknown): never => {
      throw new UsageError('bad-keys-file', `${source}, line ${i + 1}: ${why}`, {
        object: source,
        hint,
        cause,
      });
    };
    const key = parseLine(line, refuse);
    // Two SSH keys of one person have one comment, which whoever makes names of them tells apart.
    if (key.name !== undefined && key.method !== 'ssh') {
      if (names.has(key.name)) refuse('its name is that of a line above', 'give each key a name of its own');
      names.add(key.name);
    }
    found.push(key);
  });
  if (found.length > 0) return found;
  throw new UsageError('bad-keys-file', `${source} names no way to open the vault`, {
    object: source,
    hint: WAYS,
  });
}

function parseLine(line: string, refuse: (why: string, hint: string, cause?: unknown) => never): KeyLine {
  if (/AGE-SECRET-KEY-|PRIVATE KEY/i.test(line)) {
    return refuse(
      'a private key does not belong here',
      'write its recipient (age-keygen -y prints it) or, of an SSH key, its .pub file; consider the key exposed if others could read this file',
    );
  }
  if (beginsAsSshKey(line)) {
    const key = readSshLine(line);
    if ('why' in key) return refuse(key.why, key.hint);
    return {
      method: 'ssh',
      recipient: key.line,
      ...(key.comment === undefined ? {} : { name: key.comment }),
    };
  }
  const [, word = '', rest] = /^(\S+)(?:\s+(.*))?$/.exec(line) ?? [];
  const way = parseWord(word, refuse);
  if (rest === undefined) return way;
  if (NAME.test(rest)) return { ...way, name: rest };
  return refuse(
    'what follows the key is not a name for it',
    'a name has lower-case letters, digits, dots, dashes and underscores; everybody who reads the vault sees it, so no passphrase belongs here',
  );
}

function parseWord(word: string, refuse: (why: string, hint: string, cause?: unknown) => never): KeyLine {
  if (word === 'passphrase') return { method: 'passphrase' };
  if (/^age1[0-9a-z]+$/.test(word)) {
    try {
      recipientKind(word);
    } catch (error) {
      return refuse('not a valid age recipient', 'copy it again: it begins with age1', error);
    }
    return { method: 'age', recipient: word };
  }
  if (/^arn:aws[a-z-]*:kms:/.test(word)) {
    if (parseKmsArn(word)) return { method: 'kms', arn: word };
    return refuse('not a valid ARN of an AWS KMS key', 'copy it again: arn:aws:kms:REGION:ACCOUNT:key/ID');
  }
  return refuse('not a way to open a vault', WAYS);
}
