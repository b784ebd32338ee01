// The one table of strongroom.yaml. The validator and the published JSON Schema both come from it, so they cannot
// disagree.

import type { JsonValue } from '../commands/command.ts';
import { objectives, wholeDrill } from './config-drill-schema.ts';
import { notify } from './config-notify-schema.ts';
import { prune, setShape, storageClass } from './config-set-schema.ts';
import { duration, line, namePattern, type Shape, schemaOf, text } from './config-shape.ts';

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

const s3: Shape = {
  kind: 'object',
  summary: 'settings of an S3 location; credentials come from the usual AWS places, never from here',
  fields: {
    region: text('region of the bucket'),
    profile: text('profile of ~/.aws/config whose credentials are used, whatever the environment says'),
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

// A scheme that is none, and credentials in a URL, are no location: what is refused here is shown nowhere.
const replicaLocation: Shape & { kind: 'text' } = {
  kind: 'text',
  summary: 'a directory, relative to this file, or s3://BUCKET/PREFIX',
  pattern:
    /^(?:s3:\/\/[a-z0-9][a-z0-9._-]{1,61}[a-z0-9](?:\/[^\u0000-\u001f\u007f]*)?|(?![A-Za-z][A-Za-z0-9+.-]*:)[^\u0000-\u001f\u007f]+)$/,
  example: 'a directory, or s3://BUCKET/PREFIX without credentials',
};

const replicas: Shape = {
  kind: 'list',
  summary: 'further locations that each backup is written to',
  of: {
    kind: 'either',
    summary: 'a location, or one with settings of its own',
    text: replicaLocation,
    object: {
      kind: 'object',
      summary: 'a location with settings of its own',
      required: ['location'],
      fields: {
        location: replicaLocation,
        s3: { ...s3, summary: 'settings of this location alone; none of those of the vault count here then' },
        patience: duration('how long a run waits for it beyond the time of the vault itself (5m)'),
      },
    },
  },
};

/** The whole file. */
export const configShape: Shape = {
  kind: 'object',
  summary: 'strongroom.yaml: what is backed up and to which vault; it holds no secret',
  fields: {
    location: text('the vault: a directory, relative to this file, or s3://BUCKET/PREFIX'),
    pin,
    sets: { kind: 'map', summary: 'sets by name', keys: namePattern, keysAre: 'a name', of: setShape },
    prune,
    objectives: objectives('the whole'),
    drill: wholeDrill,
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
    replicas,
    notify,
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
