// The one place that knows commander: it is built from the tables, loads the one command that is run, and gives back
// data. Nothing is printed here, and every failure of parsing becomes a UsageError.

import { Argument, Command as Commander, CommanderError, Help, Option } from 'commander';
import type { ArgSpec, Args, FlagSpec, Flags } from '../commands/command.ts';
import { globalFlags } from '../commands/global.ts';
import { type AnyCommand, type CommandRow, type Group, kebab, type Row } from '../commands/index.ts';
import { UsageError } from '../errors.ts';
import type { RawValue } from './input.ts';
import { nearest } from './suggest.ts';

/** What the command line asked for. */
export type Asked =
  | { readonly kind: 'text'; readonly text: string }
  /** Help that nobody asked for by name: words are missing. */
  | { readonly kind: 'incomplete'; readonly text: string }
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
  /** Columns for help. */
  readonly columns: number;
  readonly colour: boolean;
}

/**
 * Parses a command line; loads the module of the command that it names, and no other.
 * @param argv words after the program's name
 * @throws UsageError unknown-command, unknown-flag, missing-argument, missing-value, excess-argument
 */
export async function parseCommandLine(argv: readonly string[], options: ParseOptions): Promise<Asked> {
  let asked: Asked | undefined;
  let text = '';
  // Where the parser is: the words so far, and what could be meant there.
  let here: { path: string[]; words: string[]; flags: Flags } = { path: [], words: [], flags: {} };

  const add = (parent: Commander, row: Row, path: string[]): void => {
    const sub = parent.command(row.name).summary(row.summary);
    if ('commands' in row) {
      describe(sub.enablePositionalOptions(), row.summary, options);
      for (const below of row.commands) add(sub, below, [...path, below.name]);
    }
    loaders.set(sub, async () => {
      if ('commands' in row) here = { path, words: row.commands.map(({ name }) => name), flags: {} };
      else await fill(sub, row, path);
    });
    sub.hook('preSubcommand', (_, next) => loaders.get(next)?.());
  };
  const fill = async (sub: Commander, row: CommandRow, path: string[]): Promise<void> => {
    const command = await row.load();
    here = { path, words: [], flags: command.flags };
    declare(sub, row, command, options);
    sub.action(() => {
      const raw = collect([...lineage(sub)].map((parser) => parser.opts()));
      asked = {
        kind: 'command',
        path,
        command,
        args: sub.processedArgs as RawValue[],
        flags: pick(command.flags, raw),
        globals: pick(globalFlags, raw),
      };
    });
  };
  const loaders = new Map<Commander, () => Promise<void> | void>();

  const root = new Commander('strongroom')
    .exitOverride()
    .configureOutput({
      writeOut: (words) => (text += words),
      writeErr: (words) => (text += words),
      getOutHelpWidth: () => options.columns,
      getErrHelpWidth: () => options.columns,
      getOutHasColors: () => options.colour,
      getErrHasColors: () => options.colour,
      outputError: () => {},
    })
    .showSuggestionAfterError(false)
    .configureHelp(helpStyle)
    .enablePositionalOptions()
    .usage('[FLAGS] COMMAND …');
  root.createHelp = () => Object.assign(new Help(), helpStyle);
  describe(root, 'An encrypted vault backup for secrets and configuration.', options);
  for (const group of options.groups) {
    root.commandsGroup(`${group.heading}:`);
    for (const row of group.rows) add(root, row, [row.name]);
  }
  root.addHelpText('after', '\nstrongroom COMMAND --help shows the arguments, flags and examples of a command.');
  root.hook('preSubcommand', (_, next) => loaders.get(next)?.());
  here.words = options.groups.flatMap(({ rows }) => rows.map(({ name }) => name));

  try {
    await root.parseAsync([...helpLast(argv)], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === 'commander.helpDisplayed' || error.code === 'commander.version') return { kind: 'text', text };
    if (error.code === 'commander.help') return { kind: 'incomplete', text };
    throw usageError(error, here);
  }
  if (asked === undefined) throw new Error('the parser found no command and no error');
  return asked;
}

/** `help backup` is another way to say `backup --help`. */
function helpLast(argv: readonly string[]): readonly string[] {
  return argv[0] === 'help' ? [...argv.slice(1), '--help'] : argv;
}

function* lineage(leaf: Commander): Iterable<Commander> {
  for (let parser: Commander | null = leaf; parser !== null; parser = parser.parent) yield parser;
}

/** Merges the values of each level; the innermost, which comes first, wins. */
function collect(levels: readonly Record<string, RawValue>[]): Record<string, RawValue> {
  return Object.assign({}, ...levels.toReversed());
}

function pick(table: Flags, raw: Readonly<Record<string, RawValue>>): Record<string, RawValue> {
  return Object.fromEntries(Object.keys(table).map((key) => [key, raw[key]]));
}

