// Owns how Compose files lead to each other: `include`, which brings a whole project with a directory and env files of
// its own, and `extends`, which brings one service. Cycles and long chains end.
import { posix } from 'node:path';
import type { FoundValue } from '../../../compare/named-value.ts';
import { shownKey } from '../../../compare/shown.ts';
import type { Tree, TreeMap } from '../../../compare/tree.ts';
import { fieldsOf, isMap, isNothing, itemsOf } from './fields.ts';
import { type Context, follow, pathOf, refer, warn } from './findings.ts';
import { documentMentions, pathMention, serviceMentions } from './mentions.ts';
import { withEnvFile } from './variables.ts';

/** Files that lead to each other, each through the one before. */
const MAX_CHAIN = 50;

/**
 * Follows a Compose file and all that it leads to. Lists of several files are taken together, so what one of them
 * overrides in another counts as well.
 *
 * @param path absolute; the caller refers to it
 * @throws InterruptedError
 * @see https://github.com/compose-spec/compose-spec/blob/main/14-include.md
 */
export async function loadFile(path: string, context: Context): Promise<void> {
  const { session, findings, directory, envFiles } = context;
  await session.ground.breathe();
  if (!enters(path, context)) return;
  // The same file is another one with other variables, or in another directory.
  const visit = JSON.stringify([path, directory, envFiles]);
  if (!session.spend(path, visit.length) || findings.visited.has(visit) || !session.spend(path)) return;
  findings.visited.add(visit);
  for (const document of await session.documents(path)) await loadDocument(document, path, context);
}

/** Whether a chain may go on with a file. */
function enters(path: string, context: Context): boolean {
  const { chain } = context;
  if (chain.includes(path)) {
    warn(context, path, 'broken', 'leads back to itself by include or extends');
    return false;
  }
  if (chain.length < MAX_CHAIN) return true;
  warn(context, path, 'unread', `is not looked into: more than ${MAX_CHAIN} files lead to each other`);
  return false;
}

async function loadDocument(document: TreeMap, path: string, context: Context): Promise<void> {
  const fields = fieldsOf(document);
  for (const item of itemsOf(fields.get('include'))) {
    await context.session.ground.breathe();
    if (!context.session.spend(path)) return;
    await include(item, path, context);
  }
  const services = fields.get('services');
  if (!isNothing(services) && !isMap(services))
    warn(context, path, 'broken', 'has services that are no mapping');
  for (const [name, service] of fieldsOf(services)) {
    if (!context.session.spend(path)) return;
    await loadService(name, service, path, context);
  }
  for (const mention of documentMentions(document)) {
    await context.session.ground.breathe();
    if (!context.session.spend(path, 0)) return;
    follow(mention, path, context);
  }
}

/** @returns the service in the same file that it extends */
async function loadService(
  name: string,
  service: Tree,
  path: string,
  context: Context,
): Promise<string | undefined> {
  for (const mention of serviceMentions(name, service)) {
    await context.session.ground.breathe();
    if (!context.session.spend(path, 0)) return undefined;
    follow(mention, path, context);
  }
  const extended = fieldsOf(service).get('extends');
  if (typeof extended === 'string') return extended;
  const base = fieldsOf(extended).get('service');
  const file = fieldsOf(extended).get('file');
  if (isNothing(file)) return typeof base === 'string' ? base : undefined;
  const as = `extends of ${shownKey(name)}`;
  const found = pathOf(pathMention(as, file), path, context);
  if (found !== undefined && typeof base === 'string') {
    refer(context, found, as, path);
    if (found.written !== undefined) return undefined;
    // Its paths start where that file lies.
    const chain = [...context.chain, path];
    await extend(base, found.path, { ...context, directory: posix.dirname(found.path), chain });
  }
  return undefined;
}

/** Follows one service of another file, and those that it extends in turn. */
async function extend(name: string, path: string, context: Context): Promise<void> {
  const { session, findings, envFiles } = context;
  let next: string | undefined = name;
  while (next !== undefined) {
    const current: string = next;
    const visit = JSON.stringify([path, envFiles, 'extends', current]);
    await session.ground.breathe();
    if (!session.spend(path, visit.length)) return;
    // Services of two files may extend each other; one that does so through itself was visited.
    if (findings.visited.has(visit) || !session.spend(path)) return;
    findings.visited.add(visit);
    if (context.chain.length >= MAX_CHAIN) {
      enters(path, context);
      return;
    }
    next = undefined;
    for (const document of await session.documents(path)) {
      const service = fieldsOf(fieldsOf(document).get('services')).get(current);
      if (service !== undefined) next = (await loadService(current, service, path, context)) ?? next;
    }
  }
}

async function include(item: Tree, by: string, context: Context): Promise<void> {
  const long = fieldsOf(item);
  const pathIn = (as: string, tree: Tree) => pathOf(pathMention(as, tree), by, context);
  const files = isMap(item) ? itemsOf(long.get('path')) : [item];
  const paths = files.flatMap((file) => pathIn('include', file) ?? []);
  for (const path of paths) refer(context, path, 'include', by);
  const named = itemsOf(long.get('env_file'))
    .flatMap((file) => pathIn('env_file of include', file) ?? [])
    .filter(({ path }) => path !== '/dev/null');
  for (const path of named) refer(context, path, 'env_file of include', by);
  const [first] = paths;
  if (first === undefined) return;
  const given = long.get('project_directory');
  const directory = isNothing(given)
    ? { ...first, path: posix.dirname(first.path) }
    : pathIn('project_directory of include', given);
  // Whatever is in a directory that is not there is not there either, and would tell of its name.
  if (directory === undefined || directory.written !== undefined) {
    if (directory !== undefined && !isNothing(given))
      warn(context, by, 'broken', 'has a project_directory with a variable that leads to nothing');
    return;
  }
  const envFiles = named.map(({ path }) => path);
  if (isNothing(long.get('env_file'))) {
    envFiles.push(posix.join(directory.path, '.env'));
    refer(context, { path: envFiles[0]! }, '.env of the project', first.path, false);
  }
  const inner = await reading(envFiles, context);
  for (const { path, written } of paths) {
    if (written !== undefined) continue;
    context.findings.included.add(path);
    await loadFile(path, { ...inner, directory: directory.path, chain: [...context.chain, by] });
  }
}

/** Of an env file, to know where it is: it is filled in when something asks for it. */
const STEPS_A_VALUE = 10;

/** Adds env files: what they set counts after all that is known. */
export async function reading(envFiles: readonly string[], context: Context): Promise<Context> {
  const { session, lookup } = context;
  const files: (readonly FoundValue[])[] = [];
  for (const path of envFiles) {
    const values = await session.envFile(path);
    if (!session.spend(path, STEPS_A_VALUE * values.length)) break;
    files.push(values);
  }
  const take = (steps: number): boolean => session.spend(envFiles[0]!, steps);
  const isEmpty = files.every((values) => values.length === 0);
  return {
    ...context,
    lookup: isEmpty ? lookup : withEnvFile(lookup, files.flat(), take),
    envFiles: [...context.envFiles, ...envFiles],
  };
}
