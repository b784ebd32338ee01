// The port: what can be asked about a bucket without changing it. An adapter asks the service; a check judges.
import type { Answer } from './check.ts';

export type Allowed = 'allowed' | 'denied';

export interface LifecycleRule {
  readonly id: string;
  /** Of the names that it is about; empty is all. */
  readonly prefix: string;
  /** Only objects with tags, of which a vault has none. */
  readonly tagged: boolean;
  /** Days until what is there is deleted, or a date. */
  readonly expires: string | undefined;
  /** Storage classes that it moves what is there to. */
  readonly moves: readonly string[];
}

/** A bucket that may hold a vault. Every question is answered, if only by why it cannot be. */
export interface BucketPort {
  readonly bucket: string;
  /** Empty, or ends in a slash. */
  readonly prefix: string;
  /** AWS itself. */
  readonly onAws: boolean;
  /** URL of a service other than AWS. */
  readonly endpoint: string | undefined;
  /** Whether the service answers for this bucket at all; a denial is an answer. @throws StoreError when it does not */
  reach(): Promise<void>;
  versioning(): Promise<Answer<'enabled' | 'suspended' | 'never'>>;
  /** Parsed JSON; undefined when there is no policy. */
  policy(): Promise<Answer<unknown>>;
  /** Which of the four blocks are on; undefined when none was ever set. */
  publicAccessBlock(): Promise<Answer<Readonly<Record<string, boolean>> | undefined>>;
  /** What the bucket locks by default; null: locks can be made, but none is by default; undefined: no Object Lock. */
  objectLock(): Promise<Answer<{ readonly mode: string; readonly days: number } | null | undefined>>;
  /** What the bucket encrypts with by default; undefined when it does not. */
  encryption(): Promise<
    Answer<
      { readonly algorithm: string; readonly key?: string; readonly blocksCustomerKeys: boolean } | undefined
    >
  >;
  lifecycle(): Promise<Answer<readonly LifecycleRule[]>>;
  /** How far the service's clock is ahead of this machine's, in milliseconds. */
  clockAhead(): Promise<Answer<number>>;
  /** What the service says that an object of the vault is encrypted with; undefined when there is none there. */
  encryptionOf(name: string): Promise<Answer<{ readonly algorithm: string | undefined } | undefined>>;
  /** Whether this role may do it. Nothing of the vault's is ever changed by asking. */
  may(what: 'list' | 'read' | 'delete' | 'change-policy'): Promise<Answer<Allowed>>;
}
