// `strongroom drill`: does a restore really work? Carries one out, looks at what came back, and keeps evidence.
import { resolve } from 'node:path';
import { InterruptedError, NotFoundError, StrongroomError } from '../errors.ts';
import { runDrill } from '../vault/drill/drill.ts';
import { writeEvidence } from '../vault/drill/evidence.ts';
import { type DrillPlan, planDrill } from '../vault/drill/plan.ts';
import type { Check, DrillResult } from '../vault/drill/result.ts';
import { checkName } from '../vault/names.ts';
import type { UnlockedVault } from '../vault/vault.ts';
import { defineCommand } from './command.ts';
import type { Context } from './context.ts';
import { checkReport, writeReport } from './drill/report.ts';
import { roomFor, wipe, wipeEarlier } from './drill/room.ts';
import { drillSets } from './drill/sets.ts';
import { showDrill } from './drill/show.ts';
import { refuseWriter } from './drill/writer.ts';
import { openUnlocked, trustNew } from './open.ts';

interface Outcome {
  readonly vault: UnlockedVault;
  readonly plan: DrillPlan;
  /** Absent in a dry run. */
  readonly result?: DrillResult;
  /** Whether evidence was to be kept and could not be. */
  readonly isUnwitnessed: boolean;
  readonly reports: readonly string[];
}

export const command = defineCommand({
  description: [
    'Restores the newest complete snapshot of every set and host into a private scratch directory, in memory where there is room, as a recovery would, and looks at what came back: every file with its hash and mode, environment files, compose files and manifests with all that they refer to, certificates and their keys, and every dump, which is loaded into a scratch database and asked what the configuration says. Then it wipes the scratch, and keeps signed evidence in the vault, without names of files.',
    'It measures how long it took until everything was back, and how old the newest snapshot is, against `objectives` in strongroom.yaml. Exit code 5 when anything failed. It belongs where a key is and no backup is made: a machine that writes snapshots itself is refused.',
  ],
  needs: 'read access, one way to open the vault, and to create below drills/',
  args: {},
  flags: {
    set: { value: 'SET', summary: 'only this set' },
    host: { value: 'HOST', summary: 'only what this host wrote' },
    older: { summary: 'another snapshot than the newest, chosen by lot; health does not count it' },
    scratch: { value: 'DIR', summary: 'where to restore to, in a directory of its own that is wiped' },
    report: { value: 'PREFIX', summary: 'write a report to PREFIX.md and PREFIX.html' },
    withoutEvidence: { summary: 'keep no evidence in the vault' },
    evenHere: { summary: 'although this machine backs up what is restored' },
    dryRun: { summary: 'show which snapshots would be restored, and restore nothing' },
    trustNew,
  },
  examples: [
    ['drill', 'every set, as in a disaster'],
    ['drill --set app --report ~/drills/2026-11', 'one set, with a report to file'],
    ['drill --older', 'does an older snapshot come back, too?'],
  ],
  async run({ flags }, context): Promise<Outcome> {
    const { set, host, older, report, dryRun } = flags;
    if (set !== undefined) checkName(set, 'set');
    if (host !== undefined) checkName(host, 'host');
    const prefix = report === undefined ? undefined : resolve(context.cwd, report);
    if (prefix !== undefined) await checkReport(prefix);
    const { config } = await context.settings();
    const within = flags.scratch === undefined ? config?.drill.scratch : resolve(context.cwd, flags.scratch);
    if (!dryRun) wipeEarlier(within, context);
    if (!flags.evenHere) await refuseWriter(set, flags, context);
    const began = performance.now();
    const vault = await openUnlocked(context, flags);
    const plan = await planDrill(vault, {
      ...(set === undefined ? {} : { set }),
      ...(host === undefined ? {} : { host }),
      older,
      sets: [...(config?.sets.keys() ?? [])],
    });
    const openedIn = performance.now() - began;
    if (plan.targets.length === 0 && (set ?? host) !== undefined) throw nothingOf(set, host);
    const base = { vault, plan, isUnwitnessed: false, reports: [] };
    if (dryRun) return base;
    const result = await inScratch(vault, plan, { within, openedIn }, context);
    const evidence = flags.withoutEvidence ? undefined : await keepEvidence(vault, result, context);
    const told: DrillResult = { ...result, evidence };
    const reports = prefix === undefined ? [] : await writeReport(prefix, vault, told, context);
    return {
      ...base,
      result: told,
      isUnwitnessed: !flags.withoutEvidence && evidence === undefined,
      reports,
    };
  },
  human({ plan, result, reports }, out) {
    if (result) showDrill(result, out);
    else {
      for (const { set, host, snapshot, failure } of plan.targets)
        out.line(
          `would restore ${set}${host === '' ? '' : ` by ${host}`}: ${snapshot?.id ?? failure?.message ?? 'nothing'}`,
        );
      out.note(`They come to ${out.size(plan.bytes)}.`);
    }
    for (const path of reports) out.note(`Report: ${path}`);
  },
  json({ vault, plan, result, reports }, line) {
    const of = { vault: vault.document.vault, name: vault.document.name };
    if (!result) {
      for (const { set, host, snapshot, failure } of plan.targets)
        line('plan', { set, host, snapshot: snapshot?.id, message: failure?.message });
      return { ...of, parts: plan.targets.length, bytes: plan.bytes, dry_run: true };
    }
    for (const { checks, set, host, snapshot, ...part } of result.parts) {
      for (const check of checks) line('check', { set, host, ...fieldsOf(check) });
      line('part', {
        set,
        host,
        snapshot: snapshot?.id,
        older: part.isOlder,
        passed: part.passed,
        files: part.files,
        bytes: part.bytes,
        recovery_seconds: part.recoveryTime,
        lost_seconds: part.recoveryPoint,
      });
    }
    for (const check of result.checks) line('check', fieldsOf(check));
    const all = [...result.parts.flatMap((part) => part.checks), ...result.checks];
    const counted = (outcome: Check['outcome']) => all.filter((check) => check.outcome === outcome).length;
    return {
      ...of,
      passed: result.passed,
      parts: result.parts.length,
      checks_passed: counted('passed'),
      checks_failed: counted('failed'),
      checks_skipped: counted('skipped'),
      manual: [...result.manual],
      seconds: result.seconds,
      recovery_seconds: result.recoveryTime,
      lost_seconds: result.recoveryPoint,
      scratch: result.scratch,
      evidence: result.evidence,
      reports: [...reports],
    };
  },
  exitCode: ({ result, isUnwitnessed }) => (result && !result.passed ? 5 : isUnwitnessed ? 3 : 0),
});

