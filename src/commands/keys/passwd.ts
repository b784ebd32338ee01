// `strongroom keys passwd`: another passphrase in the place of one. Whoever has the old one changes it, nobody else.
import { UnlockError, UsageError } from '../../errors.ts';
import type { Credential } from '../../keys/method.ts';
import { changeKeys } from '../../vault/keys/change.ts';
import { keyNamed } from '../../vault/keys/names.ts';
import { unlock } from '../../vault/unlock.ts';
import { openVault, type UnlockedVault } from '../../vault/vault.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { tellPassphrase } from '../new-keys.ts';
import { configuredPin, vaultContext } from '../open.ts';
import { addedFields, sayChanged, standsAt } from './changed.ts';
import { wantedKey } from './new-key.ts';

export const command = defineCommand({
  description: [
    'Takes the old passphrase (STRONGROOM_PASSPHRASE_FILE or a prompt) and sets the new one (STRONGROOM_NEW_PASSPHRASE_FILE or a prompt). Nothing else changes, so it takes no longer for many snapshots.',
    'Whoever knew the old one may have kept what it opened: when it has leaked, run `strongroom keys rotate --reencrypt`.',
  ],
  needs: 'read, create and delete access, and the old passphrase',
  args: {
    name: { value: 'NAME', optional: true, summary: 'the key, else the one that the old passphrase opens' },
  },
  flags: {},
  examples: [['keys passwd', 'change the passphrase']],
  async run({ args }, context) {
    const { vault, old } = await openWithOld(args.name, context);
    const slot = keyNamed(vault.document.slots, vault.openedBy);
    const wanted = await wantedKey({ method: 'passphrase' }, context, { name: slot.name, untested: false });
    if (wanted.passphrase?.passphrase === old) {
      throw new UsageError('same-passphrase', 'the new passphrase is the old one', {
        object: slot.name,
        hint: 'choose another one, or leave it empty to have one made up',
      });
    }
    if (wanted.passphrase) tellPassphrase(context, wanted.passphrase);
    const { hostName } = await context.world();
    const changed = await changeKeys(vault, { add: [wanted], remove: [slot], by: hostName });
    await sayChanged(context, changed);
    return { changed, name: slot.name };
  },
  human({ changed, name }, out) {
    const { document } = changed.vault;
    out.note(
      out.styled('green', `the passphrase of the vault ${document.name} is changed`),
      ` (the key ${name})`,
    );
    out.note(`revision ${document.revision}`);
  },
  json({ changed, name }, line) {
    for (const added of changed.added) line('key', addedFields(added));
    return { ...standsAt(changed), changed: name };
  },
});

/** Unlocks with the old passphrase and nothing else, by the key that is to change. */
async function openWithOld(
  name: string | undefined,
  context: Context,
): Promise<{ vault: UnlockedVault; old: string }> {
  const base = await vaultContext(context);
  const pin = await configuredPin(context);
  const opening = pin ? { pin } : {};
  const { methods } = await context.world();
  const { secrets } = context;
  let old = '';
  const ask = async () => {
    if (!secrets.passphraseGiven && !context.terminal.interactive) throw nobodyToAsk();
    old = await secrets.passphrase(`Old passphrase${name === undefined ? '' : ` of ${name}`}`);
    return old;
  };
  const credentials = async (pinned: boolean): Promise<Credential[]> => {
    const passphrase = await methods.passphrase(ask, pinned, secrets.passphraseGiven);
    const fits: Credential['fits'] = (slot) =>
      passphrase.fits(slot) && (name === undefined || slot.name === name);
    return [{ ...passphrase, fits }];
  };
  try {
    return { vault: await unlock(base, { ...opening, credentials }), old };
  } catch (error) {
    if (!(error instanceof UnlockError) || !['wrong-passphrase', 'no-key-fits'].includes(error.code))
      throw error;
    const { document } = await openVault(base, opening);
    const slot = name === undefined ? undefined : keyNamed(document.slots, name);
    const some = document.slots.find(({ method }) => method === 'passphrase');
    if ((slot ?? some)?.method !== 'passphrase') throw noPassphrase(slot?.name, document.name);
    throw wrongOld(slot?.name, error);
  }
}

/** Another key would open the vault, and not let anybody change this one. */
function nobodyToAsk(): UnlockError {
  return new UnlockError(
    'no-terminal',
    'the old passphrase is needed, and there is no terminal to ask for it',
    { hint: 'give it with STRONGROOM_PASSPHRASE_FILE, and the new one with STRONGROOM_NEW_PASSPHRASE_FILE' },
  );
}

function noPassphrase(name: string | undefined, vault: string): UsageError {
  const message =
    name === undefined ? `the vault ${vault} opens with no passphrase` : `the key ${name} is no passphrase`;
  return new UsageError('no-passphrase', message, {
    ...(name === undefined ? {} : { object: name }),
    hint: 'add one with `strongroom keys add --passphrase`',
  });
}

function wrongOld(name: string | undefined, cause: UnlockError): UnlockError {
  const message =
    name === undefined
      ? 'the old passphrase opens no key of this vault'
      : `the old passphrase does not open the key ${name}`;
  return new UnlockError('wrong-passphrase', message, {
    ...(name === undefined ? {} : { object: name }),
    hint: 'nothing was changed; if it is lost, use another key to run `strongroom keys add --passphrase`, then remove this one',
    cause,
  });
}
