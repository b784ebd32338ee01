// `strongroom backup`: snapshots of the sets of the configuration, or of the paths given.
import { StoreError, StrongroomError } from '../errors.ts';
import type { Source } from '../pack/collect.ts';
import type { BackupResult } from '../vault/backup/backup.ts';
import { type BackupProblem, planBackup } from '../vault/backup/plan.ts';
import { grave } from '../vault/file-findings.ts';
import { backUp } from './backup/one-set.ts';
import { setsToBackUp } from './backup/sets.ts';
import { defineCommand, type Fields, type Out } from './command.ts';
import type { Context, StreamConfig } from './context.ts';
import { parseTag, TAG_FORM } from './tags.ts';

/** What is no better for the next set: waiting for a place that does not answer, or asking with no credentials. */
const AWAY = new Set(['store-unreachable', 'no-credentials', 'bad-credentials', 'no-bucket', 'wrong-region']);

interface Planned {
  readonly set: string;
  readonly sources: readonly Source[];
  readonly problems: readonly BackupProblem[];
  readonly streams: readonly StreamConfig[];
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
      summary:
        'only this set; with PATHs the name of the set, else that of this directory, with -paths where that set is configured',
    },
    exclude: { value: 'GLOB', repeat: true, summary: 'leave out what matches' },
    label: { value: 'LABEL', summary: 'a name for the snapshot, for @LABEL' },
    description: { value: 'TEXT', summary: 'a description, encrypted with the snapshot' },
    tag: {
      value: 'KEY=VALUE',
      repeat: true,
      summary: 'a tag; anyone who can read the store can read it',
      parse: parseTag,
      form: TAG_FORM,
    },
    skipUnchanged: {
      summary: 'make no snapshot when nothing changed since the last one; never skips a set with streams',
    },
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
          const { sources, problems } = await planBackup(asked.sources, context.now(), {
            signal: context.signal,
            env: context.env,
          });
          plans.push({ set: asked.set, sources, problems, streams: asked.streams });
        } else {
          results.push(await backUp(asked, flags, context));
        }
      } catch (error) {
        // One set that fails must not keep the others from being backed up.
        const goOn = error instanceof StrongroomError && sets.length > 1 && !context.signal.aborted;
        if (!goOn) throw error;
        failures.push({ set: asked.set, error });
        // The next one would only wait for it once more.
        if (error instanceof StoreError && AWAY.has(error.code)) {
          for (const { set } of sets.slice(sets.indexOf(asked) + 1)) failures.push({ set, error });
          break;
        }
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
    warnBeside(results, context);
    for (const { set, findings } of results)
      for (const text of grave(findings, context.now())) context.warn('finding', text, { object: set });
    await pruneAfterwards(results, context);
    return { results, plans, failures };
  },
  human({ results, plans }, out) {
    for (const r of results) {
      showProblems(r.problems, out);
      const streams = r.streams.map(({ name, bytes }) => `, ${name} ${out.size(bytes)}`).join('');
      const what = `${out.count(r.files, 'file')}, ${out.size(r.bytes)}${streams}`;
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
      for (const { name, type } of plan.streams) out.line(`stream ${name} (${type})`);
      showProblems(plan.problems, out);
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
      streams: r.streams.length > 0 ? r.streams.map(streamFields) : undefined,
      // Said only when it is news: everywhere else it was.
      vault_read: r.vaultRead ? undefined : false,
      warnings: r.problems.length,
    });
    for (const { set, problems } of [...results, ...plans]) {
      for (const { kind, path, reason, incomplete } of problems.filter(isOfSource))
        line('warning', { set, kind, path, reason, incomplete });
      // What makes the exit code 3 is told by name.
      for (const { kind, path, reason } of problems.filter((p) => !isOfSource(p) && isPart(p)))
        line('problem', { set, kind, path, reason });
    }
    for (const { set, error } of failures)
      line('error', { set, code: error.code, message: error.message, hint: error.hint });
    for (const { set, sources, streams } of plans) {
      for (const { path, type, size } of sources) line('source', { set, path, type, bytes: size });
      for (const { name, type } of streams) line('source', { set, stream: name, type });
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
    const incomplete = [...results, ...plans].some((r) => r.problems.some((p) => p.incomplete || isPart(p)));
    return incomplete || failures.length > 0 ? 3 : 0;
  },
});

/** Where the configuration asks for it: what it comes to never makes the backup a failure. */
async function pruneAfterwards(results: readonly BackupResult[], context: Context): Promise<void> {
  const { config } = await context.settings();
  const whole = results.filter((r) => r.complete).map((r) => r.set);
  if (!whole.some((set) => config?.sets.get(set)?.pruneAfterBackup)) return;
  const { pruneAfterBackup } = await import('./prune/after-backup.ts');
  await pruneAfterBackup(context, whole);
}

function streamFields({ name, type, bytes, seconds, complete }: BackupResult['streams'][number]): Fields {
  return { name, type, bytes, seconds, complete };
}

/** What the set does not allow is one line: `coverage` has the list, and this is printed every night. */
function showProblems(problems: readonly BackupProblem[], out: Out): void {
  const left = problems.filter(({ kind }) => kind === 'not-taken');
  for (const p of problems.filter((p) => isOfSource(p) && p.kind !== 'not-taken'))
    out.line(out.styled(p.incomplete ? 'red' : 'yellow', problemText(p)));
  if (left.length === 0) return;
  const what = out.count(left.length, 'path', 'paths');
  out.note(
    out.styled('yellow', `${what} that the deployment refers to not taken: see \`strongroom coverage\``),
  );
}

function problemText({ path, reason, incomplete }: BackupProblem): string {
  return `${incomplete ? 'failed' : 'warning'}: ${path}: ${reason}`;
}

/** With a wrong clock the snapshot is whole, and yet `latest` will not find it; one that a replica lacks is not safe. */
function isPart({ kind }: BackupProblem): boolean {
  return kind === 'clock' || kind === 'replica' || kind === 'replica-behind';
}

/** What is not about a source comes with the next step, and is no part of the result. */
function isOfSource({ hint }: BackupProblem): boolean {
  return hint === undefined;
}

/** Says it once, whichever sets it came to light with; however quiet, as nobody else will. */
function warnBeside(results: readonly BackupResult[], context: Context): void {
  const beside = results.flatMap((result) => result.problems.filter((p) => !isOfSource(p)));
  for (const { kind, path, reason, hint = '' } of new Map(beside.map((p) => [p.reason, p])).values())
    context.warn(kind, reason, { object: path, hint, severity: 'error' });
}