/** Gives a parser its description and the flags that every command has. */
function describe(parser: Commander, description: string, options: ParseOptions): void {
  parser.description(description).helpCommand(false);
  const { help, version, ...others } = globalFlags;
  for (const [key, spec] of Object.entries(others)) parser.addOption(option(key, spec, 'Global flags:'));
  parser.version(options.version, '-V, --version', version.summary);
  parser.options.at(-1)?.helpGroup('Global flags:');
  parser.addHelpOption(new Option('-h, --help', help.summary).helpGroup('Global flags:'));
}

function declare(parser: Commander, row: CommandRow, command: AnyCommand, options: ParseOptions): void {
  const paragraphs = [capital(row.summary), ...(command.description ?? [])];
  if (command.needs !== undefined) paragraphs.push(`Needs ${command.needs}.`);
  for (const [key, spec] of Object.entries(command.flags)) parser.addOption(option(key, spec, 'Flags:'));
  describe(parser, paragraphs.join('\n\n'), options);
  for (const spec of Object.values(command.args as Args)) parser.addArgument(argument(spec));
  const examples = command.examples.map(([line, purpose]) => `  # ${purpose}\n  strongroom ${line}\n`);
  if (examples.length > 0) parser.addHelpText('after', `\nExamples:\n${examples.join('\n')}`.trimEnd());
}

const capital = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

function argument(spec: ArgSpec): Argument {
  const name = spec.repeat === true ? `${spec.value}...` : spec.value;
  return new Argument(spec.optional === true ? `[${name}]` : `<${name}>`, spec.summary + choices(spec));
}

function option(key: string, spec: FlagSpec, group: string): Option {
  const value = spec.value === undefined ? '' : ` <${spec.value}>`;
  const also = spec.env === undefined ? '' : ` (or ${spec.env})`;
  const repeat = spec.repeat === true ? '; may be repeated' : '';
  const long = `${spec.short === undefined ? '' : `-${spec.short}, `}--${kebab(key)}${value}`;
  const made = new Option(long, spec.summary + repeat + choices(spec) + also).helpGroup(group).hideHelp(spec.hidden);
  if (spec.repeat === true) {
    made.argParser((text: string, before: readonly string[] | undefined) => [...(before ?? []), text]);
  }
  return made;
}

const choices = (spec: ArgSpec | FlagSpec): string =>
  spec.choices === undefined ? '' : `: ${spec.choices.join(', ')}`;

/** Upper-case placeholders without brackets where they are required, as manual pages have them. */
const helpStyle: Partial<Help> = {
  showGlobalOptions: false,
  styleTitle: (title) => `\u001b[1m${title}\u001b[22m`,
  subcommandTerm: (parser) => parser.name(),
  optionTerm: ({ flags }) => (flags.startsWith('--') ? `    ${flags}` : flags).replace(/[<>]/g, ''),
  argumentTerm: (arg) => arg.name(),
  commandUsage(parser) {
    const names = [...lineage(parser)].map((each) => each.name()).toReversed();
    if (parser.commands.length > 0) return `${names.join(' ')} [FLAGS] COMMAND …`;
    const args = parser.registeredArguments.map(({ required, variadic, ...rest }) => {
      const name = `${(rest as Argument).name === undefined ? '' : ''}`;
      return name + String(required) + String(variadic);
    });
    return [...names, '[FLAGS]', ...args].join(' ');
  },
};

function usageError(
  error: CommanderError,
  here: { readonly path: readonly string[]; readonly words: readonly string[]; readonly flags: Flags },
): UsageError {
  // Commander quotes the word in question; a value behind `=` is cut off, since it may be a secret.
  const quoted = /'(.*)'/s.exec(error.message)?.[1] ?? '';
  const word = quoted.split(/[=\s]/)[0] ?? '';
  const name = ['strongroom', ...here.path].join(' ');
  const help = `${name} --help`;
  switch (error.code) {
    case 'commander.unknownOption': {
      const flags = [...Object.keys(here.flags), ...Object.keys(globalFlags)].map((key) => `--${kebab(key)}`);
      const near = nearest(word, flags);
      return new UsageError('unknown-flag', `unknown flag ${word}`, {
        object: word,
        hint: near === undefined ? `${help} lists the flags` : `did you mean ${near}?`,
      });
    }
    case 'commander.unknownCommand': {
      const near = nearest(word, here.words);
      return new UsageError('unknown-command', `unknown command ${[...here.path, word].join(' ')}`, {
        object: word,
        hint: near === undefined ? `${help} lists the commands` : `did you mean ${[...here.path, near].join(' ')}?`,
      });
    }
    case 'commander.missingArgument':
      return new UsageError('missing-argument', `${name} needs ${word}`, { object: word, hint: `see ${help}` });
    case 'commander.optionMissingArgument': {
      const [flag, value] = quoted.replace(/^-\w, /, '').split(' ');
      return new UsageError('missing-value', `${flag} needs a value: ${value?.replace(/[<>]/g, '')}`, {
        object: flag ?? '',
        hint: `see ${help}`,
      });
    }
    case 'commander.excessArguments':
      return new UsageError('excess-argument', `too many arguments for ${name}`, { hint: `see ${help}` });
    default:
      return new UsageError('usage', `the command line of ${name} is wrong`, { hint: `see ${help}`, cause: error });
  }
}
