import { expect, test } from 'vitest';
import { readInput } from '../../src/cli/input.ts';
import { UsageError } from '../../src/errors.ts';

const tables = {
  args: { how: { value: 'HOW', summary: '', choices: ['fast', 'slow'], optional: true } },
  flags: {
    name: { value: 'NAME', summary: '', env: 'SAMPLE_NAME' },
    tag: { value: 'TAG', summary: '', repeat: true, env: 'SAMPLE_TAG' },
    dryRun: { summary: '', env: 'SAMPLE_DRY_RUN' },
    level: {
      value: 'N',
      summary: '',
      form: 'a whole number',
      parse: (text: string) => (/^\d$/.test(text) ? Number(text) : undefined),
    },
  },
} as const;

test('a flag goes over the environment, and an empty variable is none', () => {
  const env = { SAMPLE_NAME: 'env', SAMPLE_TAG: 'one', SAMPLE_DRY_RUN: '1' };
  expect(readInput(tables, [], { name: 'flag' }, env).flags).toEqual({
    name: 'flag',
    tag: ['one'],
    dryRun: true,
    level: undefined,
  });
  expect(readInput(tables, [], {}, env).flags).toMatchObject({ name: 'env' });
  expect(readInput(tables, [], {}, { SAMPLE_NAME: '', SAMPLE_TAG: '', SAMPLE_DRY_RUN: '0' })).toEqual({
    args: { how: undefined },
    flags: { name: undefined, tag: [], dryRun: false, level: undefined },
  });
});

test('a value is held to its choices and its parser', () => {
  expect(readInput(tables, ['slow'], { level: '7' }, {})).toMatchObject({
    args: { how: 'slow' },
    flags: { level: 7 },
  });
});

test.each([
  [['quick'], {}, 'HOW takes fast or slow', undefined],
  [['slo'], {}, 'HOW takes fast or slow', 'did you mean slow?'],
  [[], { level: 'hunter2' }, 'the value of --level is not a valid N', 'give a whole number'],
])('%j %j is refused without being repeated', (args, flags, message, hint) => {
  try {
    readInput(tables, args, flags, {});
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    expect(error).toMatchObject({ code: 'bad-value', message, hint });
  }
});
