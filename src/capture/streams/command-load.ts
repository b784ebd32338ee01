// Feeds the dump of any program back, by another that its settings name. Where there is one that takes away what was
// made, a drill can do so too.
import { randomBytes } from 'node:crypto';
import { UsageError } from '../../errors.ts';
import type { Loaded, LoadOptions, Rehearsal, RehearseOptions } from '../stream.ts';
import { answerOf, askable, DROPPING, once, written } from './rehearse.ts';
import { scratchName } from './scratch.ts';
import { runTool, type ToolOptions } from './tool.ts';

/** Stands for where a dump is loaded into, in arguments. */
export const INTO = '{into}';
/** Longest name that is made up for that, as databases have it. */
const NAME = 63;

/** A program and its arguments. */
export type Words = readonly [string, ...string[]];

export interface Programs {
  readonly load: Words | undefined;
  readonly query: Words | undefined;
  readonly drop: Words | undefined;
}

export const nameOf = ([file]: Words): string => file.slice(file.lastIndexOf('/') + 1);

const isNamed = (words: Words): boolean => words.some((word) => word.includes(INTO));

/** What asks or drops must know what: it would be the live one. @throws UsageError bad-setting */
export function refuseUnnamed(name: string, { query, drop }: Programs): void {
  for (const [key, words] of Object.entries({ query, drop })) {
    if (!words || isNamed(words)) continue;
    throw new UsageError('bad-setting', `${key} of stream ${name} does not say of what`, {
      object: key,
      hint: `write ${INTO} where the name of the scratch database is to stand`,
    });
  }
}

/** Whether it can be loaded into a place that was not there before, and is not there after. */
export function isRehearsable({ load, drop }: Programs): boolean {
  return load !== undefined && drop !== undefined && isNamed(load);
}

/** @throws as `Stream.load` */
export async function loadByCommand(
  dump: AsyncIterable<Buffer>,
  { load }: Programs,
  { run, ...options }: LoadOptions & { readonly run: ToolOptions },
): Promise<Loaded> {
  if (!load) {
    throw notLoadable(
      run.name,
      'has no program to load it',
      'give it one (load: […]), or pipe what strongroom cat prints',
    );
  }
  const into = placeOf(load, run.name, options);
  for await (const _ of started(load, into, { ...run, stdin: dump }));
  return { into };
}

/** @throws as `Stream.rehearse` */
export async function rehearseByCommand(
  dump: AsyncIterable<Buffer>,
  programs: Programs,
  { run: given, directory }: RehearseOptions & { readonly run: ToolOptions },
): Promise<Rehearsal> {
  const { name } = given;
  const { query, drop } = programs;
  // What makes a file has a place for it that is wiped.
  const run = { ...given, adds: { ...given.adds, TMPDIR: directory } };
  const { signal: _, ...rest } = run;
  const into = scratchName(name, NAME, randomBytes(5));
  const taken = once(async () => {
    if (!drop) return;
    for await (const _ of started(drop, into, { ...rest, timeout: DROPPING }));
  });
  try {
    await loadByCommand(dump, programs, { into, run });
  } catch (error) {
    // Half of it may be there; the first failure is the one to tell.
    await taken().catch(() => {});
    throw error;
  }
  return {
    into,
    async query(text) {
      if (!query) throw notAskable(name);
      const stdin = written(askable(name, text));
      return await answerOf(name, started(query, into, { ...run, stdin }), []);
    },
    drop: taken,
  };
}

function started(words: Words, into: string, options: ToolOptions): AsyncGenerator<Buffer> {
  const [file, ...args] = words.map((word) => word.replaceAll(INTO, () => into));
  return runTool(file ?? '', args, options);
}

/** What stands for `{into}`. @throws UsageError */
function placeOf(load: Words, name: string, { into, isLive = false }: LoadOptions): string {
  if (!isNamed(load) && !isLive) {
    throw notLoadable(
      name,
      `loads into one place only, which may be live`,
      `name that place (load: […, '${INTO}']), or say that it is to be replaced (--live)`,
    );
  }
  if (into?.startsWith('-')) {
    throw new UsageError('bad-argument', `${into} would be taken for a flag`, { hint: 'name it otherwise' });
  }
  return into ?? (isNamed(load) ? scratchName(name, NAME, randomBytes(5)) : nameOf(load));
}

function notLoadable(name: string, why: string, hint: string): UsageError {
  return new UsageError('stream-not-loadable', `stream ${name} ${why}`, { object: name, hint });
}

function notAskable(name: string): UsageError {
  return new UsageError('stream-not-askable', `stream ${name} has no program to ask`, {
    object: name,
    hint: `give it one that reads a query (query: […, '${INTO}'])`,
  });
}
