// The slot plaintext: an age identity file that names its vault and generation (docs/format.md section 4).
import { IntegrityError } from '../errors.ts';

export interface SlotPlaintext {
  readonly vault: string;
  readonly generation: number;
  readonly recipient: string;
  readonly identity: string;
}

/** The exact text that is wrapped. */
export function writeSlotPlaintext(slot: SlotPlaintext): Buffer {
  return Buffer.from(
    `# strongroom vault=${slot.vault} generation=${slot.generation}\n# recipient: ${slot.recipient}\n${slot.identity}\n`,
  );
}

const FORM =
  /^# strongroom vault=([0-9a-z]{26}) generation=([1-9]\d{0,8})\n# recipient: (age1[0-9a-z]+)\n(AGE-SECRET-KEY-(?:PQ-)?1[0-9A-Z]+)\n$/;

/**
 * Reads what a slot held, and holds it to what it should be: whoever writes to the store can make a slot that
 * opens with a public recipient, but not one that belongs to this vault.
 * @param object the slot's object name
 * @throws IntegrityError `wrong-slot`
 */
export function readSlotPlaintext(
  plain: Uint8Array,
  expected: { vault: string; generation: number; recipient: string },
  object: string,
): SlotPlaintext {
  const [, vault, generation, recipient, identity] = FORM.exec(Buffer.from(plain).toString('latin1')) ?? [];
  const slot = {
    vault: vault ?? '',
    generation: Number(generation),
    recipient: recipient ?? '',
    identity: identity ?? '',
  };
  if (
    slot.vault !== expected.vault ||
    slot.generation !== expected.generation ||
    slot.recipient !== expected.recipient
  ) {
    throw new IntegrityError('wrong-slot', `${object} opens, but holds no key of this vault`, {
      object,
      hint: 'someone who can write to the store may have replaced it; use another key, or a copy of the vault',
    });
  }
  return slot;
}
