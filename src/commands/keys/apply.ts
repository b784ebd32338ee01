// `strongroom keys apply`: makes the keys of the vault those of a keys file, in one revision, after showing what that is.
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { StrongroomError, UsageError } from '../../errors.ts';
import type { KeyLine } from '../../keys/keys-file.ts';
import type { Slot } from '../../vault/documents/vault-document.ts';
import { type KeysPlan, planKeys } from '../../vault/keys/apply.ts';
import { type ChangedKeys, changeKeys } from '../../vault/keys/change.ts';
import { nameFrom } from '../../vault/names.ts';
import { shortRecipient } from '../../vault/short-recipient.ts';
import { wrapSlot } from '../../vault/slots.ts';
import { requireProven, type UnlockedVault } from '../../vault/vault.ts';
import { defineCommand, type Out } from '../command.ts';
import type { Context } from '../context.ts';
import { kmsOptions } from '../kms-keys.ts';
import { tellPassphrase } from '../new-keys.ts';
import { openUnlocked } from '../open.ts';
import { sayChanged, standsAt, titleOf } from './changed.ts';
import { type WantedKey, wantedKey } from './new-key.ts';
import { silentCredentials, trialsOf } from './trials.ts';

type Plan = KeysPlan<KeyLine>;

export const command = defineCommand({
  description: [
    'Adds the keys of the file that the vault has not, and removes those that the file has not, recovery kits too. Keys that stay keep their names.',
    'The plan is shown first. Whoever had a key that goes may have kept what it opened: `strongroom keys rotate` ends that.',
  ],
  needs: 'read, create and delete access, and one way to open the vault',
  args: { file: { value: 'FILE', summary: 'ways to open it, one a line (see keys.example)' } },
  flags: {
    dryRun: { summary: 'show the plan, and change nothing' },
    untested: { summary: 'add AWS KMS keys although this role may not decrypt with them' },
  },
  examples: [
    ['keys apply keys.txt --dry-run', 'what would change'],
    ['keys apply keys.txt', 'make it so'],
  ],
  async run({ args, flags }, context) {
    const lines = await linesOf(args.file, context);
    const vault = await openUnlocked(context);
    requireProven(vault);
    const plan = planKeys(vault.document.slots, await withoutAliases(lines, vault, context));
    for (const { slot, name } of plan.otherwise)
      context.notice(`the key ${slot.name} keeps its name, though the file calls it ${name}`);
    const isSame = plan.add.length + plan.remove.length === 0;
    if (isSame || flags.dryRun) return { vault, plan, changed: undefined, isSame };
    refuseTwoPassphrases(plan);
    for (const { sign, what } of linesOfPlan(plan)) context.notice(`${sign} ${what}`);
    const question = `Change the keys of the vault ${vault.document.name} so?`;
    if (!(await context.terminal.confirm(question))) {
      throw new StrongroomError('not-confirmed', 'nothing was changed', { hint: 'answer yes, or add --yes' });
    }
    const changed = await carryOut(vault, plan, flags.untested, context);
    return { vault: changed.vault, plan, changed, isSame };
  },
  human({ vault, plan, changed, isSame }, out) {
    if (isSame) out.note('nothing to do: the keys are those of the file');
    else if (changed) {
      for (const { slot } of changed.added) out.note(`added ${titleOf(slot)}`);
      for (const slot of changed.removed) out.note(`removed ${titleOf(slot)}`);
      out.note(`revision ${vault.document.revision}`);
    } else showPlan(plan, out);
  },
  json({ vault, plan, changed, isSame }, line) {
    const dry_run = changed === undefined && !isSame;
    for (const { action, name, method, recipient, arn, kit } of rowsOf(plan, changed)) {
      const tested =
        action === 'add' ? changed?.added.find(({ slot }) => slot.name === name)?.tested : undefined;
      line('key', { action, name, method, recipient, arn, kit, tested, dry_run });
    }
    return { ...standsAt({ vault }), added: plan.add.length, removed: plan.remove.length, dry_run };
  },
});

async function linesOf(path: string, context: Context): Promise<KeyLine[]> {
  let text: string;
  try {
    text = await readFile(resolve(context.cwd, path), 'utf8');
  } catch (error) {
    throw new UsageError('bad-keys-file', `the keys file ${JSON.stringify(path)} cannot be read`, {
      hint: 'name a file with one way to open the vault a line (see keys.example)',
      cause: error,
    });
  }
  const lines = await (await context.world()).methods.keysFile(text, path);
  const known = new Map(lines.map((line) => [JSON.stringify({ ...line, name: nameThatCounts(line) }), line]));
  return [...known.values()];
}

