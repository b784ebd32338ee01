// What drills found, for tests of what is made of it: no drill is run here.
import { writeEvidence } from '../../src/vault/drill/evidence.ts';
import type { Check, DrillPart, DrillResult } from '../../src/vault/drill/result.ts';
import { readSnapshots } from '../../src/vault/snapshots.ts';
import { keeper } from './hosts.ts';
import type { TestVault } from './vault.ts';

const GOOD: Check = { check: 'files', subject: 'all', outcome: 'passed' };
const BAD: Check = { check: 'compose', subject: 'compose.yaml', outcome: 'failed', message: 'no secrets/db' };

/** A part that passed, or failed. */
export function partOf(set: string, host: string, passed = true): DrillPart {
  return {
    set,
    host,
    snapshot: undefined,
    isOlder: false,
    objectives: {},
    recoveryPoint: undefined,
    recoveryTime: undefined,
    files: 0,
    bytes: 0,
    phases: [],
    checks: passed ? [GOOD] : [GOOD, BAD],
    passed,
  };
}

export function resultOf(began: Date, parts: readonly DrillPart[]): DrillResult {
  return {
    began,
    seconds: 2.0004,
    parts,
    recoveryTime: 1.5,
    recoveryPoint: 60,
    objectives: {},
    checks: [],
    manual: ['DNS points at the new machine'],
    passed: parts.every((part) => part.passed),
    scratch: 'memory',
    evidence: undefined,
  };
}

/** Keeps the evidence of a drill that was over at once. @param parts set, host and whether it passed @returns its object */
export async function drilled(
  vault: TestVault,
  ...parts: readonly (readonly [set: string, host: string, passed?: boolean])[]
): Promise<string> {
  const opened = await keeper(vault);
  const { snapshots } = await readSnapshots(opened);
  const all = parts.map(([set, host, passed]) => ({
    ...partOf(set, host, passed),
    snapshot: snapshots.findLast((s) => s.set === set && s.host === host),
  }));
  return await writeEvidence(opened, resultOf(vault.clock.now, all));
}
