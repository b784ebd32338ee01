// Object names: the code twin of docs/format.md section 2. Builds them and takes them apart, nothing else.
import { compactTime, isName, randomName, timeOfSnapshotId } from './names.ts';

export const RECOVERY = 'RECOVERY.md';
export const FILES_ARTIFACT = 'files.tar.gz.age';
export const CONTENTS_ARTIFACT = 'contents.json.gz.age';

const KiB = 1024;
const MiB = 1024 * KiB;

/** Limits of docs/format.md section 2, in bytes unless the name says otherwise. */
export const LIMITS = {
  vaultDocument: MiB,
  record: 16 * MiB,
  /** It embeds a record, whose quotes and newlines are escaped there, and lists as many parts again. */
  reencryption: 40 * MiB,
  ledger: 16 * MiB,
  drill: MiB,
  slot: MiB,
  recovery: MiB,
  part: 16 * MiB,
  partsOfArtifact: 99_999,
  contents: 64 * MiB,
} as const;

/** No key may have this name: it is that of the identity before. */
export const PREVIOUS = 'previous';
export const KEYS = 'keys/';
export const LEDGER = 'ledger/';
export const DRILLS = 'drills/';
export const SNAPSHOTS = 'snapshots/';
export const DATA = 'data/';
/** What vault documents' names begin with. */
export const VAULT_DOCUMENTS = 'vault/';

export function vaultDocumentName(revision: number): string {
  return `vault/${revision}.json`;
}

/** The revision that a `vault/…` object name holds; undefined for anything else under vault/. */
export function revisionOf(object: string): number | undefined {
  const match = /^vault\/([1-9]\d{0,14})\.json$/.exec(object);
  return match ? Number(match[1]) : undefined;
}

/** The object that holds the identity of the generation before this one. */
export function previousName(generation: number): string {
  return `keys/${generation}/${PREVIOUS}-${randomName(10)}.age`;
}

export function slotName(generation: number, slot: string, extension: 'age' | 'kms'): string {
  return `keys/${generation}/${slot}-${randomName(10)}.${extension}`;
}

/** @param generation of a re-encrypted one; a host's own record has none in its name */
export function recordName(set: string, id: string, generation?: number): string {
  return `${SNAPSHOTS}${set}/${id}${generation === undefined ? '' : `.${generation}`}.json`;
}

/** What a `snapshots/…` object name says; undefined when it is none of ours. */
export function parseRecordName(
  object: string,
): { set: string; id: string; generation?: number } | undefined {
  const match = /^snapshots\/([^/]+)\/([^/.]+)(?:\.([1-9]\d{0,8}))?\.json$/.exec(object);
  const [, set = '', id = '', generation] = match ?? [];
  if (!match || !isName(set) || timeOfSnapshotId(id) === undefined) return undefined;
  return generation === undefined ? { set, id } : { set, id, generation: Number(generation) };
}

/** A new data directory for a snapshot. */
export function newDataDirectory(set: string, id: string, generation: number): string {
  return `${DATA}${set}/${id}/${generation}-${randomName(10)}`;
}

/** The generation a data directory of this snapshot was encrypted to; undefined when it is not one of its own. */
export function generationOfData(data: string, set: string, id: string): number | undefined {
  const prefix = `${DATA}${set}/${id}/`;
  if (!data.startsWith(prefix)) return undefined;
  const match = /^([1-9]\d{0,8})-[0-9a-hjkmnp-tv-z]{10}$/.exec(data.slice(prefix.length));
  return match ? Number(match[1]) : undefined;
}

export function partName(data: string, artifact: string, index: number): string {
  return `${data}/${artifact}.${String(index).padStart(5, '0')}`;
}

/** The artifact of a stream. @param name of the stream */
export function streamArtifact(name: string): string {
  return `stream-${name}.gz.age`;
}

/** Whether `name` is the name of an artifact of format 1. */
export function isArtifact(name: string): boolean {
  return name === FILES_ARTIFACT || name === CONTENTS_ARTIFACT || streamOfArtifact(name) !== undefined;
}

/** The stream that an artifact is of; undefined where it is of none. */
export function streamOfArtifact(name: string): string | undefined {
  const [, stream = ''] = /^stream-(.+)\.gz\.age$/.exec(name) ?? [];
  return isName(stream) ? stream : undefined;
}

/** The gzip comment that ties an artifact's plaintext to its snapshot (docs/format.md section 7). */
export function artifactComment(vault: string, set: string, id: string, artifact: string): string {
  return `strongroom vault=${vault} set=${set} id=${id} artifact=${artifact}`;
}

export function newLedgerName(date: Date): string {
  return `${LEDGER}${compactTime(date)}-${randomName(6)}.json`;
}

export function newDrillName(date: Date): string {
  return `${DRILLS}${compactTime(date)}-${randomName(6)}.json`;
}

/** The document time that the name of a drill's evidence holds; undefined when it is none. */
export function timeOfDrillName(object: string): string | undefined {
  const match = /^drills\/([^/]{1,40})\.json$/.exec(object);
  return match ? timeOfSnapshotId(match[1] ?? '') : undefined;
}
