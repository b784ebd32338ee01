// `strongroom history`: since when the secrets of a set are what they are. Names and times, never a value.
import { NotFoundError, UsageError } from '../errors.ts';
import {
  groupsOf,
  type History,
  type HistoryGroup,
  readHistory,
  type ValueHistory,
} from '../vault/history/history.ts';
import { checkName } from '../vault/names.ts';
import { readSnapshots, type Snapshot } from '../vault/snapshots.ts';
import type { UnlockedVault } from '../vault/vault.ts';
import { defineCommand, type Fields } from './command.ts';
import { showHistory } from './history/text.ts';
import { openUnlocked, pastFlag, trustNew, warnFindings } from './open.ts';
import { parseSpan, SPAN_FORM } from './span.ts';

export interface HistoryResult {
  readonly key: string | undefined;
  readonly groups: readonly HistoryGroup[];
  /** Those that were asked for, the oldest value first. */
  readonly values: readonly ValueHistory[];
  readonly unread: History['unread'];
  /** How many files had more names than are kept. */
  readonly cut: number;
  /** In milliseconds; undefined when no age was asked for. */
  readonly olderThan: number | undefined;
  readonly now: Date;
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** How old a value is, in milliseconds, as far as the snapshots tell. */
export function ageOf({ since }: ValueHistory, now: Date): number {
  return now.getTime() - Date.parse(since.time);
}

export const command = defineCommand({
  description: [
    'Says in which snapshots a value changed, and so how old it is. KEY is a name such as DB_PASSWORD, PATH:NAME, or the path of a file; without it, all that looks like a secret.',
    'With --older-than it lists what is in the newest snapshot and older than that, and ends with code 5 when there is any: a reminder to rotate. A value that was already in the oldest snapshot may be older. A secret is known again under another name or path, and one that was put back is as old as before.',
  ],
  needs: 'read access and one way to open the vault',
  args: {
    key: { value: 'KEY', optional: true, summary: 'a name, PATH:NAME, or the path of a file' },
  },
  flags: {
    set: { value: 'SET', summary: 'only this set' },
    host: { value: 'HOST', summary: 'only what this host wrote; else of every host that is not removed' },
    olderThan: {
      value: 'AGE',
      summary: 'only what is older, such as 90d; exit 5 when there is any',
      parse: parseSpan,
      form: SPAN_FORM,
    },
    ...pastFlag,
    trustNew,
  },
  examples: [
    ['history DB_PASSWORD', 'when it changed'],
    ['history app/.env:DB_PASSWORD --set app', 'the one in that file'],
    ['history --older-than 90d', 'what is due to be rotated'],
  ],
  async run({ args, flags }, context): Promise<HistoryResult> {
    const { key } = args;
    if (key === '')
      throw new UsageError('no-key-name', 'an empty name is none', { hint: 'name a value or a file' });
    const vault = await openUnlocked(context, { ...flags, anywhere: true });
    const groups = await groupsMeant(vault, flags, (findings) => warnFindings(context, findings));
    const found = await readHistory(vault, groups, {
      ...(key === undefined ? {} : { key }),
      onProgress: ({ done, of }) =>
        context.progress.update({ phase: 'reading', done, total: of, unit: 'snapshots' }),
    });
    for (const { snapshot, error } of found.unread) {
      context.warn(error.code, `${snapshot.id} of ${snapshot.set} was not read: ${error.message}`, {
        object: snapshot.id,
        hint: 'what changed in it is not known; run `strongroom verify`',
        severity: 'error',
      });
    }
    if (found.cut > 0) {
      context.warn(
        'too-many-names',
        `${found.cut} files have more names than are kept, so some are missing`,
        {
          hint: 'choose fewer snapshots with --set and --host, or a name with KEY',
          severity: 'error',
        },
      );
    }
    if (key !== undefined && found.values.length + found.unread.length + found.cut === 0)
      throw noSuchValue(key, found);
    const now = context.now();
    const { olderThan } = flags;
    const isMeant = (value: ValueHistory) =>
      olderThan === undefined
        ? key !== undefined || value.present
        : value.present && ageOf(value, now) > olderThan;
    const values = found.values.filter(isMeant).sort((a, b) => ageOf(b, now) - ageOf(a, now));
    return { key, groups, values, unread: found.unread, cut: found.cut, olderThan, now };
  },
  human: showHistory,
  json({ groups, values, unread, cut, olderThan, now }, line) {
    for (const value of values) line('value', valueFields(value, now));
    return {
      groups: groups.map(({ set, host, snapshots }) => ({
        set,
        host,
        snapshots: snapshots.length,
        oldest: snapshots[0]!.time,
        newest: snapshots.at(-1)!.time,
      })),
      values: values.length,
      older_than_days: olderThan === undefined ? undefined : olderThan / DAY_MS,
      unread: unread.map(({ snapshot }) => snapshot.id),
      cut: cut > 0 ? cut : undefined,
    };
  },
  exitCode({ values, unread, cut, olderThan }) {
    if (olderThan !== undefined && values.length > 0) return 5;
    return unread.length + cut > 0 ? 3 : 0;
  },
});

interface Whose {
  readonly set: string | undefined;
  readonly host: string | undefined;
}

/** @throws NotFoundError `no-snapshot` */
async function groupsMeant(
  vault: UnlockedVault,
  { set, host }: Whose,
  warn: (findings: UnlockedVault['findings']) => void,
): Promise<HistoryGroup[]> {
  if (host !== undefined) checkName(host, 'host');
  const read = await readSnapshots(vault, set === undefined ? {} : { set });
  warn([...vault.findings, ...read.findings.filter((f) => f.severity === 'error')]);
  // What a machine had that is gone needs no rotation here: `keys exposure` tells what leaked with it.
  const active = new Set(vault.document.hosts.filter((h) => !h.removed).map((h) => h.name));
  const isMeant = (s: Snapshot) => (host === undefined ? active.has(s.host) : s.host === host);
  const groups = groupsOf(read.snapshots.filter(isMeant));
  if (groups.length > 0) return groups;
  const of = `${set === undefined ? '' : ` of the set ${set}`}${host === undefined ? '' : ` by host ${host}`}`;
  throw new NotFoundError('no-snapshot', `there is no snapshot${of}`, {
    hint: 'see what there is with `strongroom list`',
  });
}

function noSuchValue(key: string, { similar }: History): NotFoundError {
  return new NotFoundError('no-such-value', `no snapshot holds a value or file ${JSON.stringify(key)}`, {
    hint:
      similar.length > 0
        ? `there is ${similar.join(', ')}`
        : 'see the names with `strongroom history`, and those of files with `strongroom show`',
  });
}

function valueFields(value: ValueHistory, now: Date): Fields {
  const { set, host, path, name, kind, likely, present, since, sinceAs, atLeast, events } = value;
  return {
    set,
    host,
    path,
    name,
    kind,
    likely,
    present,
    since: since.time,
    since_snapshot: since.id,
    since_as: sinceAs && { ...sinceAs },
    at_least: atLeast,
    age_days: Math.floor(ageOf(value, now) / DAY_MS),
    changes: events.map(({ snapshot, what, backTo }) => ({
      snapshot: snapshot.id,
      time: snapshot.time,
      change: what,
      back_to: backTo?.id,
    })),
  };
}
