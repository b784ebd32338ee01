// A snapshot as it is read: its host's record, and where its bytes are now.
import type { SnapshotRecord } from './documents/record.ts';
import type { Finding } from './finding.ts';

export interface Snapshot extends SnapshotRecord {
  /** SHA-256 of the whole record that its host signed, re-encrypted since or not. */
  readonly sha256: string;
  /** SHA-256 of the record that counts now, the object `object`. */
  readonly recordSha256: string;
  /** The store's own time of the record that counts. */
  readonly modified: Date;
  /** Where it was re-encrypted: the host's own record, which the one that counts embeds. */
  readonly original?: Original;
}

export interface Original {
  readonly sha256: string;
  /** The generation that its host encrypted to. */
  readonly generation: number;
  /** The authority that signed the record that counts. */
  readonly authority: string;
  /** When the store had received it, as the authority noted. */
  readonly received: string;
}

/** A record that stands in the store and does not count, or that should stand there and is gone. */
export interface RefusedRecord {
  readonly set: string;
  readonly id: string;
  readonly finding: Finding;
}

/** Whether a record of a listed host's own hand does not count: its host was removed, or its clock was far ahead. */
export function isDisownedBy(code: string): boolean {
  return code === 'removed-host' || code === 'future';
}
