// Owns which Compose projects lie below a directory, and which files Compose would load for each.
//
// Deliberately more than one start of Compose would load: services of every profile, and what an overriding file
// replaces, count all the same, and so do files such as compose.prod.yaml, which are named by hand with `-f`. What only
// such a file names is not required, as nobody here knows whether this machine runs it.
import { posix } from 'node:path';
import { fieldsOf } from './compose/fields.ts';
import { type Context, type Findings, type Named, newFindings, pathOf, refer } from './compose/findings.ts';
import { interpolate, type Lookup } from './compose/interpolate.ts';
import { loadFile, reading } from './compose/load.ts';
import { openSession, type Session } from './compose/session.ts';
import { environment, withDefault } from './compose/variables.ts';
import type { Ground } from './ground.ts';

/** As Compose looks for them: the first one that is there, and the first of the overriding ones with it. */
const DEFAULTS = ['compose.yaml', 'compose.yml', 'docker-compose.yml', 'docker-compose.yaml'];
const OVERRIDES = [
  'compose.override.yml',
  'compose.override.yaml',
  'docker-compose.override.yml',
  'docker-compose.override.yaml',
];
const COMPOSE_FILE = /^(?:compose(?:\.[^/]+)?|docker-compose(?:[._-][^/]+)?)\.ya?ml$/;

/** Files that are loaded together. */
interface Unit {
  readonly files: readonly string[];
  readonly findings: Findings;
}

/**
 * Finds what Compose projects refer to: their own files, `include`, `extends`, env and label files, secrets and configs
 * from files, bind mounts, SSH keys for builds, seccomp profiles. Build contexts and Dockerfiles are not looked at.
 *
 * @throws InterruptedError
 * @see https://github.com/compose-spec/compose-spec/blob/main/03-compose-file.md
 */
export async function discoverCompose(ground: Ground): Promise<void> {
  const session = openSession(ground);
  const units: Unit[] = [];
  const claimed = new Set<string>();
  for (const [directory, names] of projects(ground)) {
    units.push(...(await loadProject(directory, names, claimed, session)));
  }
  for (const { references, warnings } of withoutIncluded(units)) {
    for (const reference of references) ground.refer(reference);
    for (const { path, kind, reason } of warnings.values()) ground.warn(path, kind, reason);
  }
}

/** Directories with Compose files, and their names; the root, with any or none, is the first one. */
function projects(ground: Ground): Map<string, string[]> {
  const found = new Map<string, string[]>([[ground.root, []]]);
  for (const path of ground.files()) {
    const name = posix.basename(path);
    if (!COMPOSE_FILE.test(name)) continue;
    const directory = posix.dirname(path);
    const beside = found.get(directory);
    if (beside) beside.push(name);
    else found.set(directory, [name]);
  }
  // A link to one is not in the list. What is excluded is not either, and has no beginning that may be seen.
  const atRoot = found.get(ground.root)!;
  for (const name of [...DEFAULTS, ...OVERRIDES]) {
    if (!atRoot.includes(name) && ground.head(posix.join(ground.root, name), 1)) atRoot.push(name);
  }
  return found;
}

/**
 * Loads what Compose would load in a directory, and beside it every other Compose file there.
 *
 * @param claimed files that a project before has named with COMPOSE_FILE; those of this one are added
 */
async function loadProject(
  directory: string,
  names: readonly string[],
  claimed: Set<string>,
  session: Session,
): Promise<Unit[]> {
  const { ground } = session;
  const isRoot = directory === ground.root;
  // Somebody who starts Compose elsewhere does so with other settings of its own.
  const env = { ...ground.env, PWD: directory };
  const lookup = environment(env, (name) => isRoot || !name.startsWith('COMPOSE_'));
  const outer: Context = { session, findings: newFindings(true), directory, lookup, envFiles: [], chain: [] };
  const given = isRoot ? givenEnvFiles(ground) : [];
  const isWithout = given.length > 0 || /^(?:1|t|true)$/i.test(ground.env.COMPOSE_DISABLE_ENV_FILE ?? '');
  const started = await reading(isWithout ? given : [posix.join(directory, '.env')], outer);

  const chosen = chosenFiles(started);
  const present = names.map((name) => posix.join(directory, name)).filter((path) => !claimed.has(path));
  const files = chosen ?? defaultFiles(present, directory);
  for (const path of chosen ?? []) claimed.add(path);
  const others = present.filter((path) => !files.includes(path));

  const own = posix.dirname(files[0] ?? directory);
  const isElsewhere = files.length > 0 && own !== directory && !isWithout;
  const context = isElsewhere ? await reading([posix.join(own, '.env')], started) : started;
  const units: Unit[] = [];
  for (const path of others) units.push(await loadUnit([path], newFindings(false), started));
  if (files.length > 0) {
    units.push(await loadUnit(files, started.findings, { ...context, directory: own }));
  }
  const [by] = [...files, ...others];
  if (by === undefined) return [];
  for (const path of context.envFiles) {
    const isGiven = given.includes(path);
    ground.refer({
      path,
      as: isGiven ? 'env file of the project' : '.env of the project',
      by,
      required: isGiven,
    });
  }
  return units;
}

