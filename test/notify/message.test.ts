import { expect, test } from 'vitest';
import { factLines, fieldsOf, sentence } from '../../src/notify/message.ts';
import { messageOf, PATH, RUN, START, WELL } from './messages.ts';

test.each([
  [START, 'backup of app, db on web-1 (prod) began'],
  [WELL, 'backup of app, db on web-1 (prod) went well'],
  [
    {},
    'backup of app, db on web-1 (prod) failed: the store cannot be reached, refuses or is full (store-unreachable, exit code 14)',
  ],
  [
    { event: 'incomplete', exitCode: 3, codes: ['missing', 'unreadable'], sets: ['app'], env: undefined },
    'backup of app on web-1 is incomplete (missing, unreadable, exit code 3)',
  ],
  [
    { event: 'stale', command: 'health', exitCode: 5, codes: ['too-old'], sets: ['db'] },
    'health of db on web-1 (prod): backups are not as they should be (too-old, exit code 5)',
  ],
  [{ event: 'drill', command: 'drill', ok: true, sets: [], host: undefined }, 'drill (prod) went well'],
  [
    { event: 'drill', command: 'drill', exitCode: 5, codes: [], sets: ['app'] },
    'drill of app on web-1 (prod) failed (exit code 5)',
  ],
  [{ event: 'test' }, 'this is a test message from strongroom on web-1 (prod)'],
  [
    { exitCode: 77, codes: ['command-failed'], command: 'guard', sets: ['app'] },
    'guard of app on web-1 (prod) failed: the command failed, and the files were put back as before (command-failed, exit code 77)',
  ],
  // The exit code is the command's, and means what that says.
  [
    { exitCode: 13, codes: ['command-failed'], command: 'guard', sets: ['app'] },
    'guard of app on web-1 (prod) failed: the command failed, and the files were put back as before (command-failed, exit code 13)',
  ],
  [
    { exitCode: 5, codes: ['probe-failed'], command: 'guard', sets: ['app'] },
    'guard of app on web-1 (prod) failed: the probe after the command failed, and the files were put back as before (probe-failed, exit code 5)',
  ],
  [
    { exitCode: 126, codes: ['not-put-back'], command: 'guard', sets: ['app'] },
    'guard of app on web-1 (prod) failed: the files could not be put back as they were before the command (not-put-back, exit code 126)',
  ],
  [
    { exitCode: 125, codes: ['store-unreachable'], command: 'guard', sets: ['app'] },
    'guard of app on web-1 (prod) failed: it failed before the command ran (store-unreachable, exit code 125)',
  ],
] as const)('%j in one line', (changes, line) => {
  expect(sentence(messageOf(changes))).toBe(line);
});

test('of many sets and codes the first are named', () => {
  const many = Array.from({ length: 25 }, (_, i) => `name-${i}`);
  const line = sentence(messageOf({ sets: many, codes: many }));
  expect(line).toMatch(/^backup of name-0, .*name-9 and 15 more on web-1/);
  expect(line).toMatch(/\(name-0, name-1, name-2, name-3, name-4, exit code 14\)$/);
});

test('the facts, a line each, and the details after them', () => {
  expect(factLines(messageOf({ details: [PATH], vault: 'shop' }))).toEqual([
    'snapshots: 20261120T055812Z-7k3f9q',
    'vault: shop',
    'files: 12',
    'bytes: 3456',
    'seconds: 1.5',
    'time: 2026-11-20T05:58:12.000Z',
    `run: ${RUN}`,
    PATH,
  ]);
});

test('how long it took is said once, whatever is counted', () => {
  const lines = factLines(messageOf({ counts: { files: 12, seconds: 0.161 } }));
  expect(lines.filter((line) => line.startsWith('seconds: '))).toEqual(['seconds: 1.5']);
});

test('the fields for programs', () => {
  expect(JSON.parse(JSON.stringify(fieldsOf(messageOf())))).toEqual({
    source: 'strongroom',
    text: sentence(messageOf()),
    event: 'failure',
    command: 'backup',
    ok: false,
    sets: ['app', 'db'],
    snapshots: ['20261120T055812Z-7k3f9q'],
    host: 'web-1',
    env: 'prod',
    vault_id: '9w6a8wy1bptmg1enqf19wyya51',
    exit_code: 14,
    codes: ['store-unreachable'],
    counts: { files: 12, bytes: 3456 },
    seconds: 1.5,
    run: RUN,
    time: '2026-11-20T05:58:12.000Z',
  });
  expect(fieldsOf(messageOf({ details: [PATH] }))).toMatchObject({ details: [PATH] });
});
