// What is written for each scheduler, read back by that scheduler's own parser where there is one.

import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/errors.ts';
import { cronBlock } from '../../../src/host/schedule/cron.ts';
import { launchdPlist } from '../../../src/host/schedule/launchd.ts';
import { argvOf, checkWords, type Plan } from '../../../src/host/schedule/plan.ts';
import { readMark } from '../../../src/host/schedule/seal.ts';
import { systemdUnits } from '../../../src/host/schedule/systemd.ts';
import { windowsTask } from '../../../src/host/schedule/windows.ts';
import { hasProgram, planOf, readUnits, verifyUnits, wordsOf } from '../../support/schedule.ts';

const letters = fc.constantFrom(
  ..."ab %%''\"$${}#;&|<>*?!~`()[]=,:@-éüñ漢🗝".match(/./gu)!,
  '%d',
  '$HOME',
  '\\\\'[0]!,
);
const odd = fc.array(letters, { minLength: 1, maxLength: 12 }).map((all) => `/srv/${all.join('')}/x`);

const oddPlan = (path: string, config: string, key: string): Plan =>
  planOf({
    program: ['/usr/bin/env', path],
    runs: [{ command: 'backup', args: ['--quiet', '--config', config] }],
    env: { XDG_STATE_HOME: path },
    credentials: [{ name: 'signing-key', variable: 'STRONGROOM_SIGNING_KEY_FILE', path: key }],
    needs: {
      writes: [path],
      state: config,
      cache: '/var/cache/strongroom',
      reads: [config],
      network: false,
      others: 'none',
    },
  });

describe.skipIf(!hasProgram('systemd-analyze'))('units', () => {
  it.each<[string, Partial<Plan>, string]>([
    ['a backup to a bucket', {}, '6h'],
    ['at an interval', {}, '36h'],
    ['a jitter', { jitter: 15 }, 'Mon..Fri 03:00'],
    ['with health after it', { runs: [...planOf().runs, { command: 'health', args: ['--quiet'] }] }, 'daily'],
    [
      'credentials',
      {
        credentials: ['a', 'b'].map((name) => ({
          name,
          variable: 'STRONGROOM_IDENTITY_FILE',
          path: `/etc/${name}`,
        })),
      },
      'daily',
    ],
    ['a local vault', { needs: { ...planOf().needs, writes: ['/srv/vault'], network: false } }, 'daily'],
    ['dumps', { needs: { ...planOf().needs, others: 'dumps' } }, 'daily'],
    ['commands', { needs: { ...planOf().needs, others: 'any' } }, 'daily'],
    ['of a user', { scope: 'user' }, 'daily'],
  ])('are read without a word of complaint: %s', (_, some, every) => {
    const plan = planOf({ program: ['/usr/bin/env'], ...some } as Parameters<typeof planOf>[0], every);
    const units = systemdUnits(plan, '/etc/systemd/system');
    expect(verifyUnits(units, plan.scope === 'user')).toMatchObject({ code: 0, said: '' });
  });

  it('hand on every word as it is, whatever is in it', () => {
    fc.assert(
      fc.property(odd, odd, odd, (path, config, key) => {
        const plan = oddPlan(path, config, key);
        const [service] = systemdUnits(plan, '/etc/systemd/system');
        const read = readUnits([service]);
        expect(read('Command Line').map(wordsOf)).toEqual([argvOf(plan, plan.runs[0]!)]);
        expect(read('Environment')).toContain(`XDG_STATE_HOME=${path}`);
        const normal = (all: string) => all.replace(/\/{2,}/g, '/');
        expect(read('ReadWritePaths').map(normal)).toEqual([`-${config} -${path}`].map(normal));
      }),
      { numRuns: 25 },
    );
  }, 120_000);

  it('take the network from a backup that needs none, and writing from all', () => {
    const [local] = systemdUnits(
      planOf({ needs: { ...planOf().needs, writes: ['/srv/vault'], network: false } }),
      '',
    );
    expect(local.text).toContain('\nPrivateNetwork=yes\n');
    expect(local.text).toContain('\nReadWritePaths="-/srv/vault"\n');
    const [bucket] = systemdUnits(planOf(), '');
    expect(bucket.text).not.toContain('PrivateNetwork');
    for (const line of ['ProtectSystem=strict', 'NoNewPrivileges=yes', 'UMask=0077', 'PrivateTmp=yes'])
      expect(bucket.text.split('\n')).toContain(line);
    expect(bucket.text).not.toContain('ReadWritePaths');
  });

  it('leave what a set reads where it can be read', () => {
    const [service] = systemdUnits(planOf({ needs: { ...planOf().needs, reads: ['/tmp/app'] } }), '');
    expect(service.text).not.toContain('PrivateTmp');
    expect(service.text).not.toContain('ProtectHome=yes');
    expect(service.text).not.toContain('InaccessiblePaths');
    expect(service.text).toContain('CapabilityBoundingSet=CAP_DAC_READ_SEARCH\n');
  });

  it('catch up what was missed', () => {
    expect(systemdUnits(planOf(), '')[1].text).toContain('\nPersistent=true\n');
  });
});

