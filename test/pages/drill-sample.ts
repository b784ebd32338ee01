// A drill as it may end, for the tests of its report.
import type { DrillReport } from '../../src/pages/drill-report.ts';
import type { Check, DrillPart } from '../../src/vault/drill/result.ts';
import type { Snapshot } from '../../src/vault/snapshots.ts';

const HOUR = 3_600_000;

export const passed = (check: Check['check'], subject: string, message?: string): Check => ({
  check,
  subject,
  outcome: 'passed',
  ...(message === undefined ? {} : { message }),
  seconds: 0.012,
});

export function snapshotOf(set: string, host: string, more: Partial<Snapshot> = {}): Snapshot {
  const id = '20261120T055812Z-7k3f9q';
  return {
    format: 1,
    type: 'record',
    object: `snapshots/${set}/${id}.json`,
    vault: '9w6a8wy1bptmg1enqf19wyya51',
    time: '2026-11-20T05:58:12Z',
    tool: 'strongroom 0.1.0',
    revision: 3,
    generation: 1,
    set,
    id,
    host,
    seconds: 1.2,
    complete: true,
    entries: 24,
    stored: 5_242_880,
    previous: null,
    data: `data/${set}/${id}/1-0123456789`,
    artifacts: [],
    contents: '0'.repeat(64),
    sha256: '0'.repeat(64),
    recordSha256: '0'.repeat(64),
    modified: new Date('2026-11-20T05:58:14Z'),
    ...more,
  };
}

export function partOf(set: string, host: string, more: Partial<DrillPart> = {}): DrillPart {
  return {
    set,
    host,
    snapshot: snapshotOf(set, host),
    isOlder: false,
    objectives: { rpo: 6 * HOUR, rto: HOUR },
    recoveryPoint: 5025,
    recoveryTime: 4.3,
    files: 21,
    bytes: 4_200_000,
    phases: [
      { name: 'restore files', at: 0.9, seconds: 0.6 },
      { name: 'load db', at: 1.6, seconds: 3.1 },
      { name: 'check', at: 5.2, seconds: 0.7 },
    ],
    checks: [
      passed('files', '21 files'),
      passed('modes', '21 files'),
      passed('dotenv', '.env'),
      passed('dotenv', 'config/worker.env'),
      passed('compose', 'compose.yaml'),
      passed('certificates', 'certs/site.pem'),
      passed('stream', 'db', 'loaded into database shop_restored_7k3f9q, and dropped again'),
      passed('query', 'db: SELECT count(*) FROM orders', '48210, as expected'),
      passed('command', 'smoke'),
      {
        check: 'stream',
        subject: 'cache',
        outcome: 'skipped',
        message: 'the configuration says to skip it',
      },
      passed('recovery-point', 'at most 6 h', '1 h 23 min of work would be lost'),
      passed('recovery-time', 'at most 1 h', '4.3 s until everything was back'),
    ],
    passed: true,
    ...more,
  };
}

export function drillOf(more: Partial<DrillReport['result']> = {}): DrillReport {
  return {
    vault: { name: 'shop', id: '9w6a8wy1bptmg1enqf19wyya51', location: 's3://acme-backups/shop' },
    by: 'desk',
    tool: 'strongroom 0.1.0',
    result: {
      began: new Date('2026-11-20T07:21:57Z'),
      seconds: 7.4,
      parts: [
        partOf('app', 'web-1'),
        partOf('certificates', 'web-1', {
          objectives: {},
          recoveryTime: 0.3,
          files: 6,
          bytes: 21_400,
          phases: [
            { name: 'restore files', at: 6, seconds: 0.3 },
            { name: 'check', at: 6.4, seconds: 0.9 },
          ],
          checks: [
            passed('files', '6 files'),
            passed('modes', '6 files'),
            passed('certificates', 'live/shop.pem'),
          ],
        }),
      ],
      recoveryTime: 5.5,
      recoveryPoint: 5025,
      objectives: { rpo: 6 * HOUR, rto: 4 * HOUR, drill: 90 * 24 * HOUR },
      checks: [
        passed('recovery-point', 'at most 6 h', '1 h 23 min of work would be lost'),
        passed('recovery-time', 'at most 4 h', '5.5 s until everything was back'),
      ],
      manual: ['DNS points at the new machine', 'Log in as a customer'],
      passed: true,
      scratch: 'memory',
      evidence: 'drills/20261120T072205Z-3c8n2k.json',
      ...more,
    },
  };
}

/** One in which each thing that a drill looks at is wrong. */
export function failedDrill(): DrillReport {
  const wrong = (check: Check['check'], subject: string, message: string): Check => ({
    check,
    subject,
    outcome: 'failed',
    message,
  });
  const app = partOf('app', 'web-1');
  const checks = [
    ...app.checks.filter(({ check }) => check !== 'query' && check !== 'compose'),
    wrong(
      'compose',
      'compose.yaml',
      'refers to secrets/session, which is not in the snapshot (secret session)',
    ),
    wrong('certificates', 'tls/site.key', 'this private key does not belong to the certificate tls/site.pem'),
    wrong('query', 'db: SELECT count(*) FROM orders', 'expected >0, and it is 0'),
    wrong('stream', 'audit', 'it did not load: pg_restore failed (exit code 1)'),
  ];
  const lost = 30 * 3600;
  const { result } = drillOf();
  return drillOf({
    parts: [
      { ...app, checks, passed: false },
      partOf('certificates', '', {
        snapshot: undefined,
        checks: [wrong('files', 'certificates', 'has no snapshot')],
        phases: [],
        recoveryTime: undefined,
        recoveryPoint: undefined,
        passed: false,
      }),
    ],
    recoveryPoint: lost,
    recoveryTime: undefined,
    checks: [
      wrong('recovery-point', 'at most 6 h', '1 d 6 h of work would be lost'),
      wrong('recovery-time', 'at most 4 h', 'not everything came back, so that it cannot be told'),
    ],
    passed: false,
    scratch: 'disk',
    evidence: undefined,
    manual: result.manual,
  });
}
