// Whether what was restored would start: environment files, compose files and manifests are read as their programs read
// them, and whatever they refer to must have come back too.
import { posix } from 'node:path';
import { discoverEach } from '../../../capture/discover/discover.ts';
import { disk } from '../../../capture/discover/disk.ts';
import type { Discoverer, Discovery, Reference } from '../../../capture/discover/reference.ts';
import { hasVariable } from '../../../capture/discover/reference.ts';
import { printableName } from '../../../pack/names.ts';
import { excluder } from '../../coverage/excluded.ts';
import { restoredDisk, rootOf } from '../restored-disk.ts';
import type { Check, CheckName } from '../result.ts';
import type { RestoredTree } from '../target.ts';

const KINDS = ['compose', 'kustomize', 'kubernetes', 'dotenv'] as const satisfies readonly Discoverer[];
const CHECK_OF: Readonly<Record<(typeof KINDS)[number], CheckName>> = {
  compose: 'compose',
  kustomize: 'manifests',
  kubernetes: 'manifests',
  dotenv: 'dotenv',
};

/** Whether something that this drill left out has a file of a host. @param path absolute, as that host knows it */
export type Elsewhere = (host: string, path: string) => Promise<boolean>;

/**
 * @param trees everything that was restored
 * @throws InterruptedError
 */
export async function checkReferences(
  tree: RestoredTree,
  trees: readonly RestoredTree[],
  elsewhere: Elsewhere,
  signal?: AbortSignal,
): Promise<Check[]> {
  const root = rootOf(tree);
  const { exclude } = tree.contents.sources;
  const sameHost = trees.filter(({ host }) => host === tree.host);
  const options = { root, kinds: KINDS, outside: ['/**'], env: {}, ...(signal ? { signal } : {}) };
  const found = await discoverEach(options, restoredDisk(tree, sameHost, disk));
  const shown = (path: string): string => {
    const below = posix.relative(root, path);
    return printableName(below === '' || below.startsWith('../') ? path : below);
  };
  const judging: Judging = {
    isExcluded: excluder(exclude, root),
    isElsewhere: (path) => elsewhere(tree.host, path),
    shown,
  };
  const checks: Check[] = [];
  for (const kind of KINDS) {
    const discovery = found.get(kind);
    if (discovery) checks.push(...(await judged(CHECK_OF[kind], discovery, judging)));
  }
  return checks;
}

interface Judging {
  readonly isExcluded: (path: string) => boolean;
  readonly isElsewhere: (path: string) => Promise<boolean>;
  /** A path as people know it. */
  readonly shown: (path: string) => string;
}

/** One check a file: what is wrong with it in one sentence. */
async function judged(check: CheckName, discovery: Discovery, judging: Judging): Promise<Check[]> {
  const { shown } = judging;
  const faults = new Map<string, string[]>();
  const unread = new Map<string, string>();
  for (const { path, kind, reason } of discovery.warnings) {
    if (kind === 'unread') unread.set(path, reason);
    else faults.set(path, [...(faults.get(path) ?? []), reason]);
  }
  for (const reference of discovery.references) {
    const lacking = await lackingOf(reference, judging);
    const by = reference.by ?? reference.path;
    if (lacking !== undefined) faults.set(by, [...(faults.get(by) ?? []), lacking]);
  }
  const subjects = new Set([...discovery.references.flatMap(ownFile), ...faults.keys(), ...unread.keys()]);
  return [...subjects].sort().map((path): Check => {
    const wrong = faults.get(path);
    const subject = shown(path);
    if (wrong) return { check, subject, outcome: 'failed', message: sentence([...new Set(wrong)]) };
    const why = unread.get(path);
    return why === undefined
      ? { check, subject, outcome: 'passed' }
      : { check, subject, outcome: 'skipped', message: why };
  });
}

/** What was found by itself, and is read by its program. */
function ownFile({ path, by, as, state }: Reference): string[] {
  return state === 'file' && (by === undefined || as === 'compose file') ? [path] : [];
}

async function lackingOf(reference: Reference, judging: Judging): Promise<string | undefined> {
  const { path, as, required, state } = reference;
  if (!required || hasVariable(path) || judging.isExcluded(path)) return undefined;
  if (state === 'file' || state === 'directory' || state === 'too-large') return undefined;
  if (state === 'missing' && (await judging.isElsewhere(path))) return undefined;
  const how =
    state === 'missing' ? 'is not in the snapshot' : state === 'special' ? 'is no file' : 'cannot be read';
  return `refers to ${judging.shown(path)}, which ${how} (${as})`;
}

const MOST = 5;

function sentence(wrong: readonly string[]): string {
  const more = wrong.length - MOST;
  return wrong.slice(0, MOST).join('; ') + (more > 0 ? `; and ${more} more` : '');
}
