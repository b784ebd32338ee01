// `health --json`: the fields of a group, and of the drills of it.
import type { Drilled } from '../../vault/health/drills.ts';
import type { Group } from '../../vault/health/groups.ts';
import type { Problem } from '../../vault/health/problem.ts';
import { documentTime } from '../../vault/names.ts';
import type { Fields } from '../command.ts';
import { verdictOf } from './show.ts';

export function groupFields(
  group: Group,
  problems: readonly Problem[],
  drilled: Drilled | undefined,
): Fields {
  const { set, host, newest, age, objective, snapshots, incomplete, damaged, ahead, usual } = group;
  return {
    set,
    host,
    verdict: verdictOf(group, problems),
    expected: group.isExpected,
    snapshot: newest?.id ?? null,
    time: newest?.time,
    age_seconds: age === undefined ? undefined : Math.floor(age / 1000),
    max_age_seconds: objective.maxAge / 1000,
    max_age_from: objective.from,
    seconds: newest?.seconds,
    bytes: newest?.stored,
    usual_bytes: usual?.bytes,
    snapshots,
    incomplete: incomplete.length,
    damaged: damaged.length,
    ahead: ahead.length,
    ...drillFields(drilled),
  };
}

/** Of one that was never drilled: nothing. */
export function drillFields(drilled: Drilled | undefined): Fields {
  const { last, lastPassed } = drilled ?? {};
  return {
    drill: last && documentTime(last.began),
    drill_passed: last?.passed,
    drill_last_passed: lastPassed && documentTime(lastPassed),
  };
}
