// Whether a share belongs to a vault: another's, one whose key is gone, one printed before a rotation. No key is
// needed, since a share says whose it is; whether it opens is prove.ts.
import { IntegrityError, UnlockError } from '../../errors.ts';
import { anchorOf, type Share, setOf } from '../../kit/share.ts';
import { fingerprint } from '../../sign/key.ts';
import type { Slot, VaultDocument } from '../documents/vault-document.ts';
import { noVault } from '../no-vault.ts';
import { type Pin, pinOf } from '../pin.ts';
import { readCandidates } from '../trust.ts';
import type { VaultContext } from '../vault.ts';

/** The place of a share in the vault of today. */
export interface Standing {
  /** The key that it is a share of. */
  readonly slot: Slot;
  /** It was printed for this number of the vault's key; the vault is at another, when it is lower. */
  readonly printedFor: number;
  readonly isOutdated: boolean;
}

/**
 * @param source what to call the share in a failure
 * @throws UnlockError `foreign-share`, `stale-share`; IntegrityError `share-ahead` when the vault is older than it
 */
export function judgeShare(document: VaultDocument, share: Share, source: string): Standing {
  const anchors = document.generations.map(({ authority }) => anchorOf(fingerprint(authority)));
  const isAhead = share.generation > document.generation;
  if (!isAhead && anchors[share.generation - 1] !== share.anchor) {
    throw foreign(source, `the vault ${document.name}`);
  }
  // The sets of a key that is there are those of this vault, whatever number they claim.
  const slot = document.slots.find(
    ({ recipient }) => recipient !== undefined && setOf(recipient) === share.set,
  );
  if (isAhead) {
    if (slot === undefined)
      throw foreign(source, `the vault ${document.name}, or the vault is older than it`);
    throw new IntegrityError(
      'share-ahead',
      `${source} was printed for key number ${share.generation}, but the vault shows number ${document.generation}`,
      { object: source, hint: 'newer vault documents are gone: find out who removed them' },
    );
  }
  if (slot === undefined) {
    throw new UnlockError('stale-share', `${source} is stale: its key is none of the vault's any more`, {
      object: source,
      hint: 'it was printed anew or removed since: look for newer pages, destroy this one, and see `strongroom keys list`',
    });
  }
  return { slot, printedFor: share.generation, isOutdated: share.generation < document.generation };
}

/** @param where the vault that it is not of */
function foreign(source: string, where: string): UnlockError {
  return new UnlockError('foreign-share', `${source} is not of ${where}: it belongs to another vault`, {
    object: source,
    hint: 'its page names its vault and where that was; check --location',
  });
}

/**
 * The pin that a share gives: it holds so much of the fingerprint that nobody can make another vault with it.
 * @param source what to call the share in a failure
 * @throws UnlockError `foreign-share` when no vault document there has it; NotFoundError `no-vault`; StoreError
 */
export async function pinByShare(context: VaultContext, share: Share, source: string): Promise<Pin> {
  const { candidates, findings, newer } = await readCandidates(context.store, context);
  const pin = candidates
    .map(({ document }) => pinOf(document))
    .filter((pin) => pin.generation === share.generation && anchorOf(pin.authority) === share.anchor)
    .reduce<Pin | undefined>((best, pin) => (best && best.revision >= pin.revision ? best : pin), undefined);
  if (pin) return pin;
  const { location } = context.store;
  if (candidates.length + findings.length + newer.length === 0) throw noVault(location);
  throw foreign(source, `a vault at ${location}`);
}
