// What a command is: data. Its words, its tables of arguments and flags, a function that does the work and two
// views of the result. Parsing, help, completions and documents are made from the tables, elsewhere and once.
// A command never prints, never prompts by itself and never sets an exit code: it asks its context.

import type { Context } from './context.ts';

/** A positional argument; the key in the table is its name in `input.args`. */
export interface ArgSpec {
  /** How help calls it, upper case: `SNAPSHOT`. */
  readonly value: string;
  readonly summary: string;
  readonly optional?: boolean;
  /** Takes all that follow; only the last argument may. */
  readonly repeat?: boolean;
  readonly choices?: readonly string[];
}

/** A flag; the key in the table is its name in `input.flags`, and in kebab case on the command line. */
export interface FlagSpec {
  readonly summary: string;
  /** Placeholder of its value, upper case: `DIR`. A flag without one is a switch. */
  readonly value?: string;
  /** One letter, without the dash. */
  readonly short?: string;
  /** May be given more than once; always a list in the input. */
  readonly repeat?: boolean;
  readonly choices?: readonly string[];
  /** What completion offers where other values will do too. */
  readonly offers?: readonly string[];
  /** Environment variable that stands in for the flag; the flag wins. */
  readonly env?: string;
  /** Left out of help and completions. */
  readonly hidden?: boolean;
  /** How a value looks, for who typed another: `a whole number and h, d or w, such as 36h`. */
  readonly form?: string;
  /** Text to value; `undefined` says that the text is no such value. */
  readonly parse?: (text: string) => unknown;
}

export type Args = Readonly<Record<string, ArgSpec>>;
export type Flags = Readonly<Record<string, FlagSpec>>;

type Text<S> = S extends { readonly parse: (text: string) => infer T }
  ? Exclude<T, undefined>
  : S extends { readonly choices: readonly (infer C extends string)[] }
    ? C
    : string;

type ArgValue<S> = S extends { readonly repeat: true }
  ? Text<S>[]
  : S extends { readonly optional: true }
    ? Text<S> | undefined
    : Text<S>;

type FlagValue<S> = S extends { readonly repeat: true }
  ? Text<S>[]
  : S extends { readonly value: string }
    ? Text<S> | undefined
    : boolean;

/** What the command line said, typed by the tables. */
export interface Input<A extends Args = Args, F extends Flags = Flags> {
  readonly args: { readonly [K in keyof A]: ArgValue<A[K]> };
  readonly flags: { readonly [K in keyof F]: FlagValue<F[K]> };
}

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | undefined
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/** The fields of one JSON line; `undefined` fields are left out. */
export type Fields = { readonly [key: string]: JsonValue };

/** One example of the help text: a command line without `strongroom`, and what it is for. */
export type Example = readonly [commandLine: string, purpose: string];

/**
 * Results, not exceptions: 0 done, 3 done in part, 4 differences found, 5 a check failed, 11 the real run would be
 * refused, 12 a key does not open, 13 faults found.
 */
export type ResultCode = 0 | 3 | 4 | 5 | 11 | 12 | 13;

/** A command: tables, work and views. Its name and summary are in its row of the registry. */
export interface Command<A extends Args = Args, F extends Flags = Flags, R = unknown> {
  /** Paragraphs of the command's own help, one string each, below the summary. */
  readonly description?: readonly string[];
  readonly args: A;
  readonly flags: F;
  readonly examples: readonly Example[];
  /** What it takes, for help: `read access and one way to open the vault`. */
  readonly needs?: string;
  /** `bytes`: the work itself writes to `context.stdout`, so that a JSON summary goes to stderr. */
  readonly stdout?: 'views' | 'bytes';
  /** The command writes the config file, so that `--config` names one that need not be there yet. */
  readonly makesConfig?: true;
  /** Does the work. @throws StrongroomError for every failure that was thought of */
  run(input: Input<A, F>, context: Context): Promise<R> | R;
  /** The result for people. */
  human(result: R, out: Out): void;
  /** The result for programs: `line` writes one line each, what is returned becomes the last, the summary. */
  json(result: R, line: (messageType: string, fields: Fields) => void): Fields;
  /** The exit code of a result; 0 where this is missing. */
  exitCode?(result: R): ResultCode;
}

/** Types a command by its own tables. Does nothing else. */
export function defineCommand<const A extends Args, const F extends Flags, R>(
  command: Command<A, F, R>,
): Command<A, F, R> {
  return command;
}

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow';

/** A piece of text in a style; its text is made safe for a terminal when it is written. */
export interface Styled {
  readonly style: Style;
  readonly text: string;
}

/** What may be shown. Strings need no escaping by the caller: control characters never get through. */
export type Shown = string | Styled;

export interface Column {
  readonly head: string;
  readonly align?: 'left' | 'right';
}

/** Where a view writes: stdout, with every name made safe for a terminal. */
export interface Out {
  readonly verbose: boolean;
  /** A line of the result: what was asked for, so `--quiet` leaves it. */
  line(...parts: Shown[]): void;
  /** A line that only reports success: `--quiet` drops it, unless the exit code is not 0. */
  note(...parts: Shown[]): void;
  table(columns: readonly Column[], rows: readonly (readonly Shown[])[]): void;
  /** Text of our own making, written as it is: a script, a schema. Never a name, never a stored byte. */
  raw(text: string): void;
  /** Text in a style, where colours are on. */
  styled(style: Style, text: string): Styled;
  /** `12.3 MiB`. */
  size(bytes: number): string;
  /** `3 hours ago`, against the clock of the context. */
  age(time: Date): string;
  /** `2026-11-20 05:58:12 UTC`. */
  time(time: Date): string;
  /** `1 file`, `12 files`; the plural is given where it is no plain `s`. */
  count(n: number, singular: string, plural?: string): string;
}
