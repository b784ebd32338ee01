import { beforeAll, expect, expectTypeOf, test } from 'vitest';
import { defineCommand, type Input } from '../../src/commands/command.ts';
import { globalFlags } from '../../src/commands/global.ts';
import { type AnyCommand, everyCommand, kebab, registry } from '../../src/commands/index.ts';

let commands: { name: string; summary: string; command: AnyCommand }[];
beforeAll(async () => {
  commands = await Promise.all(
    everyCommand().map(async ({ path, row }) => ({
      name: path.join(' '),
      summary: row.summary,
      command: await row.load(),
    })),
  );
});

test('names are words, each given once', () => {
  const names = commands.map(({ name }) => name);
  expect(names.filter((name) => !/^[a-z]+( [a-z]+)?$/.test(name))).toEqual([]);
  expect(new Set(names).size).toBe(names.length);
});

test('no command has a flag or a letter of every command, or a letter twice', () => {
  const common = Object.entries(globalFlags);
  const letters = common.flatMap(([, spec]) => ('short' in spec ? [spec.short] : []));
  for (const { name, command } of commands) {
    const own = Object.entries(command.flags);
    const short = [...letters, ...own.flatMap(([, spec]) => spec.short ?? [])];
    expect([name, own.filter(([key]) => Object.hasOwn(globalFlags, key))]).toEqual([name, []]);
    expect([name, new Set(short).size]).toEqual([name, short.length]);
  }
});

test('flags are in camel case, and none begins with no: the parser would turn it round', () => {
  const keys = commands.flatMap(({ command }) => Object.keys(command.flags));
  expect(keys.filter((key) => !/^[a-z]+([A-Z][a-z]+)*$/.test(key) || /^no[A-Z]/.test(key))).toEqual([]);
  expect(kebab('skipUnchanged')).toBe('skip-unchanged');
});

test('placeholders are upper case, and only the last argument repeats', () => {
  for (const { name, command } of commands) {
    const specs = [...Object.values(command.flags), ...Object.values(command.args)];
    expect([name, specs.filter(({ value = 'X' }) => value !== value.toUpperCase())]).toEqual([name, []]);
    const args = Object.values(command.args);
    expect([name, args.slice(0, -1).filter(({ repeat }) => repeat)]).toEqual([name, []]);
    const optional = args.findIndex((arg) => arg.optional);
    expect([name, optional < 0 || args.slice(optional).every((arg) => arg.optional)]).toEqual([name, true]);
  }
});

test('summaries are phrases without a full stop, and every command has an example of itself', () => {
  for (const { name, summary, command } of commands) {
    const all = [summary, ...Object.values(command.flags).map((flag) => flag.summary)];
    expect([name, all.filter((text) => text === '' || text.endsWith('.'))]).toEqual([name, []]);
    expect([name, command.examples.length > 0]).toEqual([name, true]);
    expect([name, command.examples.filter(([line]) => !line.includes(name))]).toEqual([name, []]);
  }
});

test('whoever types a value that a flag refuses is told how one looks', () => {
  for (const { name, command } of commands) {
    const flags = Object.values(command.flags).filter(({ parse }) => parse !== undefined);
    // A flag that refuses nothing has nothing to tell.
    const refusing = flags.filter(({ parse }) => parse?.('?') === undefined);
    expect([name, refusing.filter(({ form }) => form === undefined)]).toEqual([name, []]);
  }
});

test('the input of a command is typed by its tables', () => {
  const command = defineCommand({
    args: {
      one: { value: 'ONE', summary: '' },
      maybe: { value: 'MAYBE', summary: '', optional: true, choices: ['a', 'b'] },
      rest: { value: 'REST', summary: '', optional: true, repeat: true },
    },
    flags: {
      dryRun: { summary: '' },
      name: { value: 'NAME', summary: '' },
      tag: { value: 'TAG', summary: '', repeat: true },
      how: { value: 'HOW', summary: '', choices: ['x', 'y'] },
      at: { value: 'TIME', summary: '', parse: (text: string): Date | undefined => new Date(text) },
    },
    examples: [],
    run: (input) => input,
    human(result) {
      expectTypeOf(result.args).toEqualTypeOf<{
        readonly one: string;
        readonly maybe: 'a' | 'b' | undefined;
        readonly rest: string[];
      }>();
      expectTypeOf(result.flags).toEqualTypeOf<{
        readonly dryRun: boolean;
        readonly name: string | undefined;
        readonly tag: string[];
        readonly how: 'x' | 'y' | undefined;
        readonly at: Date | undefined;
      }>();
    },
    json: () => ({}),
  });
  expectTypeOf(command.run).parameter(0).toExtend<Input>();
  expect(command.examples).toEqual([]);
});

test('every row of the registry loads a command', () => {
  expect(registry.map(({ heading }) => heading)).toEqual(['Everyday', 'Is it fine?', 'Upkeep']);
  expect(commands.filter(({ command }) => typeof command.run !== 'function')).toEqual([]);
});