function fieldsOf({ check, subject, outcome, message, seconds }: Check) {
  return { check, subject, outcome, severity: outcome === 'failed' ? 'wrong' : undefined, message, seconds };
}

function nothingOf(set: string | undefined, host: string | undefined): NotFoundError {
  const of = [
    set === undefined ? '' : ` of the set ${set}`,
    host === undefined ? '' : ` by host ${host}`,
  ].join('');
  return new NotFoundError('no-snapshot', `there is no snapshot${of}, and no such set is configured`, {
    hint: 'see what there is with `strongroom list`',
  });
}

async function inScratch(
  vault: UnlockedVault,
  plan: DrillPlan,
  { within, openedIn }: { readonly within: string | undefined; readonly openedIn: number },
  context: Context,
): Promise<DrillResult> {
  const { config } = await context.settings();
  const sets = await drillSets(context);
  const undoStore = await (await context.world()).undoStore();
  const { scratch, plan: fitting } = roomFor(plan, within, context);
  if (scratch.kind === 'disk') {
    const why = within === undefined ? 'there is not enough memory (tmpfs) for a scratch: ' : '';
    context.notice(`${why}${scratch.path} is on a disk, and wiped afterwards`);
  }
  try {
    const manual = [...(config?.drill.manual ?? []), ...[...sets].flatMap(([, set]) => set.settings.manual)];
    return await runDrill(vault, fitting, {
      sets,
      objectives: config?.objectives ?? {},
      manual,
      scratch,
      undoStore,
      openedIn,
      onStep: (phase) => context.progress.update({ phase, done: 0, unit: 'parts' }),
    });
  } finally {
    context.progress.clear();
    wipe(scratch, context);
  }
}

/** @returns undefined when it could not be kept: the drill itself is as it is */
async function keepEvidence(
  vault: UnlockedVault,
  result: DrillResult,
  context: Context,
): Promise<string | undefined> {
  try {
    return await writeEvidence(vault, result);
  } catch (error) {
    if (!(error instanceof StrongroomError) || error instanceof InterruptedError) throw error;
    const { hint = 'let this machine create below drills/: see `strongroom policy drill`' } = error;
    context.warn(
      'no-evidence',
      `the drill was carried out, and its evidence could not be kept: ${error.message}`,
      {
        severity: 'error',
        hint,
        ...(error.object === undefined ? {} : { object: error.object }),
      },
    );
    return undefined;
  }
}
