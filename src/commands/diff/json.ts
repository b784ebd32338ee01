// `diff --json`: a line for each file, dump, value and key pair, and the counts.
import { type FileDiff, type StreamChange, tellsSize } from '../../vault/diff/diff.ts';
import type { RevealedValue } from '../../vault/diff/reveal.ts';
import type { Side } from '../../vault/diff/side.ts';
import type { ValueChange } from '../../vault/diff/values.ts';
import type { Fields } from '../command.ts';
import type { DiffResult } from '../diff.ts';

/** Every line but the last. */
export function* diffLines({ diff, revealed }: DiffResult): Generator<{ type: string; fields: Fields }> {
  for (const file of diff.files) {
    yield { type: 'file', fields: fileFields(file) };
    for (const value of file.values?.changes ?? [])
      yield { type: 'value', fields: valueFields(value, revealed?.get(value)) };
  }
  for (const stream of diff.streams) yield { type: 'stream', fields: streamFields(stream) };
  for (const { key, certificate, matches } of diff.pairs) {
    yield {
      type: 'key_pair',
      fields: {
        key: { path: key.path, name: key.name },
        certificate: { path: certificate.path, name: certificate.name },
        matches,
      },
    };
  }
}

function fileFields(file: FileDiff): Fields {
  const { path, change, before, after, aspects, sameAs, reason, values } = file;
  const bytes = (entry: typeof after) => (entry?.type === 'file' && tellsSize(file) ? entry.size : undefined);
  const at = (after ?? before)!;
  const octal = (mode: number | undefined) => mode?.toString(8).padStart(4, '0');
  const has = (aspect: (typeof aspects)[number]) => aspects.includes(aspect);
  return {
    path,
    change,
    type: at.type,
    from: change === 'moved' ? before?.path : undefined,
    what: aspects.length > 0 ? aspects : undefined,
    bytes_before: bytes(before),
    bytes: bytes(after),
    type_before: has('type') ? before?.type : undefined,
    target_before: before?.target,
    target: after?.target,
    mode_before: has('mode') ? octal(before?.mode) : undefined,
    mode: has('mode') ? octal(after?.mode) : undefined,
    owner_before: has('owner') ? `${before?.uid}:${before?.gid}` : undefined,
    owner: has('owner') ? `${after?.uid}:${after?.gid}` : undefined,
    same_as: sameAs,
    values_same: values?.same,
    values_changed: values?.changes.length,
    reason: reason ?? values?.reason,
  };
}

function valueFields(value: ValueChange, revealed: RevealedValue | undefined): Fields {
  const { path, name, kind, likely, change, from, sameAs, factsBefore, factsAfter } = value;
  return {
    path,
    name,
    change,
    kind,
    likely,
    from: from && { ...from },
    same_as: sameAs && { ...sameAs },
    facts_before: factsBefore,
    facts: factsAfter,
    value_before: revealed?.before,
    value: revealed?.after,
  };
}

function streamFields({ name, change, before, after }: StreamChange): Fields {
  const { type } = (after ?? before)!;
  return {
    name,
    change,
    type,
    bytes_before: before?.bytes,
    bytes: after?.bytes,
    complete_before: before?.complete,
    complete: after?.complete,
  };
}

function sideFields({ snapshot }: Side): Fields {
  if (!snapshot) return { live: true };
  const { id, set, host, time, complete } = snapshot;
  return { snapshot: id, set, host, time, complete };
}

/** How many of each. */
export function countsOf<C extends string>(
  all: readonly { readonly change: C }[],
  kinds: readonly C[],
): Record<C, number> {
  const counts = Object.fromEntries(kinds.map((kind) => [kind, 0])) as Record<C, number>;
  for (const { change } of all) counts[change] += 1;
  return counts;
}

export const FILE_KINDS = ['added', 'removed', 'changed', 'moved', 'unknown'] as const;
export const VALUE_KINDS = ['added', 'removed', 'changed', 'moved'] as const;

/** The last line. */
export function diffSummary({ diff }: DiffResult): Fields {
  const { before, after, files, same, streams, notCompared, pairs } = diff;
  const values = files.flatMap((file) => file.values?.changes ?? []);
  return {
    before: sideFields(before),
    after: sideFields(after),
    files: { same, ...countsOf(files, FILE_KINDS) },
    values: {
      same: files.reduce((sum, file) => sum + (file.values?.same ?? 0), 0),
      ...countsOf(values, VALUE_KINDS),
    },
    streams: streams.length,
    streams_not_compared: notCompared.length,
    mismatched_keys: pairs.filter(({ matches }) => !matches).length,
    differences: files.filter(({ change }) => change !== 'unknown').length + streams.length,
  };
}
