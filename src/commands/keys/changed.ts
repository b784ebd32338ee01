// What the commands that change keys say alike: what was added and whether it was tried, and where the vault stands now.
import type { Slot } from '../../vault/documents/vault-document.ts';
import type { AddedKey, ChangedKeys } from '../../vault/keys/change.ts';
import { shortRecipient } from '../../vault/short-recipient.ts';
import type { Fields } from '../command.ts';
import type { Context } from '../context.ts';
import { namedKmsKeys } from '../kms-keys.ts';
import { warnFindings } from '../open.ts';

/** What a key is, in a few characters; empty for a passphrase. */
export function shortKey({ recipient, arn }: Pick<Slot, 'recipient' | 'arn'>): string {
  return recipient === undefined ? (arn ?? '') : shortRecipient(recipient);
}

/** `anna (age1zvkyg2lq…)`. */
export function titleOf(slot: Slot): string {
  const short = shortKey(slot);
  return short === '' ? slot.name : `${slot.name} (${short})`;
}

/** Says on stderr what to know of a change that took effect. */
export async function sayChanged(context: Context, { vault, added }: ChangedKeys): Promise<void> {
  warnFindings(context, vault.findings);
  const named = await namedKmsKeys(context);
  for (const { slot, tested, error } of added) {
    const { name, method, arn } = slot;
    if (!tested) {
      const why = error ? `: ${error.message}` : '';
      context.warn('untested-key', `the key ${name} was not tried here${why}`, {
        object: name,
        hint: `run \`strongroom keys test ${name}\` where what opens it is`,
      });
    }
    if (method === 'kms' && arn !== undefined && !named.includes(arn)) {
      context.notice(
        `name ${arn} under \`kms:\` in strongroom.yaml, so that it proves this vault elsewhere too`,
      );
    }
  }
}

export function addedFields({ slot: { name, method, added, by, recipient, arn }, tested }: AddedKey): Fields {
  return { name, method, added, by, recipient, arn, tested };
}

/** Where the vault stands after a change. */
export function standsAt({ vault }: Pick<ChangedKeys, 'vault'>): Fields {
  const { name, revision, generation, slots } = vault.document;
  return { vault: name, revision, generation, keys: slots.length };
}
