// Watched from outside: every file-system call of a whole restore and a whole backup, under strace. What is never
// done cannot be shown by looking at the result, only by watching.

import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Machine, machines, type RunOptions } from '../support/program.ts';

const machine = machines();
const hasStrace = spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0;
const SECRET = 'hunter2-is-in-this-file-and-nowhere-else';

/** Runs the program under strace with umask 000. @returns its calls, a line each */
async function watched(on: Machine, calls: string, args: string[], options: RunOptions): Promise<string[]> {
  const log = join(on.directory, `trace-${Math.random().toString(36).slice(2)}`);
  const under = [
    'sh',
    '-c',
    'umask 000; exec "$@"',
    'sh',
    'strace',
    '-f',
    '-y',
    '-s',
    '4096',
    '-e',
    `trace=${calls}`,
    '-o',
    log,
  ];
  const ran = await on.run(args, { ...options, under });
  expect(ran.stderr).toBe('');
  expect(ran.code).toBe(0);
  return readFileSync(log, 'latin1').split('\n');
}

describe.skipIf(!hasStrace)('watched under strace', () => {
  let web: Machine;
  let opens: RunOptions;

  beforeAll(async () => {
    web = machine('web-1');
    const me = await web.identity();
    opens = { env: { STRONGROOM_IDENTITY_FILE: me.file } };
    web.write('.env', `PASSWORD=${SECRET}\n`, 0o666);
    web.write('bin/run', `#!/bin/sh\n# ${SECRET}\n`, 0o777);
    web.write('secrets/large', Buffer.alloc(3_000_000, `${SECRET}\n`), 0o644);
    mkdirSync(join(web.work, 'open'), { mode: 0o777 });
    symlinkSync('.env', join(web.work, 'link'));
    await web.ok([
      'init',
      '--name',
      'shop',
      '--location',
      join(web.directory, 'vault'),
      '--recipient',
      me.recipient,
    ]);
    await web.ok(['backup']);
  });

  const RESTORES: readonly [string, string[], (root: string) => void][] = [
    ['into a new directory', [], () => {}],
    [
      'over an existing tree',
      ['--existing', 'replace', '--yes'],
      (root) => {
        mkdirSync(root);
        writeFileSync(join(root, '.env'), 'old\n', { mode: 0o600 });
      },
    ],
    [
      'beside an existing tree',
      ['--existing', 'bak'],
      (root) => {
        mkdirSync(root);
        writeFileSync(join(root, '.env'), 'old\n', { mode: 0o600 });
      },
    ],
  ];

  it.each(RESTORES)(
    'a restore %s makes nothing wider than 0600 and 0700, ever',
    async (name, flags, prepare) => {
      const root = join(web.directory, `out-${name.replace(/ /g, '-')}`);
      prepare(root);
      const calls = await watched(
        web,
        'open,openat,openat2,creat,mkdir,mkdirat,chmod,fchmod,fchmodat,?fchmodat2,mknod,mknodat',
        ['restore', 'latest', '--set', 'shop', '--target', root, ...flags],
        opens,
      );
      const wide = calls.filter((call) => {
        if (/= -1 E/.test(call)) return false;
        const created =
          /\b(?:open|openat)\(.*O_CREAT.*, (0\d*)\)|\b(?:mkdir|mkdirat|creat|mknod|mknodat|chmod|fchmod|fchmodat|fchmodat2)\(.*?, (0\d+)\b/.exec(
            call,
          );
        const mode = created && Number.parseInt(created[1] ?? created[2] ?? '0', 8);
        return mode !== null && (mode & 0o077) !== 0;
      });
      expect(wide).toEqual([]);
      // The watcher did see the restore: it is no proof otherwise.
      expect(calls.some((call) => /O_CREAT.*, 0600\)/.test(call))).toBe(true);
      expect(calls.some((call) => /mkdir.*, 0700\)/.test(call))).toBe(true);
      for (const path of ['.env', 'bin/run', 'secrets/large', 'secrets', 'open']) {
        expect(statSync(join(root, path)).mode & 0o077, path).toBe(0);
      }
    },
  );

  it('a backup writes the secret to no file and to no pipe', async () => {
    const calls = await watched(
      web,
      'write,pwrite64,writev,pwritev,sendto,sendmsg',
      ['backup', '--quiet'],
      {},
    );
    expect(calls.filter((call) => call.includes(SECRET))).toEqual([]);
    expect(calls.some((call) => call.includes('BEGIN SSH SIGNATURE'))).toBe(true);
    for (const directory of [
      web.state,
      web.cache,
      join(web.directory, 'vault'),
      join(web.directory, 'tmp'),
    ]) {
      for (const file of filesBelow(directory)) {
        expect(readFileSync(file, 'latin1').includes(SECRET), file).toBe(false);
      }
    }
  });
});

function filesBelow(directory: string): string[] {
  try {
    return readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
  } catch {
    return [];
  }
}
