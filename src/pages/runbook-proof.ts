// What was promised of each set, and when a drill last proved it.
import type { Drilled } from '../vault/health/drills.ts';
import type { Runbook, RunbookGroup, RunbookSet } from '../vault/recovery/runbook.ts';
import { minuteText, sizeText, spanText } from './numbers.ts';
import { type Block, beyond, code, firstOf, heading, say, toned, type Words, words } from './sheet.ts';

const MOST = 100;

export function proofBlocks({ sets, local, drilled }: Runbook): Block[] {
  const groups = sets.flatMap((set): { set: RunbookSet; group: RunbookGroup | undefined }[] =>
    set.groups.length === 0 ? [{ set, group: undefined }] : set.groups.map((group) => ({ set, group })),
  );
  const { shown, more } = firstOf(groups, MOST);
  const { rpo, rto, drill } = local.objectives;
  const whole = [
    ...(rto === undefined ? [] : [`everything is back within ${spanText(rto / 1000)}`]),
    ...(rpo === undefined ? [] : [`at most ${spanText(rpo / 1000)} is lost`]),
    ...(drill === undefined ? [] : [`a drill at least every ${spanText(drill / 1000)}`]),
  ];
  return [
    heading(2, 'What was promised, and when it was last proven'),
    {
      kind: 'table',
      head: ['Set', 'Host', 'Newest snapshot', 'Promised', 'Last drill'],
      rows: shown.map(({ set, group }) => [
        [code(set.name)],
        group ? [code(group.host)] : [],
        group?.newest
          ? say`${minuteText(new Date(group.newest.time))}, ${sizeText(group.newest.stored)} stored`
          : [toned('bad', 'none: nothing can be restored')],
        promised(set),
        group ? lastDrill(group.drilled, group) : ['never'],
      ]),
    },
    ...beyond(more, 'set and host', 'sets and hosts'),
    words(
      say`Of the whole: promised ${whole.length === 0 ? 'nothing' : whole.join(', ')}. Last drill of the whole: ${lastDrill(drilled, {})}.`,
    ),
    words(
      say`Written without a key: which files are in a snapshot, with which modes and owners, and from where they were taken, only ${code('strongroom show latest --set SET')} tells, with a key.`,
    ),
  ];
}

function promised({ local }: RunbookSet): Words {
  const { rpo, rto, drill } = local?.objectives ?? {};
  const all = [
    ...(rto === undefined ? [] : [`back within ${spanText(rto / 1000)}`]),
    ...(rpo === undefined ? [] : [`at most ${spanText(rpo / 1000)} lost`]),
    ...(drill === undefined ? [] : [`a drill every ${spanText(drill / 1000)}`]),
  ];
  return [all.length === 0 ? toned('dim', 'nothing') : all.join(', ')];
}

function lastDrill(
  { last, lastPassed }: Partial<Drilled> = {},
  { recoveryTime, recoveryPoint }: Partial<Pick<RunbookGroup, 'recoveryTime' | 'recoveryPoint'>>,
): Words {
  if (!last) return [toned('bad', 'never')];
  const measured = [
    ...(recoveryTime === undefined ? [] : [`back in ${spanText(recoveryTime)}`]),
    ...(recoveryPoint === undefined ? [] : [`${spanText(recoveryPoint)} would have been lost`]),
  ];
  const good = lastPassed
    ? [`passed on ${minuteText(lastPassed)}${measured.length === 0 ? '' : ` (${measured.join(', ')})`}`]
    : [];
  if (last.passed) return good;
  return [toned('bad', `failed on ${minuteText(last.began)}`), ...(good.length === 0 ? [] : ['; ', ...good])];
}
