// `strongroom backup`: snapshots of the sets of the configuration, or of the paths given.
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { StrongroomError } from '../errors.ts';
import type { Problem, Source } from '../pack/collect.ts';
import { type BackupResult, backup, planBackup } from '../vault/backup/backup.ts';
import { type AskedSet, setsToBackUp } from './backup/sets.ts';
import { defineCommand } from './command.ts';
import type { Context } from './context.ts';
import { configuredPin, thisHost, vaultContext } from './open.ts';
import { parseTag } from './tags.ts';

/** What skipping may not pass when the set names no objective. */
const DAY_MS = 24 * 60 * 60 * 1000;

interface Planned {
  readonly set: string;
  readonly sources: readonly Source[];
  readonly problems: readonly Problem[];
}

interface Outcome {
  readonly results: readonly BackupResult[];
  readonly plans: readonly Planned[];
  readonly failures: readonly { readonly set: string; readonly error: StrongroomError }[];
}

export const command = defineCommand({
  description: [
    'Takes a snapshot of each set of strongroom.yaml, or of the PATHs given as a set rooted here. Asks for no passphrase and holds no key that reads: what is written here, this machine cannot read.',
    'A source that is missing or cannot be read makes the snapshot incomplete, and the exit code 3.',
  ],
  needs: 'create access to the vault, its pin, and the signing key of this machine',
  args: {
    paths: {
      value: 'PATH',
      repeat: true,
      optional: true,
      summary: 'what to take, relative to here; else the sets of the configuration',
    },
  },
  flags: {
    set: {
      value: 'SET',
      summary: 'only this set; with PATHs the name of the set, else that of this directory',
    },
    exclude: { value: 'GLOB', repeat: true, summary: 'leave out what matches' },
    label: { value: 'LABEL', summary: 'a name for the snapshot, for @LABEL' },
    description: { value: 'TEXT', summary: 'a description, encrypted with the snapshot' },
    tag: {
      value: 'KEY=VALUE',
      repeat: true,
      summary: 'a tag; anyone who can read the store can read it',
      parse: parseTag,
    },
    skipUnchanged: { summary: 'make no snapshot when nothing changed since the last one' },
    dryRun: { summary: 'list what would be taken, and write nothing' },
  },
  examples: [
    ['backup', 'every set of strongroom.yaml'],
    ['backup . --set app', 'this directory, as the set app'],
    ['backup .env certs --label before-deploy', 'some paths, under a label'],
    ['backup --dry-run', 'see what would be taken'],
  ],
  async run({ args, flags }, context): Promise<Outcome> {
    const sets = setsToBackUp(args.paths, flags, await context.settings(), context.cwd);
    const results: BackupResult[] = [];
    const plans: Planned[] = [];
    const failures: { set: string; error: StrongroomError }[] = [];
    for (const asked of sets) {
      try {
        if (flags.dryRun) {
          const { sources, problems } = await planBackup(asked.sources, context.now(), context.signal);
          plans.push({ set: asked.set, sources, problems });
        } else {
          results.push(await backUp(asked, flags, context));
        }
      } catch (error) {
        // One set that fails must not keep the others from being backed up.
        const goOn = error instanceof StrongroomError && sets.length > 1 && !context.signal.aborted;
        if (!goOn) throw error;
        failures.push({ set: asked.set, error });
      }
    }
    const [first] = failures;
    if (first && failures.length === sets.length) throw first.error;
    for (const { set, error } of failures) {
      context.warn(error.code, `${set} was not backed up: ${error.message}`, {
        object: set,
        ...(error.hint === undefined ? {} : { hint: error.hint }),
      });
    }
    return { results, plans, failures };
  },
  human({ results, plans }, out) {
    for (const r of results) {
      for (const p of r.problems) out.line(out.styled(p.incomplete ? 'red' : 'yellow', problemText(p)));
      const what = `${out.count(r.files, 'file')}, ${out.size(r.bytes)}`;
      if (r.unchanged) out.note(`${r.set}: unchanged since ${r.snapshot} (${what})`);
      else if (r.complete)
        out.note(`${r.set}: ${r.snapshot} (${what}, ${out.size(r.stored)} stored, ${r.seconds} s)`);
      else
        out.line(
          `${r.set}: ${r.snapshot} is `,
          out.styled('red', 'incomplete'),
          ` (${what}, ${out.size(r.stored)} stored)`,
        );
    }
    for (const plan of plans) {
      for (const s of plan.sources) out.line(s.path + (s.type === 'dir' ? '/' : ''));
      for (const p of plan.problems) out.line(out.styled(p.incomplete ? 'red' : 'yellow', problemText(p)));
      const bytes = plan.sources.reduce((sum, s) => sum + s.size, 0);
      const files = plan.sources.filter((s) => s.type === 'file').length;
      out.note(`${plan.set}: would take ${out.count(files, 'file')}, ${out.size(bytes)}`);
    }
  },
  json({ results, plans, failures }, line) {
    const fields = (r: BackupResult) => ({
      set: r.set,
      snapshot: r.snapshot,
      files: r.files,
      entries: r.entries,
      bytes: r.bytes,
      stored: r.stored,
      seconds: r.seconds,
      complete: r.complete,
      unchanged: r.unchanged,
      warnings: r.problems.length,
    });
    for (const { set, problems } of [...results, ...plans]) {
      for (const { kind, path, reason, incomplete } of problems)
        line('warning', { set, kind, path, reason, incomplete });
    }
    for (const { set, error } of failures)
      line('error', { set, code: error.code, message: error.message, hint: error.hint });
    for (const { set, sources } of plans) {
      for (const { path, type, size } of sources) line('source', { set, path, type, bytes: size });
    }
    const [only, ...others] = results;
    if (only && others.length === 0 && failures.length === 0) return fields(only);
    for (const r of results) line('snapshot', fields(r));
    const all = [...results, ...plans];
    const planned = plans.flatMap((plan) => plan.sources).filter((source) => source.type === 'file');
    return {
      sets: all.length,
      files: results.reduce((sum, r) => sum + r.files, planned.length),
      bytes: [...results.map((r) => r.bytes), ...planned.map((s) => s.size)].reduce((sum, n) => sum + n, 0),
      complete: failures.length === 0 && all.every((r) => !r.problems.some((p) => p.incomplete)),
      dry_run: plans.length > 0,
    };
  },
  exitCode({ results, plans, failures }) {
    const incomplete = [...results, ...plans].some((r) => r.problems.some((p) => p.incomplete));
    return incomplete || failures.length > 0 ? 3 : 0;
  },
});

