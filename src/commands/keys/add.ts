// `strongroom keys add`: one more way to open the vault.
import { UsageError } from '../../errors.ts';
import type { KeyLine } from '../../keys/keys-file.ts';
import { changeKeys } from '../../vault/keys/change.ts';
import { checkName } from '../../vault/names.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { refusePrivateKeys } from '../init/keys.ts';
import { tellPassphrase } from '../new-keys.ts';
import { openUnlocked } from '../open.ts';
import { addedFields, sayChanged, standsAt, titleOf } from './changed.ts';
import { sshLine, wantedKey } from './new-key.ts';

export const command = defineCommand({
  description: [
    'Whoever holds any one key opens the whole vault, and may change who else does. Snapshots stay as they are.',
    'The new key is tried before it counts, where what opens it is at hand: a passphrase and an AWS KMS key always, an age or SSH key when STRONGROOM_IDENTITY_FILE holds it.',
  ],
  needs: 'read, create and delete access, and one way to open the vault',
  args: {},
  flags: {
    passphrase: { summary: 'a passphrase; an empty answer makes up a strong one' },
    recipient: { value: 'AGE1…', summary: 'the age identity of this recipient' },
    ssh: { value: 'FILE', summary: 'the SSH key with this .pub file (Ed25519 or RSA)' },
    kms: { value: 'ARN', summary: 'this AWS KMS key, or the one behind an alias' },
    name: { value: 'NAME', summary: 'what to call it, else after its kind' },
    untested: { summary: 'add an AWS KMS key although this role may not decrypt with it' },
  },
  examples: [
    ['keys add --recipient age1… --name anna', 'let Anna open the vault'],
    ['keys add --passphrase --name safe', 'a passphrase, to be written down and kept in the safe'],
    ['keys add --kms arn:aws:kms:…', 'whoever may decrypt with this AWS KMS key'],
  ],
  async run({ flags }, context) {
    refusePrivateKeys([flags.recipient, flags.ssh, flags.kms, flags.name]);
    if (flags.name !== undefined) checkName(flags.name, 'key');
    const line = await lineFor(flags, context);
    const { untested, name } = flags;
    // What is wrong with a key is said before anybody is asked for a secret.
    const early =
      line.method === 'passphrase' ? undefined : await wantedKey(line, context, { name, untested });
    const vault = await openUnlocked(context);
    const wanted = early ?? (await wantedKey(line, context, { name, untested }));
    if (wanted.passphrase) tellPassphrase(context, wanted.passphrase);
    const { hostName } = await context.world();
    const changed = await changeKeys(vault, { add: [wanted], by: hostName });
    await sayChanged(context, changed);
    return changed;
  },
  human(changed, out) {
    const { document } = changed.vault;
    for (const { slot, tested } of changed.added) {
      // That one was not tried is said on stderr.
      if (tested)
        out.note(
          out.styled('green', `${titleOf(slot)} opens the vault ${document.name} now`),
          ', and was seen to',
        );
      else out.note(out.styled('green', `added ${titleOf(slot)} to the vault ${document.name}`));
    }
    out.note(`revision ${document.revision}`);
  },
  json(changed, line) {
    for (const added of changed.added) line('key', addedFields(added));
    return { ...standsAt(changed), added: changed.added.map(({ slot }) => slot.name) };
  },
});

interface KindFlags {
  readonly passphrase: boolean;
  readonly recipient: string | undefined;
  readonly ssh: string | undefined;
  readonly kms: string | undefined;
}

/** @throws UsageError `one-key`, `bad-recipient`, `bad-ssh-key` */
async function lineFor({ passphrase, recipient, ssh, kms }: KindFlags, context: Context): Promise<KeyLine> {
  const given = [passphrase || undefined, recipient, ssh, kms].filter((value) => value !== undefined);
  if (given.length !== 1) {
    throw new UsageError(
      'one-key',
      given.length === 0 ? 'no key to add was given' : 'several keys to add were given',
      {
        hint: 'give one of --passphrase, --recipient age1…, --ssh FILE.pub and --kms arn:aws:kms:…; `strongroom keys apply FILE` takes several',
      },
    );
  }
  if (recipient !== undefined) return { method: 'age', recipient };
  if (ssh !== undefined) return await sshLine(ssh, context);
  if (kms !== undefined) return { method: 'kms', arn: kms };
  return { method: 'passphrase' };
}
