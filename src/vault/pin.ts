// The pin: which vault is meant, told from outside the store (docs/format.md section 9).
import { UsageError } from '../errors.ts';
import { fingerprint } from '../sign/key.ts';
import { newestGeneration, VAULT_ID, type VaultDocument } from './documents/vault-document.ts';

export interface Pin {
  readonly vault: string;
  readonly generation: number;
  readonly revision: number;
  readonly recipient: string;
  /** The authority's fingerprint, `SHA256:…`. */
  readonly authority: string;
}

/** The pin of a document, which the caller has reason to trust. */
export function pinOf(document: VaultDocument): Pin {
  const { generation, recipient, authority } = newestGeneration(document);
  return {
    vault: document.vault,
    generation,
    revision: document.revision,
    recipient,
    authority: fingerprint(authority),
  };
}

/** The pin as one line of YAML, as strongroom.yaml and `trust --pin` hold it. */
export function pinText(pin: Pin): string {
  const { vault, generation, revision, recipient, authority } = pin;
  return `{ vault: ${vault}, generation: ${generation}, revision: ${revision}, recipient: ${recipient}, authority: "${authority}" }`;
}

/**
 * Checks a pin that a person or a file gave.
 * @throws UsageError `bad-pin`
 */
export function checkPin(pin: Pin): Pin {
  const whole = (n: number) => Number.isSafeInteger(n) && n >= 1;
  const sound =
    VAULT_ID.test(pin.vault) &&
    whole(pin.generation) &&
    whole(pin.revision) &&
    /^age1[0-9a-z]{50,4000}$/.test(pin.recipient) &&
    /^SHA256:[A-Za-z0-9+/]{43}$/.test(pin.authority);
  if (sound) return pin;
  throw new UsageError('bad-pin', 'the pin is not as init printed it', {
    hint: 'copy the whole pin again: { vault, generation, revision, recipient, authority }',
  });
}

const PIN_TEXT =
  /^\{? *vault: *([0-9a-z]+) *, *generation: *(\d{1,9}) *, *revision: *(\d{1,15}) *, *recipient: *(age1[0-9a-z]+) *, *authority: *"?(SHA256:[A-Za-z0-9+/]{43})"? *\}?$/;

/**
 * Reads a pin from the line that `init` and `trust` print.
 * @throws UsageError `bad-pin`
 */
export function parsePin(text: string): Pin {
  const [, vault = '', generation, revision, recipient = '', authority = ''] =
    PIN_TEXT.exec(text.trim().replace(/^pin: */, '')) ?? [];
  return checkPin({
    vault,
    generation: Number(generation),
    revision: Number(revision),
    recipient,
    authority,
  });
}
