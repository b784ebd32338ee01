// Carries out a drill: restores each target into the scratch, as a recovery would, and looks at what came back. Writes
// nothing outside of the scratch; what is made elsewhere (scratch databases) is taken away again.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { StoreError, StrongroomError } from '../../errors.ts';
import type { Store } from '../../store/store.ts';
import { applyRestore } from '../restore/apply.ts';
import { planRestore } from '../restore/plan.ts';
import type { UnlockedVault } from '../vault.ts';
import { certificateCheck } from './checks/certificates.ts';
import { type CommandGrounds, checkCommands } from './checks/commands.ts';
import { checkObjectives } from './checks/objectives.ts';
import { checkReferences, type Elsewhere } from './checks/references.ts';
import { checkStreams, type StreamGrounds } from './checks/streams.ts';
import { checkTree } from './checks/tree.ts';
import { type Clock, startClock } from './clock.ts';
import type { DrillPlan } from './plan.ts';
import type { Check, DrillPart, DrillResult, Objectives } from './result.ts';
import type { DrillTarget, RestoredTree } from './target.ts';

/** A set as this machine's configuration has it. */
export interface DrillSet extends StreamGrounds, CommandGrounds {
  readonly objectives: Objectives;
}

export interface DrillOptions {
  readonly sets: ReadonlyMap<string, DrillSet>;
  /** Of the whole. */
  readonly objectives: Objectives;
  readonly manual: readonly string[];
  readonly scratch: { readonly path: string; readonly kind: 'memory' | 'disk' };
  /** Nothing is replaced, so nothing is kept there. */
  readonly undoStore: Store;
  /** Milliseconds that it took to open the vault and to choose: they are part of any recovery. */
  readonly openedIn?: number;
  /** Told what is done now, such as `restore app`. */
  readonly onStep?: (what: string) => void;
}

interface Restored {
  readonly target: DrillTarget;
  readonly tree: RestoredTree | undefined;
  readonly clock: Clock;
  readonly checks: Check[];
  readonly files: number;
  readonly bytes: number;
}

/**
 * @returns what was found; nothing is signed or kept yet
 * @throws StoreError when the store cannot be read; StrongroomError `disk-full`; InterruptedError. Scratch databases are
 *   gone by then
 */
export async function runDrill(
  vault: UnlockedVault,
  plan: DrillPlan,
  options: DrillOptions,
): Promise<DrillResult> {
  const { objectives, manual, scratch, openedIn = 0 } = options;
  const began = new Date(vault.now().getTime() - openedIn);
  const clock = startClock(openedIn);
  const restored: Restored[] = [];
  for (const [number, target] of plan.targets.entries())
    restored.push(await restoreTarget(vault, { ...target, number }, began, options, clock));
  const trees = restored.flatMap(({ tree }) => tree ?? []);
  const elsewhere = heldElsewhere(vault, plan);
  const parts: DrillPart[] = [];
  for (const one of restored) parts.push(await judged(vault, one, { trees, elsewhere, began }, options));
  const measured = wholeOf(parts, openedIn);
  const checks = checkObjectives(objectives, measured);
  return {
    began,
    seconds: clock.now(),
    parts,
    ...measured,
    objectives,
    checks,
    manual,
    passed: parts.length > 0 && [...parts, { checks }].every((one) => noneFailed(one.checks)),
    scratch: scratch.kind,
    evidence: undefined,
  };
}

const noneFailed = (checks: readonly Check[]): boolean => checks.every(({ outcome }) => outcome !== 'failed');

