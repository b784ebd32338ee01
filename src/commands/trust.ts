// `strongroom trust`: tells this machine which vault is meant, by a fingerprint from elsewhere, or by an unlock
// that proves it.
import { IntegrityError, UsageError } from '../errors.ts';
import { noMemory } from '../vault/client.ts';
import type { VaultDocument } from '../vault/documents/vault-document.ts';
import { noVault } from '../vault/no-vault.ts';
import { type Pin, parsePin, pinOf, pinText } from '../vault/pin.ts';
import { tryToRemember } from '../vault/remember.ts';
import { groupCandidates, readCandidates, trustPinned } from '../vault/trust.ts';
import { openVault, type VaultContext } from '../vault/vault.ts';
import { defineCommand } from './command.ts';
import type { Context } from './context.ts';
import { unlockWith, vaultContext } from './open.ts';

export const command = defineCommand({
  description: [
    'Give the fingerprint that init printed, from a place that whoever writes to the store cannot change. Without one, the passphrase proves the vault.',
    'The pin is remembered for the location, and printed for strongroom.yaml.',
  ],
  needs: 'read access to the vault',
  args: { fingerprint: { value: 'FINGERPRINT', optional: true, summary: 'SHA256:… as init printed it' } },
  flags: { pin: { value: 'PIN', summary: 'the whole pin, as init printed it: { vault: …, … }' } },
  examples: [
    ['trust SHA256:…', 'trust the vault with this fingerprint'],
    ['trust', 'trust the vault that the passphrase opens'],
  ],
  async run({ args, flags }, context) {
    const fingerprint = args.fingerprint === undefined ? undefined : checkFingerprint(args.fingerprint);
    const given = flags.pin === undefined ? undefined : parsePin(flags.pin);
    const base = await vaultContext(context);
    const { store, memory } = base;
    const trusted = async (pin: Pin, how: 'pin' | 'fingerprint' | 'unlock') => {
      await memory.rememberPin(store.location, pin);
      await believe(base, pin);
      return { pin, location: store.location, how, otherPinIn: await otherPinIn(context, pin) };
    };
    if (given) {
      // A pin with a slip in it, or for another place, would lock this machine out of its own vault.
      const { document } = await openVault({ ...base, memory: noMemory() }, { pin: given });
      // What a rotation since then made is only the old key's word, which moves no pin.
      const isCurrent = document.generation === given.generation;
      return await trusted(isCurrent ? pinOf(document) : given, 'pin');
    }
    if (fingerprint !== undefined) {
      const found = await readCandidates(store, base);
      const groups = groupCandidates(found).map((c) => pinOf(c.document));
      const pin = groups.find((p) => p.authority === fingerprint);
      if (!pin) {
        if (groups.length === 0) throw noVault(store.location);
        throw new IntegrityError('foreign-vault', `no vault at ${store.location} has that fingerprint`, {
          object: store.location,
          hint: `it shows ${groups.map((p) => p.authority).join(', ')}: if that is a surprise, somebody may have replaced the vault`,
        });
      }
      await refuseOlder(context, pin);
      // A fingerprint is of what signs: whoever had that key may have signed for another recipient.
      const { current } = trustPinned(found, pin, store.location);
      sayFormer(context, pin, current.document);
      return await trusted(pin, 'fingerprint');
    }
    // Nothing that was believed before counts here: the credential alone decides.
    const vault = await unlockWith({ ...base, memory: noMemory() }, context, false);
    return await trusted(pinOf(vault.document), 'unlock');
  },
  human({ pin, location, otherPinIn }, out) {
    out.note(`This machine trusts the vault with fingerprint ${pin.authority} at ${location}.`);
    if (otherPinIn !== undefined) out.line(`Replace \`pin:\` in ${otherPinIn} by this line:`);
    out.line(`pin: ${pinText(pin)}`);
  },
  json: ({ pin, location, how, otherPinIn }) => ({
    location,
    how,
    pin: { ...pin },
    fingerprint: pin.authority,
    config_pin_differs: otherPinIn !== undefined,
  }),
});

/** @throws UsageError `bad-fingerprint` */
function checkFingerprint(text: string): string {
  const [, base64] = /^(?:SHA256:)?([A-Za-z0-9+/]{43})$/.exec(text.trim()) ?? [];
  if (base64 !== undefined) return `SHA256:${base64}`;
  throw new UsageError('bad-fingerprint', 'the fingerprint is not as init printed it', {
    hint: 'copy it again: SHA256: and 43 characters; a whole pin is given with --pin',
  });
}

/**
 * The settings are where a machine's pin is kept on purpose: they are not to be set back.
 * @throws UsageError `older-pin`
 */
async function refuseOlder(context: Context, pin: Pin): Promise<void> {
  const { config, configFile } = await context.settings();
  const known = config?.pin;
  if (known?.vault !== pin.vault || known.generation <= pin.generation) return;
  throw new UsageError(
    'older-pin',
    `${pin.authority} is of key number ${pin.generation}, and ${configFile} knows number ${known.generation}`,
    { hint: `that key was rotated out: the fingerprint to trust is ${known.authority}` },
  );
}

/** The newest document is only the old key's word here, but enough to say that there is one. */
function sayFormer(context: Context, pin: Pin, document: VaultDocument): void {
  if (document.generation <= pin.generation) return;
  const leaked = document.generations[pin.generation - 1]?.compromised ? ', as it leaked' : '';
  context.warn(
    'former-key',
    `that is key number ${pin.generation}, and the vault says that it was rotated out since${leaked}`,
    {
      hint: 'ask whoever rotated it for the fingerprint that `strongroom keys rotate` printed, and trust that one',
    },
  );
}

/** As many fingerprints as a person may be told of one vault in a row. */
const KEPT = 8;

/** A rotation that was followed before, by an older key's word, must not outweigh what a person says. */
async function believe(
  context: VaultContext,
  { vault, generation, revision, authority }: Pin,
): Promise<void> {
  await tryToRemember(context, vault, (m) => ({
    ...m,
    made: [...m.made.filter((one) => one !== authority), authority].slice(-KEPT),
    ...(m.generation > generation ? { generation, revision, authority } : {}),
  }));
}

/** The settings file that holds the pin of another vault, and so goes on refusing this one. */
export async function otherPinIn(context: Context, pin: Pin): Promise<string | undefined> {
  const { config, configFile } = await context.settings();
  const other = config?.pin;
  if (!other) return undefined;
  const isSame = (['vault', 'generation', 'recipient', 'authority'] as const).every(
    (key) => other[key] === pin[key],
  );
  return isSame ? undefined : configFile;
}
