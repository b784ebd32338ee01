// Owns what a shape of a setting is, the common ones, and how one reads in a JSON Schema.

import type { JsonValue } from '../commands/command.ts';

interface Common {
  /** For the schema's readers. */
  readonly summary: string;
  /** What to do about a value that is none of this shape. */
  readonly hint?: string;
}

/** A shape of a value. */
export type Shape = Common &
  (
    | { readonly kind: 'text'; readonly pattern?: RegExp; readonly example?: string }
    | { readonly kind: 'integer'; readonly minimum: number }
    | { readonly kind: 'flag' }
    | { readonly kind: 'list'; readonly of: Shape }
    | {
        readonly kind: 'object';
        readonly fields: Readonly<Record<string, Shape>>;
        readonly required?: readonly string[];
      }
    | {
        readonly kind: 'map';
        readonly keys: RegExp | undefined;
        readonly keysAre: string;
        readonly of: Shape;
      }
    | {
        /** What is short when written as text. */
        readonly kind: 'either';
        readonly text: Shape & { readonly kind: 'text' };
        readonly object: Shape & { readonly kind: 'object' };
      }
    | { readonly kind: 'anything' }
  );

/** Names of sets, hosts, keys, streams and labels. */
export const namePattern = /^[a-z0-9][a-z0-9._-]{0,62}$/;

const durationPattern = /^[1-9][0-9]{0,5}(s|m|h|d|w)$/;
const unitMilliseconds: Readonly<Record<string, number>> = { s: 1e3, m: 6e4, h: 36e5, d: 864e5, w: 6048e5 };

/** `6h` in milliseconds. @param text what `durationPattern` takes */
export function milliseconds(text: string): number {
  return Number.parseInt(text, 10) * (unitMilliseconds[text.at(-1) ?? ''] ?? Number.NaN);
}

// Not empty, one line, no control characters: a path or a glob that has one is a mistake or worse.
export const line = /^[^\u0000-\u001f\u007f]+$/;

export const text = (summary: string): Shape => ({
  kind: 'text',
  summary,
  pattern: line,
  example: 'one line of text',
});
export const texts = (summary: string): Shape => ({ kind: 'list', summary, of: text('one of them') });
export const duration = (summary: string): Shape => ({
  kind: 'text',
  summary,
  pattern: durationPattern,
  example: 'a duration such as 30m, 6h or 7d',
});
export const number = (summary: string): Shape => ({ kind: 'integer', summary, minimum: 0 });

export function schemaOf(shape: Shape): { readonly [key: string]: JsonValue } {
  const description = shape.summary;
  switch (shape.kind) {
    case 'text':
      return { type: 'string', description, ...(shape.pattern && { pattern: shape.pattern.source }) };
    case 'integer':
      return { type: 'integer', description, minimum: shape.minimum };
    case 'flag':
      return { type: 'boolean', description };
    case 'list':
      return { type: 'array', description, items: schemaOf(shape.of) };
    case 'object':
      return {
        type: 'object',
        description,
        properties: Object.fromEntries(
          Object.entries(shape.fields).map(([key, field]) => [key, schemaOf(field)]),
        ),
        ...(shape.required && { required: shape.required }),
        additionalProperties: false,
      };
    case 'map':
      return {
        type: 'object',
        description,
        ...(shape.keys && { propertyNames: { pattern: shape.keys.source } }),
        additionalProperties: schemaOf(shape.of),
      };
    case 'either':
      return { description, anyOf: [schemaOf(shape.text), schemaOf(shape.object)] };
    case 'anything':
      return { description };
  }
}
