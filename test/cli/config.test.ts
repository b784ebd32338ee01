import fc from 'fast-check';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { parseConfig } from '../../src/cli/config.ts';
import { jsonSchema } from '../../src/cli/config-schema.ts';
import { milliseconds } from '../../src/cli/config-shape.ts';
import { StrongroomError, UsageError } from '../../src/errors.ts';

const file = '/srv/shop/strongroom.yaml';
const parse = (text: string) => parseConfig(text, file, '/home/me');

async function refused(text: string) {
  const error = await parse(text).catch((caught: unknown) => caught);
  if (!(error instanceof UsageError)) throw new Error(`not refused: ${text}`, { cause: error });
  const { code, message, hint, exitCode } = error;
  return { code, message: message.replace(`${file} `, ''), hint, exitCode };
}

test('a whole file becomes absolute paths, milliseconds, modes and owners', async () => {
  const config = await parse(`
location: ../vaults/shop
pin: { vault: 01jc, generation: 1, revision: 3, recipient: age1qq, authority: "SHA256:abc" }
sets:
  app:
    root: app
    include: [.env, compose.yaml, "certs/**", "/secure/*.pem"]
    exclude: ["**/*.log"]
    retention: { last: 5, daily: 30, weekly: 12, minimum: 5 }
    discover: [compose, dotenv]
    outside: ["/secure/**"]
    streams: { db: { postgres: { database: shop } }, users: { sqlite: { file: data/users.db } } }
    compress: none
    prune: after-backup
    objectives: { rpo: 6h }
    restore: { owner: 1000:100, modes: { "secrets/*": "0444", "bin/*": "755" } }
  db-1.x: {}
`);
  expect(config).toEqual({
    location: '/srv/vaults/shop',
    pin: { vault: '01jc', generation: 1, revision: 3, recipient: 'age1qq', authority: 'SHA256:abc' },
    sets: new Map([
      [
        'app',
        {
          name: 'app',
          root: '/srv/shop/app',
          include: ['.env', 'compose.yaml', 'certs/**', '/secure/*.pem'],
          exclude: ['**/*.log'],
          discover: ['compose', 'dotenv'],
          outside: ['/secure/**'],
          streams: [
            { name: 'db', type: 'postgres', settings: { database: 'shop' }, takes: [] },
            {
              name: 'users',
              type: 'sqlite',
              settings: { file: 'data/users.db' },
              takes: ['data/users.db', 'data/users.db-wal', 'data/users.db-shm', 'data/users.db-journal'],
            },
          ],
          compress: 'none',
          pruneAfterBackup: true,
          retention: { last: 5, daily: 30, weekly: 12, minimum: 5 },
          objectives: { rpo: 21_600_000 },
          drill: { streams: new Map(), commands: [], manual: [] },
          restore: {
            owner: { uid: 1000, gid: 100 },
            modes: [
              { glob: 'secrets/*', mode: 0o444 },
              { glob: 'bin/*', mode: 0o755 },
            ],
          },
        },
      ],
      [
        'db-1.x',
        {
          name: 'db-1.x',
          root: '/srv/shop',
          include: [],
          exclude: [],
          discover: undefined,
          outside: [],
          streams: [],
          compress: 'gzip',
          retention: undefined,
          objectives: {},
          drill: { streams: new Map(), commands: [], manual: [] },
          restore: { owner: undefined, modes: [] },
        },
      ],
    ]),
    objectives: {},
    drill: { manual: [] },
    s3: {},
    kms: [],
    replicas: [],
  });
});

test('a password that stands in a setting is refused, with what to do about it', async () => {
  const text = 'sets: { app: { streams: { db: { mysql: { database: shop, password: hunter2 } } } } }';
  const { message, hint } = await refused(text);
  expect(message).toContain('sets.app.streams.db.mysql.password must be a mapping');
  expect(hint).toContain('one that stood here should be changed');
  expect(message + hint).not.toContain('hunter2');
});

