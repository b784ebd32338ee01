// What a restore did, for people.
import type { RestoreResult } from '../../vault/restore/apply.ts';
import type { RestorePlan } from '../../vault/restore/plan.ts';
import type { Out } from '../command.ts';

/** One summary, and what the person should know: narrower modes, links that lead out, how to undo. */
export function showResult(plan: RestorePlan, result: RestoreResult, out: Out): void {
  const { counts } = result;
  out.note(
    out.styled('green', 'Restored'),
    ` ${result.snapshot} of ${result.set} into ${result.root}: ${out.count(result.files, 'file')}, ${out.size(result.bytes)}, ${result.seconds} s`,
  );
  if (counts.same + counts.skip > 0) out.note(`  ${counts.same} the same, ${counts.skip} skipped`);
  for (const w of result.warnings) out.line(out.styled('yellow', 'warning: '), w.message);
  for (const { path, reason, incomplete } of plan.contents.warnings) {
    out.line(out.styled('yellow', incomplete ? 'not in the snapshot: ' : 'warning: '), `${path}: ${reason}`);
  }
  for (const { destination, entry } of result.links) {
    out.line(
      out.styled('yellow', 'warning: '),
      `${destination} is a link that leads outside: ${entry.target}`,
    );
  }
  if (result.narrower > 0) {
    out.note(
      `  ${out.count(result.narrower, 'entry', 'entries')} may be read by fewer than recorded; if the deployment needs that, add --as-recorded`,
    );
  }
  if (result.setIdLost > 0) {
    out.line(
      out.styled('yellow', 'warning: '),
      `${out.count(result.setIdLost, 'entry', 'entries')} came back without the recorded set-id bits, which a restore never gives; set them by hand where they are needed`,
    );
  }
  if (result.undo !== undefined) {
    out.note(`  To take it back: strongroom restore --undo --target ${result.root}`);
  }
}
