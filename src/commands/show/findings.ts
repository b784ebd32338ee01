// The findings of a snapshot as `show --findings` lists them. What they mean is judged elsewhere.
import { findingText, isDue, type JudgedFinding } from '../../vault/file-findings.ts';
import type { Fields, Out } from '../command.ts';
import { spanText } from '../span.ts';

/** @param findings the gravest first @param within in milliseconds */
export function showFindings(findings: readonly JudgedFinding[], within: number, out: Out): void {
  const due = findings.filter(isDue);
  for (const finding of due) {
    const isRed = finding.gravity === 'expired' || finding.gravity === 'mismatch';
    out.line(out.styled(isRed ? 'red' : 'yellow', isRed ? '! ' : '- '), findingText(finding));
  }
  const good = findings.length - due.length;
  if (due.length === 0) out.line('nothing is amiss in the files');
  if (good > 0)
    out.line(
      `${out.count(good, 'certificate')} ${good === 1 ? 'is' : 'are'} good for more than ${spanText(within)}`,
    );
}

/** For programs. */
export function findingFields(judged: JudgedFinding): Fields {
  const { kind, path, name, otherPath, otherName, expires } = judged.finding;
  return {
    kind,
    path,
    name,
    other_path: otherPath,
    other_name: otherName,
    expires,
    days_left: judged.daysLeft,
    due: isDue(judged),
  };
}
