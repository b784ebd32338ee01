// What is said when a vault does not open, or opens and nothing vouches for it: the ways on. Opens nothing itself.
import { type StrongroomError, UnlockError } from '../errors.ts';
import type { Slot, VaultDocument } from './documents/vault-document.ts';
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
  if (isOne && !WRONG.has(only.code)) return withOtherWays(only, document);
  // A service that refused has a next step of its own.
  const steps = failures.flatMap(({ code, hint }) => (WRONG.has(code) || hint === undefined ? [] : [hint]));
  const vault = `the vault ${document.name}`;
  const isWrong = isOne && only.code === 'wrong-passphrase';
  const why = tried.length === 0 ? '' : `: ${tried.join('; ')}`;
  return new UnlockError(
    isWrong ? only.code : 'no-key-fits',
    isWrong ? `the passphrase does not open ${vault}` : `no key at hand opens ${vault}${why}`,
    {
      object: document.object,
      hint: [...new Set(steps), `it opens with: ${waysOf(document.slots)}`].join('; '),
      ...(only ? { cause: only } : {}),
    },
  );
}

/** The same failure of one key, whose hint names the other keys. */
function withOtherWays(error: StrongroomError, document: VaultDocument): StrongroomError {
  const failed = document.slots.find((s) => s.object === error.object);
  const others = document.slots.filter((s) => s.method !== failed?.method);
  if (!(error instanceof UnlockError) || !failed || others.length === 0) return error;
  const hint = [error.hint, `it also opens with: ${waysOf(others)}`].join('; or ');
  return new UnlockError(error.code, error.message, { object: failed.object, hint, cause: error.cause });
}

/** Keys, and where each kind is given. */
function waysOf(slots: readonly Slot[]): string {
  const ways = slots.map((s) => {
    if (s.recipient !== undefined) return `${s.name} (${shortRecipient(s.recipient)})`;
    if (s.arn !== undefined) return `${s.name} (${s.arn})`;
    return s.name === s.method ? s.name : `${s.name} (${s.method})`;
  });
  const has = (...methods: string[]) => slots.some((s) => methods.includes(s.method));
  const sources = [
    ...(has('passphrase') ? ['STRONGROOM_PASSPHRASE_FILE'] : []),
    ...(has('age', 'ssh') ? ['STRONGROOM_IDENTITY_FILE'] : []),
    ...(has('kms') ? ['AWS credentials that may use its KMS key'] : []),
  ];
  return `${ways.join(', ')}; give the right one with ${sources.join(' or ')}`;
}

/** @param arn the KMS key that was not asked, as only the vault names it */
export function notTrusted(document: VaultDocument, location: string, arn?: string): UnlockError {
  const key = arn === undefined ? '' : `, nor for the AWS KMS key ${arn}, which was not asked`;
  return new UnlockError('not-trusted', `nothing vouches for the vault at ${location}${key}`, {
    object: location,
    hint: howToTrust(document, location),
  });
}

/** The ways on, each complete: the first is to be pasted. */
function howToTrust(document: VaultDocument, location: string): string {
  const { authority } = pinOf(document);
  const place = /^[\w@%+=:,./-]+$/.test(location) ? location : `'${location.replaceAll("'", "'\\''")}'`;
  const ways = [
    `compare ${authority} with the fingerprint that init printed; if it is the same, run \`strongroom trust ${authority} --location ${place}\``,
    'read it with --trust-new, which believes it unseen',
    ...(document.slots.some((s) => s.method === 'passphrase')
      ? ['give the passphrase, which proves the vault (STRONGROOM_PASSPHRASE_FILE)']
      : []),
    ...(document.slots.some((s) => s.method === 'kms')
      ? ['name its KMS key, if it is yours, which proves the vault (STRONGROOM_KMS_KEYS)']
      : []),
  ];
  return ways.join('; or ');
}
