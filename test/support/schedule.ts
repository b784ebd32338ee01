// A plan to be scheduled, and systemd's own parser, which says what it read.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseEvery } from '../../src/host/schedule/every.ts';
import type { Plan, Written } from '../../src/host/schedule/plan.ts';

/** The backup of one set to a bucket, by root. */
export function planOf(some: Partial<Plan> & { readonly every?: never } = {}, everyText = '02:30'): Plan {
  return {
    name: 'backup-app',
    title: 'backup of app',
    every: parseEvery(everyText),
    everyText,
    jitter: 0,
    scope: 'system',
    runs: [
      { command: 'backup', args: ['--quiet', '--config', '/etc/strongroom/strongroom.yaml', '--set', 'app'] },
    ],
    program: ['/usr/bin/env', '/usr/local/bin/strongroom'],
    config: '/etc/strongroom/strongroom.yaml',
    host: 'web-1',
    env: {},
    credentials: [],
    needs: {
      writes: [],
      state: '/var/lib/strongroom',
      cache: '/var/cache/strongroom',
      reads: ['/srv/app'],
      network: true,
      others: 'none',
    },
    ...some,
  };
}

export const hasProgram = (program: string): boolean =>
  spawnSync('sh', ['-c', 'command -v "$0"', program], { env: { PATH: `${process.env.PATH}:/usr/sbin` } })
    .status === 0;

/** Has systemd's own parser read units, and complain. @param isUser as units of a user */
export function verifyUnits(
  units: readonly Written[],
  isUser = false,
): { code: number | null; said: string } {
  const { status, stderr } = analyze(units, isUser, {});
  return { code: status, said: stderr };
}

/** What systemd's own parser reads in units: `Command Line` to the values of that, one for each line of its dump. */
export function readUnits(units: readonly Written[]): (name: string) => string[] {
  const dump = analyze(units, false, { SYSTEMD_LOG_LEVEL: 'debug' })
    .stdout.split('\n')
    .map((line) => line.trim());
  return (name) =>
    dump.flatMap((line) => (line.startsWith(`${name}: `) ? [line.slice(name.length + 2)] : []));
}

function analyze(units: readonly Written[], isUser: boolean, env: Record<string, string>) {
  const directory = mkdtempSync(join(tmpdir(), 'strongroom-units-'));
  try {
    const files = units.map(({ path, text }) => {
      const file = join(directory, basename(path));
      writeFileSync(file, text);
      return file;
    });
    return spawnSync('systemd-analyze', [...(isUser ? ['--user'] : []), 'verify', '--man=no', ...files], {
      encoding: 'utf8',
      // Nothing but these units and those that come with systemd.
      env: {
        PATH: process.env.PATH,
        HOME: directory,
        XDG_RUNTIME_DIR: directory,
        SYSTEMD_UNIT_PATH: `${directory}:`,
        ...env,
      },
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A command line of the dump, in words. @see quote_command_line() of systemd: shell words in double quotes */
export function wordsOf(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let isQuoted = false;
  for (let i = 0; i < line.length; i++) {
    const letter = line[i]!;
    if (letter === '\\') word = (word ?? '') + line[++i];
    else if (letter === '"') {
      isQuoted = !isQuoted;
      word ??= '';
    } else if (letter === ' ' && !isQuoted) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + letter;
  }
  return word === undefined ? words : [...words, word];
}
