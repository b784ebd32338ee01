// The one place that knows commander: it is built from the tables, loads the one command that is run, and gives back
// data. Nothing is printed here, and every failure of parsing becomes a UsageError.

import { Argument, Command as Commander, CommanderError, Option } from 'commander';
import type { ArgSpec, FlagSpec, Flags } from '../commands/command.ts';
import { globalFlags } from '../commands/global.ts';
import { type AnyCommand, type CommandRow, type Group, kebab, type Row } from '../commands/index.ts';
import { UsageError } from '../errors.ts';
import { commandHelp, familyHelp, type HelpStyle, rootHelp } from './help.ts';
import type { RawValue } from './input.ts';
import { nearest } from './suggest.ts';

/** What the command line asked for. `incomplete` is help that nobody asked for: the command's name is missing. */
export type Asked =
  | { readonly kind: 'text' | 'incomplete'; readonly text: string }
  | {
      readonly kind: 'command';
      readonly path: readonly string[];
      readonly command: AnyCommand;
      readonly args: readonly RawValue[];
      readonly flags: Readonly<Record<string, RawValue>>;
      readonly globals: Readonly<Record<string, RawValue>>;
    };

export interface ParseOptions {
  readonly groups: readonly Group[];
  readonly version: string;
  readonly style: HelpStyle;
}

/** Where the parser is: the words so far, and what could be meant next. For messages. */
interface Place {
  readonly path: readonly string[];
  readonly words: readonly string[];
  readonly flags: Flags;
}

/**
 * Parses a command line; loads the module of the command that it names, and no other.
 * @param argv words after the program's name
 * @throws UsageError unknown-command, unknown-flag, missing-argument, missing-value, excess-argument
 */
export async function parseCommandLine(
  argv: readonly string[],
  { groups, version, style }: ParseOptions,
): Promise<Asked> {
  let asked: Asked | undefined;
  let text = '';
  const rows = groups.flatMap((group) => group.rows);
  let place: Place = { path: [], words: rows.map(({ name }) => name), flags: {} };

  // A parser below is filled when the parser above it has found its name, and not before.
  const addRows = (parser: Commander, below: readonly Row[], path: readonly string[]): void => {
    const fill = new Map<Commander, () => Promise<void> | void>();
    for (const row of below) {
      const sub = parser.command(row.name);
      const words = [...path, row.name];
      fill.set(sub, () => ('commands' in row ? addFamily(sub, row, words) : addCommand(sub, row, words)));
    }
    parser.hook('preSubcommand', (_, sub) => fill.get(sub)?.());
  };
  const addFamily = (
    parser: Commander,
    row: Row & { commands: readonly CommandRow[] },
    path: string[],
  ): void => {
    place = { path, words: row.commands.map(({ name }) => name), flags: {} };
    prepare(parser, version, () => familyHelp(row, style));
    addRows(parser, row.commands, path);
  };
  const addCommand = async (parser: Commander, row: CommandRow, path: string[]): Promise<void> => {
    const command = await row.load();
    place = { path, words: [], flags: command.flags };
    prepare(parser, version, () => commandHelp(path, row.summary, command, style));
    for (const [key, spec] of Object.entries(command.flags)) parser.addOption(option(key, spec));
    for (const spec of Object.values(command.args)) parser.addArgument(argument(spec));
    parser.action(() => {
      // The innermost wins: `strongroom --location a list --location b` is b.
      let all: Record<string, RawValue> = {};
      for (let level: Commander | null = parser; level !== null; level = level.parent) {
        all = { ...level.opts<Record<string, RawValue>>(), ...all };
      }
      asked = {
        kind: 'command',
        path,
        command,
        args: parser.processedArgs as RawValue[],
        flags: pick(command.flags, all),
        globals: pick(globalFlags, all),
      };
    });
  };

  const root = new Commander('strongroom').exitOverride().configureOutput({
    writeOut: (words) => {
      text += words;
    },
    writeErr: (words) => {
      text += words;
    },
    outputError: () => {},
    // Help comes in its final colours; commander must not take them out.
    getOutHasColors: () => true,
    getErrHasColors: () => true,
  });
  root.showSuggestionAfterError(false);
  prepare(root, version, () => rootHelp(groups, style));
  addRows(root, rows, []);
  try {
    await root.parseAsync([...helpLast(argv)], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === 'commander.helpDisplayed' || error.code === 'commander.version')
      return { kind: 'text', text };
    if (error.code === 'commander.help') return { kind: 'incomplete', text };
    throw usageError(error, place);
  }
  if (asked === undefined) throw new Error('neither a command nor an error');
  return asked;
}

