// How coverage is shown to people: a tree by the files that name others, then lists.
import { posix } from 'node:path';
import type {
  CoverageItem,
  CoverageState,
  RootCoverage,
  SecretFile,
  SnapshotState,
} from '../../vault/coverage/item.ts';
import type { Out, Shown, Style } from '../command.ts';

const STATE: Readonly<Record<CoverageState, string>> = {
  covered: 'covered',
  uncovered: 'not covered',
  excluded: 'excluded',
  missing: 'missing',
  outside: 'outside, and not allowed',
  'too-large': 'too large to be taken unasked',
  unreadable: 'cannot be read',
  nothing: 'nothing to keep',
};
const SNAPSHOT: Readonly<Record<SnapshotState, string>> = {
  same: 'in last snapshot',
  changed: 'changed since the last snapshot',
  absent: 'not in last snapshot',
};
const MAX_AS = 3;
/** Warnings of one kind, unless all are asked for. */
const MAX_LISTED = 25;

interface Line {
  readonly depth: number;
  readonly item: CoverageItem;
  readonly as: readonly string[];
}

/** @param quiet whether only what is amiss is shown */
export function showRoot(coverage: RootCoverage, out: Out, quiet: boolean): void {
  const { root, sets, items, secrets, doubts } = coverage;
  const named =
    sets.length === 0 ? 'no set takes it' : `${sets.length === 1 ? 'set' : 'sets'} ${sets.join(', ')}`;
  const isFine = !items.some(isAmiss) && secrets.length + doubts.length === 0;
  if (quiet && isFine) return;
  out.line(out.styled('bold', root), `: ${named}`);
  for (const { depth, item, as } of linesOf(items)) {
    if (quiet && !isAmiss(item)) continue;
    const [mark, style] = markOf(item);
    const text: Shown[] = [
      out.styled(style, mark),
      `${'  '.repeat(depth + 1)}${shownPath(item.path, root)} (${asText(as)}): `,
      isAmiss(item) ? out.styled(style, stateText(item)) : stateText(item),
      item.snapshot === undefined ? '' : `, ${SNAPSHOT[item.snapshot]}`,
    ];
    out.line(...text);
  }
  if (items.length === 0) out.line('  nothing of a deployment was found here');
  const list = (title: string, lines: readonly (readonly Shown[])[]) => {
    if (lines.length === 0) return;
    out.line();
    out.line(out.styled('yellow', title));
    const listed = out.verbose ? lines.length : MAX_LISTED;
    for (const line of lines.slice(0, listed)) out.line('  ', ...line);
    const rest = lines.length - listed;
    if (rest > 0) out.line(`  and ${rest} more, which --verbose lists`);
  };
  list(
    'Looks secret, and nothing refers to it or takes it:',
    secrets.filter((f) => f.stray).map((f) => secretLine(f, root)),
  );
  list(
    'Secret, and tracked by git:',
    secrets.filter((f) => f.tracked).map((f) => fileLine(f, root)),
  );
  list(
    'Secret, and readable by others:',
    secrets
      .filter((f) => f.readable)
      .map((f) => [...fileLine(f, root), `, by ${f.readable === 'group' ? 'its group' : 'everyone'}`]),
  );
  list(
    'Not known for sure:',
    doubts.map(({ path, reason }) => [`${shownPath(path, root)}: ${reason}`]),
  );
  if (!coverage.gitKnown && out.verbose) out.line('  git could not say which of these it tracks');
}

/** Says once what the marks mean. */
export function showLegend(roots: readonly RootCoverage[], out: Out): void {
  if (roots.every(({ items }) => items.length === 0)) return;
  if (roots.some(({ secrets, doubts }) => secrets.length + doubts.length > 0)) out.line();
  out.line(out.styled('dim', '+ taken  - nothing to take  ! lacking  ? look at it'));
}

const isAmiss = ({ lacking, warned }: CoverageItem): boolean => lacking || warned;

