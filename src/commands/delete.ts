// `strongroom delete`: removes snapshots for good, and signs that it did.

import { StrongroomError, UsageError } from '../errors.ts';
import {
  applyDelete,
  type DeletePlan,
  findLeftovers,
  type Leftover,
  planDelete,
  removalsOf,
} from '../vault/delete.ts';
import { applyLapse, checkNotKept, planLapse } from '../vault/keep.ts';
import { type OldVersion, oldVersionOf } from '../vault/old-versions.ts';
import { readSnapshots } from '../vault/snapshots.ts';
import { chooseFrom } from './choose.ts';
import { defineCommand } from './command.ts';
import { warnHolds } from './kept.ts';
import { openLocked, thisHost } from './open.ts';

export const command = defineCommand({
  description: [
    'Removes the snapshots named, after a question. The vault keeps a signed note of who removed what.',
    'What is kept (`strongroom keep`) is refused.',
    'A delete that was cut off is finished by naming the same ids again.',
  ],
  needs: 'read, create and delete access, on a host that may maintain; no key',
  args: {
    snapshots: {
      value: 'SNAPSHOT',
      repeat: true,
      summary: 'id, unique beginning of one, or @label',
    },
  },
  flags: {
    set: { value: 'SET', summary: 'the set' },
    host: { value: 'HOST', summary: 'the host that made it' },
    dryRun: { summary: 'say what would be removed, and remove nothing' },
  },
  examples: [
    ['delete 20261120T055812Z-7k3f9q', 'remove one snapshot'],
    ['delete 20261120 --set app --dry-run', 'see what would go'],
  ],
  async run({ args, flags }, context) {
    // What `latest` means changes while a person thinks about the question.
    const moving = args.snapshots.find((selector) => /^latest(?:~|$)/.test(selector));
    if (moving !== undefined) {
      throw new UsageError(
        'name-it',
        `delete does not take ${moving}: a newer backup would change what goes`,
        {
          hint: 'give the id from `strongroom list`',
        },
      );
    }
    // Never with --trust-new: a vault that shows an older state than this machine has seen is only read.
    const vault = await openLocked(context);
    const read = await readSnapshots(vault, flags.set === undefined ? {} : { set: flags.set });
    const chosen = new Map<string, Awaited<ReturnType<typeof chooseFrom>>>();
    const leftovers = new Map<string, Leftover>();
    for (const selector of args.snapshots) {
      const left = await findLeftovers(vault, read, selector, flags.set);
      for (const one of left) leftovers.set(`${one.set}/${one.id}`, one);
      if (left.length > 0) continue;
      const snapshot = await chooseFrom(context, vault, read, selector, { ...flags, at: undefined });
      chosen.set(snapshot.object, snapshot);
    }
    const plan = planDelete([...chosen.values()], 'delete', [...leftovers.values()]);
    checkNotKept(read.ledger, removalsOf(plan));
    if (flags.dryRun) return { plan, done: false, old: undefined };
    if (
      !(await context.terminal.confirm(
        `Remove ${namesOf(plan).join(', ')} from the vault ${vault.document.name} for good?`,
      ))
    ) {
      throw new StrongroomError('not-confirmed', 'nothing was removed', { hint: 'answer yes, or add --yes' });
    }
    const host = await thisHost(context);
    // What the bucket still holds would stay there as an old version that no name leads to.
    warnHolds(context, await applyLapse(vault, planLapse(vault, read, host, [], [], plan.snapshots), host));
    await applyDelete(vault, plan, host);
    // What the place keeps of one, it keeps of all. It is done: a place that does not answer now makes it no failure.
    const [first = ''] = plan.objects;
    return { plan, done: true, old: await oldVersionOf(vault, first).catch(() => undefined) };
  },
  human({ plan, done, old }, out) {
    const ids = namesOf(plan);
    if (done) for (const id of ids) out.note(`removed ${id}`);
    else for (const id of ids) out.line(`would remove ${id}`);
    out.note(`${out.count(plan.objects.length, 'object')}, ${out.size(plan.bytes)}`);
    if (old) out.note(`old versions stay in the bucket ${keptBy(old)}`);
  },
  json({ plan, done, old }, line) {
    for (const { id, set } of removedBy(plan)) line('removed', { id, set, dry_run: !done });
    return {
      removed: removedBy(plan).length,
      objects: plan.objects.length,
      bytes: plan.bytes,
      dry_run: !done,
      ...(old ? { old_versions: true, locked_until: old.until?.toISOString() } : {}),
    };
  },
});

function keptBy({ until, hold }: OldVersion): string {
  if (hold) return 'until somebody lifts the hold on them';
  const lifecycle = 'a lifecycle rule, or whoever may, removes them';
  return until
    ? `until ${until.toISOString().slice(0, 10)}, and then until ${lifecycle}`
    : `until ${lifecycle}`;
}

function removedBy({ snapshots, leftovers }: DeletePlan): { readonly id: string; readonly set: string }[] {
  return [...snapshots, ...leftovers];
}

function namesOf(plan: DeletePlan): string[] {
  return [
    ...plan.snapshots.map(({ id, set }) => `${id} of ${set}`),
    ...plan.leftovers.map(({ id, set }) => `what is left of ${id} of ${set}`),
  ];
}
