// `history` for people: one value with all that happened to it, or a table of ages.
import type { ValueHistory } from '../../vault/history/history.ts';
import type { ValueEvent } from '../../vault/history/timeline.ts';
import type { Out } from '../command.ts';
import type { HistoryResult } from '../history.ts';

/** The whole report. */
export function showHistory(result: HistoryResult, out: Out): void {
  const { key, values, groups, olderThan } = result;
  if (key !== undefined && olderThan === undefined) {
    for (const [i, value] of values.entries()) {
      if (i > 0) out.line('');
      showValue(value, out);
    }
    return;
  }
  const snapshots = groups.reduce((sum, group) => sum + group.snapshots.length, 0);
  if (values.length === 0) {
    const what = olderThan === undefined ? 'Nothing looks like a secret' : 'No secret is older than that';
    out.note(`${what}, in ${out.count(snapshots, 'snapshot')}.`);
    return;
  }
  const hasMany = groups.length > 1;
  out.table(
    [
      { head: 'SINCE' },
      ...(hasMany ? [{ head: 'SET' }, { head: 'HOST' }] : []),
      { head: 'PATH' },
      { head: 'NAME' },
    ],
    values.map((value) => [
      sinceText(value, out),
      ...(hasMany ? [value.set, value.host] : []),
      value.path,
      value.name,
    ]),
  );
  if (values.some(({ atLeast }) => atLeast))
    out.line('≥: it was in the oldest snapshot already, so it may be older');
}

function sinceText({ since, atLeast }: ValueHistory, out: Out): string {
  return `${atLeast ? '≥ ' : '  '}${out.age(new Date(since.time))}`;
}

const WORDS: Readonly<Record<ValueEvent['what'], string>> = {
  first: 'there, in the oldest snapshot',
  appeared: 'appeared',
  changed: 'changed',
  removed: 'removed',
};

function showValue(value: ValueHistory, out: Out): void {
  const { set, host, path, name, present, since, sinceAs, atLeast, events } = value;
  out.line(out.styled('bold', name), ` in ${path} (${set} by ${host})`);
  const [newest] = events;
  const age = `${out.time(new Date(since.time))}, ${out.age(new Date(since.time))}`;
  if (!present) out.line(`  gone since ${newest!.snapshot.id}`);
  else {
    out.line(
      atLeast
        ? `  the same since the oldest snapshot (${age}): at least that old`
        : `  the same since ${since.id} (${age})`,
      sinceAs ? `, where it was ${sinceAs.name} in ${sinceAs.path}` : '',
    );
  }
  for (const { snapshot, what, backTo } of events) {
    out.line(
      `  ${snapshot.id}  ${out.time(new Date(snapshot.time))}  ${WORDS[what]}`,
      backTo ? `, back to what it was in ${backTo.id}` : '',
    );
  }
}
