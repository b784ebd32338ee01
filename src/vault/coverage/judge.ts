// How each thing that the deployment refers to stands to the plans of the sets.
import { lstatSync, readdirSync } from 'node:fs';
import { posix } from 'node:path';
import { openGround } from '../../capture/discover/ground.ts';
import type { Reference } from '../../capture/discover/reference.ts';
import type { CoverageItem, CoverageState, SnapshotState } from './item.ts';
import type { Taken } from './taken.ts';

export interface Judging {
  readonly root: string;
  /** Files below a directory in the root that are not excluded, absolute. */
  readonly filesBelow: (directory: string) => readonly string[];
  readonly taken: Taken;
  readonly isExcluded: (path: string) => boolean;
  /** What the last snapshots say of a file; undefined where they were not asked. */
  readonly held: ((path: string) => SnapshotState) | undefined;
  readonly signal: AbortSignal | undefined;
}

type Judged = Pick<CoverageItem, 'state' | 'why' | 'lacking' | 'warned' | 'snapshot'>;

/** By what it is to the file that names it. */
const SECRET_KIND =
  /^(?:env_file|env file|\.env|environment file|env of|envs|secret(?!Generator merge)|private key|key store|kubeconfig|build secret|build ssh)|\b(?:private key|client-key|tokenFile)\b/i;

/** @param looksSecret of a file that was looked into */
export function judge(
  judging: Judging,
  reference: Reference,
  looksSecret: (path: string) => boolean,
): CoverageItem {
  const { path, as, by, required } = reference;
  const secret = (SECRET_KIND.test(as) && reference.state !== 'directory') || looksSecret(path);
  const judged = standing(judging, reference);
  const { held } = judging;
  const isOnDisk = reference.state === 'file' || judged.state === 'covered';
  const snapshot = held && isOnDisk && judged.snapshot === undefined ? { snapshot: held(path) } : {};
  return { path, as, by, required, secret, ...judged, ...snapshot };
}

/** What a person should look at, even where nothing would be lacking. */
const DOUBTFUL: ReadonlySet<CoverageState> = new Set(['uncovered', 'outside', 'too-large', 'unreadable']);

function standing(judging: Judging, { path, state, required, requiredIfLoaded, by }: Reference): Judged {
  const { taken, isExcluded } = judging;
  const plain = (of: CoverageState, lacking: boolean, why?: string): Judged => {
    const isWarned = DOUBTFUL.has(of) || (of === 'excluded' && required);
    return { state: of, lacking, warned: !lacking && isWarned, why };
  };
  if (state === 'special') return plain('nothing', false, 'holds nothing to keep');
  if (state === 'missing' && isExcluded(path)) return plain('missing', false);
  if (state === 'missing' && requiredIfLoaded && !required && by !== undefined)
    return { ...plain('missing', false, `${posix.basename(by)} requires it`), warned: true };
  if (state === 'missing') return plain('missing', required);
  if (state === 'directory' || state === 'too-large') {
    const files = within(judging, path);
    const [all, some] = [files.length, files.filter(({ isTaken }) => isTaken).length];
    if (all === 0 && !isExcluded(path) && isEmpty(path)) return plain('nothing', false, 'is empty');
    if (all === 0 || isExcluded(path)) return plain('excluded', false);
    const snapshot = judging.held && { snapshot: together(files.map((file) => judging.held!(file.path))) };
    if (some === all) return { ...plain('covered', false), ...snapshot };
    const why = some === 0 ? undefined : `${some} of its ${all} files would be taken`;
    const standing =
      state === 'too-large' ? plain('too-large', required, why) : plain('uncovered', true, why);
    return { ...standing, ...snapshot };
  }
  // A set may name it by a pattern of its own, wherever references may lead.
  const isTaken = taken.has(path) || (state === 'outside' && taken.hasBelow(path));
  if (state !== 'unreadable' && isTaken) return plain('covered', false);
  if (isExcluded(path)) return plain('excluded', false);
  if (state !== 'file') return plain(state, required);
  const why = taken.hasName(path) ? 'only the link is taken, not what it leads to' : undefined;
  return plain('uncovered', true, why);
}

interface Inner {
  readonly path: string;
  readonly isTaken: boolean;
}

/** The files below a directory that are not excluded. */
function within({ root, filesBelow, taken, isExcluded, signal }: Judging, path: string): Inner[] {
  if (path === root || path.startsWith(`${root}/`)) {
    const below = filesBelow(path);
    // Behind a link nothing is found below the root.
    if (below.length > 0) return standingOf(below, taken.hasReal);
  }
  return standingOf(
    filesIn(path, signal).filter((file) => !isExcluded(file)),
    taken.has,
  );
}

/** Of a live directory files go away between one look and the next: what is gone is no gap. */
function standingOf(files: readonly string[], isTaken: (path: string) => boolean): Inner[] {
  const inner = files.map((path) => ({ path, isTaken: isTaken(path) }));
  return inner.filter((file) => file.isTaken || isThere(file.path));
}

function isThere(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch (error) {
    // What cannot be looked at may well be there.
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
}

/** Of a directory: the same only where each of its files is. */
function together(states: readonly SnapshotState[]): SnapshotState {
  const [first = 'absent'] = states;
  return states.every((state) => state === first) ? first : 'changed';
}

function filesIn(path: string, signal: AbortSignal | undefined): readonly string[] {
  const { ground } = openGround({ root: path, kinds: [], ...(signal ? { signal } : {}) });
  // By the name that the reference has.
  return ground.files().map((file) => posix.join(path, posix.relative(ground.root, file)));
}

function isEmpty(path: string): boolean {
  try {
    return readdirSync(path).length === 0;
  } catch {
    return false;
  }
}

/** An index of files by each directory above them: there may be thousands of both. */
export function belowEach(root: string, files: readonly string[]): (directory: string) => readonly string[] {
  const index = new Map<string, string[]>();
  for (const file of files) {
    for (let cut = file.lastIndexOf('/'); cut >= root.length; cut = file.lastIndexOf('/', cut - 1)) {
      const directory = file.slice(0, cut);
      const known = index.get(directory);
      if (known) known.push(file);
      else index.set(directory, [file]);
    }
  }
  return (directory) => (directory === root ? files : (index.get(directory) ?? []));
}
