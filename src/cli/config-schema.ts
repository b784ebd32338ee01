// The one table of strongroom.yaml. The validator and the published JSON Schema both come from it, so they cannot
// disagree. Keys of features that this version lacks are in the table, marked `later`: the schema knows them, and a
// file that uses one is refused. A promise that is silently not kept would be worse.

import type { JsonValue } from '../commands/command.ts';
import { duration, line, namePattern, number, type Shape, schemaOf, text, texts } from './config-shape.ts';

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

const storageClass: Shape = {
  kind: 'text',
  summary: 'S3 storage class of the data: the default class unless given',
  pattern: /^[A-Z][A-Z0-9_]{1,30}$/,
  example: 'one such as STANDARD_IA',
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
    storageClass,
  },
};

const s3: Shape = {
  kind: 'object',
  summary: 'settings of an S3 location; credentials come from the usual AWS places, never from here',
  fields: {
    region: text('region of the bucket'),
    endpoint: {
      kind: 'text',
      summary: 'URL of a service other than AWS',
      // No name and password in it: the file is committed.
      pattern: /^https?:\/\/[^\s/@]+\/?$/,
      example: 'a URL such as https://s3.example.com',
    },
    forcePathStyle: { kind: 'flag', summary: 'bucket in the path instead of the host name' },
    expectedBucketOwner: {
      kind: 'text',
      summary: 'account that must own the bucket',
      pattern: /^[0-9]{12}$/,
      example: 'twelve digits, quoted',
    },
    sse: {
      kind: 'text',
      summary: 'encryption by the service, besides our own: AES256 on AWS and none elsewhere unless given',
      pattern: /^(none|AES256|aws:kms|aws:kms:dsse)$/,
      example: 'none, AES256, aws:kms or aws:kms:dsse',
    },
    kmsKeyId: text("ARN of the service's key, with aws:kms and aws:kms:dsse"),
    kmsContext: {
      kind: 'map',
      summary: 'encryption context for that key',
      keys: line,
      keysAre: 'one line of text',
      of: text('its value'),
    },
    storageClass,
    objectLock: {
      kind: 'object',
      summary: 'nobody may remove an object before its time; needs a bucket with Object Lock',
      required: ['mode'],
      fields: {
        mode: {
          kind: 'text',
          summary: 'governance or compliance',
          pattern: /^(governance|compliance)$/,
          example: 'governance or compliance',
        },
        days: { kind: 'integer', summary: 'from the time of writing', minimum: 1 },
        until: {
          kind: 'text',
          summary: 'instead of days: as long as the retention of each set may keep a snapshot',
          pattern: /^retention$/,
          example: 'retention',
        },
      },
    },
    checksums: { kind: 'flag', summary: 'send SHA-256 checksums; some services refuse them' },
    deadline: duration('how long one call may take, with all its attempts (60s)'),
    stall: duration('how long to wait for the next byte (15s)'),
  },
};

/** The whole file. */
export const configShape: Shape = {
  kind: 'object',
  summary: 'strongroom.yaml: what is backed up and to which vault; it holds no secret',
  fields: {
    location: text('the vault: a directory, relative to this file, or s3://BUCKET/PREFIX'),
    pin,
    sets: { kind: 'map', summary: 'sets by name', keys: namePattern, keysAre: 'a name', of: set },
    s3,
    kms: {
      kind: 'list',
      summary: 'AWS KMS keys that are trusted to open the vault',
      of: {
        kind: 'text',
        summary: 'the ARN of a key',
        pattern: /^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key\/[A-Za-z0-9-]+$/,
        example: 'an ARN such as arn:aws:kms:eu-central-1:111122223333:key/…',
      },
    },
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
