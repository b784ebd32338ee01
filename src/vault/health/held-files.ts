// What an unlocked vault knows besides: certificates in the newest snapshots that lapse, keys that do not fit, and
// snapshots that do not open. Names and dates only.
import { eachSnapshot, type UnreadSnapshot } from '../each-snapshot.ts';
import { findingText, graveFindings } from '../file-findings.ts';
import type { UnlockedVault } from '../vault.ts';
import type { Group } from './groups.ts';
import type { Problem } from './problem.ts';

const CODES = { expired: 'expired', expiring: 'expiring', mismatch: 'key-mismatch' } as const;

/**
 * Looks into the newest good snapshot of each group from which new ones are expected.
 * @throws StoreError; InterruptedError
 */
export async function judgeHeldFiles(
  vault: UnlockedVault,
  groups: readonly Group[],
  now: Date,
): Promise<Problem[]> {
  const newest = groups.flatMap((g) => (g.isExpected && g.newest ? [g.newest] : []));
  const problems: Problem[] = [];
  const unread: UnreadSnapshot[] = [];
  await eachSnapshot({ vault, unread }, newest, async ({ set, host, id }, { findings }) => {
    for (const judged of graveFindings(findings, now)) {
      const { gravity } = judged;
      if (gravity === 'same' || gravity === 'good') continue;
      problems.push({
        code: CODES[gravity],
        severity: gravity === 'expiring' ? 'warning' : 'wrong',
        message: `${set} by ${host}: ${findingText(judged)}`,
        set,
        host,
        object: id,
        fix:
          gravity === 'mismatch'
            ? 'put the key and the certificate that belong together in place, and back up again'
            : 'renew it, put it in place, and back up again',
      });
    }
  });
  const broken = unread.map(({ snapshot: { set, host, id }, error }): Problem => {
    const message = `${set} by ${host}: ${id} does not open: ${error.message}`;
    const fix = 'run `strongroom verify --read-data`';
    return { code: error.code, severity: 'wrong', message, set, host, object: id, fix, unsound: true };
  });
  return [...problems, ...broken];
}
