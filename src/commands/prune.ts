// `strongroom prune`: removes the snapshots that the retention does not keep, and says of each why.
import { NotFoundError, StrongroomError } from '../errors.ts';
import { applyLapse, planLapse } from '../vault/keep.ts';
import { applyPrune, checkMayPrune } from '../vault/prune/apply.ts';
import { type PrunePlan, planPrune } from '../vault/prune/plan.ts';
import { defineCommand } from './command.ts';
import type { Settings } from './context.ts';
import { warnHolds } from './kept.ts';
import { openLocked, thisHost } from './open.ts';
import { policiesOf, policyFlags } from './prune/policy.ts';
import { latestLock, lockFields, showPlan } from './prune/show.ts';
import { warnOf } from './prune/warn.ts';

export const command = defineCommand({
  description: [
    'Keeps what the retention of each set in strongroom.yaml says, or what the --keep flags say instead, and removes the rest after a question. The snapshots of each host are judged by themselves.',
    'Only whole snapshots count: one that is incomplete or damaged takes no place. Time is counted from the newest of them, not from the clock, and what is kept (`strongroom keep`) stays. What cut-off runs left is removed too.',
  ],
  needs: 'read, create and delete access, on a host that may maintain; no key',
  args: {},
  flags: {
    set: { value: 'SET', summary: 'only this set' },
    host: { value: 'HOST', summary: 'only the snapshots of this host' },
    ...policyFlags,
    despiteGaps: { summary: 'also where a snapshot is gone and nobody signed its removal' },
    dryRun: { summary: 'say what would be removed and why, and remove nothing' },
  },
  examples: [
    ['prune --dry-run', 'see what the retention keeps and removes'],
    ['prune --yes', 'apply it, without a question'],
    ['prune --set app --keep-within 30d --keep-minimum 5', '30 days, and at least five'],
    ['prune --keep-daily 7 --keep-weekly 12 --dry-run', 'try another retention'],
  ],
  async run({ flags }, context) {
    const { dryRun: isDry } = flags;
    const settings = await context.settings();
    const policyOf = policiesOf(flags, settings, flags.set);
    // Never with --trust-new: a vault that shows an older state than this machine has seen is only read.
    const vault = await openLocked(context);
    const { set, host, despiteGaps } = flags;
    const plan = await planPrune(vault, policyOf, {
      despiteGaps,
      ...(set === undefined ? {} : { set }),
      ...(host === undefined ? {} : { host }),
    });
    checkFound(plan, set, host, settings);
    warnOf(context, vault, plan);
    const signer = isDry ? undefined : await thisHost(context);
    if (signer) checkMayPrune(vault, plan, signer);
    const isAsked = !isDry && !context.options.yes && !isNothing(plan);
    showPlan(context, plan, isDry || isAsked || !context.options.quiet, isDry);
    if (isAsked && !(await context.terminal.confirm(question(plan, vault.document.name)))) {
      throw new StrongroomError('not-confirmed', 'nothing was removed', { hint: 'answer yes, or add --yes' });
    }
    const unjudged = new Set(plan.read.snapshots.filter((s) => !policyOf(s.set)).map((s) => s.set));
    if (!signer) return { plan, unjudged, result: undefined };
    // What the bucket still holds would stay there as an old version that no name leads to.
    warnHolds(context, await applyLapse(vault, planLapse(vault, plan.read, signer), signer));
    const result = await applyPrune(vault, plan, signer);
    for (const { id } of result.keptNow)
      context.warn('kept', `${id} stays: somebody said meanwhile that it is to be kept`, { object: id });
    return { plan, unjudged, result };
  },
  human({ plan, unjudged, result }, out) {
    const { verdicts, removes, bytes, leftovers, orphans } = plan;
    const removed = result?.removed.length ?? removes.length;
    const kept = verdicts.length - removed;
    for (const set of unjudged) out.note(`${set} has no retention: it was left as it is`);
    const did = result ? 'removed' : 'would remove';
    const rest = [
      leftovers.length > 0 ? `, what is left of ${out.count(leftovers.length, 'other')}` : '',
      orphans.length > 0 ? `, ${out.count(orphans.length, 'unfinished one')}` : '',
    ].join('');
    const size = out.size(result?.bytes ?? bytes);
    out.note(`${did} ${out.count(removed, 'snapshot')}${rest} (${size}), kept ${kept}`);
    const lock = latestLock(plan.locks);
    if (lock?.hold) out.note('bytes stay in the bucket while somebody holds them');
    else if (lock?.until) out.note(`bytes stay in the bucket until ${lock.until.toISOString().slice(0, 10)}`);
  },
  json({ plan, unjudged, result }) {
    const { verdicts, removes, leftovers, orphans, leftAlone, damaged } = plan;
    const removed = result?.removed.length ?? removes.length;
    return {
      kept: verdicts.length - removed,
      removed,
      left_over: leftovers.length,
      orphans: result?.orphans ?? orphans.length,
      bytes: result?.bytes ?? plan.bytes,
      damaged: damaged.length,
      left_alone: leftAlone.map(({ set, host }) => ({ set, host })),
      without_retention: [...unjudged],
      ...lockFields(latestLock(plan.locks)),
      dry_run: result === undefined,
    };
  },
  exitCode: ({ plan, result }) => (plan.leftAlone.length > 0 || (result?.keptNow.length ?? 0) > 0 ? 3 : 0),
});

/** A name with a slip in it would look as if there were nothing to remove. */
function checkFound(
  { verdicts, read }: PrunePlan,
  set: string | undefined,
  host: string | undefined,
  { config }: Settings,
): void {
  if (verdicts.length > 0) return;
  if (set !== undefined && !config?.sets.has(set) && !read.snapshots.some((s) => s.set === set)) {
    throw new NotFoundError('no-set', `the vault has no snapshots of a set ${set}`, {
      hint: 'see which it has with `strongroom list`',
    });
  }
  if (host !== undefined && !read.snapshots.some((s) => s.host === host)) {
    throw new NotFoundError('no-host', `the vault has no snapshots of a host ${host}`, {
      hint: 'see which it has with `strongroom list`',
    });
  }
}

function isNothing({ removes, leftovers, orphans }: PrunePlan): boolean {
  return removes.length + leftovers.length + orphans.length === 0;
}

function question({ removes, verdicts, leftovers, orphans }: PrunePlan, vault: string): string {
  const rest = leftovers.length + orphans.length > 0 ? ' and what cut-off runs left' : '';
  return `Remove ${removes.length} of ${verdicts.length} snapshots${rest} from the vault ${vault} for good?`;
}
