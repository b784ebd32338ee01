// The help texts, made from the registry and the tables of a command. Plain text in; nothing is written here.

import type { ArgSpec, Args, Example, FlagSpec, Flags } from '../commands/command.ts';
import { globalFlags } from '../commands/global.ts';
import { type AnyCommand, type FamilyRow, type Group, kebab } from '../commands/index.ts';
import { paint } from './colour.ts';
import { alternatives } from './text.ts';

export interface HelpStyle {
  readonly columns: number;
  readonly colour: boolean;
}

type Item = readonly [term: string, description: string];

interface Page {
  readonly usage: string;
  readonly paragraphs: readonly string[];
  readonly lists: readonly { readonly heading: string; readonly items: readonly Item[] }[];
  readonly examples?: readonly Example[];
  readonly last?: string;
}

/** The help of `strongroom` itself. */
export function rootHelp(groups: readonly Group[], style: HelpStyle): string {
  return page(
    {
      usage: 'strongroom COMMAND [FLAGS] …',
      paragraphs: ['An encrypted vault backup for secrets and configuration.'],
      lists: [
        ...groups.map(({ heading, rows }) => ({
          heading,
          items: rows.map(({ name, summary }): Item => [name, summary]),
        })),
        { heading: 'Flags of every command', items: flagItems(globalFlags) },
      ],
      last: 'strongroom COMMAND --help shows the arguments, flags and examples of a command.',
    },
    style,
  );
}

/** The help of a word with commands below it, such as `keys`. */
export function familyHelp(row: FamilyRow, style: HelpStyle): string {
  return page(
    {
      usage: `strongroom ${row.name} COMMAND [FLAGS] …`,
      paragraphs: [sentence(row.summary)],
      lists: [{ heading: 'Commands', items: row.commands.map(({ name, summary }): Item => [name, summary]) }],
      last: `strongroom ${row.name} COMMAND --help says more.`,
    },
    style,
  );
}

/** The help of one command. @param path its words: `['keys', 'list']` */
export function commandHelp(
  path: readonly string[],
  summary: string,
  command: AnyCommand,
  style: HelpStyle,
): string {
  const args = Object.values(command.args);
  return page(
    {
      usage: ['strongroom', ...path, '[FLAGS]', ...args.map(argumentTerm)].join(' '),
      paragraphs: [
        sentence(summary),
        ...(command.description ?? []),
        ...(command.needs === undefined ? [] : [`Needs ${command.needs}.`]),
      ],
      lists: [
        { heading: 'Arguments', items: args.map((spec): Item => [spec.value, spec.summary + choices(spec)]) },
        { heading: 'Flags', items: flagItems(command.flags) },
        { heading: 'Flags of every command', items: flagItems(globalFlags) },
      ],
      examples: command.examples,
    },
    style,
  );
}

/** How usage shows an argument: `SNAPSHOT`, `[PATH…]`. */
export function argumentTerm({ value, optional, repeat }: Args[string]): string {
  const name = repeat === true ? `${value}…` : value;
  return optional === true ? `[${name}]` : name;
}

const sentence = (summary: string): string => `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`;

function flagItems(flags: Flags): Item[] {
  return Object.entries(flags)
    .filter(([, { hidden }]) => hidden !== true)
    .map(([key, spec]) => {
      const short = spec.short === undefined ? '    ' : `-${spec.short}, `;
      const value = spec.value === undefined ? '' : ` ${spec.value}`;
      const repeat = spec.repeat === true ? '; may be repeated' : '';
      const also = spec.env === undefined ? '' : ` (or ${spec.env})`;
      return [`${short}--${kebab(key)}${value}`, spec.summary + choices(spec) + repeat + also];
    });
}

const choices = (spec: ArgSpec | FlagSpec): string =>
  spec.choices === undefined ? '' : `: ${alternatives(spec.choices)}`;

function page({ usage, paragraphs, lists, examples = [], last }: Page, style: HelpStyle): string {
  const columns = Math.max(40, Math.min(style.columns, 100));
  const title = (text: string): string =>
    paint({ style: 'bold', text: /[?]$/.test(text) ? text : `${text}:` }, style.colour);
  const shown = lists.filter(({ items }) => items.length > 0);
  const indent = 4 + Math.max(0, ...shown.flatMap(({ items }) => items.map(([term]) => term.length)));
  const item = ([term, description]: Item): string =>
    `  ${term.padEnd(indent - 2)}${wrap(description, columns - indent).join(`\n${' '.repeat(indent)}`)}`;
  const blocks = [
    `${title('Usage')} ${usage}`,
    ...paragraphs.map((text) => wrap(text, columns).join('\n')),
    ...shown.map(({ heading, items }) => [title(heading), ...items.map(item)].join('\n')),
  ];
  if (examples.length > 0) {
    const lines = examples.map(([line, purpose]) => `  # ${purpose}\n  strongroom ${line}`.trimEnd());
    blocks.push([title('Examples'), ...lines].join('\n'));
  }
  if (last !== undefined) blocks.push(wrap(last, columns).join('\n'));
  return `${blocks.join('\n\n')}\n`;
}

/** Lines of at most so many columns; a word is never broken. */
function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
