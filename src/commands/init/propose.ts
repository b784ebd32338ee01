// What init proposes for a directory: the kinds of files in it that name further files, and where those lead.
import { posix } from 'node:path';
import { type Discoverer, type Discovery, hasVariable } from '../../capture/discover/reference.ts';
import { InterruptedError } from '../../errors.ts';
import type { Context } from '../context.ts';

export interface Proposal {
  /** Kinds of which there is something here. */
  readonly discover: readonly Discoverer[];
  /** What they refer to beyond the directory, absolute: nobody should take that unasked. */
  readonly outside: readonly string[];
  /** What they refer to and is not there, relative to the directory. */
  readonly missing: readonly string[];
  /** SQLite databases, relative to the directory: a plain copy of one that is in use may be torn. */
  readonly databases: readonly string[];
}

const NONE: Proposal = { discover: [], outside: [], missing: [], databases: [] };
/** Keys are found by content, wherever they are, and a set of everything has them. */
const KINDS: readonly Discoverer[] = ['compose', 'kustomize', 'kubernetes', 'dotenv'];
/** Nobody waits longer for a proposal: init in a home directory, say. */
const PATIENCE_MS = 3000;

export async function propose({ cwd, env, signal }: Context): Promise<Proposal> {
  const { discover } = await import('../../capture/discover/discover.ts');
  const soon = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]);
  const found = new Map<Discoverer, Discovery>();
  let databases: readonly string[];
  try {
    for (const kind of KINDS)
      found.set(kind, await discover({ root: cwd, kinds: [kind], env, signal: soon }));
    databases = await databasesIn(cwd, soon);
  } catch (error) {
    if (signal.aborted || !(error instanceof InterruptedError)) throw error;
    return NONE;
  }
  const refer = (kind: Discoverer) => found.get(kind)?.references ?? [];
  const others = KINDS.filter((kind) => kind !== 'dotenv' && refer(kind).length > 0);
  // An environment file by itself is taken with all the rest; what matters is whether it names another one.
  const isNamed =
    others.length > 0 ? refer('dotenv').length > 0 : refer('dotenv').some((r) => r.by !== undefined);
  const kinds = KINDS.filter((kind) => others.includes(kind) || (kind === 'dotenv' && isNamed));
  const required = kinds.flatMap(refer).filter((reference) => reference.required);
  const paths = (state: string) => [
    ...new Set(required.filter((r) => r.state === state).map(({ path }) => path)),
  ];
  return {
    discover: kinds,
    outside: paths('outside').filter((path) => !hasVariable(path)),
    missing: paths('missing').map((path) => posix.relative(cwd, path)),
    databases,
  };
}

async function databasesIn(root: string, signal: AbortSignal): Promise<string[]> {
  const { openGround } = await import('../../capture/discover/ground.ts');
  const { sqliteFiles } = await import('../../capture/discover/databases.ts');
  const { ground } = openGround({ root, kinds: [], exclude: ['.git', 'node_modules'], signal });
  return sqliteFiles(ground).map((path) => posix.relative(ground.root, path));
}
