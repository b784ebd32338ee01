// The plan of a restore, as `--dry-run` shows it.
import type { Action } from '../../pack/place/types.ts';
import type { RestorePlan } from '../../vault/restore/plan.ts';
import type { Fields, Out } from '../command.ts';
import type { Work } from './carry-out.ts';

const WORDS: Readonly<Record<Action, string>> = {
  create: 'new',
  replace: 'changed',
  bak: 'changed',
  aside: 'aside',
  same: 'same',
  skip: 'skipped',
  conflict: 'conflict',
};

/** One line of JSON for each entry. */
export function planLines({ placement }: RestorePlan): Fields[] {
  return placement.entries.map(({ entry, destination, action, mode, narrower, reason, keptAs }) => ({
    path: entry.path,
    type: entry.type,
    destination,
    action,
    mode: mode.toString(8).padStart(4, '0'),
    recorded_mode: entry.mode.toString(8).padStart(4, '0'),
    narrower,
    reason,
    kept_as: keptAs,
  }));
}

/** A line an entry that would change or is in the way; those that are the same only with `--verbose`. */
export function showPlan({ plan: { snapshot, placement }, isUndo }: Work, out: Out): void {
  out.line(
    isUndo
      ? `Would put back what the restore into ${placement.root} replaced:`
      : `Would restore ${snapshot.id} of ${snapshot.set} into ${placement.root}:`,
  );
  for (const { destination, action, reason, keptAs, narrower } of placement.entries) {
    if (action === 'same' && !out.verbose) continue;
    const word = out.styled(
      action === 'conflict' ? 'red' : action === 'create' ? 'green' : 'yellow',
      WORDS[action],
    );
    const notes = [reason, keptAs && `kept as ${keptAs}`, narrower && 'narrower than recorded']
      .filter(Boolean)
      .join('; ');
    out.line('  ', word, ` ${destination}${notes ? ` (${notes})` : ''}`);
  }
  const { counts, conflicts, ownerLost, setIdLost } = placement;
  if (ownerLost > 0)
    out.line(
      `${out.count(ownerLost, 'entry', 'entries')} of others would belong to you without --as-recorded`,
    );
  if (setIdLost > 0)
    out.line(`${out.count(setIdLost, 'entry', 'entries')} would come back without the recorded set-id bits`);
  out.line(
    `${counts.create} new, ${counts.replace + counts.bak} changed, ${counts.same} the same, ${counts.skip} skipped, ${counts.conflict} conflicting, ${placement.narrower} narrower than recorded; nothing was changed`,
  );
  if (conflicts.some(({ conflict }) => conflict !== 'exists'))
    out.line('this would be refused: move what is in the way away, or choose another --target');
  else if (conflicts.length > 0) out.line('this would be refused: choose --existing replace, bak or skip');
}
