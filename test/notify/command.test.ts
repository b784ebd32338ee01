import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { deliver, type Limits, type Target } from '../../src/notify/deliver.ts';
import { fieldsOf } from '../../src/notify/message.ts';
import { scratch } from '../support/vault.ts';
import { messageOf } from './messages.ts';

const QUICK: Limits = { tries: 2, perTry: 5000, inAll: 8000, pause: 1 };

function program(cwd: string, ...run: string[]): Target {
  return { kind: 'command', run, cwd, env: { PATH: process.env.PATH, ONLY: 'this' } };
}

test('a program gets the message on its standard input, in its directory, and the environment given', async () => {
  const cwd = scratch();
  await deliver(program(cwd, 'sh', '-c', 'cat > message; env > environment'), messageOf(), QUICK);
  const message = readFileSync(join(cwd, 'message'), 'utf8');
  expect(JSON.parse(message)).toEqual(JSON.parse(JSON.stringify(fieldsOf(messageOf()))));
  expect(message.endsWith('}\n')).toBe(true);
  const names = readFileSync(join(cwd, 'environment'), 'utf8')
    .split('\n')
    .map((line) => line.split('=')[0]);
  expect(names).toContain('ONLY');
  expect(names.filter((name) => /^(?:HOME|USER|VITEST.*)$/.test(name ?? ''))).toEqual([]);
});

test('no shell looks at its arguments', async () => {
  const cwd = scratch();
  await deliver(program(cwd, 'touch', '$(echo x); y'), messageOf(), QUICK);
  expect(existsSync(join(cwd, '$(echo x); y'))).toBe(true);
});

test('a program that reads nothing and ends well has been told', async () => {
  await deliver(program(scratch(), 'true'), messageOf({ details: ['x'.repeat(1_000_000)] }), QUICK);
});

test('one that fails is run again, and then it is said how it ended', async () => {
  const cwd = scratch();
  const run = program(cwd, 'sh', '-c', 'echo x >> runs; echo secret >&2; exit 7');
  await expect(deliver(run, messageOf(), QUICK)).rejects.toMatchObject({
    message: 'it ended with exit code 7',
  });
  expect(readFileSync(join(cwd, 'runs'), 'utf8')).toBe('x\nx\n');
});

test('one that is not there is not looked for twice', async () => {
  await expect(deliver(program(scratch(), './no-such'), messageOf(), QUICK)).rejects.toMatchObject({
    message: 'it was not started (ENOENT)',
    again: false,
  });
});

test('one that does not end is ended, with all that it has started', async () => {
  const cwd = scratch();
  const run = program(cwd, 'sh', '-c', 'sh -c "sleep 1; touch late" & wait');
  await expect(deliver(run, messageOf(), { ...QUICK, tries: 1, perTry: 200 })).rejects.toMatchObject({
    message: 'it did not answer in time',
  });
  await new Promise((resolve) => setTimeout(resolve, 1300));
  expect(existsSync(join(cwd, 'late'))).toBe(false);
});

test.skipIf(process.platform !== 'linux')('and with what it has put into a session of its own', async () => {
  const cwd = scratch();
  const run = program(cwd, 'sh', '-c', 'setsid sh -c "sleep 1; touch late" & touch began; wait');
  await expect(deliver(run, messageOf(), { ...QUICK, tries: 1, perTry: 400 })).rejects.toMatchObject({
    message: 'it did not answer in time',
  });
  expect(existsSync(join(cwd, 'began'))).toBe(true);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  expect(existsSync(join(cwd, 'late'))).toBe(false);
});
