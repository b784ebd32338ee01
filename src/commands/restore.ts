// `strongroom restore`: puts files back, wholly or not at all, for their owner only.
import { join, resolve } from 'node:path';
import { UsageError } from '../errors.ts';
import { askedBy } from '../vault/restore/outside.ts';
import { planRestore, type RestoreOptions } from '../vault/restore/plan.ts';
import type { RefusedRecord, Snapshot } from '../vault/snapshots.ts';
import { choiceFlags } from './choose.ts';
import { defineCommand } from './command.ts';
import { namingOlder } from './older.ts';
import { openUnlocked, pastFlag, trustNew } from './open.ts';
import { type Typed, typedCommand } from './restore/again.ts';
import { carryOut, type Planned, undoRestores, type Work, wouldBeRefused } from './restore/carry-out.ts';
import { chosenSnapshots, configuredRoots, ownSet } from './restore/choose.ts';
import { type LoadedStream, load } from './restore/load.ts';
import { mend } from './restore/mend.ts';
import { loadedFields, showLoaded } from './restore/show-loaded.ts';
import { planLines, showPlan } from './restore/show-plan.ts';
import { showResult } from './restore/show-result.ts';

const EXISTING = ['refuse', 'replace', 'bak', 'skip'] as const;

interface Outcome {
  readonly works: readonly Work[];
  /** Targets of restores that had been killed, mended now. */
  readonly recovered: readonly string[];
  /** What was left out: sets of which no record counts, and hosts of which none is complete. */
  readonly skipped: readonly RefusedRecord[];
  /** A stream that was fed back, in place of files. */
  readonly loaded?: LoadedStream;
}