/** `help backup` is another way to say `backup --help`. */
function helpLast(argv: readonly string[]): readonly string[] {
  return argv[0] === 'help' ? [...argv.slice(1), '--help'] : argv;
}

function pick(table: Flags, raw: Readonly<Record<string, RawValue>>): Record<string, RawValue> {
  return Object.fromEntries(Object.keys(table).map((key) => [key, raw[key]]));
}

/** What every parser has: our help, and the global flags. */
function prepare(parser: Commander, version: string, help: () => string): void {
  const { help: helpFlag, version: versionFlag, ...others } = globalFlags;
  parser.enablePositionalOptions().helpCommand(false);
  parser.helpInformation = help;
  parser.helpOption(`-${helpFlag.short}, --help`).version(version, `-${versionFlag.short}, --version`);
  for (const [key, spec] of Object.entries(others)) parser.addOption(option(key, spec));
}

function argument({ value, optional, repeat }: ArgSpec): Argument {
  const name = repeat === true ? `${value}...` : value;
  return new Argument(optional === true ? `[${name}]` : `<${name}>`);
}

function option(key: string, spec: FlagSpec): Option {
  const short = spec.short === undefined ? '' : `-${spec.short}, `;
  const made = new Option(`${short}--${kebab(key)}${spec.value === undefined ? '' : ` <${spec.value}>`}`);
  if (spec.repeat !== true) return made;
  return made.argParser((text: string, before: readonly string[] | undefined) => [...(before ?? []), text]);
}

function usageError(error: CommanderError, { path, words, flags }: Place): UsageError {
  // Commander quotes the word in question. What follows a `=` is cut off, since it may be a secret.
  const quoted = /'(.*)'/s.exec(error.message)?.[1] ?? '';
  const word = quoted.split('=')[0] ?? '';
  const name = ['strongroom', ...path].join(' ');
  const help = `${name} --help`;
  const did = (near: string | undefined, otherwise: string): string =>
    near === undefined ? otherwise : `did you mean ${near}?`;
  switch (error.code) {
    case 'commander.unknownOption': {
      const known = Object.keys({ ...flags, ...globalFlags }).map((key) => `--${kebab(key)}`);
      const hint = did(nearest(word, known), `${help} lists the flags`);
      return new UsageError('unknown-flag', `unknown flag ${word}`, { object: word, hint });
    }
    case 'commander.unknownCommand': {
      const near = nearest(word, words);
      const hint = did(near && [...path, near].join(' '), `${help} lists the commands`);
      return new UsageError('unknown-command', `unknown command ${[...path, word].join(' ')}`, {
        object: word,
        hint,
      });
    }
    case 'commander.missingArgument':
      return new UsageError('missing-argument', `${name} needs ${word}`, {
        object: word,
        hint: `see ${help}`,
      });
    case 'commander.optionMissingArgument': {
      const [, flag, value] = /(--\S+) <(\S+)>/.exec(quoted) ?? [];
      return new UsageError('missing-value', `${flag} needs a value, ${value}`, { hint: `see ${help}` });
    }
    case 'commander.excessArguments':
      return new UsageError('excess-argument', `too many arguments for ${name}`, { hint: `see ${help}` });
    default:
      return new UsageError('usage', `the command line of ${name} is wrong`, {
        hint: `see ${help}`,
        cause: error,
      });
  }
}
