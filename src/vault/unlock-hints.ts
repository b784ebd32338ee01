// What is said when a vault does not open, or opens and nothing vouches for it: the ways on. Opens nothing itself.
import { type StrongroomError, UnlockError } from '../errors.ts';
import type { VaultDocument } from './documents/vault-document.ts';
import { pinOf } from './pin.ts';
import { shortRecipient } from './short-recipient.ts';

/** Failures that say no more than that a credential is the wrong one. */
export const WRONG = new Set(['wrong-passphrase', 'no-identity-matches']);

/** Why nothing opened the vault, and what would. */
export function noKeyFits(
  document: VaultDocument,
  tried: readonly string[],
  failures: readonly StrongroomError[],
): Error {
  const [only] = failures;
  const isOne = tried.length === 1 && only !== undefined;
  // Such as a passphrase command that failed: nothing was tried, and it has its own next step.
  if (isOne && !WRONG.has(only.code)) return only;
  const ways = document.slots.map((s) => {
    if (s.recipient !== undefined) return `${s.name} (${shortRecipient(s.recipient)})`;
    return s.name === s.method ? s.name : `${s.name} (${s.method})`;
  });
  const has = (...methods: string[]) => document.slots.some((s) => methods.includes(s.method));
  const sources = [
    ...(has('passphrase') ? ['STRONGROOM_PASSPHRASE_FILE'] : []),
    ...(has('age', 'ssh') ? ['STRONGROOM_IDENTITY_FILE'] : []),
  ];
  const vault = `the vault ${document.name}`;
  const isWrong = isOne && only.code === 'wrong-passphrase';
  const why = tried.length === 0 ? '' : `: ${tried.join('; ')}`;
  return new UnlockError(
    isWrong ? only.code : 'no-key-fits',
    isWrong ? `the passphrase does not open ${vault}` : `no key at hand opens ${vault}${why}`,
    {
      object: document.object,
      hint: `it opens with: ${ways.join(', ')}; give the right one with ${sources.join(' or ')}`,
      ...(only ? { cause: only } : {}),
    },
  );
}

/** The three ways on, each complete: the first is to be pasted. */
export function howToTrust(document: VaultDocument, location: string): string {
  const { authority } = pinOf(document);
  const place = /^[\w@%+=:,./-]+$/.test(location) ? location : `'${location.replaceAll("'", "'\\''")}'`;
  const ways = [
    `compare ${authority} with the fingerprint that init printed; if it is the same, run \`strongroom trust ${authority} --location ${place}\``,
    'read it with --trust-new, which believes it unseen',
    ...(document.slots.some((s) => s.method === 'passphrase')
      ? ['give the passphrase, which proves the vault (STRONGROOM_PASSPHRASE_FILE)']
      : []),
  ];
  return ways.join('; or ');
}
