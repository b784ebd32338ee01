// Which vault document to believe: reads all of them, and chooses by the pin (docs/format.md sections 5 and 9).
// Choosing without a pin, by what a credential opens, is unlock.ts.
import { createHash } from 'node:crypto';
import { IntegrityError, NotFoundError, type StrongroomError, UsageError } from '../errors.ts';
import { NAMESPACES } from '../sign/authority.ts';
import { openDocument } from '../sign/document.ts';
import { fingerprint } from '../sign/key.ts';
import type { Store } from '../store/store.ts';
import { readVaultDocument, type VaultDocument } from './documents/vault-document.ts';
import { type Finding, finding } from './finding.ts';
import { LIMITS, revisionOf } from './layout.ts';
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

/** Reads every vault document and keeps those that are consistent in themselves. */
export async function readCandidates(
  store: Store,
  options: { signal?: AbortSignal } = {},
): Promise<Candidates> {
  const candidates: Candidate[] = [];
  const findings: Finding[] = [];
  const newer: { signers: readonly string[]; error: StrongroomError }[] = [];
  for await (const { name } of store.list('vault/', options)) {
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
      if (!(error instanceof IntegrityError)) throw error;
      if (error.code === 'newer-format' || error.code === 'unknown-critical') newer.push({ signers, error });
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

/** @throws NotFoundError `no-vault` */
export function noVault(location: string): NotFoundError {
  return new NotFoundError('no-vault', `there is no vault at ${location}`, {
    object: location,
    hint: 'check the location, or make a vault there with `strongroom init`',
  });
}

/** Why there is no document to go by. What stands in its place is named: damage must not look like an empty place. */
export function noDocument({ newer, findings }: Candidates, location: string): StrongroomError {
  if (newer[0]) return newer[0].error;
  const bad = findings.find((f) => f.severity === 'error');
  if (!bad) return noVault(location);
  return new IntegrityError(bad.code, bad.message, {
    object: bad.object,
    hint: 'no vault document can be believed: restore it from a copy of the vault, and find out who can write there',
  });
}

/**
 * What stands there that a newer version may be able to read. Signed by the authority that is believed it must not
 * be passed over: an older program would silently use outdated facts.
 * @param authority its fingerprint
 * @throws IntegrityError `newer-format`, `unknown-critical`
 */
export function newerByOthers({ newer }: Candidates, authority: string): Finding[] {
  return newer.map(({ signers, error }) => {
    if (signers.some((key) => fingerprint(key) === authority)) throw error;
    return finding(error.code, error.object ?? 'vault/', error.message);
  });
}

/**
 * The current document under a pin.
 * @throws NotFoundError `no-vault`; IntegrityError `foreign-vault` when there is a vault and it is not the pinned
 *   one; the reason why the pinned vault's newest document cannot be read
 */
export function trustPinned(
  found: Candidates,
  pin: Pin,
  location: string,
): { current: Candidate; findings: Finding[] } {
  const { candidates } = found;
  const ours: Candidate[] = [];
  const findings = [...found.findings, ...newerByOthers(found, pin.authority)];
  for (const candidate of candidates) {
    const { document } = candidate;
    const pinned = document.generations[pin.generation - 1];
    const authority = pinned ? fingerprint(pinned.authority) : undefined;
    // Anybody can list our authority in a document of their own: only what it signed is spoken to.
    const signed = candidate.signers.some((key) => fingerprint(key) === pin.authority);
    if (document.vault !== pin.vault || authority !== pin.authority || !signed) {
      findings.push(
        finding(
          'foreign-vault',
          document.object,
          `${document.object} is not of the pinned vault: its fingerprint is another`,
        ),
      );
    } else if (pinned?.recipient !== pin.recipient) {
      throw new IntegrityError(
        'foreign-recipient',
        `${document.object} encrypts to another key than the pinned one`,
        {
          object: document.object,
          hint: 'do not back up to it: whoever wrote that document could read every snapshot; ask who holds a key',
        },
      );
    } else if (document.generation === pin.generation) {
      ours.push(candidate);
    } else {
      throw new UsageError(
        'rotated',
        `the key of the vault was rotated (it is number ${document.generation} now), which this version cannot follow`,
        {
          object: document.object,
          hint: 'upgrade strongroom on this machine',
        },
      );
    }
  }
  const current = latestOf(ours);
  if (current) return { current, findings };
  if (candidates.length === 0) throw noDocument(found, location);
  throw new IntegrityError('foreign-vault', `the vault at ${location} is not the pinned one`, {
    object: location,
    hint: 'somebody may have replaced it: compare its fingerprint with the one that init printed, and only then run `strongroom trust`',
  });
}

/** Candidates by the vault and authority they claim, each with its newest document. */
export function groupCandidates(found: Candidates): Candidate[] {
  const groups = new Map<string, Candidate[]>();
  for (const candidate of found.candidates) {
    const { document } = candidate;
    const key = `${document.vault} ${document.generations[document.generation - 1]?.authority}`;
    groups.set(key, [...(groups.get(key) ?? []), candidate]);
  }
  return [...groups.values()].map((group) => latestOf(group)!);
}
