// What a restore did, for people.
import type { RestoreResult } from '../../vault/restore/apply.ts';
import type { Out } from '../command.ts';
import type { Work } from './carry-out.ts';

/** One summary, and what the person should know: narrower modes, links that lead out, how to undo. */
export function showResult({ plan, isUndo }: Work, result: RestoreResult, out: Out): void {
  const { counts } = result;
  if (isUndo) {
    out.note(
      out.styled('green', 'Put back'),
      ` what the restore into ${result.root} replaced: ${out.count(result.files, 'file')}`,
    );
  } else {
    out.note(
      out.styled('green', 'Restored'),
      ` ${result.snapshot} of ${result.set} into ${result.root}: ${out.count(result.files, 'file')}, ${out.size(result.bytes)}, ${result.seconds} s`,
    );
  }
  if (counts.same + counts.skip > 0) out.note(`  ${counts.same} the same, ${counts.skip} skipped`);
  for (const w of result.warnings) out.line(out.styled('yellow', 'warning: '), w.message);
  if (isUndo) showLeft(plan.warnings, out);
  else
    for (const { path, reason, incomplete } of plan.warnings) {
      out.line(
        out.styled('yellow', incomplete ? 'not in the snapshot: ' : 'warning: '),
        `${path}: ${reason}`,
      );
    }
  for (const { destination, entry } of result.links) {
    out.line(
      out.styled('yellow', 'warning: '),
      `${destination} is a link that leads outside: ${entry.target}`,
    );
  }
  if (result.narrower > 0) {
    const paths = plan.placement.entries.filter((e) => e.narrower).map((e) => e.entry.path);
    const named = paths.slice(0, 3).join(', ') + (paths.length > 3 ? ', …' : '');
    out.note(
      `  ${out.count(result.narrower, 'entry', 'entries')} may be read by fewer than recorded (${named}); if the deployment needs that, add --as-recorded`,
    );
  }
  if (result.ownerLost > 0) {
    const one = result.ownerLost === 1;
    out.note(
      `  ${out.count(result.ownerLost, 'entry', 'entries')} belonged to others and now ${one ? 'belongs' : 'belong'} to you: add --as-recorded for ${one ? 'its owner' : 'their owners'}`,
    );
  }
  if (result.setIdLost > 0) {
    out.line(
      out.styled('yellow', 'warning: '),
      `${out.count(result.setIdLost, 'entry', 'entries')} came back without the recorded set-id bits, which a restore never gives; set them by hand where they are needed`,
    );
  }
  if (!isUndo) showElsewhere(plan, out);
  if (result.undo !== undefined) {
    out.note(`  To take it back: strongroom restore --undo --target ${result.root}`);
  }
}

/** What the snapshot has besides, and this restore has not put where it belongs. */
function showElsewhere({ snapshot, contents, options, placement }: Work['plan'], out: Out): void {
  const beyond = placement.entries.filter(
    ({ entry }) => entry.path.startsWith('@outside/') && entry.type !== 'dir',
  );
  if (beyond.length > 0 && options.destination.outside === undefined) {
    const what = out.count(beyond.length, 'entry', 'entries');
    out.note(
      `  ${what} from outside of the root of ${snapshot.set}: below @outside, to be moved where they belong; --in-place puts them there`,
    );
  }
  if (options.paths.length > 0) return;
  for (const { name, type, complete } of contents.streams) {
    const how = complete
      ? `strongroom restore ${snapshot.id} --load ${name}, where strongroom.yaml has that stream; else pipe strongroom cat ${snapshot.id} --stream ${name} into the database’s own tool`
      : 'incomplete in this snapshot';
    out.note(`  the stream ${name} (${type}) is no file: ${how}`);
  }
}

/** What an undo leaves, the first ten unless more was asked for. */
function showLeft(left: Work['plan']['warnings'], out: Out): void {
  const shown = out.verbose ? left : left.slice(0, 10);
  for (const { path, reason } of shown) out.note(`  ${path} ${reason}`);
  if (left.length > shown.length)
    out.note(`  and ${left.length - shown.length} more; see them with --verbose`);
}
