// The port of unlock methods: how a vault's identity is wrapped for one way of opening it, and unwrapped again.
// A new method is one file beside this one, one row in index.ts and one line in the contract suite.

/** What a method writes of itself into the vault document. */
export interface SlotFields {
  readonly recipient?: string;
  readonly workFactor?: number;
  readonly arn?: string;
  readonly context?: Readonly<Record<string, string>>;
}

/** A way to open the vault that is about to be added. */
export interface NewKey {
  readonly name: string;
  readonly method: 'passphrase' | 'age' | 'ssh' | 'kms';
  readonly extension: 'age' | 'kms';
  /**
   * @param plain the slot plaintext of docs/format.md section 4
   * @param context what the wrapping is bound to, where the method can bind
   */
  wrap(
    plain: Uint8Array,
    context: { vault: string; generation: number },
  ): Promise<{ bytes: Buffer; fields: SlotFields }>;
}

/** The slot as a credential sees it. */
export interface WrappedSlot extends SlotFields {
  readonly name: string;
  readonly method: string;
  readonly object: string;
}

/** Something at hand that may open the vault. */
export interface Credential {
  /** For messages: `the passphrase`, `identity file me.txt`. */
  readonly description: string;
  /** Whether opening a slot proves whose vault it is: nobody else could have made a slot that this opens. */
  readonly authenticates: boolean;
  /** Whom trying it asks: what asks nobody is tried first, what asks a person last. */
  readonly asks: 'nobody' | 'service' | 'person';
  /** Whether it could open this slot at all, judged from what the vault document says of it. */
  fits(slot: WrappedSlot): boolean;
  /**
   * @returns the slot plaintext, or null when the slot is not this credential's
   * @throws UnlockError when it is this credential's kind but does not open; IntegrityError when it is broken
   */
  unwrap(bytes: Uint8Array, slot: WrappedSlot): Promise<Buffer | null>;
}
