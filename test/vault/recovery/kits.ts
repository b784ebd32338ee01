// Recovery keys for tests: added to a vault, split, and as pieces that were read.

import { newRecipientKey } from '../../../src/keys/recipient.ts';
import type { Piece } from '../../../src/kit/read.ts';
import { splitIdentity, wholeShare } from '../../../src/kit/shamir.ts';
import type { Share } from '../../../src/kit/share.ts';
import { pinOf } from '../../../src/vault/pin.ts';
import { type AddedKit, addKit, type MadeKit } from '../../../src/vault/recovery/add-kit.ts';
import { type Proof, proveShares } from '../../../src/vault/recovery/prove.ts';
import type { UnlockedVault } from '../../../src/vault/vault.ts';
import { client, openUnlocked, type TestVault, withKey } from '../../support/vault.ts';

export interface TestKit extends AddedKit {
  readonly identity: string;
  readonly shares: readonly Share[];
  readonly whole: Share;
}

/** What somebody kept of a kit: every one that was made, and what was said when it failed. */
export interface Drawer {
  readonly kept: MadeKit[];
  /** Whether the last one may open the vault, where adding it failed. */
  mayOpen?: boolean;
}

export async function makeKit(
  vault: UnlockedVault,
  name = 'kit',
  replace = false,
  drawer: Drawer = { kept: [] },
): Promise<TestKit> {
  const added = await addKit(vault, {
    name,
    by: 'web-1',
    replace,
    toKey: async (recipient) => newRecipientKey(name, recipient),
    keep: async (kit) => void drawer.kept.push(kit),
    failed: async (mayOpen) => {
      drawer.mayOpen = mayOpen;
    },
  });
  const { identity } = drawer.kept.at(-1)!;
  const { generation, authority: fingerprint } = pinOf(added.vault.document);
  const printing = { generation, fingerprint };
  return {
    ...added,
    identity,
    shares: await splitIdentity(identity, { ...printing, count: 5, threshold: 3 }),
    whole: await wholeShare(identity, printing),
  };
}

export const pieces = (...shares: readonly Share[]): Piece[] =>
  shares.map((share) => ({ share, source: `share ${share.index}` }));

/** Proves as a machine does that has never seen the vault, unless it has a pin. */
export async function prove(
  vault: TestVault,
  given: readonly Piece[],
  options: { pin?: boolean; confirm?: boolean; store?: TestVault['store'] } = {},
): Promise<Proof> {
  const { pin = false, confirm = false, store = vault.store } = options;
  return await proveShares(client({ ...vault, store }), given, {
    ...(pin ? { pin: vault.pin } : {}),
    toCredential: withKey,
    confirm: async () => confirm,
  });
}

export { openUnlocked };
