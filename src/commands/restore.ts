// `strongroom restore`: puts files back, wholly or not at all, for their owner only.
import { join, resolve } from 'node:path';
import { UsageError } from '../errors.ts';
import type { Destination } from '../pack/place/types.ts';
import { recoverPlacement } from '../vault/restore/apply.ts';
import { planRestore } from '../vault/restore/plan.ts';
import { defineCommand } from './command.ts';
import { choiceFlags, openUnlocked, trustNew } from './open.ts';
import { carryOut, type Planned, undoRestores, type Work } from './restore/carry-out.ts';
import { chosenSnapshots, configuredRoots, ownRoot } from './restore/choose.ts';
import { planLines, showPlan } from './restore/show-plan.ts';
import { showResult } from './restore/show-result.ts';

const EXISTING = ['refuse', 'replace', 'bak', 'skip'] as const;

interface Outcome {
  readonly works: readonly Work[];
  /** Targets of restores that had been killed, mended now. */
  readonly recovered: readonly string[];
}

export const command = defineCommand({
  description: [
    'Everything is fetched, proven and staged before anything in the target changes; a restore that is killed is finished or undone by the next one. Files come back 0600 and directories 0700, for whoever runs this.',
    'Without SNAPSHOT and --set every set is restored, each into TARGET/SET/.',
  ],
  needs: 'read access and one way to open the vault',
  args: {
    snapshot: {
      value: 'SNAPSHOT',
      optional: true,
      summary: 'id, unique beginning of one, latest, latest~2 or @label; else latest',
    },
    paths: {
      value: 'PATH',
      repeat: true,
      optional: true,
      summary: 'only these: files, directories or globs',
    },
  },
  flags: {
    target: { value: 'DIR', short: 't', summary: 'where to: a directory, made if it is not there' },
    inPlace: { summary: "back to where it was taken from: the set's own root" },
    ...choiceFlags,
    existing: {
      value: 'HOW',
      choices: EXISTING,
      summary: 'what to do where something else stands; else refuse',
    },
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
      throw new UsageError('target-twice', '--target and --in-place cannot both be given', {
        hint: 'choose one',
      });
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
      for (const root of target === undefined ? await configuredRoots(context, flags.set) : [target])
        await recover(root);
      if (recovered.length === 0) context.notice('there was no restore to finish or undo');
      return { works: [], recovered };
    }
    const vault = await openUnlocked(context, flags.trustNew);
    if (flags.undo) {
      const roots = target === undefined ? await configuredRoots(context, flags.set) : [target];
      for (const root of roots) await recover(root);
      return { works: await undoRestores(vault, roots, flags.dryRun, context), recovered };
    }
    const { configFile } = await context.settings();
    const undoStore = await (await context.world()).undoStore();
    const every = args.snapshot === undefined && flags.set === undefined;
    const planned: Planned[] = [];
    for (const snapshot of await chosenSnapshots(vault, args.snapshot, flags, context)) {
      const destination: Destination =
        target === undefined
          ? { root: await ownRoot(vault, snapshot, context), outside: '/' }
          : { root: every ? join(target, snapshot.set) : target };
      await recover(destination.root);
      const plan = await planRestore(vault, snapshot, {
        destination,
        paths: args.paths,
        existing: flags.existing ?? 'refuse',
        asRecorded: flags.asRecorded,
        ...(configFile === undefined ? {} : { protect: [configFile] }),
        stateDirectory: context.paths.state,
        undoStore,
      });
      planned.push({ vault, plan });
    }
    return { works: await carryOut(planned, flags.dryRun, context), recovered };
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
      for (const { path, reason } of plan.contents.warnings)
        line('warning', { code: 'snapshot', path, message: reason });
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
    return {
      sets: results.length,
      files: results.reduce((sum, r) => sum + r.files, 0),
      recovered: [...recovered],
    };
  },
});
