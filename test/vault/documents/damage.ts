// Ways to damage a document, and what every reader of one must do with it: read it, or refuse it as what it is.

import fc from 'fast-check';
import { expect } from 'vitest';
import { IntegrityError } from '../../../src/errors.ts';

export type Json = Record<string, unknown>;

/** A path of keys into a document. */
type Path = readonly (string | number)[];

function pathsOf(value: unknown, at: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [at];
  const below = Object.entries(value).flatMap(([key, child]) =>
    pathsOf(child, [...at, Array.isArray(value) ? Number(key) : key]),
  );
  return at.length === 0 ? below : [at, ...below];
}

/** A copy with `value` at `path`; `undefined` takes it away. */
export function changed(document: unknown, path: Path, value: unknown): unknown {
  const copy = structuredClone(document);
  let at = copy as Json;
  for (const key of path.slice(0, -1)) at = at[key as string] as Json;
  const last = path[path.length - 1] as string;
  if (value === undefined && Array.isArray(at)) at.splice(Number(last), 1);
  else if (value === undefined) delete at[last];
  else Object.defineProperty(at, last, { value, enumerable: true, configurable: true, writable: true });
  return copy;
}

const odd = fc.oneof(
  fc.constantFrom<unknown>(
    undefined,
    null,
    true,
    0,
    -1,
    1.5,
    2 ** 53,
    '',
    'x',
    '../..',
    '\u0000',
    '\ud800',
    [],
    [null],
    {},
    [[]],
  ),
  fc.constantFrom<unknown>(
    { toString: 1, valueOf: 1 },
    JSON.parse('{"__proto__": {"length": 3}}'),
    { length: 2 },
    'x'.repeat(5000),
  ),
  fc.jsonValue(),
);

/** What a reader may do: give something back, or refuse with IntegrityError in one line that names the object. */
export function readOrRefused(read: () => unknown, object: string): void {
  try {
    read();
  } catch (error) {
    expect(error).toBeInstanceOf(IntegrityError);
    const { message } = error as IntegrityError;
    expect(message).toContain(object);
    expect(message).not.toMatch(/[\n\u0000]/);
    expect(message.length).toBeLessThan(400);
  }
}

/** Holds a reader to that for any JSON, and for its own document with anything in any place. */
export function neverCrashes(document: unknown, object: string, read: (json: unknown) => unknown): void {
  fc.assert(fc.property(fc.jsonValue(), (json) => readOrRefused(() => read(json), object)));
  const paths = pathsOf(document);
  fc.assert(
    fc.property(fc.constantFrom(...paths), odd, (path, value) =>
      readOrRefused(() => read(changed(document, path, value)), object),
    ),
    { numRuns: 1500 },
  );
}
