// `keys exposure` for people: the snapshots, then the list to tick off, by set and file, then what was assumed.
import type { Exposure } from '../../../vault/exposure/exposure.ts';
import type { Gap, KeyLeak, Leak, Period } from '../../../vault/exposure/leak.ts';
import { type ExposurePlan, firstGeneration } from '../../../vault/exposure/plan.ts';
import type { ExposedValue } from '../../../vault/exposure/sightings.ts';
import type { Snapshot } from '../../../vault/snapshots.ts';
import type { Out } from '../../command.ts';

export interface Shown {
  readonly plan: ExposurePlan;
  readonly exposure: Exposure;
  readonly all: boolean;
}

/** Every exposed snapshot, oldest first within its set and host. */
export function exposedSnapshots({ groups }: ExposurePlan): Snapshot[] {
  return groups.flatMap(({ exposed }) => exposed);
}

/** A day, as a tick list needs it: `2026-11-20`. */
const day = (time: string): string => time.slice(0, 10);

function days(first: string, last: string): string {
  return day(first) === day(last) ? day(first) : `${day(first)} to ${day(last)}`;
}

function many(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}

function titleOf(leak: Leak): string {
  if (leak.kind === 'key') return `the key ${leak.name}`;
  if (leak.kind === 'generation') return `key number ${leak.generation} of the vault`;
  return `the host ${leak.host}`;
}

function periodText({ from, fromRevision, to, toRevision }: Period): string {
  const until = to === undefined ? 'now' : `${day(to)} (revision ${toRevision})`;
  return `from ${day(from)} (revision ${fromRevision}) until ${until}`;
}

const BY_NUMBER = '--generation';

/** Revisions such as `3` and `5-7`. */
export function gapText({ from, to }: Gap): string {
  return from === to ? `${from}` : `${from}-${to}`;
}

function keyLines({ periods, generation, known, missing }: KeyLeak): string[] {
  const lines = [`it was a key of the vault ${periods.map(periodText).join(', and ')}`];
  if (missing.length > 0)
    lines.push(
      `no vault document is left of revision ${missing.map(gapText).join(', ')}: it may have been a key then, too`,
    );
  if (generation > known)
    lines.push(
      `documents show it with key number ${known}, but those that show it with a later one may have been removed or replaced by whoever held that: what was encrypted up to key number ${generation} counts (if you know better, ${BY_NUMBER} ${known} lists less)`,
    );
  return lines;
}

/** What a report takes for granted, and what it leaves out. */
export function assumed(
  { leak, reencrypted, deleted }: ExposurePlan,
  { dumps, unread }: Pick<Exposure, 'dumps' | 'unread'>,
): string[] {
  const lines: string[] = [];
  if (leak.kind === 'host') {
    lines.push(
      'the signing key of a host reads nothing: what leaks with a host is what it had, so its own snapshots',
    );
    if (leak.since) lines.push('the host had its last snapshot before that time too, so that one counts');
  } else if (leak.kind === 'generation') {
    lines.push('all that was first encrypted to it, or to one before it, counts, whenever that was');
  } else {
    lines.push(
      'whoever has it may have kept what it opens: snapshots from before it was added count, and later ones up to the next rotation',
    );
  }
  if (leak.kind === 'key') lines.push(...keyLines(leak));
  if (reencrypted > 0)
    lines.push(
      `${many(reencrypted, 'snapshot')} encrypted anew since: the bytes from before may have been copied`,
    );
  if (deleted > 0)
    lines.push(
      `${many(deleted, 'snapshot')} deleted since could have been copied: what they held is not known`,
    );
  if (dumps.length > 0)
    lines.push(
      `${many(dumps.length, 'snapshot')} with dumps of databases or commands: those are not looked into`,
    );
  if (unread.length > 0)
    lines.push(`${many(unread.length, 'snapshot')} could not be read: what they hold is missing here`);
  lines.push(
    'changed and gone say what the newest snapshot holds, not that a value was revoked at its source',
  );
  return lines;
}

