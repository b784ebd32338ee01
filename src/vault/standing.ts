// Whether a signed record or ledger entry counts: is its signer listed, and may it say what it says
// (docs/format.md sections 6 and 8). Pure: it is handed documents whose signatures fit.
import { IntegrityError } from '../errors.ts';
import type { Drill } from './documents/drill.ts';
import type { LedgerAction, LedgerEntry } from './documents/ledger.ts';
import {
  namesOwnData,
  type Reencryption,
  type SnapshotRecord,
  type WithoutArtifacts,
} from './documents/record.ts';
import type { Generation, Host, VaultDocument } from './documents/vault-document.ts';
import { inScope } from './names.ts';

/** A record dated later than this after the store's own time of its object never counts. */
export const MAX_AHEAD_MS = 10 * 60 * 1000;

function refuse(code: string, object: string, message: string): never {
  throw new IntegrityError(code, `${object} ${message}`, { object });
}

/**
 * The listed host that signed alone. Ask before a body is parsed: a stranger's is never worth the work.
 * @throws IntegrityError `unlisted-writer`
 */
export function writerOf(document: VaultDocument, signers: readonly string[], object: string): Host {
  const host = signers.length === 1 ? document.hosts.find((h) => h.key === signers[0]) : undefined;
  return host ?? refuse('unlisted-writer', object, 'is signed by a key that may not write to this vault');
}

export interface RecordFacts {
  /** Public keys whose signatures on it verified. */
  readonly signers: readonly string[];
  /** SHA-256 of the whole object. */
  readonly sha256: string;
  /** The store's own time of the object. */
  readonly modified: Date;
}

/** Which records and ledger entries of a removed host count all the same, by their digests. */
export type Outlasting = (host: Host, kind: 'records' | 'entries', sha256: string) => boolean;

/**
 * @param record without artifacts when their parts get their names from its data
 * @throws IntegrityError whose code is the finding: `unlisted-writer`, `wrong-host`, `out-of-scope`,
 *   `removed-host`, `foreign-data`, `unknown-generation`, `future`
 */
export function judgeRecord(
  document: VaultDocument,
  record: WithoutArtifacts<SnapshotRecord>,
  facts: RecordFacts,
  outlasts: Outlasting,
): void {
  const { object } = record;
  const host = writerOf(document, facts.signers, object);
  if (host.name !== record.host)
    refuse('wrong-host', object, `claims another host than its signer, ${host.name}`);
  if (!host.may.includes('write') || !inScope(record.set, host.sets)) {
    refuse('out-of-scope', object, `is by ${host.name}, which may not write to the set ${record.set}`);
  }
  if (host.removed !== undefined && !outlasts(host, 'records', facts.sha256)) {
    refuse('removed-host', object, `is by ${host.name}, which was removed from the vault`);
  }
  if (!namesOwnData(record)) refuse('foreign-data', object, 'names stored bytes that are not its own');
  if (record.generation > document.generation) {
    refuse('unknown-generation', object, 'is encrypted to a key that the vault document does not list');
  }
  // Compared with the store's clock, which the writer cannot set: else one record dated ahead would be `latest`
  // for years.
  if (Date.parse(record.time) > facts.modified.getTime() + MAX_AHEAD_MS) {
    refuse('future', object, 'is dated later than the store received it');
  }
}

/** The generation whose authority signed, and nobody else. */
function generationOf(document: VaultDocument, signers: readonly string[]): Generation | undefined {
  return signers.length === 1 ? document.generations.find((g) => g.authority === signers[0]) : undefined;
}

/**
 * Ask before a re-encrypted record is parsed: only the authority of the generation in its name may write it.
 * @throws IntegrityError `unlisted-writer`
 */
export function checkReencrypter(
  document: VaultDocument,
  signers: readonly string[],
  object: string,
  generation: number,
): void {
  if (generationOf(document, signers)?.generation === generation) return;
  refuse('unlisted-writer', object, 'is signed by a key that may not re-encrypt');
}

/**
 * @param record the host's own, which has been judged
 * @throws IntegrityError `foreign-data`, also where it leaves something out: the host's own bytes go once it stands
 */
export function judgeReencryption(again: Reencryption, record: SnapshotRecord): void {
  const isWhole =
    again.artifacts.length === record.artifacts.length &&
    again.artifacts.every((a, i) => a.name === record.artifacts[i]?.name);
  if (!isWhole || again.contents !== record.contents || again.generation <= record.generation) {
    refuse('foreign-data', again.object, 'does not hold what its host backed up');
  }
}

/** As `writerOf`, for a ledger entry, which the authority may sign too. @throws IntegrityError `unlisted-writer` */
export function checkLedgerWriter(document: VaultDocument, signers: readonly string[], object: string): void {
  if (!generationOf(document, signers)) writerOf(document, signers, object);
}