export const command = defineCommand({
  description: [
    'Everything is fetched, proven and staged before anything in the target changes; a restore that is killed is finished or undone by the next one. Files come back 0600 and directories 0700, for whoever runs this.',
    'Without SNAPSHOT and --set every set is restored, each into TARGET/SET/; where several hosts write a set, the newest of each into TARGET/SET/HOST/.',
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
    inPlace: { summary: 'back to where it belongs: the root of the set in strongroom.yaml' },
    load: { value: 'STREAM', summary: 'feed this stream back, instead of files: into a scratch database' },
    into: { value: 'NAME', summary: 'with --load: the name of the database, or of the file, to make' },
    live: { summary: 'with --load and --into: replace what has that name' },
    ...choiceFlags,
    existing: {
      value: 'HOW',
      choices: EXISTING,
      summary: 'what to do where something else stands; else refuse',
    },
    asRecorded: { summary: 'give back the recorded modes and owners, but no set-id bits' },
    dryRun: { summary: 'show the plan, and change nothing' },
    undo: { summary: 'put back what the last restore into this target replaced' },
    recover: { summary: 'finish or undo a restore that was killed, and do nothing else' },
    ...pastFlag,
    trustNew,
  },
  examples: [
    ['restore latest --set app --target ./out', 'the newest snapshot of a set into a new directory'],
    ['restore latest .env --in-place --existing replace', 'one file, back where it was'],
    ['restore --at "2026-11-20 06:00" --target ./out --set app', 'as things were at a time'],
    ['restore --target /srv --dry-run', 'what restoring everything would do'],
    ['restore latest --set app --load db', 'a database dump into a scratch database'],
    ['restore --undo --target /srv/app', 'take back the last restore'],
  ],
  async run({ args, flags }, context): Promise<Outcome> {
    const loaded = await load(args, flags, context);
    if (loaded) return { works: [], recovered: [], skipped: [], loaded };
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
      if (await mend(root, flags.dryRun, context)) recovered.push(root);
    };
    if (flags.recover) {
      for (const root of target === undefined ? await configuredRoots(context, flags.set) : [target])
        await recover(root);
      if (recovered.length === 0 && !flags.dryRun) context.notice('there was no restore to finish or undo');
      return { works: [], recovered, skipped: [] };
    }
    const vault = await openUnlocked(context, { ...flags, anywhere: true });
    if (flags.undo) {
      const roots = target === undefined ? await configuredRoots(context, flags.set) : [target];
      for (const root of roots) await recover(root);
      return { works: await undoRestores(vault, roots, flags.dryRun, context), recovered, skipped: [] };
    }
    const { config, configFile } = await context.settings();
    const undoStore = await (await context.world()).undoStore();
    const every = args.snapshot === undefined && flags.set === undefined;
    const { set, host, at } = flags;
    const words = ['restore', ...(args.snapshot === undefined ? [] : [args.snapshot]), ...args.paths];
    const again = await typedCommand(words, typedFlags(flags), context);
    const placed = target === undefined ? { placed: new Set(config?.sets.keys()) } : {};
    const hasRoom = target !== undefined;
    const asked = { selector: args.snapshot, set, host, at, hasRoom, again, ...placed };
    const { chosen, shared, skipped } = await chosenSnapshots(vault, asked, context);
    const below = (of: Snapshot) => (shared.has(of.set) ? [of.set, of.host] : [of.set]);
    for (const name of shared) {
      const hosts = chosen.filter((snapshot) => snapshot.set === name).length;
      context.notice(
        `${hosts} hosts have snapshots of the set ${name}: each comes back into ${join(target ?? '', name, 'HOST')}`,
      );
    }
    const place = async (snapshot: Snapshot): Promise<Pick<RestoreOptions, 'destination' | 'asked'>> => {
      if (target !== undefined)
        return { destination: { root: join(target, ...(every ? below(snapshot) : [])) } };
      const { root, include, exclude, outside } = await ownSet(vault, snapshot, context);
      // As a backup packs it: with the configuration itself, which is protected, and what references may lead to.
      const packed = [
        ...(include.length > 0 ? include : ['.']),
        ...outside,
        ...(configFile ? [configFile] : []),
      ];
      return { destination: { root, outside: '/' }, asked: askedBy({ root, include: packed, exclude }) };
    };
    const planned: Planned[] = [];
    for (const snapshot of chosen) {
      const { destination, ...bounds } = await namingOlder(vault, snapshot, () => place(snapshot));
      await recover(destination.root);
      const options = {
        destination,
        ...bounds,
        paths: args.paths,
        existing: flags.existing ?? 'refuse',
        asRecorded: flags.asRecorded,
        ...(configFile === undefined ? {} : { protect: [configFile] }),
        stateDirectory: context.paths.state,
        undoStore,
      };
      const plan = await namingOlder(vault, snapshot, () => planRestore(vault, snapshot, options));
      planned.push({ vault, plan });
    }
    return { works: await carryOut(planned, flags.dryRun, context), recovered, skipped };
  },
  human({ works, loaded }, out) {
    if (loaded) showLoaded(loaded, out);
    for (const work of works) {
      if (work.result === undefined) showPlan(work, out);
      else showResult(work, work.result, out);
    }
  },
  json({ works, recovered, skipped, loaded }, line) {
    if (loaded) return loadedFields(loaded);
    for (const { set, finding } of skipped)
      line('skipped', { set, code: finding.code, object: finding.object, message: finding.message });
    for (const { plan, result } of works) {
      if (result === undefined) for (const fields of planLines(plan)) line('plan', fields);
      for (const w of result?.warnings ?? []) line('warning', { code: w.code, message: w.message });
      for (const { path, reason } of plan.warnings)
        line('warning', { code: 'snapshot', path, message: reason });
    }
    const results = works.map(({ plan, result }) => ({
      snapshot: plan.snapshot.id,
      set: plan.snapshot.set,
      host: plan.snapshot.host,
      target: plan.placement.root,
      counts: { ...(result?.counts ?? plan.placement.counts) },
      files: result?.files ?? 0,
      bytes: result?.bytes ?? plan.placement.bytes,
      narrower: result?.narrower ?? plan.placement.narrower,
      owner_lost: result?.ownerLost ?? plan.placement.ownerLost,
      set_id_lost: result?.setIdLost ?? plan.placement.setIdLost,
      undo: result?.undo,
      streams: plan.contents.streams.length > 0 ? plan.contents.streams.map(({ name }) => name) : undefined,
      seconds: result?.seconds,
      dry_run: result === undefined,
    }));
    const [only, ...others] = results;
    if (only && others.length === 0 && skipped.length === 0) return { ...only, recovered: [...recovered] };
    for (const fields of results) line('restored', fields);
    return {
      sets: results.length,
      files: results.reduce((sum, r) => sum + r.files, 0),
      skipped: [...new Set(skipped.map(({ set }) => set))],
      recovered: [...recovered],
    };
  },
  exitCode: ({ works, skipped }) => (works.some(wouldBeRefused) ? 11 : skipped.length > 0 ? 3 : 0),
});

interface Choosing {
  readonly set: string | undefined;
  readonly at: string | undefined;
  readonly target: string | undefined;
  readonly inPlace: boolean;
  readonly existing: string | undefined;
  readonly asRecorded: boolean;
  readonly dryRun: boolean;
  readonly versionsBefore: string | undefined;
  readonly trustNew: boolean;
}

/** The flags of a restore that lacks only a host. */
function typedFlags(flags: Choosing): Typed {
  return [
    ['--set', flags.set],
    ['--at', flags.at],
    ['--target', flags.target],
    ['--in-place', flags.inPlace],
    ['--existing', flags.existing],
    ['--as-recorded', flags.asRecorded],
    ['--dry-run', flags.dryRun],
    ['--versions-before', flags.versionsBefore],
    ['--trust-new', flags.trustNew],
  ];
}
