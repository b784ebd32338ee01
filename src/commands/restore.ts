// `strongroom restore`: puts files back, wholly or not at all, for their owner only.
import { join, resolve } from 'node:path';
import { StrongroomError, UsageError } from '../errors.ts';
import type { Destination } from '../pack/place/types.ts';
import { applyRestore, recoverPlacement, type RestoreResult } from '../vault/restore/apply.ts';
import { planRestore, type RestorePlan } from '../vault/restore/plan.ts';
import { dropUndo, findUndo } from '../vault/restore/undo.ts';
import { readSnapshots, type Snapshot } from '../vault/snapshots.ts';
import type { UnlockedVault } from '../vault/vault.ts';
import { readSnapshotContents } from '../vault/artifact-read.ts';
import { defineCommand } from './command.ts';
import type { Context } from './context.ts';
import { choiceFlags, chooseFrom, openUnlocked, trustNew } from './open.ts';
import { planLines, showPlan } from './restore/show-plan.ts';
import { showResult } from './restore/show-result.ts';

const EXISTING = ['refuse', 'replace', 'bak', 'skip'] as const;

interface Work {
  readonly plan: RestorePlan;
  readonly result: RestoreResult | undefined;
}

interface Outcome {
  readonly works: readonly Work[];
  readonly recovered: readonly string[];
}

export const command = defineCommand({
  description: [
    'Everything is fetched, proven and staged before anything in the target changes; a restore that is killed is finished or undone by the next one. Files come back 0600 and directories 0700, for whoever runs this.',
    'Without SNAPSHOT and --set every set is restored, each into TARGET/SET/.',
  ],
  needs: 'read access and one way to open the vault',
  args: {
    snapshot: { value: 'SNAPSHOT', optional: true, summary: 'id, unique beginning of one, latest, latest~2 or @label; else latest' },
    paths: { value: 'PATH', repeat: true, optional: true, summary: 'only these: files, directories or globs' },
  },
  flags: {
    target: { value: 'DIR', short: 't', summary: 'where to: a directory, made if it is not there' },
    inPlace: { summary: "back to where it was taken from: the set's own root" },
    ...choiceFlags,
    existing: { value: 'HOW', choices: EXISTING, summary: 'what to do where something else stands; else refuse' },
    asRecorded: { summary: 'give back the recorded modes and owners' },
    dryRun: { summary: 'show the plan, and change nothing' },
    undo: { summary: 'put back what the last restore into this target replaced' },
    recover: { summary: 'finish or undo a restore that was killed, and do nothing else' },
    trustNew,
  },
  examples: [
    ['restore latest --set app --target ./out', 'the newest snapshot of a set into a new directory'],
    ['restore latest .env --in-place --existing replace', 'one file, back where it was'],
    ['restore --at "2026-11-20 06:00" --target ./out --set app', 'as things were at a time'],
    ['restore --target /srv --dry-run', 'what restoring everything would do'],
    ['restore --undo --target /srv/app', 'take back the last restore'],
  ],
  async run({ args, flags }, context): Promise<Outcome> {
    if (flags.target !== undefined && flags.inPlace) {
      throw new UsageError('target-twice', '--target and --in-place cannot both be given', { hint: 'choose one' });
    }
    const target = flags.target === undefined ? undefined : resolve(context.cwd, flags.target);
    if (target === undefined && !flags.inPlace) {
      throw new UsageError('no-target', 'there is no place to restore to', {
        hint: 'give --target DIR, or --in-place to put things back where they were',
      });
    }
    const recovered: string[] = [];
    const recover = async (root: string): Promise<void> => {
      const onWarning = (message: string) => context.warn('recovery', message, { object: root });
      const how = await recoverPlacement(root, { stateDirectory: context.paths.state, onWarning });
      if (how === 'nothing') return;
      recovered.push(root);
      context.notice(`a restore into ${root} that was interrupted has been ${how}`);
    };
    if (flags.recover) {
      for (const root of target === undefined ? await configuredRoots(context, flags.set) : [target]) await recover(root);
      return { works: [], recovered };
    }
    const vault = await openUnlocked(context, flags.trustNew);
    if (flags.undo) {
      const roots = target === undefined ? await configuredRoots(context, flags.set) : [target];
      const works: Work[] = [];
      for (const root of roots) {
        await recover(root);
        works.push(await undo(vault, root, flags.dryRun, context));
      }
      return { works, recovered };
    }
    const works: Work[] = [];
    const every = args.snapshot === undefined && flags.set === undefined;
    for (const snapshot of await chosen(vault, args.snapshot, flags, context)) {
      const root = target ?? (await ownRoot(vault, snapshot, context));
      const destination: Destination = target === undefined ? { root, outside: '/' } : { root: every ? join(root, snapshot.set) : root };
      await recover(destination.root);
      const config = (await context.settings()).configFile;
      const plan = await planRestore(vault, snapshot, {
        destination,
        paths: args.paths,
        existing: flags.existing ?? 'refuse',
        asRecorded: flags.asRecorded,
        ...(config === undefined ? {} : { protect: [config] }),
        stateDirectory: context.paths.state,
        undoStore: await (await context.world()).undoStore(),
      });
      works.push({ plan, result: flags.dryRun ? undefined : await apply(vault, plan, context) });
    }
    return { works, recovered };
  },
  human({ works }, out) {
    for (const { plan, result } of works) {
      if (result === undefined) showPlan(plan, out);
      else showResult(plan, result, out);
    }
  },
  json({ works, recovered }, line) {
    for (const { plan, result } of works) {
      if (result === undefined) for (const fields of planLines(plan)) line('plan', fields);
      for (const w of result?.warnings ?? []) line('warning', { code: w.code, message: w.message });
      for (const { path, reason } of plan.contents.warnings) line('warning', { code: 'snapshot', path, message: reason });
    }
    const results = works.map(({ plan, result }) => ({
      snapshot: plan.snapshot.id,
      set: plan.snapshot.set,
      target: plan.placement.root,
      counts: { ...(result?.counts ?? plan.placement.counts) },
      files: result?.files ?? 0,
      bytes: result?.bytes ?? plan.placement.bytes,
      narrower: result?.narrower ?? plan.placement.narrower,
      undo: result?.undo,
      seconds: result?.seconds,
      dry_run: result === undefined,
    }));
    const [only, ...others] = results;
    if (only && others.length === 0) return { ...only, recovered: [...recovered] };
    for (const fields of results) line('restored', fields);
    return { sets: results.length, files: results.reduce((sum, r) => sum + r.files, 0), recovered: [...recovered] };
  },
});