/** As cron itself takes a command apart: a percent sign ends it unless a backslash stands before it. */
function asCronRuns(line: string): string {
  let command = '';
  for (let i = 0; i < line.length; i++) {
    if (line[i] === '\\' && line[i + 1] === '%') command += line[++i];
    else if (line[i] === '%') return command;
    else command += line[i];
  }
  return command;
}

describe('a line for cron', () => {
  it.skipIf(!hasProgram('crontab'))('is one that cron takes', () => {
    for (const every of ['15m', '6h', '02:30', 'Mon..Fri 03:00', 'monthly']) {
      const { status, stderr } = spawnSync('crontab', ['-n', '-'], {
        input: cronBlock(planOf({}, every)),
        encoding: 'utf8',
      });
      expect([
        every,
        stderr.replace('The syntax of the crontab file was successfully checked.\n', ''),
        status,
      ]).toEqual([every, '', 0]);
    }
  });

  it('comes to the very words in a shell, whatever is in them', () => {
    fc.assert(
      fc.property(odd, odd, odd, (path, config, key) => {
        const plan = {
          ...oddPlan(path, config, key),
          program: [
            process.execPath,
            '-e',
            'console.log(JSON.stringify([process.argv.slice(1), process.env.XDG_STATE_HOME]))',
            '--',
            path,
          ],
        };
        if ([path, config, key].some((word) => word.includes('\\'))) {
          expect(() => cronBlock(plan)).toThrow(UsageError);
          return;
        }
        const line = cronBlock(plan)
          .split('\n')
          .find((text) => /^\d/.test(text))!;
        const command = asCronRuns(line.split(' ').slice(5).join(' '));
        const { stdout } = spawnSync('sh', ['-c', command], { encoding: 'utf8' });
        expect(JSON.parse(stdout)).toEqual([[path, 'backup', '--quiet', '--config', config], path]);
      }),
      { numRuns: 20 },
    );
  }, 120_000);

  it('is refused where cron would come at other times', () => {
    for (const every of ['36h', '5h', '7m', '2d']) {
      expect(() => cronBlock(planOf({}, every))).toThrow(expect.objectContaining({ code: 'cannot-be-said' }));
    }
  });

  it('is no longer than what cron reads', () => {
    const plan = planOf({ env: { PATH: '/a'.repeat(600) } });
    expect(() => cronBlock(plan)).toThrow(expect.objectContaining({ code: 'cannot-be-said' }));
  });
});

