// When what is in the vault was last drilled, and whether that is as it should be: each set of each host by itself, and the
// whole. Pure.
import type { Drill } from '../documents/drill.ts';
import type { Group } from './groups.ts';
import { lengthText, type Problem } from './problem.ts';

/** A drill of a part, or of the whole. */
export interface LastDrill {
  readonly began: Date;
  readonly passed: boolean;
}

export interface Drilled {
  readonly last: LastDrill | undefined;
  /** When the last one that passed began. */
  readonly lastPassed: Date | undefined;
}

/** How old the last drill that passed may be, in milliseconds. */
export interface DrillObjectives {
  readonly sets: ReadonlyMap<string, number>;
  readonly whole?: number | undefined;
}

/** What evidence says of one set of one host. @param drills newest last */
export function drilledPart({ set, host }: Group, drills: readonly Drill[]): Drilled {
  return lastOf(
    drills.flatMap(({ began, parts }) => {
      // That an older snapshot comes back says nothing of the newest, which a recovery would take.
      const own = parts.filter((p) => p.set === set && p.host === host && !p.older);
      return own.length === 0 ? [] : [{ began: new Date(began), passed: own.every((p) => p.passed) }];
    }),
  );
}

/** Of the whole are those that tried all that had snapshots by then and is still written. @param drills newest last */
export function drilledWhole(groups: readonly Group[], drills: readonly Drill[]): Drilled {
  return lastOf(
    drills.flatMap(({ began, passed, parts }) => {
      const at = new Date(began);
      const newest = parts.filter(({ older }) => !older);
      const tried = new Set(newest.map(({ set, host }) => `${set}/${host}`));
      const isWhole = groups.every((g) => !g.isExpected || g.since > at || tried.has(`${g.set}/${g.host}`));
      return isWhole ? [{ began: at, passed }] : [];
    }),
  );
}

/** Of two that began in one second the one that failed counts. */
function lastOf(found: readonly LastDrill[]): Drilled {
  const drills = found.toSorted(
    (a, b) => a.began.getTime() - b.began.getTime() || Number(b.passed) - Number(a.passed),
  );
  return { last: drills.at(-1), lastPassed: drills.findLast((d) => d.passed)?.began };
}

/** Whether older drills would tell nothing new. @param newest first */
export function isToldBy(newest: readonly Drill[], groups: readonly Group[], isWhole: boolean): boolean {
  const drills = newest.toReversed();
  return (
    groups.every((g) => !g.isExpected || drilledPart(g, drills).lastPassed !== undefined) &&
    (!isWhole || drilledWhole(groups, drills).lastPassed !== undefined)
  );
}

/** @param now by which ages are told */
export function judgeDrilledPart(
  group: Group,
  drilled: Drilled,
  maxAge: number | undefined,
  now: Date,
): Problem[] {
  const { set, host, isExpected, since } = group;
  // Nobody expects that it restores what nobody writes.
  if (!isExpected) return [];
  const fix = `run \`strongroom drill --set ${set}\` where a key is, and not on ${host}`;
  return judge(drilled, { what: `${set} by ${host}`, since, maxAge, now, fix }).map((p) => ({
    ...p,
    set,
    host,
  }));
}

/** @param since when it could have been drilled for the first time */
export function judgeDrilledWhole(
  drilled: Drilled,
  maxAge: number | undefined,
  since: Date,
  now: Date,
): Problem[] {
  const fix = 'run `strongroom drill` where a key is, and on no host that backs up';
  return judge(drilled, { what: 'the whole', since, maxAge, now, fix });
}

interface Expectation {
  readonly what: string;
  readonly since: Date;
  readonly maxAge: number | undefined;
  readonly now: Date;
  readonly fix: string;
}

function judge({ last, lastPassed }: Drilled, { what, since, maxAge, now, fix }: Expectation): Problem[] {
  const found: Problem[] = [];
  const age = (from: Date): number => Math.max(0, now.getTime() - from.getTime());
  if (maxAge !== undefined && age(lastPassed ?? since) > maxAge) {
    const old = lengthText(age(lastPassed ?? since));
    const message = lastPassed
      ? `${what}: the last drill that passed is ${old} old; it may be ${lengthText(maxAge)} old`
      : `${what}: no drill passed, in ${old}; one is due every ${lengthText(maxAge)}`;
    found.push({ code: 'drill-overdue', severity: 'wrong', message, fix });
  }
  if (last && !last.passed) {
    const severity = maxAge === undefined ? 'warning' : 'wrong';
    const message = `${what}: the last drill failed, ${lengthText(age(last.began))} ago`;
    found.push({ code: 'drill-failed', severity, message, fix: `${fix}: it says what is wrong` });
  }
  return found;
}
