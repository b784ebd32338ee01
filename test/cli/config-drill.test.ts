import { expect, test } from 'vitest';
import { parseConfig } from '../../src/cli/config.ts';

const parse = (text: string) => parseConfig(text, '/srv/shop/strongroom.yaml', '/home/me');
const HOUR = 3_600_000;

test('objectives of the whole and of a set, in milliseconds, and neither is the other', async () => {
  const { objectives, sets } = await parse(`
objectives: { rpo: 6h, rto: 4h, drill: 90d }
sets:
  app: { objectives: { rto: 1h, drill: 7d } }
  db: {}
`);
  expect(objectives).toEqual({ rpo: 6 * HOUR, rto: 4 * HOUR, drill: 90 * 24 * HOUR });
  expect(sets.get('app')?.objectives).toEqual({ rto: HOUR, drill: 7 * 24 * HOUR });
  expect(sets.get('db')?.objectives).toEqual({});
});

test('what a drill of a set tries', async () => {
  const { drill, sets } = await parse(`
drill: { manual: [DNS points at the new machine], scratch: tmp/drill }
sets:
  app:
    streams:
      db: { postgres: { database: shop } }
      users: { sqlite: { file: users.db } }
      cache: { redis: {} }
    drill:
      streams:
        db:
          postgres: { database: shop, host: scratch.internal }
          queries:
            - { query: "SELECT count(*)\\nFROM trades", expect: ">0" }
            - { query: SELECT 1 }
        cache: { skip: true }
      commands:
        - { name: smoke, run: [./smoke.sh, --quick], timeout: 5m }
        - { name: more, run: [./more.sh] }
      manual: [Log in as a customer]
`);
  expect(drill).toEqual({ manual: ['DNS points at the new machine'], scratch: '/srv/shop/tmp/drill' });
  expect(sets.get('app')?.drill).toEqual({
    streams: new Map([
      [
        'db',
        {
          settings: { type: 'postgres', settings: { database: 'shop', host: 'scratch.internal' } },
          skip: false,
          queries: [
            { query: 'SELECT count(*)\nFROM trades', expect: '>0' },
            { query: 'SELECT 1', expect: undefined },
          ],
        },
      ],
      ['cache', { skip: true, queries: [] }],
    ]),
    commands: [
      { name: 'smoke', run: ['./smoke.sh', '--quick'], timeoutMs: 300_000 },
      { name: 'more', run: ['./more.sh'], timeoutMs: 600_000 },
    ],
    manual: ['Log in as a customer'],
  });
});

const streams = 'streams: { db: { postgres: { database: shop } } }';
test.each([
  [
    `sets: { a: { ${streams}, drill: { streams: { dbb: {} } } } }`,
    'sets.a.drill.streams.dbb is of no stream of the set',
    'it has: db',
  ],
  [
    'sets: { a: { drill: { streams: { db: {} } } } }',
    'sets.a.drill.streams.db is of no stream of the set',
    'give it one in sets.a.streams',
  ],
  [
    `sets: { a: { ${streams}, drill: { streams: { db: { mysql: { database: shop } } } } } }`,
    'sets.a.drill.streams.db is of another kind than the stream',
    'the stream is of the kind postgres',
  ],
  [
    `sets: { a: { ${streams}, drill: { streams: { db: { postgres: {}, mysql: {} } } } } }`,
    'sets.a.drill.streams.db is of another kind than the stream',
    'the stream is of the kind postgres',
  ],
  [
    `sets: { a: { ${streams}, drill: { streams: { db: { skip: true, queries: [{ query: x }] } } } } }`,
    'sets.a.drill.streams.db is skipped, and yet says how it is loaded or asked',
    'take out skip, or the rest',
  ],
  [
    'sets: { a: { drill: { commands: [{ name: x, run: [] }] } } }',
    'sets.a.drill.commands.0 needs a run that is not empty',
    undefined,
  ],
  [
    'sets: { a: { drill: { commands: [{ name: x, run: [a] }, { name: x, run: [b] }] } } }',
    'sets.a.drill.commands.1 has the name of another one, x',
    undefined,
  ],
  [
    `sets: { a: { ${streams}, drill: { streams: { db: { queries: [{ query: x, expect: 3 }] } } } } }`,
    'line 1: sets.a.drill.streams.db.queries.0.expect must be text',
    'put it in quotes: expect: "3"',
  ],
  [
    `sets: { a: { ${streams}, drill: { streams: { db: { queries: [{ expect: "3" }] } } } } }`,
    'line 1: sets.a.drill.streams.db.queries.0 needs query',
    undefined,
  ],
  [
    `sets: { a: { ${streams}, drill: { streams: { db: { querys: [] } } } } }`,
    'line 1: unknown key sets.a.drill.streams.db.querys',
    'did you mean queries?',
  ],
  [
    'sets: { a: { objectives: { rto: 0h } } }',
    'line 1: sets.a.objectives.rto must be a duration such as 30m, 6h or 7d',
    undefined,
  ],
  ['drill: { streams: {} }', 'line 1: unknown key drill.streams', 'known here: manual, scratch'],
])('%s is refused', async (text, message, hint) => {
  const error = await parse(text).catch((caught: unknown) => caught);
  expect(error).toMatchObject({ message: expect.stringContaining(message), exitCode: 2 });
  expect((error as { hint?: string }).hint).toBe(hint);
});
