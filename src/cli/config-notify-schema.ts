// What strongroom.yaml says of whom to tell: its part of the table in config-schema.ts, and its reading.

import { UsageError } from '../errors.ts';
import { urlOf } from '../notify/http.ts';
import { EVENTS, type EventName } from '../notify/message.ts';
import { NotSent } from '../notify/not-sent.ts';
import {
  defaultsOf,
  KINDS,
  type Kind,
  type ReceiverConfig,
  type SecretPlace,
  TOLD,
} from '../notify/receiver.ts';
import { namePattern, type Shape, text, texts } from './config-shape.ts';

const oneOf = (summary: string, words: readonly string[]): Shape => ({
  kind: 'list',
  summary,
  of: {
    kind: 'text',
    summary: words.join(', '),
    pattern: new RegExp(`^(${words.join('|')})$`),
    example: `one of ${words.join(', ')}`,
  },
});

const place = (what: string): Shape & { kind: 'object' } => ({
  kind: 'object',
  summary: `where ${what} is read from: { file: PATH } or { env: NAME }`,
  fields: {
    file: text('a file that holds it and nothing else, relative to this file'),
    env: {
      kind: 'text',
      summary: 'a variable of the environment',
      pattern: /^[A-Za-z_][A-Za-z0-9_]*$/,
      example: 'the name of a variable',
    },
  },
});

const plainUrl: Shape & { kind: 'text' } = {
  kind: 'text',
  summary: 'the URL itself: whoever has it can write there, and this file is committed',
  pattern: /^https?:\/\/[^\s/@]+(\/\S*)?$/,
  example: 'an https URL, { file: PATH } or { env: NAME }',
};

const url: Shape = {
  kind: 'either',
  summary: 'its URL, or where it is read from',
  text: plainUrl,
  object: place('the URL'),
};

const heard = {
  on: oneOf('the events that it is told', EVENTS),
  commands: oneOf('the commands that it is told of', TOLD),
  sets: {
    kind: 'list',
    summary: 'the sets that it is told of; all unless given',
    of: { kind: 'text', summary: 'a set', pattern: namePattern, example: 'the name of a set' },
  },
  paths: { kind: 'flag', summary: 'tell it paths, locations and what errors say, too' },
} satisfies Readonly<Record<string, Shape>>;

const insecure: Shape = { kind: 'flag', summary: 'without TLS, beyond this machine too' };

/** A kind that has a URL; the URL alone will do. */
const web = (summary: string, fields: Readonly<Record<string, Shape>> = {}): Shape => ({
  kind: 'either',
  summary,
  text: plainUrl,
  object: {
    kind: 'object',
    summary: 'with settings',
    required: ['url'],
    fields: { url, ...fields, ...heard, insecure },
  },
});

const kinds = {
  healthchecks: web('pings as of healthchecks.io: the start, success and exit code of each backup'),
  webhook: web('a POST of JSON', { token: place('a token for Authorization: Bearer') }),
  slack: web('an incoming webhook of Slack, or of what takes the same'),
  ntfy: web('a topic of ntfy', { token: place('an access token') }),
  smtp: {
    kind: 'object',
    summary: 'a mail',
    required: ['host', 'from', 'to'],
    fields: {
      host: text('name of the mail server'),
      port: { kind: 'integer', summary: '587, 465 or 25 unless given, by tls', minimum: 1 },
      tls: {
        kind: 'text',
        summary: 'starttls unless given, and never without it then',
        pattern: /^(starttls|implicit|none)$/,
        example: 'starttls, implicit or none',
      },
      from: text('address of the sender'),
      to: texts('addresses'),
      user: text('to log in with'),
      password: place('the password'),
      ...heard,
      insecure,
    },
  },
  command: {
    kind: 'object',
    summary: 'a program that gets the message as JSON on its standard input',
    required: ['run'],
    fields: { run: texts('the program and its arguments; no shell is asked'), ...heard },
  },
} satisfies Readonly<Record<Kind, Shape>>;

export const notify: Shape = {
  kind: 'list',
  summary: 'whom to tell how backups and checks went',
  of: { kind: 'object', summary: 'one receiver, of one kind', fields: kinds },
};

/** The list as the file has it, once it fits. */
export type RawNotify = readonly Readonly<Partial<Record<Kind, string | RawReceiver>>>[];
type RawPlace = string | { readonly file?: string; readonly env?: string };
interface RawReceiver extends Readonly<Record<string, unknown>> {
  readonly on?: readonly EventName[];
  readonly commands?: readonly string[];
  readonly sets?: readonly string[];
  readonly paths?: boolean;
  readonly insecure?: boolean;
}

/** @param from makes a path of the file absolute @throws UsageError `bad-setting`, never with a value */
export function receiversOf(raw: RawNotify, from: (path: string) => string): readonly ReceiverConfig[] {
  return raw.map((receiver, i) => {
    const given = KINDS.filter((kind) => receiver[kind] !== undefined);
    const [kind] = given;
    if (kind === undefined || given.length > 1) {
      const what = kind === undefined ? 'says no kind' : 'is of more than one kind';
      throw new UsageError('bad-setting', `notify.${i} ${what}`, {
        hint: 'give each receiver one kind, such as `- slack: { url: { env: SLACK_URL } }`',
      });
    }
    const settings = receiver[kind]!;
    return receiverOf(
      kind,
      typeof settings === 'string' ? { url: settings } : settings,
      `notify.${i}.${kind}`,
      from,
    );
  });
}

function receiverOf(
  kind: Kind,
  raw: RawReceiver,
  name: string,
  from: (path: string) => string,
): ReceiverConfig {
  const { on, commands, sets, paths = false, insecure: isInsecure = false, ...rest } = raw;
  const { url: link, token, password, ...settings } = rest;
  const secrets: Record<string, SecretPlace> = {};
  for (const [key, value] of Object.entries({ url: link, token, password }))
    if (value !== undefined) secrets[key] = placeOf(value as RawPlace, `${name}.${key}`, from);
  const bad = (why: string): UsageError => new UsageError('bad-setting', `${name} ${why}`);
  if ((settings.user === undefined) !== (secrets.password === undefined) && kind === 'smtp')
    throw bad('needs both user and password, or neither');
  for (const list of ['to', 'run'])
    if (Array.isArray(settings[list]) && settings[list].length === 0)
      throw bad(`needs a ${list} that is not empty`);
  if (secrets.url && 'text' in secrets.url) checkUrl(secrets.url.text, isInsecure, name);
  const usual = defaultsOf(kind);
  return {
    kind,
    on: on ?? usual.on,
    commands: commands ?? usual.commands,
    sets,
    paths,
    insecure: isInsecure,
    secrets,
    settings,
  };
}

function placeOf(raw: RawPlace, name: string, from: (path: string) => string): SecretPlace {
  if (typeof raw === 'string') return { text: raw };
  const { file, env } = raw;
  if (file !== undefined && env === undefined) return { file: from(file) };
  if (env !== undefined && file === undefined) return { env };
  throw new UsageError('bad-setting', `${name} must name one place`, {
    hint: 'one of { file: PATH } and { env: NAME }',
  });
}

function checkUrl(link: string, isInsecure: boolean, name: string): void {
  try {
    urlOf(link, isInsecure);
  } catch (error) {
    if (!(error instanceof NotSent)) throw error;
    throw new UsageError('bad-setting', `${name} cannot be told: ${error.message}`);
  }
}
