// What to write into strongroom.yaml so that the next backup takes what it would not.
import { posix } from 'node:path';
import { hasVariable } from '../../capture/discover/reference.ts';
import type { BackupPlan, FileSources } from '../backup/plan.ts';
import type { CoverageItem, NextLines } from './item.ts';

/** A configured set: its name, and what it takes. */
export interface CoverageSet {
  readonly set: string;
  readonly sources: FileSources;
}

/**
 * @param root absolute, links followed
 * @param problems of the plans: what following references came upon, and was not allowed to take
 * @returns undefined where no line would help
 */
export function nextLines(
  root: string,
  set: CoverageSet | undefined,
  items: readonly CoverageItem[],
  problems: BackupPlan['problems'],
): NextLines | undefined {
  if (!set) return undefined;
  const followed = new Set(
    problems.filter((p) => p.kind === 'not-taken').map((p) => posix.resolve(root, p.path)),
  );
  const include = new Set<string>();
  const outside = new Set<string>();
  for (const { path, state, lacking } of items) {
    if (!lacking || !['uncovered', 'outside', 'too-large'].includes(state)) continue;
    // A variable in it may stand for anything.
    if (hasVariable(path)) continue;
    const below = posix.relative(root, path);
    const pattern = (below === '' ? '.' : below.startsWith('../') ? path : below).replace(
      /[*?[{\\]/g,
      '\\$&',
    );
    // What is followed already needs leave only; all else is named.
    (state === 'outside' && followed.has(path) ? outside : include).add(pattern);
  }
  if (include.size + outside.size === 0) return undefined;
  const { sources } = set;
  const isWhole = sources.include.length === 0 && sources.discover === undefined;
  return {
    set: set.set,
    include: include.size === 0 ? undefined : [...(isWhole ? ['.'] : sources.include), ...include],
    outside: outside.size === 0 ? undefined : [...(sources.outside ?? []), ...outside],
  };
}