test('a stream is of one kind', async () => {
  const of = async (kinds: string) => (await refused(`sets: { a: { streams: { db: ${kinds} } } }`)).message;
  expect(await of('{}')).toBe('sets.a.streams.db says no kind');
  expect(await of('{ redis: {}, postgres: {} }')).toBe('sets.a.streams.db is of more than one kind');
  expect(await of('{ postgress: {} }')).toContain('unknown key sets.a.streams.db.postgress');
});

test.each([
  ['s3://bucket/prefix', 's3://bucket/prefix'],
  ['~/vault', '/home/me/vault'],
  ['/mnt/vault/', '/mnt/vault'],
  ['.', '/srv/shop'],
  ['./odd:name', '/srv/shop/odd:name'],
])('location %s is %s', async (text, location) => {
  expect((await parse(stringify({ location: text }))).location).toBe(location);
});

test('an empty file says nothing, and that is sound', async () => {
  expect(await parse('# nothing yet\n')).toEqual({
    location: undefined,
    pin: undefined,
    sets: new Map(),
    objectives: {},
    drill: { manual: [] },
    s3: {},
    kms: [],
    replicas: [],
  });
});

test('the settings of a bucket, with times in seconds and the classes of single sets', async () => {
  const arn = 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab';
  const config = await parse(`
location: s3://acme-backups/shop
s3: { sse: "aws:kms", kmsKeyId: "${arn}", forcePathStyle: false, deadline: 2m, stall: 5s, expectedBucketOwner: "111122223333",
      objectLock: { mode: governance, days: 30 }, storageClass: STANDARD_IA, endpoint: "https://s3.example.com" }
kms: ["${arn}"]
sets: { db: { storageClass: GLACIER_IR }, app: {} }
`);
  expect(config.s3).toEqual({
    sse: 'aws:kms',
    kmsKeyId: arn,
    forcePathStyle: false,
    deadline: 120,
    stall: 5,
    expectedBucketOwner: '111122223333',
    objectLock: { mode: 'governance', days: 30 },
    storageClass: 'STANDARD_IA',
    storageClasses: { db: 'GLACIER_IR' },
    endpoint: 'https://s3.example.com',
  });
  expect(config.kms).toEqual([arn]);
});

test('a lock for as long as each set keeps its snapshots', async () => {
  const { s3 } = await parse(`
s3: { objectLock: { mode: compliance, until: retention } }
sets:
  app: { retention: { last: 5, hourly: 25, daily: 30, weekly: 12 } }
  db: { retention: { yearly: 2, daily: 7 } }
  tmp: { retention: { last: 3 } }
  www: { retention: { daily: 7, within: 36h } }
  log: { retention: { daily: 1, within: 90d } }
`);
  const daysOf = { app: 84, db: 732, www: 7, log: 90 };
  expect(s3.objectLock).toEqual({ mode: 'compliance', days: 732, daysOf });
});

test('a retention, and when it is applied', async () => {
  const { sets } = await parse(`
prune: after-backup
sets:
  app: { retention: { within: 2w, tags: ["release=yes", "note=a=b"], minimum: 3 } }
  db: { retention: { last: 1 }, prune: by-hand }
`);
  expect(sets.get('app')).toMatchObject({
    retention: { within: 14 * 86_400_000, tags: ['release=yes', 'note=a=b'], minimum: 3 },
    pruneAfterBackup: true,
  });
  expect(sets.get('db')?.pruneAfterBackup).toBeUndefined();
  const own = await parse('sets: { app: { prune: after-backup }, db: {} }');
  expect([...own.sets.values()].map((set) => set.pruneAfterBackup)).toEqual([true, undefined]);
});

