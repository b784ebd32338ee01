// A schedule as a line of a crontab. Cron mails what a command prints: ours prints nothing unless it fails.

import { UsageError } from '../../errors.ts';
import { cronFields } from './calendar-text.ts';
import { argvOf, clockTimes, oddPath, type Plan } from './plan.ts';
import { markLines, seal } from './seal.ts';

/** What Debian's cron reads of a line, and a little less. */
const LONGEST = 990;

/**
 * The lines, with the mark above and an end below.
 * @param user for a file of the system, whose lines name one
 * @throws UsageError `cannot-be-said`, `odd-path`, `bad-jitter`
 */
export function cronBlock(plan: Plan, user?: string): string {
  const [mark, sum] = markLines(plan);
  const { credentials, env, runs, name } = plan;
  const given = new Map(Object.entries(env));
  for (const { variable, path } of credentials) {
    const before = given.get(variable);
    given.set(variable, before === undefined ? path : `${before}:${path}`);
  }
  const prefix =
    given.size === 0 ? [] : ['env', ...Array.from(given, ([key, value]) => shellWord(`${key}=${value}`))];
  const command = runs.map((run) => [...prefix, ...argvOf(plan, run).map(shellWord)].join(' ')).join(' && ');
  const fields = cronFields(clockTimes(plan, 'cron'));
  // Any other percent sign would end the command: what follows it were its input.
  const line = command.replaceAll('%', '\\%');
  if (Buffer.byteLength(line) > LONGEST) {
    throw new UsageError('cannot-be-said', `the line for cron would have more than ${LONGEST} letters`, {
      hint: `put the program, strongroom.yaml or the keys at shorter paths, or set fewer variables${pathHint(env.PATH)}`,
    });
  }
  return seal(
    [
      `# ${mark}`,
      `# ${sum}`,
      [fields, ...(user === undefined ? [] : [user]), line].join(' '),
      `${END}${name}`,
      '',
    ].join('\n'),
  );
}

/** With the bracket: people may write comments of their own about schedules. */
/** @param path as the run gets it, for the programs of streams */
function pathHint(path = ''): string {
  return path.length > LONGEST / 5
    ? `; PATH alone takes ${path.length}: set a shorter one for this command`
    : '';
}

export const BEGIN = '# strongroom-schedule: {';
export const END = '# strongroom-end: ';

/** A word for any shell. @throws UsageError `odd-path`: cron takes backslashes out, and not every cron does it alike */
export function shellWord(text: string): string {
  if (text.includes('\\')) throw oddPath(text, 'a backslash');
  if (/^[A-Za-z0-9_./:=@,+-]+$/.test(text)) return text;
  return `'${text.replaceAll("'", `'"'"'`)}'`;
}
