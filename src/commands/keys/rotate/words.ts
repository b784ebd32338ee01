// What a rotation says: before it, what it will do and to whom; after it, what is left for people to do.
import { type Pin, pinText } from '../../../vault/pin.ts';
import type { Rotation } from '../../../vault/rotate/rotate.ts';
import type { Fields } from '../../command.ts';
import { titleOf } from '../changed.ts';
import type { RotateResult, RotateWork } from '../rotate.ts';

function namesOf(slots: readonly { readonly name: string }[]): string {
  return slots.map(({ name }) => name).join(', ');
}

function sized(bytes: number): string {
  const mebibytes = bytes / 1024 / 1024;
  return mebibytes < 1 ? `${(bytes / 1024).toFixed(1)} KiB` : `${mebibytes.toFixed(1)} MiB`;
}

/** The plan, for people. */
export function planLines({ rotation, reencryption, compromised, readable, vault }: RotateWork): string[] {
  const { name, generation, reencrypt } = vault.document;
  const lines: string[] = [];
  if (rotation) {
    lines.push(`The vault ${name} gets key number ${rotation.generation} in place of ${generation}.`);
    lines.push(`  opens with: ${rotation.kept.map(({ slot }) => titleOf(slot)).join(', ')}`);
    for (const slot of rotation.without) {
      lines.push(
        `  no more with: ${titleOf(slot)}, which could read ${readable} snapshots until now; \`strongroom keys exposure --key ${slot.name}\` lists the secrets in them, to be changed where they are used`,
      );
    }
    if (rotation.leftOut.length > 0) {
      lines.push(
        `  left out, as nobody gives what they take: ${namesOf(rotation.leftOut)}; add them again with \`strongroom keys add\``,
      );
    }
    if (compromised) {
      lines.push(`  everything up to key number ${generation} counts as exposed`);
      if (rotation.without.length === 0)
        lines.push(
          '  whoever has one of these keys opens the new one too: if it was one of them that leaked, add --without NAME',
        );
    }
    if (compromised || rotation.without.length > 0) {
      // Whoever had a key may have enrolled one of his own.
      lines.push(
        `  hosts that go on: ${namesOf(vault.document.hosts.filter((h) => h.removed === undefined))}; see \`strongroom hosts list\``,
      );
    }
  } else if (reencrypt)
    lines.push(`Goes on with the re-encryption of the vault ${name} that was not finished.`);
  if (reencryption) {
    const { snapshots, bytes } = reencryption;
    if (snapshots.length === 0 && !rotation)
      lines.push(`Every snapshot of the vault ${name} is under key number ${generation} already.`);
    else lines.push(`  re-encrypts ${snapshots.length} snapshots, ${sized(bytes)}`);
  } else lines.push(`  ${readable} snapshots stay as they are: add --reencrypt to re-encrypt them`);
  return lines;
}

/** The plan, for programs. */
export function rotatedFields({ rotation, reencryption, compromised, readable, vault }: RotateWork): Fields {
  return {
    vault: vault.document.name,
    generation: rotation?.generation ?? vault.document.generation,
    keys: rotation?.kept.map(({ slot }) => slot.name),
    without: rotation?.without.map((slot) => slot.name),
    left_out: rotation?.leftOut.map((slot) => slot.name),
    compromised,
    readable_snapshots: readable,
    to_reencrypt: reencryption?.snapshots.length,
    bytes_to_reencrypt: reencryption?.bytes,
  };
}

/**
 * What a rotation says once it stands: the key, what people must do with it, and last the pin.
 * @param oldPinIn the settings file that holds another pin
 */
export function spoken(
  work: RotateWork,
  rotated: Rotation | undefined,
  pin: Pin,
  oldPinIn: string | undefined,
): { human: string[]; more: string[] } {
  const { vault, compromised } = work;
  const { generation, authority } = pin;
  const is = rotated ? 'has a new key' : 'has key';
  const more = rotated ? leftToDo(rotated) : [];
  const behind = work.writers.filter((writer) => writer.generation < generation);
  if (behind.length > 0) {
    const named = behind.map((writer) => `${writer.name} (last to ${writer.generation})`).join(', ');
    more.push(`These hosts write to an older key until they have the new pin: ${named}.`);
    if (compromised) {
      // Whoever wrote to the first one last may have a later pin by now.
      const first = Math.min(...behind.map((writer) => writer.generation));
      const exposed = Array.from({ length: generation - first }, (_, i) => `data/*/*/${first + i}-*`);
      more.push(
        `Whoever has an older key reads what they write: deny them to create ${exposed.join(' and ')} until then.`,
      );
    }
  }
  if (oldPinIn !== undefined)
    more.push(`Replace \`pin:\` in ${oldPinIn} by the line below, and wherever that file was copied to.`);
  more.push(
    `Elsewhere run \`strongroom trust ${authority}\`, with the fingerprint told by you and not by the store.`,
    `pin: ${pinText(pin)}`,
  );
  return {
    human: [
      `The vault ${vault.document.name} ${is}${rotated ? ', number' : ' number'} ${generation} (revision ${pin.revision})`,
    ],
    more,
  };
}

function leftToDo({ made, plan, vault }: Rotation): string[] {
  const lines: string[] = [];
  for (const { name, untested } of made) {
    if (untested === undefined) continue;
    lines.push(
      `The key ${name} was not tried (${untested}): run \`strongroom keys test ${name}\` where it is.`,
    );
  }
  if (plan.leftOut.length > 0)
    lines.push(`Left out: ${namesOf(plan.leftOut)}. Add them again with \`strongroom keys add\`.`);
  for (const { name } of vault.document.slots.filter(({ kit }) => kit)) {
    lines.push(
      `Recovery kit ${name} opens the vault, but what stands on the paper is old: print it again (\`strongroom recovery kit --replace --name ${name}\`, or \`recovery split\` if it was in shares).`,
    );
  }
  return lines;
}

/** What else there is to know when all is done. */
export function afterwards({ reencrypted, still }: RotateResult): string[] {
  const lines: string[] = [];
  if (still && still.objects > 0) {
    const until =
      still.until === undefined ? 'until somebody removes them' : `until ${still.until.toISOString()}`;
    lines.push(
      `The bucket keeps ${still.objects} old versions of keys and snapshots: whoever may read versions reads them ${until}.`,
    );
  }
  if (reencrypted && reencrypted.findings.length > 0) {
    lines.push(
      'What does not verify stays under its old key: see above, then run `strongroom keys rotate --finish`.',
    );
  }
  return lines;
}
