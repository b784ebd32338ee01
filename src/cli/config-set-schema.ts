// What strongroom.yaml says of one set: its part of the table in config-schema.ts.
import { DISCOVERERS } from '../capture/discover/reference.ts';
import { streamKinds } from '../capture/streams/index.ts';
import { drillShape, objectives } from './config-drill-schema.ts';
import { duration, line, namePattern, number, type Shape, text, texts } from './config-shape.ts';

const retention: Shape = {
  kind: 'object',
  summary: 'how many snapshots of each kind `prune` keeps, of each host by itself',
  fields: {
    last: number('the newest'),
    hourly: number('one an hour'),
    daily: number('one a day'),
    weekly: number('one a week'),
    monthly: number('one a month'),
    yearly: number('one a year'),
    within: duration('all of so long before the newest'),
    tags: {
      kind: 'list',
      summary: 'those with one of these tags',
      of: {
        kind: 'text',
        summary: 'a tag',
        pattern: /^[a-z0-9][a-z0-9._-]{0,62}=[^\u0000-\u001f\u007f]{0,256}$/,
        example: 'KEY=VALUE',
      },
    },
    minimum: number('never fewer than these, the newest; 1 unless given'),
  },
};

export const prune: Shape = {
  kind: 'text',
  summary: 'after-backup: apply the retention after each backup; by-hand: with `strongroom prune` only',
  pattern: /^(after-backup|by-hand)$/,
  example: 'after-backup or by-hand',
};

const restore: Shape = {
  kind: 'object',
  summary: 'what restored files need beyond owner-only; kept with the snapshot',
  fields: {
    owner: {
      kind: 'text',
      summary: 'numeric owner and group',
      pattern: /^[0-9]{1,9}:[0-9]{1,9}$/,
      example: 'numeric and quoted, such as "1000:1000"',
    },
    modes: {
      kind: 'map',
      summary: 'modes by glob; where several match, the last counts',
      keys: line,
      keysAre: 'a glob',
      of: {
        kind: 'text',
        summary: 'octal mode',
        // Three digits of permissions, never set-user-id: a restored file must not gain that by configuration.
        pattern: /^0?[0-7]{3}$/,
        example: 'octal and quoted, such as "0444"',
      },
    },
  },
};

export const storageClass: Shape = {
  kind: 'text',
  summary: 'S3 storage class of the data: the default class unless given',
  pattern: /^[A-Z][A-Z0-9_]{1,30}$/,
  example: 'one such as STANDARD_IA',
};

/** The kinds of streams, with the settings of each. */
const kinds: Readonly<Record<string, Shape>> = Object.fromEntries(
  streamKinds.map(({ type, shape }) => [type, shape]),
);

/** One set. */
export const setShape: Shape = {
  kind: 'object',
  summary: 'one set of files that is backed up and restored together',
  fields: {
    root: text('directory that paths are relative to; relative to this file, which is the default'),
    include: texts(
      'globs of what is taken, relative to the root or absolute; everything in the root by default',
    ),
    exclude: texts('globs of what is left out'),
    discover: {
      kind: 'list',
      summary:
        'kinds of files whose references are followed at each backup; with it, and without include, only what they name is taken',
      of: {
        kind: 'text',
        summary: DISCOVERERS.join(', '),
        pattern: new RegExp(`^(${DISCOVERERS.join('|')})$`),
        example: `one of ${DISCOVERERS.join(', ')}`,
      },
    },
    outside: texts('globs of what discovered references may lead to beyond the root'),
    streams: {
      kind: 'map',
      summary:
        'output of programs, such as database dumps, by name; a set with streams, and without include and discover, takes no files',
      keys: namePattern,
      keysAre: 'a name',
      of: {
        kind: 'object',
        summary: 'one stream: its kind, with the settings of that kind',
        fields: kinds,
      },
    },
    compress: {
      kind: 'text',
      summary: 'none, for what is compressed already; gzip unless given',
      pattern: /^(none|gzip)$/,
      example: 'none or gzip',
    },
    retention,
    prune: { ...prune, summary: `as prune at the top, for this set: ${prune.summary}` },
    objectives: objectives('this set'),
    drill: drillShape(kinds),
    restore,
    storageClass,
  },
};

/** Files that a stream stands for, as its settings have them. @param settings as the shape of its kind has them */
export function takenBy(type: string, settings: Readonly<Record<string, unknown>>): readonly string[] {
  return streamKinds.find((kind) => kind.type === type)?.takes?.(settings) ?? [];
}
