// `strongroom trust`: tells this machine which vault is meant, by a fingerprint from elsewhere, or by an unlock
// that proves it.
import { IntegrityError } from '../errors.ts';
import { noMemory } from '../vault/client.ts';
import { parsePin, pinOf, pinText } from '../vault/pin.ts';
import { groupCandidates, noVault, readCandidates } from '../vault/trust.ts';
import { defineCommand } from './command.ts';
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
    const base = await vaultContext(context);
    const { store, memory } = base;
    if (flags.pin !== undefined) {
      const pin = parsePin(flags.pin);
      await memory.rememberPin(store.location, pin);
      return { pin, location: store.location, how: 'pin' as const };
    }
    if (args.fingerprint !== undefined) {
      const groups = groupCandidates(await readCandidates(store, base)).map((c) => pinOf(c.document));
      const pin = groups.find((p) => p.authority === args.fingerprint);
      if (!pin) {
        if (groups.length === 0) throw noVault(store.location);
        throw new IntegrityError('foreign-vault', `no vault at ${store.location} has that fingerprint`, {
          object: store.location,
          hint: `it shows ${groups.map((p) => p.authority).join(', ')}: if that is a surprise, somebody may have replaced the vault`,
        });
      }
      await memory.rememberPin(store.location, pin);
      return { pin, location: store.location, how: 'fingerprint' as const };
    }
    // Nothing that was believed before counts here: the credential alone decides.
    const vault = await unlockWith({ ...base, memory: noMemory() }, context, false);
    const pin = pinOf(vault.document);
    await memory.rememberPin(store.location, pin);
    return { pin, location: store.location, how: 'unlock' as const };
  },
  human({ pin, location }, out) {
    out.note(`This machine trusts the vault with fingerprint ${pin.authority} at ${location}.`);
    out.line(`pin: ${pinText(pin)}`);
  },
  json: ({ pin, location, how }) => ({ location, how, pin: { ...pin }, fingerprint: pin.authority }),
});
