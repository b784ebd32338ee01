// Installs lines for cron: in this user's crontab, or as a file of the system's. What else a crontab holds stays as it is,
// byte by byte: a crontab is read as bytes, whatever letters its owner writes.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConflictError, StrongroomError } from '../../errors.ts';
import { BEGIN, cronBlock, END } from './cron.ts';
import { changesOf, installedFiles } from './files.ts';
import {
  type Ground,
  type Installed,
  mustRun,
  namesIn,
  removeFile,
  runTool,
  type Scheduler,
  writeText,
} from './ground.ts';
import type { Plan } from './plan.ts';
import { readMark } from './seal.ts';

const SYSTEM = '/etc/cron.d';
const CRONTAB = 'crontab';

export function cronScheduler(ground: Ground): Scheduler {
  const system = (plan: Plan) =>
    changesOf(plan.name, [{ path: `${SYSTEM}/strongroom-${plan.name}`, text: cronBlock(plan, 'root') }]);
  const write = (text: string): void => {
    mustRun(ground, 'crontab', text === '' ? ['-r'] : ['-'], text, 'latin1');
  };
  return {
    format: 'cron',
    isHere: () => runTool(ground, 'crontab', ['-l']).code !== 127,
    installed: (scope) =>
      scope === 'system'
        ? installedFiles(SYSTEM, /^strongroom-([a-z0-9_-]+)$/, 'cron', scope)
        : blocksOf(readCrontab(ground)).map((block) => ({
            format: 'cron',
            scope,
            ...markOfBlock(block),
            isWhole: true,
            places: [CRONTAB],
          })),
    changes(plan) {
      if (plan.scope === 'system') return system(plan);
      const text = cronBlock(plan);
      const before = blocksOf(readCrontab(ground)).find(({ name }) => name === plan.name);
      return [{ path: CRONTAB, text, isThere: before?.text === bytesOf(text) }];
    },
    install(plan) {
      const [change] = this.changes(plan);
      if (!change || change.isThere) return false;
      if (plan.scope === 'system') writeText(change.path, change.text);
      else write(withBlock(readCrontab(ground), plan.name, bytesOf(change.text)));
      return true;
    },
    doubt: () => (runsCron() === false ? 'no cron daemon is running' : undefined),
    remove({ scope, mark, places }) {
      if (scope === 'system') for (const place of places) removeFile(place);
      else write(withBlock(readCrontab(ground), mark.name, ''));
    },
  };
}

const DAEMONS: readonly string[] = ['cron', 'crond', 'cronie', 'dcron', 'fcron', 'bcron-sched', 'busybox'];

/**
 * Whether a daemon reads crontabs here.
 * @param proc of Linux
 * @returns undefined where nobody can tell: elsewhere launchd starts it when it is needed, or this user may not look
 */
export function runsCron(proc = '/proc'): boolean | undefined {
  const nameOf = (id: string): string | undefined => {
    try {
      return readFileSync(join(proc, id, 'comm'), 'utf8').trim();
    } catch {
      return undefined;
    }
  };
  if (nameOf('1') === undefined) return undefined;
  return namesIn(proc).some((id) => /^\d+$/.test(id) && DAEMONS.includes(nameOf(id) ?? ''));
}

/** Bytes as letters, one each. */
const bytesOf = (text: string): string => Buffer.from(text).toString('latin1');

function readCrontab(ground: Ground): string {
  const { code, stdout, stderr } = runTool(ground, 'crontab', ['-l'], '', 'latin1');
  if (code === 0) return stdout;
  // Nobody may be told that there is none because it could not be read: it would be replaced. Whoever may not use cron
  // at all may not write one either.
  if (code === 127 || /no crontab for|can't open '.*': No such file|not allowed/.test(stderr)) return '';
  throw new StrongroomError('scheduler-failed', 'the crontab of this user cannot be read', {
    object: CRONTAB,
    hint: 'see what `crontab -l` says',
  });
}

interface Block {
  readonly name: string;
  readonly text: string;
  readonly start: number;
}

/** One that does not say any more what it is was changed by hand, and keeps the name that its end has. */
function markOfBlock({ name, text }: Block): Pick<Installed, 'mark' | 'isChanged'> {
  const read = readMark(Buffer.from(text, 'latin1').toString());
  if (read?.mark.name === name) return read;
  return { mark: { name, every: '', jitter: 0, runs: [], config: null }, isChanged: true };
}

/** @throws ConflictError `crontab-broken` */
function blocksOf(crontab: string): Block[] {
  const blocks: Block[] = [];
  for (let at = 0; ; ) {
    const start = crontab.startsWith(BEGIN, at) ? at : crontab.indexOf(`\n${BEGIN}`, at) + 1;
    if (start === 0 && !crontab.startsWith(BEGIN, at)) return blocks;
    const end = /^# strongroom-end: (.*)\n?/m.exec(crontab.slice(start));
    const next = crontab.indexOf(`\n${BEGIN}`, start + 1);
    if (!end || (next >= 0 && start + end.index > next)) {
      throw new ConflictError(
        'crontab-broken',
        'the crontab holds the beginning of a schedule of ours and no end',
        {
          object: CRONTAB,
          hint: `with \`crontab -e\` remove the lines from "${BEGIN.trim()}" on, or give them back their "${END.trim()}" line`,
        },
      );
    }
    at = start + end.index + end[0].length;
    blocks.push({ name: end[1]!, text: crontab.slice(start, at), start });
  }
}

/** @param text of the new block; empty for none */
function withBlock(crontab: string, name: string, text: string): string {
  const before = blocksOf(crontab).find((block) => block.name === name);
  if (before) return crontab.slice(0, before.start) + text + crontab.slice(before.start + before.text.length);
  return crontab === '' || crontab.endsWith('\n') ? crontab + text : `${crontab}\n${text}`;
}
