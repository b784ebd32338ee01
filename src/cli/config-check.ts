// Checks a value against a shape of config-schema.ts. Says which setting is wrong, and never what was in it.

import type { Shape } from './config-shape.ts';
import { nearest } from './suggest.ts';
import { clip } from './text.ts';

/** What is wrong, and where. */
export interface Problem {
  readonly code: 'unknown-key' | 'bad-setting';
  /** Keys from the top: `['sets', 'app', 'root']`. */
  readonly path: readonly string[];
  /** Whether the key itself is wrong rather than its value. */
  readonly atKey: boolean;
  readonly message: string;
  readonly hint: string | undefined;
}

/** The first thing that is wrong with a value; undefined when it fits its shape. */
export function firstProblem(
  value: unknown,
  shape: Shape,
  path: readonly string[] = [],
): Problem | undefined {
  const wrong = (what: string): Problem => ({
    code: 'bad-setting',
    path,
    atKey: false,
    message: `${nameOf(path)} must be ${what}`,
    hint: shape.hint,
  });
  switch (shape.kind) {
    case 'anything':
      return undefined;
    case 'text':
      if (typeof value !== 'string') return wrong(`text${shape.example ? `: ${shape.example}` : ''}`);
      if (shape.pattern?.test(value) === false) return wrong(shape.example ?? shape.summary);
      return undefined;
    case 'integer':
      if (typeof value === 'number' && Number.isSafeInteger(value) && value >= shape.minimum)
        return undefined;
      return wrong(`a whole number, ${shape.minimum} or more`);
    case 'flag':
      return typeof value === 'boolean' ? undefined : wrong('true or false');
    case 'either':
      return firstProblem(value, isMapping(value) ? shape.object : shape.text, path);
    case 'list':
      if (!Array.isArray(value)) return wrong('a list');
      return first(value.entries(), ([i, item]) => firstProblem(item, shape.of, [...path, String(i)]));
    case 'object':
    case 'map':
      if (!isMapping(value)) return wrong('a mapping of keys to values');
      return shape.kind === 'map' ? inMap(value, shape, path) : inObject(value, shape, path);
  }
}

function inObject(
  value: Readonly<Record<string, unknown>>,
  { fields, required = [] }: Shape & { kind: 'object' },
  path: readonly string[],
): Problem | undefined {
  const problem = first(Object.entries(value), ([key, item]) => {
    if (Object.hasOwn(fields, key)) return firstProblem(item, fields[key]!, [...path, key]);
    const near = nearest(key, Object.keys(fields));
    return {
      code: 'unknown-key' as const,
      path: [...path, key],
      atKey: true,
      message: `unknown key ${nameOf([...path, key])}`,
      hint: near === undefined ? `known here: ${Object.keys(fields).join(', ')}` : `did you mean ${near}?`,
    };
  });
  const missing = required.find((key) => !Object.hasOwn(value, key));
  if (problem !== undefined || missing === undefined) return problem;
  const message = `${nameOf(path)} needs ${missing}`;
  return { code: 'bad-setting', path, atKey: false, message, hint: undefined };
}

function inMap(
  value: Readonly<Record<string, unknown>>,
  { keys, keysAre, of }: Shape & { kind: 'map' },
  path: readonly string[],
): Problem | undefined {
  return first(Object.entries(value), ([key, item]) => {
    const below = [...path, key];
    if (keys?.test(key) !== false) return firstProblem(item, of, below);
    return {
      code: 'bad-setting' as const,
      path: below,
      atKey: true,
      message: `the key ${nameOf(below)} is not ${keysAre}`,
      hint:
        keysAre === 'a name'
          ? 'lower-case letters, digits, dots, dashes and underscores, at most 63'
          : undefined,
    };
  });
}

function first<T>(items: Iterable<T>, find: (item: T) => Problem | undefined): Problem | undefined {
  for (const item of items) {
    const problem = find(item);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** `sets.app.root`; long keys are cut, since a file pasted in the wrong place may hold anything. */
function nameOf(path: readonly string[]): string {
  return path.length === 0 ? 'the file' : path.map((key) => clip(key, 64)).join('.');
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
