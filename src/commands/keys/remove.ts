// `strongroom keys remove`: keys that open the vault no longer. What they opened may have been kept: that is rotation's.
import { StrongroomError } from '../../errors.ts';
import type { Slot } from '../../vault/documents/vault-document.ts';
import { changeKeys, refuseLast } from '../../vault/keys/change.ts';
import { keyNamed } from '../../vault/keys/names.ts';
import { requireProven, type UnlockedVault } from '../../vault/vault.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { remindOfReplicas } from '../copy/replicas.ts';
import { openUnlocked } from '../open.ts';
import { sayChanged, standsAt } from './changed.ts';
import { silentCredentials, trialsOf } from './trials.ts';

export const command = defineCommand({
  description: [
    'The key opens nothing any more that is stored from now on: not the vault as it stands. Whoever had it may have kept what it opened, and reads the snapshots with that: `strongroom keys rotate --without NAME` ends it.',
    'The last key is never removed.',
  ],
  needs: 'read, create and delete access, and one way to open the vault',
  args: { names: { value: 'NAME', repeat: true, summary: 'the key, as `strongroom keys list` calls it' } },
  flags: { dryRun: { summary: 'say what would be removed, and remove nothing' } },
  examples: [
    ['keys remove anna', 'Anna’s key opens the vault no longer'],
    ['keys remove anna ben --dry-run', 'see whether anything speaks against it'],
  ],
  async run({ args, flags }, context) {
    const vault = await openUnlocked(context);
    requireProven(vault);
    const { slots } = vault.document;
    const remove = [...new Set(args.names)].map((name) => keyNamed(slots, name));
    refuseLast(slots, remove);
    await warnOfOpener(context, vault, remove);
    const names = remove.map(({ name }) => name);
    if (flags.dryRun) {
      warnOfCopies(context, names, `\`strongroom keys rotate --without ${names[0]}\` ends it`);
      return { vault, names, done: false };
    }
    const question = `Remove ${names.join(', ')} from the vault ${vault.document.name}? Whoever had it may have kept what it opens: \`strongroom keys rotate --without ${names[0]}\` would end that too.`;
    if (!(await context.terminal.confirm(question))) {
      throw new StrongroomError('not-confirmed', 'nothing was removed', { hint: 'answer yes, or add --yes' });
    }
    const { hostName } = await context.world();
    const changed = await changeKeys(vault, { remove, by: hostName });
    await sayChanged(context, changed);
    warnOfCopies(context, names, '`strongroom keys rotate --reencrypt` makes that worthless');
    await remindOfReplicas(context);
    return { vault: changed.vault, names, done: true };
  },
  human({ vault, names, done }, out) {
    for (const name of names) {
      if (done) out.note(`${name} opens the vault ${vault.document.name} no longer`);
      else out.line(`would remove ${name}`);
    }
    if (done) out.note(`revision ${vault.document.revision}`);
  },
  json({ vault, names, done }, line) {
    for (const name of names) line('removed', { name, dry_run: !done });
    return { ...standsAt({ vault }), removed: names, dry_run: !done };
  },
});

function warnOfCopies(context: Context, names: readonly string[], hint: string): void {
  const message = `whoever had ${names.join(', ')} may have kept what it opens, and can read the snapshots with that`;
  context.warn('may-be-kept', message, { hint });
}

/** The key that works today goes: does another one work? */
async function warnOfOpener(context: Context, vault: UnlockedVault, remove: readonly Slot[]): Promise<void> {
  if (!remove.some(({ name }) => name === vault.openedBy)) return;
  const left = vault.document.slots.filter((slot) => !remove.includes(slot));
  const trials = await trialsOf(vault, left, await silentCredentials(context));
  if (trials.some(({ outcome }) => outcome === 'opens')) return;
  const names = left.map(({ name }) => name).join(', ');
  context.warn(
    'untested-keys',
    `the key that opened the vault just now, ${vault.openedBy}, is to go, and none of the others was tried here: ${names}`,
    {
      object: vault.openedBy,
      hint: `run \`strongroom keys test ${left[0]?.name}\` where what opens it is, first`,
    },
  );
}