/** A passphrase is told from another by its name, any other key by what it is. */
function nameThatCounts({ method, name }: KeyLine): string | undefined {
  return method === 'passphrase' ? name : undefined;
}

/** The key that an alias names now, so that it is found among those of the vault. */
async function withoutAliases(
  lines: readonly KeyLine[],
  vault: UnlockedVault,
  context: Context,
): Promise<KeyLine[]> {
  const { methods } = await context.world();
  const hasKms = vault.document.slots.some(({ method }) => method === 'kms');
  const found: KeyLine[] = [];
  for (const line of lines) {
    if (line.method !== 'kms' || !hasKms || !line.arn.includes(':alias/')) found.push(line);
    else {
      const { slot } = await wrapSlot(vault, await methods.newKms('kms', line.arn, kmsOptions(context)), '');
      found.push({ ...line, arn: slot.arn ?? line.arn });
    }
  }
  return found;
}

function refuseTwoPassphrases({ add }: Plan): void {
  if (add.filter(({ method }) => method === 'passphrase').length < 2) return;
  throw new UsageError('several-passphrases', 'the file names more than one new passphrase', {
    hint: 'nothing was changed: add them one by one with `strongroom keys add --passphrase --name NAME`',
  });
}

async function carryOut(
  vault: UnlockedVault,
  plan: Plan,
  untested: boolean,
  context: Context,
): Promise<ChangedKeys> {
  const { keep, remove } = plan;
  // Something that was seen to work must be left. What opened the vault just now is that; else what is at hand.
  const isOpenerKept = keep.some(({ name }) => name === vault.openedBy);
  const tested: Slot[] = keep.filter(({ name }) => name === vault.openedBy);
  if (remove.length > 0 && !isOpenerKept) {
    const trials = await trialsOf(vault, keep, await silentCredentials(context));
    tested.push(...trials.flatMap(({ slot, outcome }) => (outcome === 'opens' ? [slot] : [])));
  }
  const add: WantedKey[] = [];
  for (const line of plan.add) add.push(await wantedKey(line, context, { untested }));
  for (const { passphrase } of add) if (passphrase) tellPassphrase(context, passphrase);
  const { hostName } = await context.world();
  const seen = vault.document.slots;
  const changed = await changeKeys(vault, {
    add,
    remove,
    seen,
    by: hostName,
    ...(remove.length > 0 ? { tested } : {}),
  });
  await sayChanged(context, changed);
  if (remove.length > 0) {
    const names = remove.map(({ name }) => name).join(', ');
    context.warn(
      'may-be-kept',
      `whoever had ${names} may have kept what it opens, and can read the snapshots with that`,
      {
        hint: '`strongroom keys rotate --reencrypt` makes that worthless',
      },
    );
  }
  return changed;
}

interface PlanRow {
  readonly action: 'add' | 'keep' | 'remove';
  readonly name: string | undefined;
  readonly method: string;
  readonly recipient: string | undefined;
  readonly arn: string | undefined;
  readonly kit: true | undefined;
}

function rowsOf({ add, keep, remove }: Plan, changed?: ChangedKeys): PlanRow[] {
  const row = (action: PlanRow['action'], key: Partial<PlanRow> & { readonly method: string }): PlanRow => {
    const { name, method, recipient, arn, kit } = key;
    return { action, name, method, recipient, arn, kit };
  };
  const planned = add.map((line) =>
    line.method === 'ssh' ? { ...line, name: nameFrom(line.name ?? '', line.method) } : line,
  );
  const added = changed ? changed.added.map(({ slot }) => slot) : planned;
  return [
    ...added.map((key) => row('add', key)),
    ...keep.map((key) => row('keep', key)),
    ...remove.map((key) => row('remove', key)),
  ];
}

const SIGNS = { add: '+', keep: ' ', remove: '-' } as const;

function linesOfPlan(
  plan: Plan,
): { readonly action: PlanRow['action']; readonly sign: string; what: string }[] {
  return rowsOf(plan).map(({ action, name, method, recipient, arn, kit }) => {
    const short = recipient === undefined ? arn : shortRecipient(recipient);
    const words = [action.padEnd(6), name ?? method, short && `(${short})`, kit && '- a recovery kit'];
    const what = words.filter(Boolean).join(' ');
    return { action, sign: SIGNS[action], what };
  });
}

function showPlan(plan: Plan, out: Out): void {
  const colours = { add: 'green', keep: 'dim', remove: 'red' } as const;
  for (const { action, sign, what } of linesOfPlan(plan))
    out.line(out.styled(colours[action], `${sign} ${what}`));
  out.note('nothing was changed');
}