async function restoreTarget(
  vault: UnlockedVault,
  target: DrillTarget & { readonly number: number },
  began: Date,
  { sets, scratch, undoStore, onStep }: DrillOptions,
  whole: Clock,
): Promise<Restored> {
  const { set, host, snapshot, contents, failure, number } = target;
  const clock = whole.part();
  const checks: Check[] = [];
  const nothing = { target, tree: undefined, clock, checks, files: 0, bytes: 0 };
  const failed = (error: StrongroomError): Restored => {
    checks.push({ check: 'files', subject: snapshot?.id ?? set, outcome: 'failed', message: error.message });
    return nothing;
  };
  if (failure) return failed(failure);
  if (!snapshot || !contents) return nothing;
  const place = join(scratch.path, 'sets', set, host);
  const directory = join(place, 'files');
  onStep?.(`restore ${set} of ${host}`);
  const certificates = certificateCheck();
  try {
    const placed = await clock.timed('restore files', async () => {
      await mkdir(place, { recursive: true, mode: 0o700 });
      const restorePlan = await planRestore(vault, snapshot, {
        destination: { root: directory },
        paths: [],
        existing: 'refuse',
        asRecorded: false,
        stateDirectory: join(place, 'state'),
        undoStore,
      });
      await applyRestore(vault, restorePlan);
      return restorePlan.placement.entries;
    });
    const tree = { set, host, contents, directory };
    onStep?.(`check ${set} of ${host}`);
    checks.push(...(await checkTree(tree, placed, certificates.onlook, vault.signal)));
    checks.push(...(await certificates.settle(began)));
    if (contents.streams.length > 0) onStep?.(`load the dumps of ${set} of ${host}`);
    checks.push(
      ...(await checkStreams({
        vault,
        snapshot,
        contents,
        isNewest: !target.isOlder,
        grounds: sets.get(set),
        // Short, whatever the names: the path of a socket has room for 103 bytes (unix(7)).
        directory: join(scratch.path, 'dumps', String(number)),
        timed: clock.timed,
      })),
    );
    const files = contents.entries.filter(({ type }) => type === 'file').length;
    const bytes = contents.bytes + contents.streams.reduce((sum, stream) => sum + stream.bytes, 0);
    return { target, tree, clock, checks, files, bytes };
  } catch (error) {
    return failed(faultOf(error));
  }
}

/** What a recovery would stop at; that this machine has no room, or no store, is no fault of the snapshot. */
function faultOf(error: unknown): StrongroomError {
  const isFault = error instanceof StrongroomError && !(error instanceof StoreError);
  if (!isFault || error.exitCode === 130 || error.code === 'disk-full') throw error;
  return error;
}

interface Judging {
  readonly trees: readonly RestoredTree[];
  readonly elsewhere: Elsewhere;
  readonly began: Date;
}

async function judged(
  vault: UnlockedVault,
  { target, tree, clock, checks: found, files, bytes }: Restored,
  { trees, elsewhere, began }: Judging,
  { sets, onStep }: DrillOptions,
): Promise<DrillPart> {
  const { set, host, snapshot, newest, isOlder } = target;
  const own = sets.get(set);
  const objectives = own?.objectives ?? {};
  const checks = [...found];
  if (tree) {
    onStep?.(`look into ${set} of ${host}`);
    checks.push(...(await clock.timed('check', () => checkReferences(tree, trees, elsewhere, vault.signal))));
    if (own) {
      const env = { STRONGROOM_DRILL_ROOT: tree.directory };
      checks.push(...(await checkCommands(own.settings.commands, { cwd: tree.directory, env }, own)));
    }
  }
  const measured = {
    recoveryPoint: newest && Math.max(0, Math.round((began.getTime() - Date.parse(newest.time)) / 1000)),
    recoveryTime: tree && clock.recovery(),
  };
  checks.push(...checkObjectives(objectives, measured));
  const passed = tree !== undefined && noneFailed(checks);
  return {
    set,
    host,
    snapshot,
    isOlder,
    objectives,
    ...measured,
    files,
    bytes,
    phases: clock.phases,
    checks,
    passed,
  };
}

/** Parts are restored one after the other: the whole takes as long as all of them, and is as old as the oldest. */
function wholeOf(parts: readonly DrillPart[], openedIn: number) {
  const [times, points] = [parts.map((p) => p.recoveryTime), parts.map((p) => p.recoveryPoint)];
  const isWhole = <T>(values: readonly (T | undefined)[]): values is T[] =>
    values.length > 0 && values.every((value) => value !== undefined);
  return {
    recoveryTime: isWhole(times)
      ? Math.round(times.reduce((sum, time) => sum + time, openedIn / 1000) * 1000) / 1000
      : undefined,
    recoveryPoint: isWhole(points) ? Math.max(...points) : undefined,
  };
}

/** Files of sets that this drill left out: their newest contents are read when somebody asks, once. */
function heldElsewhere(vault: UnlockedVault, plan: DrillPlan): Elsewhere {
  let held: Promise<(host: string, path: string) => boolean> | undefined;
  return async (host, path) => {
    held ??= import('./elsewhere.ts').then(({ readElsewhere }) => readElsewhere(vault, plan));
    return (await held)(host, path);
  };
}
