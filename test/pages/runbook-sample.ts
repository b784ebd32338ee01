// A runbook of a vault with two sets of files, a database and a bucket, for the tests of its page.
import type { RunbookPage } from '../../src/pages/runbook.ts';
import type { LocalSet, Runbook, RunbookGroup } from '../../src/vault/recovery/runbook.ts';
import { streamFacts } from '../../src/vault/recovery/runbook-streams.ts';
import { RECOVERY_TEXT } from '../../src/vault/recovery-text.ts';
import { FINGERPRINT } from '../kit/shares.ts';
import { snapshotOf } from './drill-sample.ts';

const HOUR = 3_600_000;

const postgres = {
  name: 'db',
  type: 'postgres',
  settings: {
    database: 'shop',
    host: 'db.internal',
    port: 5432,
    user: 'shop',
    password: { dotenv: '.env', key: 'DB_PASSWORD' },
  },
};

export const localSet = (name: string, more: Partial<LocalSet> = {}): LocalSet => ({
  name,
  root: '/srv/shop',
  isStreamsOnly: false,
  objectives: {},
  restore: { owner: undefined, modes: [] },
  streams: [],
  drill: { streams: new Map(), commands: [], manual: [] },
  ...more,
});

export const groupOf = (set: string, host: string, more: Partial<RunbookGroup> = {}): RunbookGroup => ({
  host,
  isExpected: true,
  newest: snapshotOf(set, host),
  streams: [],
  drilled: { last: undefined, lastPassed: undefined },
  recoveryTime: undefined,
  recoveryPoint: undefined,
  ...more,
});

export function runbookOf(more: Partial<Runbook> = {}): RunbookPage {
  const drilled = {
    last: { began: new Date('2026-11-14T07:21:57Z'), passed: true },
    lastPassed: new Date('2026-11-14T07:21:57Z'),
  };
  const app = localSet('app', {
    objectives: { rpo: 6 * HOUR, rto: HOUR, drill: 168 * HOUR },
    restore: { owner: { uid: 1000, gid: 1000 }, modes: [{ glob: 'secrets/*', mode: 0o444 }] },
    streams: [postgres],
    drill: {
      streams: new Map(),
      commands: [{ name: 'smoke', run: ['./smoke.sh', '--quick'], timeoutMs: 600_000 }],
      manual: ['Log in as a customer'],
    },
  });
  const certificates = localSet('certificates', { root: '/etc/letsencrypt' });
  const sets = [app, certificates];
  const key = { size: 400, sha256: '0'.repeat(64), added: '2026-03-02T09:00:00Z', by: 'web-1' };
  return {
    tool: 'strongroom 0.1.0',
    stockTools: RECOVERY_TEXT,
    runbook: {
      written: new Date('2026-11-20T07:30:00Z'),
      local: {
        host: 'web-1',
        places: [
          { location: 's3://acme-backups/shop', region: 'eu-central-1' },
          { location: '/mnt/offsite/shop' },
        ],
        configFile: '/srv/shop/strongroom.yaml',
        isLocated: true,
        sets,
        objectives: { rto: 4 * HOUR, drill: 90 * 24 * HOUR },
        manual: ['DNS points at the new machine'],
      },
      name: 'shop',
      pin: {
        vault: '9w6a8wy1bptmg1enqf19wyya51',
        generation: 1,
        revision: 3,
        recipient: `age1${'q'.repeat(58)}`,
        authority: FINGERPRINT,
      },
      pinLine: `{ vault: 9w6a8wy1bptmg1enqf19wyya51, generation: 1, revision: 3, recipient: age1${'q'.repeat(58)}, authority: "${FINGERPRINT}" }`,
      revised: new Date('2026-11-02T10:00:00Z'),
      isPinned: true,
      keys: [
        { ...key, name: 'passphrase', method: 'passphrase', object: 'keys/1/passphrase-0123456789.age' },
        {
          ...key,
          name: 'anna',
          method: 'age',
          object: 'keys/1/anna-0123456789.age',
          recipient: `age1${'p'.repeat(58)}`,
        },
        {
          ...key,
          name: 'cloud',
          method: 'kms',
          object: 'keys/1/cloud-0123456789.kms',
          arn: 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab',
        },
        { ...key, name: 'kit', method: 'age', object: 'keys/1/kit-0123456789.age', kit: true },
      ],
      hosts: [
        {
          name: 'web-1',
          key: 'ssh-ed25519 AAAA',
          sets: ['*'],
          may: ['write', 'maintain'],
          added: '2026-03-02T09:00:00Z',
          newest: snapshotOf('app', 'web-1'),
        },
        {
          name: 'ci',
          key: 'ssh-ed25519 BBBB',
          sets: ['app'],
          may: ['write'],
          added: '2026-04-11T09:00:00Z',
          newest: undefined,
        },
      ],
      sets: [
        {
          name: 'app',
          local: app,
          streams: [streamFacts(postgres)],
          groups: [
            groupOf('app', 'web-1', { streams: ['db'], drilled, recoveryTime: 252, recoveryPoint: 5025 }),
          ],
        },
        {
          name: 'certificates',
          local: certificates,
          streams: [],
          groups: [groupOf('certificates', 'web-1')],
        },
      ],
      drilled,
      ...more,
    },
  };
}
