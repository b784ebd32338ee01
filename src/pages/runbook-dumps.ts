// The step of a runbook that loads the dumps: each into the database that it came from, by its own tools.
import type { Runbook, RunbookGroup, RunbookSet } from '../vault/recovery/runbook.ts';
import type { RunbookStream } from '../vault/recovery/runbook-streams.ts';
import { shellWord } from './kit.ts';
import { type Block, code, commands, firstOf, heading, say, strong, type Words, words } from './sheet.ts';

const MOST = 100;

const KINDS: Readonly<Record<string, string>> = {
  postgres: 'PostgreSQL',
  mysql: 'MySQL or MariaDB',
  redis: 'Redis or Valkey',
  sqlite: 'SQLite',
  duckdb: 'DuckDB',
  command: 'a program of its own',
};

/** What loads a dump, by its kind. */
export const PROGRAMS: Readonly<Record<string, string>> = {
  postgres: 'createdb, pg_restore and psql of PostgreSQL',
  mysql: 'mariadb or mysql',
  redis: 'redis-server or valkey-server',
  sqlite: 'sqlite3',
};

/** Whose files are to come back: more than one only where several machines write the set. */
export function groupsOf({ groups }: RunbookSet): readonly RunbookGroup[] {
  const good = groups.filter(({ newest }) => newest !== undefined);
  const expected = good.filter(({ isExpected }) => isExpected);
  return firstOf(expected.length > 0 ? expected : good, MOST).shown;
}

/** `latest --set app --host web-1` */
export const chosen = ({ name }: RunbookSet, { host }: RunbookGroup): string =>
  `latest --set ${shellWord(name)} --host ${shellWord(host)}`;

export function dumpBlocks(runbook: Runbook): Block[] {
  const blocks = runbook.sets.flatMap((set) => {
    const [group] = groupsOf(set);
    if (!group) return [];
    const configured = new Set(set.streams.map(({ name }) => name));
    const strangers = group.streams.filter((name) => !configured.has(name));
    return [
      ...firstOf(set.streams, MOST).shown.flatMap((stream) => streamBlocks(set, group, stream)),
      ...firstOf(strangers, MOST).shown.flatMap((name) => strangerBlocks(set, group, name)),
    ];
  });
  if (blocks.length === 0) return [];
  return [
    words(
      say`When all files are back, as they hold the passwords. Nothing that is there already is replaced: where a database is to be, add ${code('--live')}, and you are asked.`,
    ),
    ...blocks,
  ];
}

function streamBlocks(set: RunbookSet, group: RunbookGroup, stream: RunbookStream): Block[] {
  const { name, type, way, into } = stream;
  const title = heading(
    4,
    say`${code(name)} of ${code(set.name)}: ${KINDS[type] ?? type}${into === undefined ? [] : say`, into ${code(into)}`}`,
  );
  const where = whereWords(stream);
  const told = where.length === 0 ? [] : [words(where)];
  if (!group.streams.includes(name)) {
    return [
      title,
      words(say`${strong('The newest snapshot holds no dump of it')}, so there is nothing to load.`),
    ];
  }
  if (way === 'load') {
    const load = `strongroom restore ${chosen(set, group)} --load ${shellWord(name)}`;
    if (into !== undefined) return [title, ...told, commands(`${load} --into ${shellWord(into)}`)];
    return [title, ...told, ...unnamed(stream, load)];
  }
  const file = `${name}.${way === 'roles' ? 'sql' : 'dump'}`;
  const cat = `strongroom cat ${chosen(set, group)} --stream ${shellWord(name)} > ${shellWord(file)}`;
  if (way === 'by-hand') {
    return [
      title,
      ...told,
      commands(cat),
      words(say`Feed it back by the program that belongs to it: the configuration does not say which.`),
    ];
  }
  return [
    title,
    words(
      say`Roles and their passwords, of the whole server. Look through the file before you run it: psql carries out commands such as ${code('\\!')} that stand in it. Then, as whoever administers the server:`,
    ),
    commands(cat, `less ${shellWord(file)}`, `psql -d postgres -f ${shellWord(file)}`),
  ];
}

/** Where no setting says what it was loaded into: whoever types fills it in, and an empty name is refused by the shell. */
function unnamed({ type, secrets }: RunbookStream, load: string): Block[] {
  const url = secrets.find(([setting]) => setting === 'url')?.[1];
  const isOwn = type === 'command';
  const [name, what] = isOwn ? ['PLACE', 'place'] : ['DATABASE', 'database'];
  const from = isOwn ? 'what its load: takes' : `its name, at the end of ${url ?? 'its address'}`;
  return [
    commands(`${name}=  # fill in: ${from}`, `${load} --into "\${${name}:?}"`),
    words(
      say`Without ${code('--into')} it is loaded into a scratch ${what} of a name of its own, which the application does not use.`,
    ),
  ];
}

/** What has to be there. */
function whereWords({ at, user, secrets }: RunbookStream): Words {
  const parts: Words[] = [
    ...(at === undefined ? [] : [say`its server was at ${code(at)}`]),
    ...(user === undefined
      ? []
      : [say`it logs in as ${code(user)}, who must exist there and be allowed to make databases`]),
    ...secrets.map(([setting, where]) => say`${code(setting)} is read from ${code(where)}`),
  ];
  const joined = parts.flatMap((part, i) => (i === 0 ? part : ['; ', ...part]));
  return joined.length === 0 ? [] : ['To know: ', ...joined, '.'];
}

function strangerBlocks(set: RunbookSet, group: RunbookGroup, name: string): Block[] {
  return [
    heading(4, say`${code(name)} of ${code(set.name)}`),
    words(
      say`The configuration here does not know it. This writes it to a file, for the tools of its database:`,
    ),
    commands(
      `strongroom cat ${chosen(set, group)} --stream ${shellWord(name)} > ${shellWord(`${set.name}-${name}.dump`)}`,
    ),
  ];
}
