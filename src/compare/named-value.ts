// What a file holds by name, and what it is called. The value itself is behind a function, so that nothing that is
// logged, thrown or turned into JSON can show it by accident.
import { StrongroomError } from '../errors.ts';

export type ValueKind = 'value' | 'certificate' | 'private-key' | 'public-key' | 'pem' | 'rest' | 'file';

/** One value of a file, known by its name. */
export interface NamedValue {
  /** Such as `DB_PASSWORD`, `spec.replicas` or `data.password (Secret shop/db)`; unique within the file. */
  readonly name: string;
  readonly kind: ValueKind;
  /** Whether its name or its form says that it is a secret. */
  readonly likely: boolean;
  /** Of a certificate or key, what is public: subject, issuer, expiry, fingerprint. */
  readonly facts?: Readonly<Record<string, string>>;
  /** The value's bytes. Whoever calls it must not show them, nor a plain hash of them. */
  reveal(): Buffer;
}

/** A value before it has its own place in the file. */
export interface FoundValue {
  readonly name: string;
  /** What its name ends in, and what says nothing of the value: ` (Secret shop/db)`. */
  readonly label?: string;
  readonly text: string | Buffer;
  readonly kind?: ValueKind;
  /** Said by the format: a Kubernetes Secret's data is secret whatever its name. */
  readonly likely?: boolean;
  /** Said by the format: a dollar in it is a dollar, and no variable. */
  readonly isLiteral?: boolean;
  readonly facts?: Readonly<Record<string, string>>;
}

/** The name of a value that is the whole of its file. */
export const WHOLE_FILE = '(whole file)';
/** The name of lines that a format allows and that name no value. */
export const OTHER_LINES = '(other lines)';

/** A file with more values is data, not configuration. */
const MAX_VALUES = 10_000;
/** As many characters as the names of a file may have together. */
export const MAX_NAME_CHARACTERS = 2 ** 20;

/** Why a file is taken as one value. Its message is a phrase of ours: no parser's word, which echoes what it reads. */
export class NotNamed extends StrongroomError {
  constructor(reason: string) {
    super('not-named', reason);
  }
}

/** It may be sound, and is more than is looked into. */
export class TooMuch extends NotNamed {}

/** @throws TooMuch when there are more than a configuration has */
export function checkCount(count: number): void {
  if (count > MAX_VALUES) throw new TooMuch(`holds more than ${MAX_VALUES} values`);
}

/** Numbers what has one name: `TOKEN`, `TOKEN #2`. None may hide behind another. */
export function uniqueNames(names: readonly string[]): string[] {
  const taken = new Set<string>();
  const next = new Map<string, number>();
  return names.map((name) => {
    let own = name;
    while (taken.has(own)) {
      const number = (next.get(name) ?? 1) + 1;
      next.set(name, number);
      own = `${name} #${number}`;
    }
    taken.add(own);
    return own;
  });
}
