// Reads fields of parsed JSON into types, refusing what is not as docs/format.md says. Its errors name the field
// and never its value: a document may come from whoever can write to the store.
import { IntegrityError } from '../../errors.ts';
import { isName } from '../names.ts';

export type Json = Record<string, unknown>;

/** A cursor over one JSON object, which knows where it stands for messages. */
export interface Fields {
  has(key: string): boolean;
  text(key: string, options?: { max?: number; pattern?: RegExp }): string;
  optionalText(key: string, options?: { max?: number; pattern?: RegExp }): string | undefined;
  name(key: string): string;
  time(key: string): string;
  sha256(key: string): string;
  integer(key: string, min?: number, max?: number): number;
  number(key: string): number;
  flag(key: string): boolean;
  /** False where it is left out. */
  optionalFlag(key: string): boolean;
  texts(key: string): string[];
  object(key: string): Fields;
  optionalObject(key: string): Fields | undefined;
  list<T>(key: string, read: (item: Fields) => T): T[];
  /** The object's own keys and values, where the keys are data. */
  pairs(): [string, unknown][];
  fail(key: string, what: string): never;
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const SHA256 = /^[0-9a-f]{64}$/;

/**
 * @param value a parsed JSON value that should be an object
 * @param object the stored object it came from, for messages
 * @param at where in it, for messages
 * @throws IntegrityError `bad-document`, here and from each reader
 */
export function fields(value: unknown, object: string, at = ''): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new IntegrityError('bad-document', `${object}: ${at || 'the document'} is not an object`, {
      object,
    });
  }
  return new Cursor(value as Json, object, at);
}

const isText = (v: unknown, max: number, pattern?: RegExp): v is string =>
  typeof v === 'string' && v.length <= max && (pattern === undefined || pattern.test(v));

// A class, so that ten thousand records do not make a hundred thousand closures.
class Cursor implements Fields {
  readonly #json: Json;
  readonly #object: string;
  readonly #at: string;

  constructor(json: Json, object: string, at: string) {
    this.#json = json;
    this.#object = object;
    this.#at = at;
  }

  #own(key: string): unknown {
    return Object.hasOwn(this.#json, key) ? this.#json[key] : undefined;
  }

  has(key: string): boolean {
    return this.#own(key) !== undefined;
  }

  fail(key: string, what: string): never {
    const object = this.#object;
    throw new IntegrityError('bad-document', `${object}: ${this.#at}${key} is not ${what}`, { object });
  }

  text(key: string, { max = 4096, pattern }: { max?: number; pattern?: RegExp } = {}): string {
    const v = this.#own(key);
    return isText(v, max, pattern) ? v : this.fail(key, 'the text it should be');
  }

  optionalText(key: string, options?: { max?: number; pattern?: RegExp }): string | undefined {
    return this.#own(key) === undefined ? undefined : this.text(key, options);
  }

  name(key: string): string {
    const v = this.#own(key);
    return typeof v === 'string' && isName(v) ? v : this.fail(key, 'a name');
  }

  time(key: string): string {
    const v = this.#own(key);
    return isText(v, 20, TIME) && !Number.isNaN(Date.parse(v)) ? v : this.fail(key, 'a time');
  }

  sha256(key: string): string {
    const v = this.#own(key);
    return isText(v, 64, SHA256) ? v : this.fail(key, 'a SHA-256');
  }

  integer(key: string, min = 0, max = Number.MAX_SAFE_INTEGER): number {
    const v = this.#own(key);
    const fits = typeof v === 'number' && Number.isSafeInteger(v) && v >= min && v <= max;
    return fits ? v : this.fail(key, 'a whole number in its range');
  }

  number(key: string): number {
    const v = this.#own(key);
    return typeof v === 'number' && Number.isFinite(v) && v >= 0 ? v : this.fail(key, 'a number');
  }

  flag(key: string): boolean {
    const v = this.#own(key);
    return typeof v === 'boolean' ? v : this.fail(key, 'true or false');
  }

  optionalFlag(key: string): boolean {
    return this.#own(key) !== undefined && this.flag(key);
  }

  texts(key: string): string[] {
    const v = this.#own(key);
    const fits = Array.isArray(v) && v.every((item) => typeof item === 'string');
    return fits ? v : this.fail(key, 'a list of texts');
  }

  object(key: string): Fields {
    return fields(this.#own(key), this.#object, `${this.#at}${key}.`);
  }

  optionalObject(key: string): Fields | undefined {
    const v = this.#own(key);
    return v === undefined || v === null ? undefined : this.object(key);
  }

  list<T>(key: string, read: (item: Fields) => T): T[] {
    const v = this.#own(key);
    if (!Array.isArray(v)) return this.fail(key, 'a list');
    return v.map((item, i) => read(fields(item, this.#object, `${this.#at}${key}[${i}].`)));
  }

  pairs(): [string, unknown][] {
    return Object.entries(this.#json);
  }
}
