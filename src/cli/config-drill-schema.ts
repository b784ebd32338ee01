// What strongroom.yaml says of objectives and drills: its part of the table in config-schema.ts, and its reading.
import { UsageError } from '../errors.ts';
import type { Objectives } from '../vault/drill/result.ts';
import type { DrillSettings, DrillStream, WholeDrillSettings } from '../vault/drill/settings.ts';
import { duration, milliseconds, namePattern, type Shape, text, texts } from './config-shape.ts';

const COMMAND_TIMEOUT_MS = 10 * 60 * 1000;

/** @param whose `this set` */
export const objectives = (whose: string): Shape => ({
  kind: 'object',
  summary: `what is promised about ${whose}`,
  fields: {
    rpo: duration('how old the newest snapshot may be'),
    rto: duration('how long it may take until files are back and dumps are loaded'),
    drill: duration('how old the last drill that passed may be'),
  },
});

const manual = texts('what a person has to look at, and ticks in the report');

/** `drill` at the top. */
export const wholeDrill: Shape = {
  kind: 'object',
  summary: 'how a drill tries to restore all of it',
  fields: {
    manual,
    scratch: text(
      'directory that it restores into and wipes, relative to this file; memory unless given, where there is enough',
    ),
  },
};

const queries: Shape = {
  kind: 'list',
  summary: 'queries on the loaded dump',
  of: {
    kind: 'object',
    summary: 'a query and what it has to answer',
    required: ['query'],
    fields: {
      // Queries have more than one line.
      query: {
        kind: 'text',
        summary: 'in the language of the database',
        pattern: /\S/,
        example: 'text that is not empty',
      },
      expect: {
        kind: 'text',
        summary:
          'such as ">0", ">=1", "<5", "=3", "!=0" of a number, else the answer itself; at least a row unless given',
        hint: 'put it in quotes: expect: "3"',
      },
    },
  },
};

/** `drill` of a set. @param kinds of streams, with their settings */
export const drillShape = (kinds: Readonly<Record<string, Shape>>): Shape => ({
  kind: 'object',
  summary: 'what a drill tries beyond what it always looks at',
  fields: {
    streams: {
      kind: 'map',
      summary: 'how the dump of a stream is tried, by its name',
      keys: namePattern,
      keysAre: 'a name',
      of: {
        kind: 'object',
        summary: 'queries, and settings of a scratch server of the same kind in place of those of the stream',
        fields: { ...kinds, skip: { kind: 'flag', summary: 'do not load it' }, queries },
      },
    },
    commands: {
      kind: 'list',
      summary: 'programs that are run in the restored files, and have to end with 0',
      of: {
        kind: 'object',
        summary: 'one of them',
        required: ['name', 'run'],
        fields: {
          name: { kind: 'text', summary: 'its name', pattern: namePattern, example: 'a name' },
          run: texts('the program and its arguments; no shell is asked'),
          timeout: duration('how long it may take (10m)'),
        },
      },
    },
    manual,
  },
});

/** As the file has them, once they fit. */
export interface RawObjectives {
  readonly rpo?: string;
  readonly rto?: string;
  readonly drill?: string;
}

export interface RawWholeDrill {
  readonly manual?: readonly string[];
  readonly scratch?: string;
}

interface RawDrillStream {
  readonly skip?: boolean;
  readonly queries?: readonly { readonly query: string; readonly expect?: string }[];
  // And at most one kind with its settings.
  readonly [kind: string]: unknown;
}

export interface RawDrill {
  readonly streams?: Readonly<Record<string, RawDrillStream>>;
  readonly commands?: readonly {
    readonly name: string;
    readonly run: readonly string[];
    readonly timeout?: string;
  }[];
  readonly manual?: readonly string[];
}

export function objectivesOf(raw: RawObjectives = {}): Objectives {
  return Object.fromEntries(Object.entries(raw).map(([name, span]) => [name, milliseconds(span)]));
}

/** @param from makes a path of the file absolute */
export function wholeDrillOf(raw: RawWholeDrill = {}, from: (path: string) => string): WholeDrillSettings {
  return { manual: raw.manual ?? [], ...(raw.scratch === undefined ? {} : { scratch: from(raw.scratch) }) };
}

/**
 * @param types of the streams that the set has
 * @throws UsageError `bad-setting` for a stream that the set has not, or of another kind than it has, and for commands that are
 *   none or have one name
 */
export function drillOf(
  set: string,
  types: ReadonlyMap<string, string>,
  { streams = {}, commands = [], manual: list = [] }: RawDrill = {},
): DrillSettings {
  const names = commands.map(({ name }) => name);
  for (const [i, { name, run }] of commands.entries()) {
    const bad = (why: string) => new UsageError('bad-setting', `sets.${set}.drill.commands.${i} ${why}`);
    if (run.length === 0) throw bad('needs a run that is not empty');
    if (names.indexOf(name) < i) throw bad(`has the name of another one, ${name}`);
  }
  return {
    streams: new Map(Object.entries(streams).map(([name, raw]) => [name, streamOf(set, name, types, raw)])),
    commands: commands.map(({ name, run, timeout }) => ({
      name,
      run,
      timeoutMs: timeout === undefined ? COMMAND_TIMEOUT_MS : milliseconds(timeout),
    })),
    manual: list,
  };
}

function streamOf(
  set: string,
  name: string,
  types: ReadonlyMap<string, string>,
  { skip = false, queries: asked = [], ...kinds }: RawDrillStream,
): DrillStream {
  const bad = (why: string, hint: string) =>
    new UsageError('bad-setting', `sets.${set}.drill.streams.${name} ${why}`, { hint });
  const own = types.get(name);
  if (own === undefined) {
    const has = [...types.keys()].join(', ');
    throw bad(
      'is of no stream of the set',
      has === '' ? `give it one in sets.${set}.streams` : `it has: ${has}`,
    );
  }
  const [type, ...others] = Object.keys(kinds);
  if (others.length > 0 || (type !== undefined && type !== own))
    throw bad('is of another kind than the stream', `the stream is of the kind ${own}`);
  if (skip && (asked.length > 0 || type !== undefined))
    throw bad('is skipped, and yet says how it is loaded or asked', 'take out skip, or the rest');
  return {
    ...(type === undefined ? {} : { settings: { type, settings: kinds[type] as Record<string, unknown> } }),
    skip,
    queries: asked.map(({ query, expect }) => ({ query, expect })),
  };
}
