// Raw words of the command line to the typed input of a command: environment, choices and parsers. A value is never
// echoed: a secret typed in the wrong place must not come back in a log.

import type { ArgSpec, Args, FlagSpec, Flags, Input } from '../commands/command.ts';
import type { Environment } from '../commands/context.ts';
import { kebab } from '../commands/index.ts';
import { UsageError } from '../errors.ts';
import { nearest } from './suggest.ts';
import { alternatives } from './text.ts';

/** What commander found: text, texts, or a switch. */
export type RawValue = string | readonly string[] | boolean | undefined;

/**
 * Checks and converts what the command line said.
 * @param rawArgs in the order of the table
 * @throws UsageError bad-value
 */
export function readInput(
  tables: { readonly args: Args; readonly flags: Flags },
  rawArgs: readonly RawValue[],
  rawFlags: Readonly<Record<string, RawValue>>,
  env: Environment,
): Input {
  const args = Object.entries(tables.args).map(([key, spec], i) => [key, read(spec, spec.value, rawArgs[i])]);
  const flags = Object.entries(tables.flags).map(([key, spec]) => {
    const raw = rawFlags[key] ?? fromEnvironment(spec, env);
    return [key, spec.value === undefined ? raw === true : read(spec, `--${kebab(key)}`, raw)];
  });
  return { args: Object.fromEntries(args), flags: Object.fromEntries(flags) };
}

function fromEnvironment(spec: FlagSpec, env: Environment): RawValue {
  const text = spec.env === undefined ? undefined : env[spec.env];
  // An empty variable is an unset one: that is how a unit file or a shell takes a setting back.
  if (text === undefined || text === '') return undefined;
  if (spec.value === undefined) return text !== '0';
  return spec.repeat === true ? [text] : text;
}

function read(spec: ArgSpec | FlagSpec, name: string, raw: RawValue): unknown {
  if (spec.repeat === true) {
    const texts = Array.isArray(raw) ? raw : [];
    return texts.map((text) => convert(spec, name, text));
  }
  return typeof raw === 'string' ? convert(spec, name, raw) : undefined;
}

function convert(spec: ArgSpec | FlagSpec, name: string, text: string): unknown {
  if (spec.choices !== undefined && !spec.choices.includes(text)) {
    const near = nearest(text, spec.choices);
    throw new UsageError('bad-value', `${name} takes ${alternatives(spec.choices)}`, {
      object: name,
      ...(near === undefined ? {} : { hint: `did you mean ${near}?` }),
    });
  }
  if (!('parse' in spec) || spec.parse === undefined) return text;
  const value = spec.parse(text);
  if (value === undefined) {
    throw new UsageError('bad-value', `the value of ${name} is not a valid ${spec.value ?? 'value'}`, {
      object: name,
      ...(spec.form === undefined ? {} : { hint: `give ${spec.form}` }),
    });
  }
  return value;
}