/**
 * @throws IntegrityError `unlisted-writer`, `out-of-scope`, `removed-host`, `wrong-host`, `exposed-key`
 */
export function judgeLedgerEntry(
  document: VaultDocument,
  entry: LedgerEntry,
  facts: Pick<RecordFacts, 'signers' | 'sha256'>,
  outlasts: Outlasting,
): void {
  const { object } = entry;
  const generation = generationOf(document, facts.signers);
  if (generation) {
    if (entry.by !== 'authority') refuse('wrong-host', object, 'claims another writer than its signer');
    // Whoever holds an old identity must not remove for ever what was made after it.
    if (entry.action === 'delete' || entry.action === 'prune') {
      refuse('out-of-scope', object, 'removes snapshots, which only a host may');
    }
    if (entry.action === 'keep' || entry.action === 'release') {
      refuse('out-of-scope', object, 'says which snapshots are kept, which only a host may');
    }
    if (entry.action === 'remove-host' && !isNamed(document, object, facts.sha256)) {
      refuse('unnamed-removal', object, 'removes a host, and the vault document does not name it');
    }
    if (entry.action === 'reencrypt' && generation.compromised)
      refuse('exposed-key', object, 'is signed with a key that leaked');
    if (entry.action === 'reencrypt' && entry.generation !== generation.generation)
      refuse('wrong-host', object, 'is signed with another key than it names');
    return;
  }
  const host = writerOf(document, facts.signers, object);
  if (host.name !== entry.by)
    refuse('wrong-host', object, `claims another writer than its signer, ${host.name}`);
  const inside = [...entry.removes, ...(entry.keeps ?? [])].every((r) => inScope(r.set, host.sets));
  if (!OF_HOSTS.includes(entry.action) || !host.may.includes('maintain') || !inside) {
    refuse('out-of-scope', object, `is by ${host.name}, which may not ${verbOf(entry)} that`);
  }
  if (host.removed !== undefined && !outlasts(host, 'entries', facts.sha256)) {
    refuse('removed-host', object, `is by ${host.name}, which was removed from the vault`);
  }
}

/**
 * The generation whose authority signed evidence of a drill alone. Ask before it is parsed.
 * @throws IntegrityError `unlisted-writer`; `exposed-key` for one that leaked: whoever has it could call anything drilled
 */
export function drillerOf(document: VaultDocument, signers: readonly string[], object: string): Generation {
  const generation = generationOf(document, signers);
  if (!generation)
    return refuse('unlisted-writer', object, 'is signed by a key that may not say how a drill went');
  if (generation.compromised) refuse('exposed-key', object, 'is signed with a key that leaked');
  return generation;
}

export interface DrillFacts {
  /** As `drillerOf` has it. */
  readonly signer: Generation;
  /** The store's own time of the object. */
  readonly modified: Date;
  /** Until when the signer was the newest generation; undefined for the one that is. */
  readonly until: Date | undefined;
}

/**
 * Whoever had a key before it was rotated out can sign with it for ever: only what the store had by then counts.
 * @throws IntegrityError `wrong-host`, `future`, `superseded-key`; `stored-late` for what may well be older, as all is in
 *   a copy that was made since
 */
export function judgeDrill(drill: Drill, { signer, modified, until }: DrillFacts): void {
  const { object, generation, time } = drill;
  if (generation !== signer.generation)
    refuse('wrong-host', object, 'is signed with another key than it names');
  if (Date.parse(time) > modified.getTime() + MAX_AHEAD_MS)
    refuse('future', object, 'is dated later than the store received it');
  if (!until || modified <= until) return;
  if (Date.parse(time) > until.getTime())
    refuse('superseded-key', object, 'is signed with a key that was rotated out before');
  refuse('stored-late', object, 'came to the store after its key was rotated out');
}

/** What hosts may say that maintain. */
const OF_HOSTS: readonly LedgerAction[] = ['delete', 'prune', 'keep', 'release'];

function verbOf({ action }: LedgerEntry): string {
  return action === 'keep' || action === 'release' ? action : 'remove';
}

/**
 * Whether a release that is otherwise in order may end the `keep` entries that it names: the sets are those of what they
 * keep.
 * @param signer the host's key: names come back when a host is enrolled again, with another scope perhaps
 * @throws IntegrityError `out-of-scope`
 */
export function judgeRelease(
  document: VaultDocument,
  release: LedgerEntry,
  signer: string,
  ended: readonly LedgerEntry[],
): void {
  const host = writerOf(document, [signer], release.object);
  const inside = ended.every(({ keeps = [] }) => keeps.every((k) => inScope(k.set, host.sets)));
  if (!inside) refuse('out-of-scope', release.object, `is by ${host.name}, which may not release that`);
}

function isNamed({ hosts }: VaultDocument, object: string, sha256: string): boolean {
  return hosts.some(({ counts }) => counts?.object === object && counts.sha256 === sha256);
}
