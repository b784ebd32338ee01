import { expect, test } from 'vitest';
import type { EventName } from '../../src/notify/message.ts';
import { defaultsOf, KINDS, TOLD, wants } from '../../src/notify/receiver.ts';

const heard = (kind: (typeof KINDS)[number], sets?: readonly string[]) => ({
  kind,
  ...defaultsOf(kind),
  sets,
});

test('a check is told of backups, all of it, and of nothing that would hide that they stopped', () => {
  for (const event of ['start', 'success', 'failure', 'incomplete'] as const)
    expect(wants(heard('healthchecks'), { event, command: 'backup' }, [], [])).toBe(true);
  for (const command of TOLD.filter((told) => told !== 'backup'))
    expect(wants(heard('healthchecks'), { event: 'success', command }, [], [])).toBe(false);
});

test.each(KINDS.filter((kind) => kind !== 'healthchecks'))('%s is told when somebody must know', (kind) => {
  const told = (['start', 'success', 'failure', 'incomplete', 'stale', 'drill'] as EventName[]).filter(
    (event) => wants(heard(kind), { event, command: 'backup' }, ['app'], []),
  );
  expect(told).toEqual(['failure', 'incomplete', 'stale', 'drill']);
  for (const command of TOLD) expect(wants(heard(kind), { event: 'failure', command }, [], [])).toBe(true);
});

test.each([
  [['app'], true],
  [['db'], false],
  [['db', 'app'], true],
  [[], false],
])('of the set app alone, and a run of %j: %s', (sets, expected) => {
  expect(wants(heard('slack', ['app']), { event: 'failure', command: 'backup' }, sets, [])).toBe(expected);
});

test('a test message is for everybody', () => {
  const nobody = { kind: 'slack' as const, on: [], commands: [], sets: ['app'] };
  expect(wants(nobody, { event: 'test', command: 'notify test' }, ['db'], [])).toBe(true);
});

test.each([
  [undefined, ['app', 'db'], true],
  [undefined, ['app', 'db', 'other'], true],
  [undefined, ['app'], false],
  // Paths of somebody's own.
  [undefined, [], false],
  [['app'], ['app'], true],
  [['app', 'db'], ['app'], false],
  [['other'], ['app', 'db'], false],
] as const)('a check of %j takes a run of %j for a backup: %s', (asked, sets, expected) => {
  const check = heard('healthchecks', asked);
  for (const event of ['start', 'success'] as const)
    expect(wants(check, { event, command: 'backup' }, sets, ['app', 'db'])).toBe(expected);
});

test('a check of a deployment without sets takes any backup, and a failure of any is told', () => {
  expect(wants(heard('healthchecks'), { event: 'success', command: 'backup' }, ['other'], [])).toBe(true);
  expect(wants(heard('healthchecks'), { event: 'failure', command: 'backup' }, ['app'], ['app', 'db'])).toBe(
    true,
  );
});