describe('every text', () => {
  const texts: [string, (plan: Plan) => string][] = [
    ['service', (plan) => systemdUnits(plan, '')[0].text],
    ['timer', (plan) => systemdUnits(plan, '')[1].text],
    ['cron', (plan) => cronBlock(plan)],
    ['launchd', (plan) => launchdPlist(plan)],
  ];

  it.each(texts)('knows itself again, and when it was changed: %s', (_, make) => {
    fc.assert(
      fc.property(odd, fc.nat(), (path, at) => {
        fc.pre(!path.includes('\\'));
        const text = make(oddPlan('/usr/bin/strongroom', path, '/etc/key'));
        expect(readMark(text)).toMatchObject({
          mark: { name: 'backup-app', every: '02:30' },
          isChanged: false,
        });
        const where = at % text.length;
        const changed = `${text.slice(0, where)}~${text.slice(where)}`;
        expect(readMark(changed)?.isChanged ?? true).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it('holds no control characters', () => {
    for (const letter of ['\n', '\0', '\r', '\u007f', '\t']) {
      expect(() => checkWords(oddPlan(`/srv/a${letter}b`, '/c', '/k'))).toThrow(
        expect.objectContaining({ code: 'odd-path' }),
      );
      expect(() => checkWords(oddPlan('/a', '/c', `/k${letter}`))).toThrow(UsageError);
    }
  });
});

describe.skipIf(!hasProgram('python3'))('XML', () => {
  const python = (script: string, input: string) => {
    const { stdout, stderr, status } = spawnSync('python3', ['-c', script], {
      input,
      encoding: 'utf8',
      env: { PATH: process.env.PATH, PYTHONIOENCODING: 'utf8' },
    });
    if (status !== 0) throw new Error(stderr);
    return JSON.parse(stdout);
  };

  it('for launchd is a property list with the very words and times', () => {
    const script = 'import plistlib,sys,json; print(json.dumps(plistlib.loads(sys.stdin.buffer.read())))';
    fc.assert(
      fc.property(odd, odd, odd, (path, config, key) => {
        const plan = oddPlan(path, config, key);
        const list = python(script, launchdPlist(plan));
        expect(list).toMatchObject({
          Label: 'strongroom.backup-app',
          ProgramArguments: argvOf(plan, plan.runs[0]!),
          EnvironmentVariables: { XDG_STATE_HOME: path, STRONGROOM_SIGNING_KEY_FILE: key },
          StartCalendarInterval: [{ Hour: 2, Minute: 30 }],
        });
      }),
      { numRuns: 20 },
    );
    const week = python(script, launchdPlist(planOf({}, 'Sat,Sun 02,14:00')));
    expect(week.StartCalendarInterval).toEqual(
      [0, 6].flatMap((Weekday) => [2, 14].map((Hour) => ({ Weekday, Hour, Minute: 0 }))),
    );
    expect(python(script, launchdPlist(planOf({}, '36h'))).StartInterval).toBe(36 * 3600);
  });

  it('for Windows is a task with the very words', () => {
    const script = `import sys,json,ctypes,xml.etree.ElementTree as E
t=E.fromstring(sys.stdin.buffer.read()); n='{http://schemas.microsoft.com/windows/2004/02/mit/task}'
print(json.dumps([[e.text for e in t.iter(n+'Command')],[e.text for e in t.iter(n+'Arguments')],[c.tag.replace(n,'') for c in t.find(n+'Triggers')]]))`;
    const plan = planOf(
      { program: ['C:\\Program Files\\nodejs\\node.exe', 'C:\\a b\\main.cjs'] },
      '02,14:00',
    );
    expect(python(script, windowsTask(plan))).toEqual([
      ['C:\\Program Files\\nodejs\\node.exe'],
      ['"C:\\a b\\main.cjs" backup --quiet --config /etc/strongroom/strongroom.yaml --set app'],
      ['CalendarTrigger', 'CalendarTrigger'],
    ]);
    expect(python(script, windowsTask(planOf({}, '36h')))[2]).toEqual(['TimeTrigger']);
  });
});
