// Which vault document to believe: reads all of them, and chooses by the pin (docs/format.md sections 5 and 9).
// Choosing without a pin, by what a credential opens, is unlock.ts.
import { createHash } from 'node:crypto';
import { IntegrityError, StoreError, type StrongroomError } from '../errors.ts';
import { NAMESPACES } from '../sign/authority.ts';
import { openDocument } from '../sign/document.ts';
import { fingerprint } from '../sign/key.ts';
import type { Store } from '../store/store.ts';
import { newestGeneration, readVaultDocument, type VaultDocument } from './documents/vault-document.ts';
import { type Finding, finding } from './finding.ts';
import { LIMITS, revisionOf, VAULT_DOCUMENTS } from './layout.ts';
import { noVault } from './no-vault.ts';
import type { Pin } from './pin.ts';

/** A vault document that is consistent in itself. That proves only that its writer knew the identity it names. */
export interface Candidate {
  readonly document: VaultDocument;
  /** SHA-256 of the whole object. */
  readonly sha256: string;
  /** Who signed it, in the order of the blocks. */
  readonly signers: readonly string[];
}

export interface Candidates {
  readonly candidates: readonly Candidate[];
  /** What stands under vault/ and is no document that counts: garbage, copies, unsigned ones. */
  readonly findings: readonly Finding[];
  /** Documents that are signed, by these keys, but that this version cannot read. */
  readonly newer: readonly { readonly signers: readonly string[]; readonly error: StrongroomError }[];
}

/**
 * Reads every vault document and keeps those that are consistent in themselves.
 * @param options.denied gets the names of those that may not be read; without it they are a failure
 */
export async function readCandidates(
  store: Store,
  { denied, ...options }: { signal?: AbortSignal; denied?: string[] } = {},
): Promise<Candidates> {
  const candidates: Candidate[] = [];
  const findings: Finding[] = [];
  const newer: { signers: readonly string[]; error: StrongroomError }[] = [];
  for await (const { name } of store.list(VAULT_DOCUMENTS, options)) {
    if (revisionOf(name) === undefined) {
      findings.push(finding('stray-object', name, `${name} is no vault document`, 'warning'));
      continue;
    }
    let signers: readonly string[] = [];
    try {
      const bytes = await store.get(name, { maxBytes: LIMITS.vaultDocument, ...options });
      if (bytes === null) continue;
      const opened = openDocument(bytes, {
        namespace: NAMESPACES.vault,
        object: name,
        maxBytes: LIMITS.vaultDocument,
      });
      signers = opened.signers;
      const json = opened.parse();
      if (json.object !== name)
        throw new IntegrityError('misplaced', `${name} is a copy of another document`);
      const document = readVaultDocument(json, name);
      if (document.generations[document.generation - 1]?.authority !== signers[0]) {
        throw new IntegrityError('wrong-authority', `${name} is not signed by the vault that it describes`);
      }
      candidates.push({ document, sha256: createHash('sha256').update(bytes).digest('hex'), signers });
    } catch (error) {
      if (denied && error instanceof StoreError && error.code === 'store-denied') denied.push(name);
      else if (!(error instanceof IntegrityError)) throw error;
      else if (error.code === 'newer-format' || error.code === 'unknown-critical')
        newer.push({ signers, error });
      else findings.push(finding(error.code, name, error.message));
    }
  }
  return { candidates, findings, newer };
}

function latestOf(candidates: readonly Candidate[]): Candidate | undefined {
  return candidates.reduce<Candidate | undefined>(
    (best, c) => (best && best.document.revision >= c.document.revision ? best : c),
    undefined,
  );
}

/**
 * Why there is no document to go by. What stands in its place is named: damage must not look like an empty place.
 * @param wasThere as for `noVault`
 */
export function noDocument(
  { newer, findings }: Candidates,
  location: string,
  wasThere = false,
): StrongroomError {
  if (newer[0]) return newer[0].error;
  const bad = findings.find((f) => f.severity === 'error');
  if (!bad) return noVault(location, wasThere);
  return new IntegrityError(bad.code, bad.message, {
    object: bad.object,
    hint: 'no vault document can be believed: restore it from a copy of the vault, and find out who can write there',
  });
}

/**
 * What stands there that a newer version may be able to read. Signed by an authority that is believed it must not
 * be passed over: an older program would silently use outdated facts.
 * @param authorities their fingerprints
 * @throws IntegrityError `newer-format`, `unknown-critical`
 */
export function newerByOthers({ newer }: Candidates, authorities: readonly string[]): Finding[] {
  return newer.map(({ signers, error }) => {
    if (signers.some((key) => authorities.includes(fingerprint(key)))) throw error;
    return finding(error.code, error.object ?? VAULT_DOCUMENTS, error.message);
  });
}

/** What is believed of one generation. */
interface Known {
  readonly generation: number;
  /** The authority's fingerprint. */
  readonly authority: string;
  readonly recipient: string;
}

/** The fingerprint of who signed a document first, which is the authority of its own generation. */
function signerOf({ signers }: Candidate): string {
  return fingerprint(signers[0]!);
}

/** Whether a document tells the same of a generation as is known. */
function lists({ document }: Candidate, { generation, authority, recipient }: Known): boolean {
  const listed = document.generations[generation - 1];
  return listed?.recipient === recipient && fingerprint(listed.authority) === authority;
}

/**
 * The documents of the last generation of a chain that is known. One that tells another past than the one that led to
 * it does not count: whoever made up a rotation would list the true one behind it, for those who remember that.
 * @throws IntegrityError `foreign-recipient`
 */
