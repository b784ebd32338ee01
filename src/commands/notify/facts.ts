// What a message may say of a result: names and numbers, picked by name out of the command's own view for programs. What
// is not picked here is not told.

import type { Fields, JsonValue } from '../command.ts';
import type { AnyCommand } from '../index.ts';

export interface Facts {
  /** Every set of the run. */
  readonly all: readonly string[];
  /** Those that are not well, if that is known; else all of them. */
  readonly sets: readonly string[];
  readonly snapshots: readonly string[];
  readonly vault: string | undefined;
  readonly vaultId: string | undefined;
  readonly codes: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
  /** Sentences that may hold paths. */
  readonly details: readonly string[];
}

const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;
const ID = /^\d{8}T\d{6}Z-[0-9a-z]{6}$/;
/** Lines about something that is wrong. */
const BAD = ['error', 'warning', 'problem', 'finding'];
const MOST_DETAILS = 20;
const LONGEST_DETAIL = 500;

/** @param code exit code of the result */
export function factsOf(command: Pick<AnyCommand, 'json'>, result: unknown, code: number): Facts {
  const lines: { readonly type: string; readonly fields: Fields }[] = [];
  const summary = command.json(result, (type, fields) => void lines.push({ type, fields }));
  const isBad = (type: string, { outcome }: Fields) => BAD.includes(type) || outcome === 'failed';
  const noted =
    code === 0 ? [] : lines.filter(({ type, fields }) => isBad(type, fields)).map(({ fields }) => fields);
  const grave = noted.filter(({ severity, incomplete }) => severity !== 'warning' && incomplete !== false);
  // Under --strict a warning is enough to fail.
  const bad = grave.length > 0 ? grave : noted;
  const badSets = names(bad.map(({ set }) => set));
  const all = names([summary, ...lines.map(({ fields }) => fields)].map(({ set }) => set));
  const made = lines.filter(({ type }) => type === 'snapshot').map(({ fields }) => fields.snapshot);
  const several = Array.isArray(summary.snapshots) ? (summary.snapshots as readonly JsonValue[]) : [];
  const isOfVault = typeof summary.vault === 'string';
  return {
    all,
    sets: badSets.length > 0 ? badSets : all,
    snapshots: matching([summary.snapshot, ...made, ...several], ID),
    vault: isOfVault ? names([summary.name])[0] : undefined,
    vaultId: isOfVault ? names([summary.vault])[0] : undefined,
    codes: names(bad.map((fields) => fields.code ?? fields.kind ?? fields.check)),
    counts: Object.fromEntries(
      Object.entries(summary).filter((pair): pair is [string, number] => typeof pair[1] === 'number'),
    ),
    details: bad.slice(0, MOST_DETAILS).flatMap(detailOf),
  };
}

function detailOf({ set, path, reason, message }: Fields): string[] {
  const said = [set, path, reason, message].filter((word): word is string => typeof word === 'string');
  return said.length > 0 ? [said.join(': ').slice(0, LONGEST_DETAIL)] : [];
}

/** Each once. What is spelt in another way than names are is left out, whatever it is. */
function names(values: readonly JsonValue[]): string[] {
  return matching(values, NAME);
}

function matching(values: readonly JsonValue[], form: RegExp): string[] {
  const found = values.filter((value): value is string => typeof value === 'string' && form.test(value));
  return [...new Set(found)];
}
