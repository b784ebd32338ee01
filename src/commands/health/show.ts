// How health reads to people: a line for each set and host, then what is wrong with the next step of each.
import type { Drilled } from '../../vault/health/drills.ts';
import type { Group } from '../../vault/health/groups.ts';
import { type Health, isHealthy } from '../../vault/health/health.ts';
import { lengthText, type Problem } from '../../vault/health/problem.ts';
import type { Out, Style } from '../command.ts';

export type Verdict = 'ok' | 'warning' | 'wrong' | 'over';

const STYLE: Readonly<Record<Verdict, Style>> = { ok: 'green', warning: 'yellow', wrong: 'red', over: 'dim' };
const WIDTH = 8;

/** The worst that is said of it; `over` where nothing is, and nobody writes it any more. */
export function verdictOf({ set, host, isExpected }: Group, problems: readonly Problem[]): Verdict {
  const own = problems.filter(
    (p) => (p.set === set && (p.host ?? host) === host) || (p.set === undefined && p.host === host),
  );
  if (own.some((p) => p.severity === 'wrong')) return 'wrong';
  if (own.length > 0) return 'warning';
  return isExpected ? 'ok' : 'over';
}

export function showHealth(health: Health, out: Out): void {
  const { groups, problems, drills } = health;
  const isFine = isHealthy(health);
  for (const group of groups) {
    const verdict = verdictOf(group, problems);
    const line = [
      out.styled(STYLE[verdict], verdict.padEnd(WIDTH)),
      groupText(group, drills.parts.get(group), health.time, out),
    ] as const;
    // Where something is wrong, all of it is the result.
    if (isFine) out.note(...line);
    else out.line(...line);
  }
  for (const { severity, message, fix } of problems) {
    out.line(out.styled(STYLE[severity], severity.padEnd(WIDTH)), message);
    out.line(' '.repeat(WIDTH), 'fix: ', fix);
  }
  const wrong = problems.filter((p) => p.severity === 'wrong').length;
  const warnings = problems.length - wrong;
  if (wrong > 0) out.line(out.styled('red', out.count(wrong, 'thing is', 'things are')), ' wrong.');
  else if (warnings > 0) {
    const verb = warnings === 1 ? 'is' : 'are';
    out.note(`Nothing is wrong, but there ${verb} ${out.count(warnings, 'warning')}.`);
  } else out.note('Nothing is wrong.');
}

function groupText(group: Group, drilled: Drilled | undefined, now: Date, out: Out): string {
  const { set, host, newest, age, snapshots, objective, isExpected } = group;
  const count = out.count(snapshots, 'snapshot');
  if (!newest || age === undefined) return `${set} by ${host}: none of ${count} is whole`;
  const old = sinceText(age);
  const limit = isExpected
    ? ` (at most ${lengthText(objective.maxAge)}${objective.from === 'default' ? ', as no objective is set' : ''})`
    : ' (it may write no more)';
  return `${set} by ${host}: ${newest.id}, ${old}${limit}, ${out.size(newest.stored)}, ${count}${drillText(drilled, now)}`;
}

function drillText({ last }: Partial<Drilled> = {}, now: Date): string {
  if (!last) return '';
  const age = Math.max(0, now.getTime() - last.began.getTime());
  return `, drilled ${sinceText(age)}${last.passed ? '' : ', which failed'}`;
}

function sinceText(age: number): string {
  return age < 60_000 ? 'just now' : `${lengthText(age)} ago`;
}
