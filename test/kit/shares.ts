// Shares for tests: of made-up vaults, split and as text.

import { generateIdentity, type IdentityKind } from '../../src/crypt/identity.ts';
import { shareText } from '../../src/kit/read.ts';
import { splitIdentity } from '../../src/kit/shamir.ts';
import { type Share, shareLines } from '../../src/kit/share.ts';

export const FINGERPRINT = `SHA256:${'A'.repeat(42)}E`;

export async function newShares(
  count = 5,
  threshold = 3,
  kind: IdentityKind = 'x25519',
): Promise<{ identity: string; shares: Share[] }> {
  const identity = await generateIdentity(kind);
  const shares = await splitIdentity(identity, { count, threshold, generation: 1, fingerprint: FINGERPRINT });
  return { identity, shares };
}

/** A share as somebody types it. */
export function typed(share: Share, separator: '\n' | '/' = '\n'): string {
  return shareText(shareLines(share), `STRONGROOM SHARE ${share.index} OF ${share.count}`, separator);
}

/** Every choice of `size` of them. */
export function subsets<T>(all: readonly T[], size: number): T[][] {
  if (size === 0) return [[]];
  return all.flatMap((one, i) => subsets(all.slice(i + 1), size - 1).map((rest) => [one, ...rest]));
}