async function loadUnit(files: readonly string[], findings: Findings, outer: Context): Promise<Unit> {
  const context = { ...outer, findings };
  const lookup = await withProjectName(files, context);
  for (const path of files) {
    refer(context, { path }, 'compose file');
    await loadFile(path, { ...context, lookup });
  }
  return { files, findings };
}

/** The env files that are named for whoever starts Compose at the root. */
function givenEnvFiles({ env, root }: Ground): string[] {
  const names = (env.COMPOSE_ENV_FILES ?? '').split(',').map((name) => name.trim());
  return names.filter((name) => name !== '').map((name) => posix.resolve(root, name));
}

/** The files that COMPOSE_FILE names, absolute; undefined where it names none. */
function chosenFiles(context: Context): string[] | undefined {
  const { lookup, directory, session } = context;
  const [names, separator] = ['COMPOSE_FILE', 'COMPOSE_PATH_SEPARATOR'].map((name) => lookup(name));
  for (const filled of [names, separator]) {
    if (filled && 'problem' in filled)
      session.ground.warn(posix.join(directory, '.env'), filled.kind, filled.problem);
  }
  if (!names || 'problem' in names) return undefined;
  const list = names.text.split((separator && 'text' in separator && separator.text) || ':');
  const isFilled = names.written !== undefined && names.written !== names.text;
  const named = list.flatMap((text): Named[] => {
    // `-` is what is piped in.
    const path =
      text === '-' ? undefined : pathOf({ as: 'COMPOSE_FILE', text, form: 'path' }, directory, context);
    if (path === undefined) return [];
    // Its own variables may be values of any kind.
    const isKnown = !isFilled || session.ground.look(path.path) === 'file';
    // biome-ignore lint/suspicious/noTemplateCurlyInString: as Compose writes it
    return [isKnown ? path : { path: path.path, written: posix.join(directory, '${COMPOSE_FILE}') }];
  });
  if (named.length === 0) return undefined;
  return named.flatMap((one) => {
    if (one.written === undefined) return one.path;
    session.ground.refer({ ...one, as: 'compose file', by: undefined, required: true });
    return [];
  });
}

/** The one that is there and the one that overrides it. A single file of another name is all there is to load. */
function defaultFiles(present: readonly string[], directory: string): string[] {
  const first = (names: readonly string[]): string[] =>
    names
      .map((name) => posix.join(directory, name))
      .filter((path) => present.includes(path))
      .slice(0, 1);
  const main = first(DEFAULTS);
  if (main.length > 0) return [...main, ...first(OVERRIDES)];
  return present.length === 1 ? [...present] : [];
}

/** Adds the project's name, as a variable: the one in the last of the files, else that of the directory. */
async function withProjectName(
  files: readonly string[],
  { session, directory, lookup }: Context,
): Promise<Lookup> {
  let name = posix.basename(directory);
  let isShown = true;
  for (const path of files) {
    for (const document of await session.documents(path)) {
      const given = fieldsOf(document).get('name');
      const filled = typeof given === 'string' ? interpolate(given, lookup) : undefined;
      if (filled && 'text' in filled && filled.text !== '') {
        name = filled.text;
        isShown = filled.written === filled.text;
      }
    }
  }
  const plain = name
    .toLowerCase()
    .replace(/[^a-z0-9_-]/g, '')
    .replace(/^[_-]+/, '');
  return withDefault(lookup, 'COMPOSE_PROJECT_NAME', { text: plain, isShown });
}

/**
 * Units but those whose first file another one includes: it says with which variables and in which directory that file
 * is read, so a look at it alone would warn of what is not missing. What only overrides it stays, as something that the
 * deployment may do without. Two that include each other both stay.
 */
function withoutIncluded(units: readonly Unit[]): Findings[] {
  const includers = new Map<string, Unit[]>();
  for (const unit of units) {
    if (!unit.findings.isLoaded) continue;
    for (const path of unit.findings.included) {
      const known = includers.get(path);
      if (known) known.push(unit);
      else includers.set(path, [unit]);
    }
  }
  return units.map(({ files: [first, ...overriding], findings }) => {
    const others = includers.get(first!) ?? [];
    if (others.every((other) => findings.included.has(other.files[0]!))) return findings;
    const references = findings.references
      .filter(({ path, by }) => overriding.includes(by ?? path))
      .map((reference) => ({ ...reference, required: false }));
    return { ...findings, references, warnings: new Map() };
  });
}
