// What else stands in a crontab, and blocks of ours that somebody has changed. The `crontab` here is a stand-in that keeps
// one file and speaks as BusyBox does; test/stories/schedule.test.ts has the real one.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { cronScheduler } from '../../../src/host/schedule/cron-install.ts';
import type { Scheduler } from '../../../src/host/schedule/ground.ts';
import { planOf } from '../../support/schedule.ts';
import { scratch } from '../../support/vault.ts';

const plan = planOf({ scope: 'user' });

let table: string;
let fault: string;
let cron: Scheduler;
beforeEach(() => {
  const home = scratch();
  table = join(home, 'table');
  fault = join(home, 'fault');
  mkdirSync(join(home, 'bin'));
  const script = [
    '#!/bin/sh',
    `case "$1" in`,
    `-l) test -e '${fault}' && { cat '${fault}' >&2; exit 1; }`,
    `    test -e '${table}' || { echo "crontab: can't open 'root': No such file or directory" >&2; exit 1; }`,
    `    cat '${table}';;`,
    `-r) rm -f '${table}';;`,
    `-) cat > '${table}';;`,
    'esac',
    '',
  ];
  writeFileSync(join(home, 'bin', 'crontab'), script.join('\n'), { mode: 0o755 });
  cron = cronScheduler({ env: { PATH: `${home}/bin:${process.env.PATH}` }, home, uid: 1000 });
});

const bytes = () => readFileSync(table);
const changedByHand = () => cron.installed('user').map(({ mark, isChanged }) => [mark.name, isChanged]);

describe('what is not ours', () => {
  it('stays as it is, byte by byte, whatever letters it is in', () => {
    const own = Buffer.concat([
      Buffer.from('5 4 * * * /home/jos'),
      Buffer.from([0xe9]),
      Buffer.from('/backup.sh\n# Käse 漢\n'),
    ]);
    writeFileSync(table, own);
    const odd = planOf({ scope: 'user', program: ['/usr/bin/env', '/srv/é漢/strongroom'] });
    expect(cron.install(odd)).toBe(true);
    expect(bytes().subarray(0, own.length)).toEqual(own);
    expect(bytes().toString('utf8')).toContain("'/srv/é漢/strongroom'");
    expect(cron.install(odd)).toBe(false);
    expect(changedByHand()).toEqual([['backup-app', false]]);
    cron.remove(cron.installed('user')[0]!);
    expect(bytes()).toEqual(own);
  });

  it('is a comment about schedules, too', () => {
    const own = '# strongroom-schedule: moved to host b\n';
    writeFileSync(table, own);
    expect(cron.installed('user')).toEqual([]);
    cron.install(plan);
    expect(changedByHand()).toEqual([['backup-app', false]]);
    cron.remove(cron.installed('user')[0]!);
    expect(bytes().toString()).toBe(own);
  });

  it('is not taken for gone when it cannot be read', () => {
    writeFileSync(table, '5 4 * * * mine\n');
    writeFileSync(fault, "crontab: can't open 'root': Input/output error\n");
    expect(() => cron.install(plan)).toThrow('cannot be read');
    expect(bytes().toString()).toBe('5 4 * * * mine\n');
  });

  it('is nothing where there is no crontab yet', () => {
    expect(cron.install(plan)).toBe(true);
    cron.remove(cron.installed('user')[0]!);
    expect(existsSync(table)).toBe(false);
  });
});

describe('a block that does not say any more what it is', () => {
  it.each<[string, (block: string) => string]>([
    ['without its sum', (text) => text.replace(/# strongroom-sha256.*\n/, '')],
    [
      'with another line in it',
      (text) => text.replace('# strongroom-end', '0 1 * * * mine\n# strongroom-end'),
    ],
    ['without what it is for', (text) => text.replace(/"name":"backup-app",/, '')],
    ['with another name', (text) => text.replace('"name":"backup-app"', '"name":"other"')],
    ['torn within', (text) => text.replace('"every":', '"every')],
  ])('is said to be changed by hand: %s', (_, change) => {
    cron.install(plan);
    const before = bytes().toString();
    writeFileSync(table, change(before));
    expect(bytes().toString()).not.toBe(before);
    expect(changedByHand()).toEqual([['backup-app', true]]);
    expect(cron.changes(plan)[0]?.isThere).toBe(false);
  });
});
