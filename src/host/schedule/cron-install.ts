// Installs lines for cron: in this user's crontab, or as a file of the system's. What else a crontab holds stays as it is,
// byte by byte.

import { ConflictError, StrongroomError } from '../../errors.ts';
import { BEGIN, cronBlock, END } from './cron.ts';
import { changesOf, installedFiles } from './files.ts';
import {
  type Ground,
  type Installed,
  mustRun,
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
    changesOf([{ path: `${SYSTEM}/strongroom-${plan.name}`, text: cronBlock(plan, 'root') }]);
  const write = (text: string): void => {
    mustRun(ground, 'crontab', text === '' ? ['-r'] : ['-'], text);
  };
  return {
    format: 'cron',
    isHere: () => runTool(ground, 'crontab', ['-l']).code !== 127,
    installed: (scope) =>
      scope === 'system'
        ? installedFiles(SYSTEM, /^strongroom-[a-z0-9_-]+$/, 'cron', scope)
        : blocksOf(readCrontab(ground)).flatMap(({ text }): Installed[] => {
            const read = readMark(text);
            return read ? [{ format: 'cron', scope, ...read, places: [CRONTAB] }] : [];
          }),
    changes(plan) {
      if (plan.scope === 'system') return system(plan);
      const text = cronBlock(plan);
      const before = blocksOf(readCrontab(ground)).find(({ name }) => name === plan.name);
      return [{ path: CRONTAB, text, isThere: before?.text === text }];
    },
    install(plan) {
      const [change] = this.changes(plan);
      if (!change || change.isThere) return false;
      if (plan.scope === 'system') writeText(change.path, change.text);
      else write(withBlock(readCrontab(ground), plan.name, change.text));
      return true;
    },
    remove({ scope, mark, places }) {
      if (scope === 'system') for (const place of places) removeFile(place);
      else write(withBlock(readCrontab(ground), mark.name, ''));
    },
  };
}

function readCrontab(ground: Ground): string {
  const { code, stdout, stderr } = runTool(ground, 'crontab', ['-l']);
  if (code === 0) return stdout;
  // Nobody may be told that there is none because it could not be read: it would be replaced. Whoever may not use cron
  // at all may not write one either.
  if (code === 127 || /no crontab for|can't open '|not allowed/.test(stderr)) return '';
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