test.each([
  ['s3: { sse: des }', 's3.sse must be none, AES256, aws:kms or aws:kms:dsse'],
  ['s3: { forcePathStyle: "yes" }', 's3.forcePathStyle must be true or false'],
  ['s3: { objectLock: { mode: governance } }', 's3.objectLock needs days, or until: retention'],
  ['s3: { objectLock: { mode: governance, days: 1, until: retention } }', 's3.objectLock needs days, or'],
  [
    's3: { objectLock: { mode: governance, until: retention } }',
    's3.objectLock goes by the retention of sets',
  ],
  ['s3: { endpoint: s3.example.com }', 's3.endpoint must be a URL such as https://s3.example.com'],
  ['s3: { endpoint: "https://me:secret@s3.example.com" }', 's3.endpoint must be a URL such as'],
  ['s3: { accessKeyId: AKIA }', 'unknown key s3.accessKeyId'],
  ['kms: [alias/shop]', 'kms.0 must be an ARN'],
])('%s is refused: %s', async (text, message) => {
  await expect(parse(text)).rejects.toThrow(message);
});

test('replicas, with settings of their own', async () => {
  const arn = 'arn:aws:kms:eu-west-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab';
  const config = await parse(`
location: s3://acme-backups/shop
s3: { expectedBucketOwner: "111122223333" }
sets: { db: { storageClass: GLACIER_IR } }
replicas:
  - offsite
  - s3://acme-copies/shop
  - location: s3://other-account/shop
    s3: { profile: copies, expectedBucketOwner: "444455556666", sse: "aws:kms", kmsKeyId: "${arn}", deadline: 2m }
    patience: 1h
  - { location: ./odd:name }
`);
  expect(config.replicas).toEqual([
    { location: '/srv/shop/offsite' },
    { location: 's3://acme-copies/shop' },
    {
      location: 's3://other-account/shop',
      s3: {
        profile: 'copies',
        expectedBucketOwner: '444455556666',
        sse: 'aws:kms',
        kmsKeyId: arn,
        deadline: 120,
        storageClasses: { db: 'GLACIER_IR' },
      },
      patience: 3600e3,
    },
    { location: '/srv/shop/odd:name' },
  ]);
});

test.each([
  's3://AKIAEXAMPLE:sEcReTkEy@bucket/shop',
  'https://user:sEcReTkEy@host/shop',
  's3://',
  'S3://bucket/shop',
  'sftp://host/shop',
])('a replica at %s is refused, and is not repeated', async (location) => {
  for (const replica of [location, { location }]) {
    const { code, message, hint } = await refused(stringify({ replicas: [replica] }));
    expect(code).toBe('bad-setting');
    expect(message).toContain('must be a directory, or s3://BUCKET/PREFIX without credentials');
    expect(`${message} ${hint}`).not.toMatch(/sEcReT|AKIAEXAMPLE/);
  }
});

test('durations', () => {
  expect(['30s', '5m', '6h', '7d', '2w'].map(milliseconds)).toEqual([30e3, 300e3, 216e5, 6048e5, 12096e5]);
});

