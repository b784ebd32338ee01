// How a drill reads to people: a line for each set and host, below it what failed, or was not looked at.
import { spanText } from '../../vault/drill/checks/objectives.ts';
import type { Check, DrillPart, DrillResult } from '../../vault/drill/result.ts';
import type { Out } from '../command.ts';

const WIDTH = 8;

export function showDrill({ parts, checks, manual, passed, evidence, seconds }: DrillResult, out: Out): void {
  for (const part of parts) {
    const line = [verdict(part.passed, out), textOf(part, out)] as const;
    if (passed) out.note(...line);
    else out.line(...line);
    showChecks(part.checks, out);
  }
  showChecks(checks, out);
  for (const task of manual) out.note(`${'look'.padEnd(WIDTH)}${task}`);
  if (parts.length === 0) out.line(out.styled('red', 'There was nothing to restore.'));
  else if (!passed) out.line(out.styled('red', 'The drill failed.'));
  else out.note(`The drill passed, in ${spanText(seconds)}.`);
  if (evidence !== undefined) out.note(`Its evidence is ${evidence}.`);
}

function verdict(passed: boolean, out: Out) {
  return passed ? out.styled('green', 'passed'.padEnd(WIDTH)) : out.styled('red', 'failed'.padEnd(WIDTH));
}

function textOf(
  { set, host, snapshot, files, bytes, recoveryTime, recoveryPoint }: DrillPart,
  out: Out,
): string {
  const whose = host === '' ? set : `${set} by ${host}`;
  if (!snapshot) return `${whose}: nothing to restore`;
  const back =
    recoveryTime === undefined
      ? 'not restored'
      : `${out.count(files, 'file')}, ${out.size(bytes)}, back in ${spanText(recoveryTime)}`;
  const lost = recoveryPoint === undefined ? '' : `; ${spanText(recoveryPoint)} old`;
  return `${whose}: ${snapshot.id}, ${back}${lost}`;
}

/** A host may have thousands of broken files. */
const MOST_OF_A_KIND = 20;

function showChecks(checks: readonly Check[], out: Out): void {
  const counts = new Map<string, number>();
  for (const check of checks) {
    if (check.outcome === 'passed' && !out.verbose) continue;
    const kind = `${check.outcome} ${check.check}`;
    const count = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, count);
    if (count <= MOST_OF_A_KIND || out.verbose) showCheck(check, out);
  }
  for (const [kind, count] of counts) {
    const more = count - MOST_OF_A_KIND;
    if (more > 0 && !out.verbose) out.line(`  ${kind}: and ${more} more; --json has them all`);
  }
}

function showCheck({ check, subject, outcome, message }: Check, out: Out): void {
  const text = `${check} ${subject}${message === undefined ? '' : `: ${message}`}`;
  const words = `  ${outcome.padEnd(WIDTH)}`;
  if (outcome === 'failed') out.line(out.styled('red', words), text);
  else out.note(out.styled('dim', words), text);
}
