// `strongroom keys test`: whether keys open the vault today.
import { UnlockError } from '../../errors.ts';
import { keyNamed } from '../../vault/keys/names.ts';
import type { Trial } from '../../vault/keys/trial.ts';
import { isOfPin } from '../../vault/vault.ts';
import { defineCommand, type Out } from '../command.ts';
import { openLocked, trustNew } from '../open.ts';
import { shortKey } from './changed.ts';
import { allCredentials, trialsOf } from './trials.ts';

export const command = defineCommand({
  description: [
    'Tries the key with what is at hand: the passphrase, STRONGROOM_IDENTITY_FILE, AWS credentials. Nothing is written.',
    'Without a name every key is tried that asks nobody for anything; those that nothing at hand fits are not judged.',
  ],
  needs: 'read access to the vault, and what opens the key',
  args: { name: { value: 'NAME', optional: true, summary: 'the key, as `strongroom keys list` calls it' } },
  flags: { trustNew },
  examples: [
    ['keys test anna', 'does Anna’s key still open it?'],
    ['keys test', 'every key that can be tried here'],
  ],
  async run({ args, flags }, context) {
    const vault = await openLocked(context, flags);
    const { slots } = vault.document;
    const { name } = args;
    const chosen = name === undefined ? slots : [keyNamed(slots, name)];
    const all = await allCredentials(context, await isOfPin(vault));
    const credentials = name === undefined ? all.filter(({ asks }) => asks !== 'person') : all;
    const trials = judged(await trialsOf(vault, chosen, credentials));
    const [only] = trials;
    if (name !== undefined && only && only.outcome !== 'opens') throw doesNotOpen(only);
    if (trials.every(({ outcome }) => outcome === 'untested')) throw nothingToTest(trials);
    return { vault: vault.document.name, trials };
  },
  human({ trials }, out) {
    out.table(
      [{ head: 'KEY' }, { head: 'METHOD' }, { head: '' }, { head: '' }],
      trials.map((trial) => [trial.slot.name, trial.slot.method, wordFor(trial, out), whyOf(trial)]),
    );
  },
  json({ vault, trials }, line) {
    for (const { slot, outcome, seconds, by, error } of trials) {
      const { name, method, arn } = slot;
      line('key', { name, method, arn, outcome, seconds, by, code: error?.code, why: error?.message });
    }
    const count = (which: Trial['outcome']) => trials.filter(({ outcome }) => outcome === which).length;
    return { vault, opens: count('opens'), fails: count('fails'), untested: count('untested') };
  },
  exitCode: ({ trials }) => (trials.some(({ outcome }) => outcome === 'fails') ? 12 : 0),
});

/** A passphrase that opens none of the keys is wrong; one that opens another key says nothing of this one. */
function judged(trials: readonly Trial[]): Trial[] {
  const opened = trials.some(({ slot, outcome }) => slot.method === 'passphrase' && outcome === 'opens');
  return trials.map((trial) =>
    trial.error?.code === 'wrong-passphrase' && !opened ? { ...trial, outcome: 'fails' } : trial,
  );
}

function wordFor({ outcome, seconds }: Trial, out: Out) {
  if (outcome === 'opens') return out.styled('green', `opens, in ${seconds.toFixed(1)} s`);
  return outcome === 'fails' ? out.styled('red', 'does not open') : out.styled('dim', 'not tried');
}

function whyOf({ slot, by, error }: Trial): string {
  return [by, error?.message, shortKey(slot)].filter(Boolean).join('; ');
}

/** @returns whatever is wrong with the key itself, such as that it was replaced, as it is */
function doesNotOpen({ slot, outcome, error }: Trial): Error {
  const { name, method } = slot;
  if (outcome === 'fails' && error && error.code !== 'wrong-passphrase') return error;
  if (error?.code === 'no-terminal') return error;
  if (error?.code === 'wrong-passphrase') {
    return new UnlockError('wrong-passphrase', `the passphrase does not open the key ${name}`, {
      object: name,
      hint: 'give the right one with STRONGROOM_PASSPHRASE_FILE; if it is lost, add another key with one that opens, and remove this one',
    });
  }
  return new UnlockError('not-tested', `nothing at hand is the key ${titled(slot)}`, {
    object: name,
    hint: `run it where it is${method === 'kms' ? ', with AWS credentials that may use it' : ', and name its file in STRONGROOM_IDENTITY_FILE'}`,
  });
}

function titled(slot: Trial['slot']): string {
  const short = shortKey(slot);
  return short === '' ? slot.name : `${slot.name} (${short})`;
}

function nothingToTest(trials: readonly Trial[]): UnlockError {
  const names = trials.map(({ slot }) => slot.name).join(', ');
  return new UnlockError('not-tested', `nothing at hand is a key of this vault: ${names}`, {
    hint: 'give STRONGROOM_PASSPHRASE_FILE, STRONGROOM_IDENTITY_FILE or AWS credentials, or name the key to be asked for it',
  });
}
