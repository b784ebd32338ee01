// What to make of the facts: what is wrong with each group, each with its next step. Pure.
import { documentTime } from '../names.ts';
import type { Group } from './groups.ts';
import { lengthText, type Problem } from './problem.ts';
import { trendOf } from './size-trend.ts';

/** What is wrong with one group. */
export function judgeGroup(group: Group): Problem[] {
  const { set, host } = group;
  const about = (problem: Omit<Problem, 'set' | 'host'>): Problem => ({ ...problem, set, host });
  return [...damage(group), ...lateness(group), ...failures(group), ...sizes(group)].map(about);
}

const named = ({ set, host }: Group): string => `${set} by ${host}`;

function lateness(group: Group): Problem[] {
  const { newest, age, host, objective, incomplete, isExpected } = group;
  // Nobody expects a new one, and there is nothing that anybody could mend.
  if (!isExpected) return [];
  if (!newest || age === undefined) {
    const message = `${named(group)}: no snapshot is whole`;
    return [{ code: 'no-good-snapshot', severity: 'wrong', message, fix: BACK_UP }];
  }
  if (age <= objective.maxAge) return [];
  const [old, limit] = [lengthText(age), lengthText(objective.maxAge)];
  const may =
    objective.from === 'default' ? `no objective is set, so ${limit} count` : `it may be ${limit} old`;
  const failed = incomplete.length > 0 ? `, and ${incomplete.length} since then are incomplete` : '';
  const asked =
    objective.from === 'default'
      ? '; where it is due less often, say so: `objectives: { rpo: 8d }` for the set in strongroom.yaml'
      : '';
  return [
    {
      code: 'overdue',
      severity: 'wrong',
      message: `${named(group)}: the newest good snapshot is ${old} old${failed}; ${may}`,
      object: newest.id,
      fix: `see on ${host} why its backups stopped${asked}; where it is gone for good, \`strongroom hosts remove ${host}\``,
    },
  ];
}

const BACK_UP = 'run `strongroom backup` on that host, and see what it says';

function failures(group: Group): Problem[] {
  const { incomplete, host, isExpected } = group;
  const last = incomplete.at(-1);
  if (!last || !isExpected) return [];
  const n = incomplete.length;
  const message = `${named(group)}: the last ${n === 1 ? 'snapshot is' : `${n} snapshots are`} incomplete, as something that was to be taken failed`;
  const fix = `see what \`strongroom backup\` says on ${host}`;
  return [{ code: 'incomplete', severity: 'warning', message, object: last.id, fix }];
}

function damage(group: Group): Problem[] {
  const { damaged } = group;
  const last = damaged.at(-1);
  if (!last) return [];
  const n = damaged.length;
  const message = `${named(group)}: pieces of ${n === 1 ? last.id : `${n} snapshots, the newest of them ${last.id},`} are missing, or not of their size`;
  return [
    {
      code: 'damaged',
      severity: 'wrong',
      message,
      object: last.id,
      fix: 'find out what removed them, and bring them back from a copy; then run `strongroom verify`',
      unsound: true,
    },
  ];
}

function sizes(group: Group): Problem[] {
  const { newest, usual, isExpected } = group;
  const trend = newest && isExpected ? trendOf(newest, usual) : undefined;
  if (!newest || !trend) return [];
  const { how, of, percent } = trend;
  const what = of === 'bytes' ? 'bytes' : 'files';
  return [
    {
      code: how,
      severity: 'warning',
      message: `${named(group)}: ${newest.id} has ${percent}% of the ${what} that are usual`,
      object: newest.id,
      fix:
        how === 'shrunk'
          ? 'see that nothing is missing: `strongroom diff latest~1 latest`'
          : 'see what came to it: `strongroom diff latest~1 latest`',
    },
  ];
}

/**
 * A date after now says nothing of how old a snapshot is, and if it is this machine's clock that is wrong, no other age
 * that it works out does.
 */
export function judgeClock(groups: readonly Group[], now: Date): Problem[] {
  const ahead = groups.flatMap((g) => g.ahead).sort((a, b) => (a.id < b.id ? -1 : 1));
  const last = ahead.at(-1);
  if (!last) return [];
  const which = ahead.length === 1 ? `${last.id} is` : `${ahead.length} snapshots, up to ${last.id}, are`;
  return [
    {
      code: 'clock',
      severity: 'wrong',
      message: `${which} dated after this machine's clock, ${documentTime(now)}: how old anything is cannot be told for sure`,
      object: last.id,
      fix: `set the clock of this machine if it is behind; if that of ${last.host} was ahead, \`strongroom delete ${last.id}\``,
    },
  ];
}