test.each([
  ['locaton: /x', 'unknown-key', 'line 1: unknown key locaton', 'did you mean location?'],
  [
    'sets:\n  app:\n    inclued: [a]',
    'unknown-key',
    'line 3: unknown key sets.app.inclued',
    'did you mean include?',
  ],
  [
    '# c\n\nfrobnicate: 1',
    'unknown-key',
    'line 3: unknown key frobnicate',
    'known here: location, pin, sets, prune, objectives, drill, s3, kms, replicas, notify',
  ],
  ['sets:\n  app:\n    include: .env', 'bad-setting', 'line 3: sets.app.include must be a list', undefined],
  [
    'sets:\n  app:\n    include:\n      - a\n      - 7',
    'bad-setting',
    'line 5: sets.app.include.1 must be text: one line of text',
    undefined,
  ],
  ['sets: [app]', 'bad-setting', 'line 1: sets must be a mapping of keys to values', undefined],
  ['sets:\n  app:\n', 'bad-setting', 'line 2: sets.app must be a mapping of keys to values', undefined],
  [
    'sets:\n  My App: {}',
    'bad-setting',
    'line 2: the key sets.My App is not a name',
    'lower-case letters, digits, dots, dashes and underscores, at most 63',
  ],
  [
    'sets: { a: { objectives: { rpo: soon } } }',
    'bad-setting',
    'line 1: sets.a.objectives.rpo must be a duration such as 30m, 6h or 7d',
    undefined,
  ],
  [
    'sets: { a: { retention: { last: -1 } } }',
    'bad-setting',
    'line 1: sets.a.retention.last must be a whole number, 0 or more',
    undefined,
  ],
  [
    'sets: { a: { retention: { within: 90 } } }',
    'bad-setting',
    'line 1: sets.a.retention.within must be text: a duration such as 30m, 6h or 7d',
    undefined,
  ],
  [
    'sets: { a: { retention: { tags: [release] } } }',
    'bad-setting',
    'line 1: sets.a.retention.tags.0 must be KEY=VALUE',
    undefined,
  ],
  ['prune: always', 'bad-setting', 'line 1: prune must be after-backup or by-hand', undefined],
  [
    'sets: { a: { restore: { modes: { x: 0444 } } } }',
    'bad-setting',
    'line 1: sets.a.restore.modes.x must be text: octal and quoted, such as "0444"',
    undefined,
  ],
  [
    'sets: { a: { restore: { modes: { x: "4755" } } } }',
    'bad-setting',
    'line 1: sets.a.restore.modes.x must be octal and quoted, such as "0444"',
    undefined,
  ],
  [
    'sets: { a: { restore: { owner: root } } }',
    'bad-setting',
    'line 1: sets.a.restore.owner must be numeric and quoted, such as "1000:1000"',
    undefined,
  ],
  ['pin: { vault: x }', 'bad-setting', 'line 1: pin needs generation', undefined],
  ['[1, 2]', 'bad-setting', 'line 1: the file must be a mapping of keys to values', undefined],
  ['just words', 'bad-setting', 'line 1: the file must be a mapping of keys to values', undefined],
  [
    '__proto__: { a: 1 }',
    'unknown-key',
    'line 1: unknown key __proto__',
    'known here: location, pin, sets, prune, objectives, drill, s3, kms, replicas, notify',
  ],
])('%j: %s', async (text, code, message, hint) => {
  expect(await refused(text)).toEqual({ code, message, hint, exitCode: 2 });
});

test.each([
  ['a: 1\na: 2', 'line 2: this is not valid YAML', 'a key is there twice'],
  ['sets:\n\tapp: {}', 'line 2: this is not valid YAML', 'indent with spaces, not tabs'],
  ['location: !!js/function x', 'line 1: this is not valid YAML', 'tags (words after !) are not allowed'],
  ['location: !secret x', 'line 1: this is not valid YAML', 'tags (words after !) are not allowed'],
  ['location: a\n---\nlocation: b', 'line 2: this is not valid YAML', 'the file must hold one document'],
  [
    'location: "a',
    'line 1: this is not valid YAML',
    'see the quotes, the colons and the indentation of that line',
  ],
])('%j is no YAML for us', async (text, message, hint) => {
  expect(await refused(text)).toEqual({ code: 'bad-yaml', message, hint, exitCode: 2 });
});

test('an alias bomb is refused before it takes memory', async () => {
  const bomb = ['x0: &x0 [a,a,a,a,a,a,a,a,a]'];
  for (let i = 1; i < 12; i++)
    bomb.push(
      `x${i}: &x${i} [${Array(9)
        .fill(`*x${i - 1}`)
        .join(',')}]`,
    );
  expect(await refused(bomb.join('\n'))).toMatchObject({ code: 'bad-yaml', hint: 'it has too many aliases' });
});

test('nesting deeper than the stack is refused', async () => {
  expect((await refused('['.repeat(200_000))).code).toBe('bad-yaml');
});

