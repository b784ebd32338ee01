// Reads fields of parsed JSON into types, refusing what is not as docs/format.md says. Its errors name the field
// and never its value: a document may come from whoever can write to the store.
import { IntegrityError } from '../../errors.ts';
import { isName } from '../names.ts';

export type Json = Record<string, unknown>;

/** A cursor over one JSON object, which knows where it stands for messages. */
export interface Fields {
  text(key: string, options?: { max?: number; pattern?: RegExp }): string;
  optionalText(key: string, options?: { max?: number; pattern?: RegExp }): string | undefined;
  name(key: string): string;
  time(key: string): string;
  sha256(key: string): string;
  integer(key: string, min?: number, max?: number): number;
  number(key: string): number;
  flag(key: string): boolean;
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
  const fail = (key: string, what: string): never => {
    throw new IntegrityError('bad-document', `${object}: ${at}${key} is not ${what}`, { object });
  };
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new IntegrityError('bad-document', `${object}: ${at || 'the document'} is not an object`, { object });
  }
  const json = value as Json;
  const own = (key: string): unknown => (Object.hasOwn(json, key) ? json[key] : undefined);
  const isText = (v: unknown, max: number, pattern?: RegExp): v is string =>
    typeof v === 'string' && v.length <= max && (pattern === undefined || pattern.test(v));

  const self: Fields = {
    fail,
    text(key, { max = 4096, pattern } = {}) {
      const v = own(key);
      return isText(v, max, pattern) ? v : fail(key, 'the text it should be');
    },
    optionalText(key, options) {
      return own(key) === undefined ? undefined : self.text(key, options);
    },
    name(key) {
      const v = own(key);
      return typeof v === 'string' && isName(v) ? v : fail(key, 'a name');
    },
    time(key) {
      const v = own(key);
      return isText(v, 20, TIME) && !Number.isNaN(Date.parse(v)) ? v : fail(key, 'a time');
    },
    sha256(key) {
      const v = own(key);
      return isText(v, 64, SHA256) ? v : fail(key, 'a SHA-256');
    },
    integer(key, min = 0, max = Number.MAX_SAFE_INTEGER) {
      const v = own(key);
      return typeof v === 'number' && Number.isSafeInteger(v) && v >= min && v <= max
        ? v
        : fail(key, 'a whole number in its range');
    },
    number(key) {
      const v = own(key);
      return typeof v === 'number' && Number.isFinite(v) && v >= 0 ? v : fail(key, 'a number');
    },
    flag(key) {
      const v = own(key);
      return typeof v === 'boolean' ? v : fail(key, 'true or false');
    },
    texts(key) {
      const v = own(key);
      return Array.isArray(v) && v.every((item) => typeof item === 'string') ? v : fail(key, 'a list of texts');
    },
    object(key) {
      return fields(own(key), object, `${at}${key}.`);
    },
    optionalObject(key) {
      const v = own(key);
      return v === undefined || v === null ? undefined : fields(v, object, `${at}${key}.`);
    },
    list(key, read) {
      const v = own(key);
      if (!Array.isArray(v)) return fail(key, 'a list');
      return v.map((item, i) => read(fields(item, object, `${at}${key}[${i}].`)));
    },
    pairs() {
      return Object.entries(json);
    },
  };
  return self;
}