function markOf({ state, lacking, warned }: CoverageItem): [mark: string, style: Style] {
  if (lacking) return ['!', 'red'];
  if (warned) return ['?', 'yellow'];
  return state === 'covered' ? ['+', 'green'] : ['-', 'dim'];
}

function stateText({ state, required, warned, why }: CoverageItem): string {
  // A file that this machine may not load requires it.
  if (state === 'missing' && warned) return `missing; ${why}`;
  const optional = state === 'missing' && !required ? ', but optional' : '';
  const needed = state === 'excluded' && warned ? ', though it is required' : '';
  return `${STATE[state]}${optional}${needed}${why === undefined ? '' : `: ${why}`}`;
}

function asText(as: readonly string[]): string {
  const rest = as.length - MAX_AS;
  return [...as.slice(0, MAX_AS), ...(rest > 0 ? [`${rest} more`] : [])].join(', ');
}

function secretLine(file: SecretFile, root: string): Shown[] {
  return [`${shownPath(file.path, root)}: ${whatIn(file)}`, inSnapshot(file)];
}

function fileLine(file: SecretFile, root: string): Shown[] {
  const what = file.findings.length > 0 ? `${whatIn(file)}; ` : '';
  return [
    `${shownPath(file.path, root)}: ${what}${file.covered ? 'covered' : 'not covered'}`,
    inSnapshot(file),
  ];
}

function whatIn({ findings }: SecretFile): string {
  const what = findings.map(({ rule, line }) => (line === undefined ? rule : `${rule} in line ${line}`));
  return [...new Set(what)].join(', ');
}

function inSnapshot({ snapshot }: SecretFile): string {
  return snapshot === undefined ? '' : `, ${SNAPSHOT[snapshot]}`;
}

/** Relative below the root, absolute elsewhere. */
export function shownPath(path: string, root: string): string {
  if (!path.startsWith('/')) return path;
  const below = posix.relative(root, path);
  return below === '' ? '.' : below.startsWith('../') ? path : below;
}

const weightOf = ({ lacking, warned }: CoverageItem): number => (lacking ? 2 : warned ? 1 : 0);

/** The tree, flat: below each file what it names; each file's own names once. */
function linesOf(items: readonly CoverageItem[]): Line[] {
  const paths = new Set(items.map((item) => item.path));
  const children = new Map<string, Map<string, { item: CoverageItem; as: string[] }>>();
  const isNamed = new Set<string>();
  for (const item of items) {
    const by = item.by !== undefined && item.by !== item.path && paths.has(item.by) ? item.by : '';
    if (by !== '') isNamed.add(item.path);
    const below = children.get(by) ?? new Map();
    const known = below.get(item.path);
    if (known) {
      known.as.push(item.as);
      // The worst of what is said about one path.
      if (weightOf(item) > weightOf(known.item)) known.item = item;
    } else below.set(item.path, { item, as: [item.as] });
    children.set(by, below);
  }
  const lines: Line[] = [];
  const shown = new Set<string>();
  const add = (by: string, depth: number): void => {
    for (const [path, { item, as }] of children.get(by) ?? []) {
      if (by === '' && isNamed.has(path) && !isRing(path, children)) continue;
      lines.push({ depth, item, as });
      if (shown.has(path)) continue;
      shown.add(path);
      add(path, depth + 1);
    }
  };
  add('', 0);
  // What names itself by way of others has no beginning.
  for (const path of children.keys()) {
    if (path === '' || shown.has(path)) continue;
    shown.add(path);
    add(path, 1);
  }
  return lines;
}

/** Whether a file names, by way of others, itself: then it is shown where it was found. */
function isRing(path: string, children: ReadonlyMap<string, ReadonlyMap<string, unknown>>): boolean {
  const seen = new Set<string>();
  const pending = [path];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    for (const next of children.get(at)?.keys() ?? []) {
      if (next === path) return true;
      if (!seen.has(next)) pending.push(next);
      seen.add(next);
    }
  }
  return false;
}