/** The whole report. */
export function showExposure({ plan, exposure, all }: Shown, out: Out): void {
  const snapshots = exposedSnapshots(plan);
  const verb = plan.leak.kind === 'host' ? 'had what is in' : 'could read';
  out.line(
    out.styled('bold', titleOf(plan.leak)),
    ` ${verb} ${snapshots.length} of ${out.count(plan.of, 'snapshot')}`,
  );
  if (snapshots.length > 0)
    out.table(
      [
        { head: 'SNAPSHOT' },
        { head: 'SET' },
        { head: 'HOST' },
        { head: 'TIME' },
        { head: 'KEY', align: 'right' },
      ],
      snapshots.map((s) => [s.id, s.set, s.host, out.time(new Date(s.time)), keyNumbers(s)]),
    );
  const shown = exposure.values.filter((value) => all || value.likely);
  for (const group of groupsOf(shown, ({ set, host }) => `${set} by ${host}`)) {
    out.line('');
    out.line(out.styled('bold', group.title));
    for (const file of groupsOf(group.values, ({ path }) => path)) showFile(file.title, file.values, out);
  }
  const hidden = exposure.values.length - shown.length;
  out.line('');
  if (hidden > 0)
    out.line(
      `${out.count(hidden, 'other value')} ${hidden === 1 ? 'does' : 'do'} not look like a secret: --all shows them`,
    );
  for (const line of assumed(plan, exposure)) out.line(out.styled('yellow', 'note: '), line);
}

function keyNumbers(snapshot: Snapshot): string {
  const first = firstGeneration(snapshot);
  return first === snapshot.generation ? `${first}` : `${first}, now ${snapshot.generation}`;
}

function groupsOf(
  values: readonly ExposedValue[],
  titleOfValue: (value: ExposedValue) => string,
): { title: string; values: ExposedValue[] }[] {
  const groups = new Map<string, ExposedValue[]>();
  for (const value of values) {
    const title = titleOfValue(value);
    const group = groups.get(title);
    if (group) group.push(value);
    else groups.set(title, [value]);
  }
  return [...groups].map(([title, group]) => ({ title, values: group }));
}

function showFile(path: string, values: readonly ExposedValue[], out: Out): void {
  const reason = values.find((value) => value.reason !== undefined)?.reason;
  out.line('  ', path, reason === undefined ? '' : ` (${reason}: taken as one value)`);
  const names = values.map(nameText);
  const width = widthOf(names);
  const statuses = values.map(statusText);
  const statusWidth = widthOf(statuses);
  values.forEach(({ status, snapshots, first, last }, i) => {
    const text = statuses[i]!.padEnd(statusWidth);
    out.line(
      `    [ ] ${names[i]!.padEnd(width)}  `,
      status === 'same' || status === 'moved' ? out.styled('red', text) : text,
      `  in ${out.count(snapshots, 'snapshot')}, ${days(first, last)}`,
    );
  });
}

/** Of the longest. There may be more than a call takes arguments. */
const widthOf = (texts: readonly string[]): number =>
  texts.reduce((most, text) => Math.max(most, text.length), 0);

function nameText({ name, facts }: ExposedValue): string {
  const more = facts?.subject ?? facts?.public_key;
  return more === undefined ? name : `${name} (${more})`;
}

function statusText({ status, now, set, host, path }: ExposedValue): string {
  switch (status) {
    case 'same':
      return 'same today';
    case 'moved': {
      const where = now!.set === set && now!.host === host ? '' : `${now!.set} by ${now!.host}: `;
      return `same today as ${where}${now!.path === path && where === '' ? '' : `${now!.path} `}${now!.name}`;
    }
    case 'changed':
      return 'changed since';
    case 'gone':
      return 'gone today';
    default:
      return 'today not known';
  }
}
