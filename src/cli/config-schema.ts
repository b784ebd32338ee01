// The one table of strongroom.yaml. The validator and the published JSON Schema both come from it, so they cannot
// disagree. Keys of features that this version lacks are in the table, marked `later`: the schema knows them, and a
// file that uses one is refused. A promise that is silently not kept would be worse.

import type { JsonValue } from '../commands/command.ts';

interface Common {
  /** For the schema's readers. */
  readonly summary: string;
  /** What this is called when it is refused because this version cannot do it: `streams`. */
  readonly later?: string;
}

/** A shape of a value. */
export type Shape = Common &
  (
    | { readonly kind: 'text'; readonly pattern?: RegExp; readonly example?: string }
    | { readonly kind: 'integer'; readonly minimum: number }
    | { readonly kind: 'list'; readonly of: Shape }
    | {
        readonly kind: 'object';
        readonly fields: Readonly<Record<string, Shape>>;
        readonly required?: readonly string[];
      }
    | {
        readonly kind: 'map';
        readonly keys: RegExp | undefined;
        readonly keysAre: string;
        readonly of: Shape;
      }
    | { readonly kind: 'anything' }
  );

/** Names of sets, hosts, keys, streams and labels. */
export const namePattern = /^[a-z0-9][a-z0-9._-]{0,62}$/;

const durationPattern = /^[1-9][0-9]{0,5}(s|m|h|d|w)$/;
const unitMilliseconds: Readonly<Record<string, number>> = { s: 1e3, m: 6e4, h: 36e5, d: 864e5, w: 6048e5 };

/** `6h` in milliseconds. @param text what `durationPattern` takes */
export function milliseconds(text: string): number {
  return Number.parseInt(text, 10) * (unitMilliseconds[text.at(-1) ?? ''] ?? Number.NaN);
}

// Not empty, one line, no control characters: a path or a glob that has one is a mistake or worse.
const line = /^[^\u0000-\u001f\u007f]+$/;

const text = (summary: string): Shape => ({
  kind: 'text',
  summary,
  pattern: line,
  example: 'one line of text',
});
const texts = (summary: string): Shape => ({ kind: 'list', summary, of: text('one of them') });
const duration = (summary: string): Shape => ({
  kind: 'text',
  summary,
  pattern: durationPattern,
  example: 'a duration such as 30m, 6h or 7d',
});
const number = (summary: string): Shape => ({ kind: 'integer', summary, minimum: 0 });

const pin: Shape = {
  kind: 'object',
  summary: 'the vault that this machine trusts, as `strongroom init` and `trust` print it',
  required: ['vault', 'generation', 'revision', 'recipient', 'authority'],
  fields: {
    vault: text('id of the vault'),
    generation: { kind: 'integer', summary: 'generation of its key', minimum: 1 },
    revision: { kind: 'integer', summary: 'lowest revision of its document that is believed', minimum: 1 },
    recipient: text('age recipient that snapshots are encrypted to'),
    authority: text('fingerprint of the key that signs its document'),
  },
};

const retention: Shape = {
  kind: 'object',
  summary: 'how many snapshots of each kind `prune` keeps',
  fields: {
    last: number('the newest'),
    hourly: number('one an hour'),
    daily: number('one a day'),
    weekly: number('one a week'),
    monthly: number('one a month'),
    yearly: number('one a year'),
    minimum: number('never fewer than these'),
  },
};

const objectives: Shape = {
  kind: 'object',
  summary: 'what is promised about this set',
  fields: {
    rpo: duration('how old the newest snapshot may be'),
    rto: { ...duration('how long a restore may take'), later: 'objectives.rto' },
    drill: { ...duration('how old the last drill may be'), later: 'objectives.drill' },
  },
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

const set: Shape = {
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
      summary: 'files that name further files',
      of: { kind: 'text', summary: 'compose, kustomize or dotenv', pattern: /^(compose|kustomize|dotenv)$/ },
      later: 'discover',
    },
    streams: {
      kind: 'map',
      summary: 'output of programs, such as database dumps',
      keys: namePattern,
      keysAre: 'a name',
      of: { kind: 'anything', summary: 'one stream' },
      later: 'streams',
    },
    retention,
    objectives,
    restore,
  },
};

/** The whole file. */
export const configShape: Shape = {
  kind: 'object',
  summary: 'strongroom.yaml: what is backed up and to which vault; it holds no secret',
  fields: {
    location: text('the vault: a directory, relative to this file'),
    pin,
    sets: { kind: 'map', summary: 'sets by name', keys: namePattern, keysAre: 'a name', of: set },
    s3: { kind: 'anything', summary: 'settings of an S3 location', later: 's3' },
    replicas: { ...texts('further locations that hold a copy'), later: 'replicas' },
    notify: {
      kind: 'list',
      summary: 'whom to tell',
      of: { kind: 'anything', summary: 'one receiver' },
      later: 'notify',
    },
  },
};

/** The JSON Schema (draft 2020-12) of the file, for editors. */
export function jsonSchema(): JsonValue {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'strongroom.yaml',
    ...schemaOf(configShape),
  };
}

function schemaOf(shape: Shape): { readonly [key: string]: JsonValue } {
  const description = shape.later === undefined ? shape.summary : `${shape.summary} (not in this version)`;
  switch (shape.kind) {
    case 'text':
      return { type: 'string', description, ...(shape.pattern && { pattern: shape.pattern.source }) };
    case 'integer':
      return { type: 'integer', description, minimum: shape.minimum };
    case 'list':
      return { type: 'array', description, items: schemaOf(shape.of) };
    case 'object':
      return {
        type: 'object',
        description,
        properties: Object.fromEntries(
          Object.entries(shape.fields).map(([key, field]) => [key, schemaOf(field)]),
        ),
        ...(shape.required && { required: shape.required }),
        additionalProperties: false,
      };
    case 'map':
      return {
        type: 'object',
        description,
        ...(shape.keys && { propertyNames: { pattern: shape.keys.source } }),
        additionalProperties: schemaOf(shape.of),
      };
    case 'anything':
      return { description };
  }
}