test('no value of the file is ever repeated in an error', async () => {
  for (const text of [
    'location: [hunter2]',
    'pin: hunter2',
    'hunter2',
    '"hunter2',
    'location: *hunter2',
    '%hunter2\n---\na: 1',
    'sets: { app: { root: "hunter2\\n" } }',
    'sets: { app: { include: { hunter2: hunter2 } } }',
  ]) {
    expect(JSON.stringify(await refused(text))).not.toContain('hunter2');
  }
});

const keys = fc.constantFrom(
  'location',
  'pin',
  'sets',
  'app',
  'root',
  'include',
  'restore',
  'modes',
  'owner',
  'retention',
  'objectives',
  'rpo',
  'drill',
  'streams',
  'queries',
  'commands',
  'manual',
  's3',
  '__proto__',
  'constructor',
  '<<',
);
const tree = fc.letrec((tie) => ({
  node: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(null, true, 7, -1, 1e300, '', '6h', '0444', '1:1', 'a\nb'),
    fc.array(tie('node'), { maxLength: 3 }),
    fc.dictionary(keys, tie('node'), { maxKeys: 4 }),
  ),
})).node;

test('any tree of values is taken or refused, and never breaks the parser', async () => {
  await fc.assert(
    fc.asyncProperty(tree, async (value) => {
      await parse(stringify(value)).catch((error: unknown) => {
        if (!(error instanceof StrongroomError)) throw error;
      });
    }),
    { numRuns: 300 },
  );
});

test('any text is taken or refused, and never breaks the parser', async () => {
  const words = fc.constantFrom(
    'sets',
    ':',
    ' ',
    '\n',
    '  ',
    '- ',
    '{',
    '}',
    '[',
    ']',
    '"',
    "'",
    '&a',
    '*a',
    '!t',
    '|',
    '>',
    '#',
    '---',
    '%',
    '\t',
    '?',
    '0x1',
    '~',
    '<<',
    '\u0000',
    '\ud800',
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(words, fc.string({ unit: 'binary', maxLength: 4 })), { maxLength: 40 }),
      async (parts) => {
        await parse(parts.join('')).catch((error: unknown) => {
          if (!(error instanceof StrongroomError)) throw error;
        });
      },
    ),
    { numRuns: 500 },
  );
});

test('the published schema knows every key, and no other', () => {
  const schema = JSON.parse(JSON.stringify(jsonSchema()));
  expect(schema.$schema).toBe('https://json-schema.org/draft/2020-12/schema');
  expect(Object.keys(schema.properties)).toEqual([
    'location',
    'pin',
    'sets',
    'prune',
    'objectives',
    'drill',
    's3',
    'kms',
    'replicas',
    'notify',
  ]);
  expect(schema.additionalProperties).toBe(false);
  const set = schema.properties.sets.additionalProperties;
  expect(Object.keys(set.properties)).toEqual([
    'root',
    'include',
    'exclude',
    'discover',
    'outside',
    'streams',
    'compress',
    'retention',
    'prune',
    'objectives',
    'drill',
    'restore',
    'storageClass',
  ]);
  expect(set.additionalProperties).toBe(false);
  const types = ['postgres', 'mysql', 'redis', 'sqlite', 'duckdb', 'command'];
  expect(Object.keys(set.properties.streams.additionalProperties.properties)).toEqual(types);
  const tried = set.properties.drill.properties.streams.additionalProperties.properties;
  expect(Object.keys(tried)).toEqual([...types, 'skip', 'queries']);
  expect(schema.properties.pin.required).toEqual([
    'vault',
    'generation',
    'revision',
    'recipient',
    'authority',
  ]);
  const { pattern } = set.properties.objectives.properties.rpo;
  expect(['6h', '90m', '0h', '6 h', 'h'].map((text) => new RegExp(pattern, 'u').test(text))).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
});
