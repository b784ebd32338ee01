// What a rotation says: before it, what it will do and to whom; after it, what is left for people to do.
import { newestGeneration } from '../../../vault/documents/vault-document.ts';
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
    if (compromised) lines.push(`  everything up to key number ${generation} counts as exposed`);
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
    lines.push(`  re-encrypts ${snapshots.length} snapshots, ${sized(bytes)}`);
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

/** What is left for people to do. */
export function afterwards({ work, rotated, reencrypted, pin, oldPinIn, still }: RotateResult): string[] {
  const lines: string[] = [];
  for (const { name, untested } of rotated?.made ?? []) {
    if (untested === undefined) continue;
    lines.push(
      `The key ${name} was not tried (${untested}): run \`strongroom keys test ${name}\` where it is.`,
    );
  }
  if (rotated && rotated.plan.leftOut.length > 0) {
    lines.push(`Left out: ${namesOf(rotated.plan.leftOut)}. Add them again with \`strongroom keys add\`.`);
  }
  const age = rotated?.vault.document.slots.filter(({ method }) => method === 'age') ?? [];
  if (age.length > 0) {
    lines.push(
      `A recovery kit (one of ${namesOf(age)}?) opens the vault, but what stands on the paper is old: print it again (\`strongroom recovery kit --replace --name NAME\`).`,
    );
  }
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
  // Last, as the pin follows.
  if (rotated) lines.push(...forHosts(work, pin.authority, oldPinIn));
  return lines;
}

/** A host with the old pin goes on as before; what it writes is read, and is under the old key. */
function forHosts(
  { compromised, vault }: RotateWork,
  authority: string,
  oldPinIn: string | undefined,
): string[] {
  const { generation } = newestGeneration(vault.document);
  const hosts = vault.document.hosts.filter((h) => h.removed === undefined && h.may.includes('write'));
  const lines: string[] = [
    `These hosts write to key number ${generation} until they have the new pin: ${namesOf(hosts)}.`,
  ];
  if (compromised) {
    lines.push(
      `Whoever has that key reads what they write: deny them to create data/*/*/${generation}-* until then.`,
    );
  }
  if (oldPinIn !== undefined)
    lines.push(`Replace \`pin:\` in ${oldPinIn} by the line below, here and where it was copied to;`);
  lines.push(
    `${oldPinIn === undefined ? 'There' : 'elsewhere'} run \`strongroom trust ${authority}\`, with the fingerprint told by you and not by the store:`,
  );
  return lines;
}
