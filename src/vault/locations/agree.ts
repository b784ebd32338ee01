// Which vault document to go by where several places show some. Decided once, over the documents of all that answer: what
// one place hides another one shows, and where two rotations are shown, one of them is made up.
import { IntegrityError, StrongroomError } from '../../errors.ts';
import type { VaultDocument } from '../documents/vault-document.ts';
import type { Pin } from '../pin.ts';
import { type Candidate, type Candidates, newestGroups, trustPinned } from '../trust.ts';
import { severalVaults } from '../vault.ts';

export interface Agreed {
  /** What counts; undefined where nothing says which vault is meant, and the first place shows several or none. */
  readonly newest: Candidate | undefined;
  /** Why it is that of the first place alone. */
  readonly dispute?: StrongroomError;
}

/**
 * @param shown what each place shows, the first one first
 * @param location of the first, for messages
 * @throws IntegrityError `two-successors` and the like, where the first place shows one of those that are in dispute; as
 *   `trustPinned` where it has nothing to go by
 */
export function agreeOn(shown: readonly Candidates[], pin: Pin | undefined, location: string): Agreed {
  const [first = NONE] = shown;
  const all: Candidates = {
    candidates: once(shown.flatMap((one) => one.candidates)),
    findings: [],
    newer: shown.flatMap((one) => one.newer),
  };
  if (!pin) return unpinned(all, first, location);
  try {
    return { newest: trustPinned(all, pin, location).current };
  } catch (error) {
    if (!(error instanceof StrongroomError)) throw error;
    const own = trustPinned(first, pin, location).current;
    // What whoever writes to a replica can bring about must not keep anybody from the vault; but the first place may
    // show the rotation that is made up, and only the others unmask it.
    if (own.document.generation > pin.generation) throw error;
    return { newest: own, dispute: error };
  }
}

const NONE: Candidates = { candidates: [], findings: [], newer: [] };

/** Without a pin it is the vault that the first place shows. */
function unpinned(all: Candidates, first: Candidates, location: string): Agreed {
  const [own, ...others] = newestGroups(first);
  if (!own || others.length > 0) return { newest: undefined };
  const { vault } = own.document;
  const candidates = all.candidates.filter((c) => c.document.vault === vault);
  const groups = newestGroups({ ...all, candidates });
  const [only] = groups;
  return groups.length === 1 ? { newest: only } : { newest: own, dispute: severalVaults(groups, location) };
}

function once(candidates: readonly Candidate[]): Candidate[] {
  return [...new Map(candidates.map((c) => [`${c.document.object} ${c.sha256}`, c])).values()];
}

/** Whether a document is of the same vault and its past: signed by the authority that this one lists for its generation. */
export function isOf(document: VaultDocument, { document: other, signers }: Candidate): boolean {
  const listed = document.generations[other.generation - 1];
  return other.vault === document.vault && listed !== undefined && listed.authority === signers[0];
}

type Standing = Pick<VaultDocument, 'generation' | 'revision'>;

export function isAfter(a: Standing, b: Standing): boolean {
  return a.generation > b.generation || (a.generation === b.generation && a.revision > b.revision);
}

/** What a place shows of this vault, the newest first. */
export function ownOf(document: VaultDocument, { candidates }: Candidates): Candidate[] {
  const own = candidates.filter((candidate) => isOf(document, candidate));
  return own.sort((a, b) => (isAfter(a.document, b.document) ? -1 : 1));
}

export function foreignVault(location: string): IntegrityError {
  return new IntegrityError('foreign-vault', `the vault at ${location} is another one`, { object: location });
}
