import { expect, test } from 'vitest';
import { StreamError } from '../../src/capture/stream.ts';
import { failureOf, makeOut, renderFailure, renderNotice, renderWarning } from '../../src/cli/render.ts';
import type { Out } from '../../src/commands/command.ts';
import { ConflictError, InterruptedError, StrongroomError } from '../../src/errors.ts';

const plain = { json: false, colour: false };
const json = { json: true, colour: false };

function written(show: (out: Out) => void, { colour = false, verbose = false } = {}) {
  let text = '';
  let notes = '';
  show(
    makeOut({
      write: (more) => {
        text += more;
      },
      note: (more) => {
        notes += more;
      },
      colour,
      verbose,
      now: () => new Date('2026-11-20T12:00:00Z'),
    }),
  );
  return { text, notes };
}

test('a failure is one line and a hint', () => {
  const error = new ConflictError('target-exists', 'the target ./out exists', {
    hint: 'choose another',
    object: './out',
  });
  expect(renderFailure(error, plain, false)).toBe(
    'strongroom: error: the target ./out exists\nstrongroom: hint: choose another\n',
  );
  expect(renderFailure(error, json, false)).toBe(
    '{"message_type":"exit_error","code":"target-exists","exit_code":11,"message":"the target ./out exists","hint":"choose another","object":"./out"}\n',
  );
  expect(renderFailure(new StrongroomError('odd', 'it is odd'), plain, false)).toBe(
    'strongroom: error: it is odd\n',
  );
  expect(renderFailure(new StrongroomError('odd', 'it is odd'), json, false)).toBe(
    '{"message_type":"exit_error","code":"odd","exit_code":1,"message":"it is odd"}\n',
  );
});

test('what a tool said stands below its failure, safe and not too much of it', () => {
  const error = (stderr: string) =>
    new StreamError('stream-failed', 'stream db: mariadb failed with status 1', { stderr, hint: 'look' });
  expect(
    renderFailure(error('ERROR 1146 at line 3: ***\n\n***\n--------\n  a\u001b[2Jb\u202e\n'), plain, false),
  ).toBe(
    'strongroom: error: stream db: mariadb failed with status 1\n  ERROR 1146 at line 3: ***\n    a\\x1b[2Jb\\u202e\nstrongroom: hint: look\n',
  );
  const many = Array.from({ length: 30 }, (_, i) => `line ${i + 1}`).join('\n');
  expect(renderFailure(error(many), plain, false).split('\n').slice(1, -2)).toEqual([
    '  …',
    ...many
      .split('\n')
      .slice(-10)
      .map((line) => `  ${line}`),
  ]);
  expect(JSON.parse(renderFailure(error(many), json, false))).toMatchObject({ detail: many });
  expect(renderFailure(error(''), json, false)).not.toContain('detail');
  expect(renderFailure(error(''), plain, false).split('\n')).toHaveLength(3);
});

test('colours mark the label only', () => {
  const error = new StrongroomError('odd', 'it is odd', { hint: 'look' });
  expect(renderFailure(error, { json: false, colour: true }, false)).toBe(
    'strongroom: \u001b[31merror:\u001b[39m it is odd\nstrongroom: \u001b[1mhint:\u001b[22m look\n',
  );
});

test('names in a failure cannot steer the terminal', () => {
  const error = new StrongroomError('odd', 'a\u001b[2J\nb', { hint: 'c\rd' });
  expect(renderFailure(error, plain, false)).toBe(
    'strongroom: error: a\\x1b[2J\\nb\nstrongroom: hint: c\\rd\n',
  );
  expect(renderFailure(error, json, false)).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
});

test('an interruption is no error', () => {
  const error = new InterruptedError('interrupted', 'interrupted');
  expect(renderFailure(error, plain, false)).toBe('strongroom: interrupted\n');
  expect(failureOf(error).exitCode).toBe(130);
});

test.each<[unknown, string]>([
  [new TypeError('hunter2'), 'TypeError'],
  [Object.assign(new Error('ENOENT: hunter2'), { code: 'ENOENT' }), 'Error ENOENT'],
  [Object.assign(new Error('x'), { code: 'hunter2' }), 'Error'],
  [Object.assign(new Error('x'), { name: 'hunter2\n' }), 'Error'],
  ['hunter2', 'string'],
  [undefined, 'undefined'],
])('anything else is a bug, of which only the kind is said', (error, kind) => {
  const text = renderFailure(error, plain, false);
  expect(text).toBe(
    `strongroom: error: internal error (a bug in strongroom): ${kind}\nstrongroom: hint: please report it; STRONGROOM_DEBUG=1 shows where it happened, and may show names and values\n`,
  );
  expect(failureOf(error)).toMatchObject({ code: 'internal-error', exitCode: 1 });
});

test('a stack is shown when it is asked for, with its causes', () => {
  const error = new StrongroomError('odd', 'it is odd', { cause: new RangeError('why') });
  const text = renderFailure(error, plain, true);
  expect(text).toMatch(
    /^StrongroomError: it is odd\n {4}at .*\ncaused by RangeError: why\n {4}at .*\nstrongroom: error: it is odd\n$/s,
  );
});

test('warnings and notices', () => {
  expect(renderWarning('skipped', 'a FIFO', { hint: 'exclude it' }, plain)).toBe(
    'strongroom: warning: a FIFO\nstrongroom: hint: exclude it\n',
  );
  expect(renderWarning('skipped', 'a FIFO', { object: 'x' }, json)).toBe(
    '{"message_type":"warning","code":"skipped","message":"a FIFO","object":"x"}\n',
  );
  expect(renderNotice('newest is x', plain)).toBe('strongroom: newest is x\n');
  expect(renderNotice('newest is x', json)).toBe('{"message_type":"notice","message":"newest is x"}\n');
});

test('a table keeps its columns, whatever the names', () => {
  const { text } = written((out) =>
    out.table(
      [{ head: 'NAME' }, { head: 'SIZE', align: 'right' }, { head: 'NOTE' }],
      [
        ['a', '1 B', ''],
        ['東京\n', '1.0 KiB', 'x'],
        [out.styled('red', 'bad'), '', 'y'],
      ],
    ),
  );
  expect(text).toBe(`\
NAME       SIZE  NOTE
a           1 B
東京\\n  1.0 KiB  x
bad              y
`);
});

test('a table of as many rows as a vault has snapshots is drawn', () => {
  const { text } = written((out) =>
    out.table(
      [{ head: 'N' }],
      Array.from({ length: 200_000 }, (_, i) => [String(i)]),
    ),
  );
  expect(text.split('\n')).toHaveLength(200_002);
});

test('strings in a line are made safe, styles are not', () => {
  const show = (out: Out): void =>
    out.line('\u001b[1m', out.styled('bold', 'a\u001b'), out.styled('dim', ''));
  expect(written(show).text).toBe('\\x1b[1ma\\x1b\n');
  expect(written(show, { colour: true }).text).toBe('\\x1b[1m\u001b[1ma\\x1b\u001b[22m\n');
});

test('notes go another way, and the formats are at hand', () => {
  const { text, notes } = written((out) => {
    out.note('saved');
    out.line(
      [
        out.size(2048),
        out.age(new Date('2026-11-20T09:00:00Z')),
        out.time(new Date(0)),
        out.count(2, 'file'),
      ].join(', '),
    );
  });
  expect(notes).toBe('saved\n');
  expect(text).toBe('2.0 KiB, 3 hours ago, 1970-01-01 00:00:00 UTC, 2 files\n');
});