function documentsOf(candidates: readonly Candidate[], chain: readonly Known[]): Candidate[] {
  const known = chain.at(-1)!;
  return candidates.filter((candidate) => {
    const { document } = candidate;
    if (document.generation !== known.generation || signerOf(candidate) !== known.authority) return false;
    if (newestGeneration(document).recipient === known.recipient)
      return chain.every((one) => lists(candidate, one));
    throw new IntegrityError(
      'foreign-recipient',
      `${document.object} encrypts to another key than the pinned one`,
      {
        object: document.object,
        hint: 'do not back up to it: whoever wrote that document could read every snapshot; ask who holds a key',
      },
    );
  });
}

/** Whether a document is the first of the generation after the last of a chain: its authority signed it too. */
function succeeds(candidate: Candidate, chain: readonly Known[]): boolean {
  const { document, signers } = candidate;
  const known = chain.at(-1)!;
  return (
    document.generation === known.generation + 1 &&
    signers.length === 2 &&
    fingerprint(signers[1]!) === known.authority &&
    chain.every((one) => lists(candidate, one))
  );
}

/**
 * The generation that a rotation put after the last of a chain; undefined when there was none.
 * @throws IntegrityError `two-successors`: whoever held the old key may have made one of them
 */
function successorOf(candidates: readonly Candidate[], chain: readonly Known[]): Known | undefined {
  const known = chain.at(-1)!;
  const next = candidates.filter((candidate) => succeeds(candidate, chain));
  const [first, ...others] = next;
  if (!first) return undefined;
  const other = others.find((candidate) => signerOf(candidate) !== signerOf(first));
  if (other) {
    throw new IntegrityError(
      'two-successors',
      `${first.document.object} and ${other.document.object} both claim to come after key number ${known.generation}`,
      {
        object: other.document.object,
        hint: `somebody who held the old key made one of them: ask who rotated it for the new fingerprint, and run \`strongroom trust\` with it (they show ${signerOf(first)} and ${signerOf(other)})`,
      },
    );
  }
  const { generation, recipient } = newestGeneration(first.document);
  return { generation, recipient, authority: signerOf(first) };
}

/**
 * The current document under a pin. A rotation since is followed by the signature of the old authority: that is good
 * enough to read by, and never moves the pin.
 * @throws NotFoundError `no-vault`; IntegrityError `foreign-vault` when there is a vault and it is not the pinned
 *   one, `foreign-recipient`, `two-successors`; the reason why the pinned vault's newest document cannot be read
 */
export function trustPinned(
  found: Candidates,
  pin: Pin,
  location: string,
): { current: Candidate; findings: Finding[] } {
  const candidates = found.candidates.filter((c) => c.document.vault === pin.vault);
  const chain: Known[] = [];
  const ours: Candidate[] = [];
  for (let known: Known | undefined = pin; known; known = successorOf(candidates, chain)) {
    chain.push(known);
    ours.push(...documentsOf(candidates, chain));
  }
  const newest = chain.at(-1)!;
  const current = latestOf(ours.filter((c) => c.document.generation === newest.generation));
  const authorities = chain.map((known) => known.authority);
  const findings = [...found.findings, ...newerByOthers(found, authorities)];
  if (!current) throw noneOfPinned(found, location);
  for (const candidate of found.candidates) {
    if (ours.includes(candidate) && !isLate(candidate, ours)) continue;
    const { document } = candidate;
    const before = current.document.generations[document.generation - 1];
    const isOlder = document.vault === pin.vault && before?.authority === candidate.signers[0];
    if (isOlder && !isLate(candidate, ours)) continue;
    const message = isOlder
      ? `${document.object} was written with a key that was rotated out before`
      : `${document.object} is not of the pinned vault: its fingerprint is another`;
    findings.push(finding(isOlder ? 'superseded-key' : 'foreign-vault', document.object, message));
  }
  return { current, findings };
}

/** Whether a document of an older generation came after the rotation: its writer held on to the old key. */
export function isLate({ document }: Candidate, ours: readonly Candidate[]): boolean {
  return ours.some(
    (c) => c.document.generation > document.generation && c.document.revision < document.revision,
  );
}

function noneOfPinned(found: Candidates, location: string): StrongroomError {
  if (found.candidates.length === 0) return noDocument(found, location, true);
  return new IntegrityError('foreign-vault', `the vault at ${location} is not the pinned one`, {
    object: location,
    hint: 'somebody may have replaced it: compare its fingerprint with the one that init or a rotation printed, and only then run `strongroom trust`',
  });
}

/** Candidates by the vault and authority they claim, each with its newest document. */
export function groupCandidates(found: Candidates): Candidate[] {
  const groups = new Map<string, Candidate[]>();
  for (const candidate of found.candidates) {
    const { document } = candidate;
    const key = `${document.vault} ${candidate.signers[0]}`;
    groups.set(key, [...(groups.get(key) ?? []), candidate]);
  }
  return [...groups.values()].map((group) => latestOf(group)!);
}

/** The groups that no other one comes after, by a rotation that their own authority signed. */
export function newestGroups(found: Candidates): Candidate[] {
  return groupCandidates(found).filter(({ document, signers }) => {
    const { generation, recipient } = newestGeneration(document);
    const known = { generation, recipient, authority: fingerprint(signers[0]!) };
    return !found.candidates.some((c) => c.document.vault === document.vault && succeeds(c, [known]));
  });
}
