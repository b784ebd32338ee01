// Splits a recovery key into shares and joins them again: Shamir's scheme, by the audited package, and the proof
// that what came out is what went in, which the package leaves to its caller.
import { identityFrom, identitySecret, recipientOf } from '../crypt/identity.ts';
import { IntegrityError, StrongroomError, UnlockError, UsageError } from '../errors.ts';
import { type Printing, type Share, setOf, shareFields, shareLines } from './share.ts';

/** More pages than anybody keeps apart. */
export const MOST_SHARES = 32;

/** An identity as the one share of one. */
export async function wholeShare(identity: string, printing: Printing): Promise<Share> {
  const payload = Uint8Array.from([...identitySecret(identity), 0]);
  return { ...(await shareFields(identity, printing)), index: 1, threshold: 1, count: 1, payload };
}

/** @throws UsageError `bad-split` */
export function checkSplit(count: number, threshold: number): void {
  const whole = Number.isSafeInteger(count) && Number.isSafeInteger(threshold);
  if (whole && threshold >= 2 && threshold <= count && count <= MOST_SHARES) return;
  throw new UsageError('bad-split', `cannot make ${count} shares of which ${threshold} are needed`, {
    hint: `at least 2 are needed, and at most ${MOST_SHARES} are made; one page alone is \`strongroom recovery kit\``,
  });
}

/**
 * Splits an identity's 32 secret bytes, each byte by itself, over GF(2^8).
 * @returns `count` shares, of which any `threshold` are needed
 * @throws UsageError `bad-split`
 */
export async function splitIdentity(
  identity: string,
  split: Printing & { readonly count: number; readonly threshold: number },
): Promise<Share[]> {
  const { count, threshold } = split;
  checkSplit(count, threshold);
  const shamir = await import('shamir-secret-sharing');
  const payloads = await shamir.split(Uint8Array.from(identitySecret(identity)), count, threshold);
  const common = await shareFields(identity, split);
  const shares = payloads.map((payload, i) => ({ ...common, index: i + 1, threshold, count, payload }));
  // Nobody finds out about a bad share before it is needed.
  for (const some of [shares.slice(0, threshold), shares.slice(-threshold)]) {
    if ((await identityOf(some)) !== identity)
      throw new StrongroomError('bad-shares', 'the shares do not give the key back');
  }
  return shares;
}

/** What shares came to. */
export interface Joined {
  readonly identity: string;
  readonly set: string;
  /** Shares that are not what was printed, though their checksums are right. */
  readonly wrong: readonly Share[];
}

/** How many more shares are needed. @returns 0 when there are enough */
export function missingShares(shares: readonly Share[]): number {
  const [first] = shares;
  return first ? Math.max(0, first.threshold - new Set(shares.map((s) => s.index)).size) : 1;
}

/**
 * Joins shares of one set. One that is given twice counts once.
 * @throws UsageError `mixed-shares`; UnlockError `too-few-shares`; IntegrityError `wrong-share`
 */
export async function joinShares(given: readonly Share[]): Promise<Joined> {
  const [first, ...others] = given;
  if (!first) throw new UnlockError('too-few-shares', 'there is no share to join');
  const same = (share: Share) =>
    (['set', 'threshold', 'count', 'kind'] as const).every((key) => share[key] === first[key]);
  if (!others.every(same)) throw mixedShares(given);
  const shares = [...new Map(given.map((share) => [shareLines(share).join(), share])).values()];
  const missing = missingShares(shares);
  if (missing > 0) {
    const twice = given.length > shares.length ? ', one of them twice' : '';
    throw new UnlockError(
      'too-few-shares',
      `${first.threshold} of the ${first.count} shares are needed; ${shares.length === 1 ? 'one was' : `${shares.length} were`} given${twice}`,
      { hint: `find ${missing} more: any but ${numbers(shares)} will do` },
    );
  }
  for (const some of choices(shares, first.threshold)) {
    const identity = await identityOf(some);
    if (setOf(await recipientOf(identity)) !== first.set) continue;
    const wrong: Share[] = [];
    for (const share of shares) {
      if (some.includes(share)) continue;
      if ((await identityOf([share, ...some.slice(1)])) !== identity) wrong.push(share);
    }
    return { identity, set: first.set, wrong };
  }
  throw new IntegrityError(
    'wrong-share',
    `shares ${numbers(shares)} do not give the key that they were made from`,
    { hint: 'at least one of them is not what was printed: try others' },
  );
}

/** Two sets of shares have been mixed. */
export function mixedShares(shares: readonly Share[]): UsageError {
  const sets = [...new Set(shares.map(({ set }) => set))];
  const list = sets.map((set) => numbers(shares.filter((share) => share.set === set))).join(' and ');
  return new UsageError('mixed-shares', `these shares are of different sets: ${list}`, {
    hint: 'a page names its set; give shares of one set only',
  });
}

const numbers = (shares: readonly Share[]): string => shares.map((s) => s.index).join(', ');

async function identityOf(shares: readonly Share[]): Promise<string> {
  const [first] = shares;
  const { kind, payload } = first!;
  if (payload.at(-1) === 0) return identityFrom(kind, payload.subarray(0, -1));
  const points = shares.map((share) => share.payload.at(-1));
  // Two that claim one point: the package would refuse them in words of its own.
  if (new Set(points).size < points.length || points.includes(0)) return identityFrom(kind, Buffer.alloc(32));
  const shamir = await import('shamir-secret-sharing');
  return identityFrom(kind, await shamir.combine(shares.map((share) => Uint8Array.from(share.payload))));
}

/** How many choices are tried, so that a pile of bad shares does not take for ever. */
const MOST_TRIED = 5000;

/** Choices of `size` of them, the first ones first. */
function* choices(shares: readonly Share[], size: number): Generator<Share[]> {
  const at = Array.from({ length: size }, (_, i) => i);
  for (let tried = 0; tried < MOST_TRIED; tried++) {
    yield at.map((i) => shares[i]!);
    let k = size - 1;
    while (k >= 0 && at[k] === shares.length - size + k) k--;
    if (k < 0) return;
    at[k]!++;
    for (let next = k + 1; next < size; next++) at[next] = at[next - 1]! + 1;
  }
}
