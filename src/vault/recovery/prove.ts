// Proves that shares open the vault as it is today. It writes nothing, neither to the vault nor to this machine.
import { IntegrityError, UnlockError } from '../../errors.ts';
import type { Credential } from '../../keys/method.ts';
import type { Piece } from '../../kit/read.ts';
import { joinShares, missingShares, mixedShares } from '../../kit/shamir.ts';
import type { Share } from '../../kit/share.ts';
import type { ClientMemory } from '../client.ts';
import type { Pin } from '../pin.ts';
import { unlock } from '../unlock.ts';
import { effectivePin, openVault, type UnlockedVault, type VaultContext } from '../vault.ts';
import { judgeShare, pinByShare, type Standing } from './judge-share.ts';

export interface ProveOptions {
  /** The pin of the configuration. */
  readonly pin?: Pin | undefined;
  /** What opens with an identity. */
  toCredential(identity: string): Promise<Credential>;
  /** As for `unlock`: asked when the key is a bare identity and nothing vouches for the vault. */
  confirm?(question: string): Promise<boolean>;
}

export interface ProvenShare extends Standing, Pick<Share, 'index' | 'count' | 'threshold'> {
  readonly source: string;
}

export interface Proof {
  readonly vault: UnlockedVault;
  readonly shares: readonly ProvenShare[];
  /** Of shares that were given: these are not what was printed. */
  readonly wrong: readonly string[];
}

/** A memory that is read and never written. */
function readOnly(memory: ClientMemory): ClientMemory {
  return {
    pinFor: (location) => memory.pinFor(location),
    vault: (id) => memory.vault(id),
    async rememberPin() {},
    async update() {},
  };
}

/**
 * @param pieces as they were read, at least one
 * @throws UnlockError `foreign-share`, `stale-share`, `too-few-shares`; UsageError `mixed-shares`; IntegrityError
 *   `wrong-share`, `share-ahead`; NotFoundError `no-vault`; and as `unlock`
 */
export async function proveShares(
  base: VaultContext,
  pieces: readonly Piece[],
  options: ProveOptions,
): Promise<Proof> {
  const context = { ...base, memory: readOnly(base.memory) };
  const { toCredential, confirm } = options;
  const shares = pieces.flatMap(({ share, source }) => (share ? [{ share, source }] : []));
  const [first] = shares;
  const pin =
    (await effectivePin(context, options.pin)) ??
    (first && (await pinByShare(context, first.share, first.source)));
  const standings: { standing: Standing; share: Share; source: string }[] = [];
  if (shares.length > 0) {
    // A share must never be called good by a vault that somebody planted.
    const { document } = await openVault(context, pin ? { pin } : {});
    for (const { share, source } of shares) {
      standings.push({ standing: judgeShare(document, share, source), share, source });
    }
  }
  const { identity, wrong } = await identityIn(pieces, standings);
  const vault = await unlock(context, {
    ...(pin ? { pin } : {}),
    credentials: async () => [await toCredential(identity)],
    ...(confirm ? { confirm } : {}),
  });
  return {
    vault,
    shares: standings.map(({ standing, share: { index, count, threshold }, source }) => {
      return { ...standing, source, index, count, threshold };
    }),
    wrong: standings.filter(({ share }) => wrong.includes(share)).map(({ source }) => source),
  };
}

async function identityIn(
  pieces: readonly Piece[],
  standings: readonly { readonly standing: Standing; readonly share: Share; readonly source: string }[],
): Promise<{ identity: string; wrong: readonly Share[] }> {
  const bare = pieces.find((piece) => piece.identity !== undefined)?.identity;
  if (standings.length === 0 && bare !== undefined) return { identity: bare, wrong: [] };
  const shares = standings.map(({ share }) => share);
  if (new Set(shares.map(({ set }) => set)).size > 1) throw mixedShares(shares);
  const missing = missingShares(shares);
  const [first] = standings;
  if (missing > 0 && first) {
    const names = [...new Set(standings.map(({ source }) => source))].join(', ');
    throw new UnlockError(
      'too-few-shares',
      `${names}: sound, and of the key ${first.standing.slot.name} of this vault, but ${first.share.threshold} shares are needed to open it`,
      { hint: `find ${missing} more of the ${first.share.count}` },
    );
  }
  const joined = await joinShares(shares);
  if (bare !== undefined && bare !== joined.identity) {
    throw new IntegrityError('mixed-shares', 'the shares and the key that were given are not the same key', {
      hint: 'give one or the other',
    });
  }
  return joined;
}