function problemText({ path, reason, incomplete }: Problem): string {
  return `${incomplete ? 'failed' : 'warning'}: ${path}: ${reason}`;
}

interface BackupFlags {
  readonly label: string | undefined;
  readonly description: string | undefined;
  readonly tag: readonly (readonly [string, string])[];
  readonly skipUnchanged: boolean;
}

async function backUp(asked: AskedSet, flags: BackupFlags, context: Context): Promise<BackupResult> {
  await endKilledRestore(asked.sources.root, context);
  const pin = await configuredPin(context);
  const { env } = context;
  const files = [
    env.STRONGROOM_PASSPHRASE_FILE,
    env.STRONGROOM_NEW_PASSPHRASE_FILE,
    env.STRONGROOM_SIGNING_KEY_FILE,
  ];
  const identities = (env.STRONGROOM_IDENTITY_FILE ?? '').split(':');
  const world = await context.world();
  return await backup(await vaultContext(context), {
    set: asked.set,
    sources: asked.sources,
    host: await thisHost(context),
    ...(pin ? { pin } : {}),
    ...(flags.label === undefined ? {} : { label: flags.label }),
    ...(flags.description === undefined ? {} : { description: flags.description }),
    ...(flags.tag.length > 0 ? { tags: Object.fromEntries(flags.tag) } : {}),
    ...(asked.restore ? { restore: asked.restore } : {}),
    ...(flags.skipUnchanged ? { skipUnchangedWithin: asked.rpo ?? DAY_MS } : {}),
    credentialPaths: [...files, ...identities, world.signingKeyPath].flatMap((f) =>
      f ? [resolve(context.cwd, f)] : [],
    ),
    onProgress: ({ files: done, bytes }) =>
      context.progress.update({
        phase: `backing up ${asked.set}, ${done} files`,
        done: bytes,
        unit: 'bytes',
      }),
  });
}

/** A restore into the root that was killed has left it half old and half new: no state to keep. */
async function endKilledRestore(root: string, context: Context): Promise<void> {
  const stateDirectory = context.paths.state;
  if (!hasJournals(stateDirectory)) return;
  const { recoverPlacement } = await import('../vault/restore/apply.ts');
  const how = await recoverPlacement(root, {
    stateDirectory,
    onWarning: (message) => context.warn('recovery', message, { object: root }),
  });
  if (how !== 'nothing') context.notice(`a restore into ${root} that was interrupted has been ${how}`);
}

/** Cheap, since every backup asks: nearly always there is no journal, and nothing to load. */
function hasJournals(stateDirectory: string): boolean {
  try {
    return readdirSync(join(stateDirectory, 'restores')).length > 0;
  } catch {
    return false;
  }
}