interface Choice {
  readonly set: string | undefined;
  readonly host: string | undefined;
  readonly at: string | undefined;
}

/** The snapshot that was named, or the newest of every set. */
async function chosen(
  vault: UnlockedVault,
  selector: string | undefined,
  flags: Choice,
  context: Context,
): Promise<Snapshot[]> {
  const read = await readSnapshots(vault, flags.set === undefined ? {} : { set: flags.set });
  if (selector !== undefined || flags.set !== undefined) return [await chooseFrom(context, vault, read, selector, flags)];
  const all = [...read.snapshots, ...read.refused];
  const sets = [...new Set(all.map((s) => s.set))].sort();
  if (sets.length === 0) return [await chooseFrom(context, vault, read, undefined, flags)];
  const newest: Snapshot[] = [];
  for (const set of sets) newest.push(await chooseFrom(context, vault, read, undefined, { ...flags, set }));
  return newest;
}

/** Where a snapshot was taken from: as configured here, else as it recorded. */
async function ownRoot(vault: UnlockedVault, snapshot: Snapshot, context: Context): Promise<string> {
  const set = (await context.settings()).config?.sets.get(snapshot.set);
  return set?.root ?? (await readSnapshotContents(vault, snapshot)).root;
}

async function configuredRoots(context: Context, set: string | undefined): Promise<string[]> {
  const sets = [...((await context.settings()).config?.sets.values() ?? [])];
  const roots = sets.filter((s) => set === undefined || s.name === set).map((s) => s.root);
  if (roots.length > 0) return roots;
  throw new UsageError('no-target', 'the configuration names no set whose place this could mean', {
    hint: 'give the directory with --target',
  });
}

async function apply(vault: UnlockedVault, plan: RestorePlan, context: Context): Promise<RestoreResult> {
  const { replaces, root } = plan.placement;
  if (replaces.length > 0 && plan.options.existing === 'replace') {
    const question = `Replace ${replaces.length} ${replaces.length === 1 ? 'entry' : 'entries'} in ${root} with those of ${plan.snapshot.id}?`;
    if (!(await context.terminal.confirm(question))) {
      throw new StrongroomError('not-confirmed', 'nothing was changed', { hint: 'answer yes, or add --yes' });
    }
  }
  return await applyRestore(vault, plan, ({ files, bytes }) =>
    context.progress.update({ phase: `restoring, ${files} files`, done: bytes, total: plan.placement.bytes, unit: 'bytes' }),
  );
}

/** Restores the newest undo copy of a target, with recorded modes and owners, and drops it. */
async function undo(vault: UnlockedVault, root: string, dryRun: boolean, context: Context): Promise<Work> {
  const store = await (await context.world()).undoStore();
  const copy = await findUndo(vault, store, root);
  const plan = await planRestore(copy.vault, copy.snapshot, {
    destination: copy.destination,
    paths: [],
    existing: 'replace',
    asRecorded: true,
    stateDirectory: context.paths.state,
    undoStore: store,
  });
  if (dryRun) return { plan, result: undefined };
  const result = await apply(copy.vault, plan, context);
  await dropUndo(store, copy.snapshot);
  return { plan, result };
}
