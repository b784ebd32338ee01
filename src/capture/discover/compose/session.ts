// Owns what one look at the Compose files of a set shares: each file is parsed once. What hostile ones cost is
// for the ground to bound. Follows nothing.
import { readDotenv } from '../../../compare/dotenv.ts';
import { type FoundValue, NotNamed } from '../../../compare/named-value.ts';
import type { TreeMap } from '../../../compare/tree.ts';
import { readYaml } from '../../../compare/yaml.ts';
import { stepsToParse } from '../documents.ts';
import type { Ground } from '../ground.ts';
import { isMap, isNothing } from './fields.ts';

export interface Session {
  readonly ground: Ground;
  /** The documents of a Compose file; none, and a warning, where it is not one. */
  documents(path: string): Promise<readonly TreeMap[]>;
  /** What an env file sets; nothing where it cannot be had. */
  envFile(path: string): Promise<readonly FoundValue[]>;
  /**
   * Asks whether one may look at something in a file, as `Ground.affords`.
   *
   * @param steps those of a visit, if nothing else is said: of a file, a service, or what it names
   */
  spend(path: string, steps?: number): boolean;
}

/** Of a file that is loaded, a service, or a file that one names: for a thousand services with a hundred mounts each. */
const STEPS_A_VISIT = 800;
/** Of an env file, to read it. */
const STEPS_A_CHARACTER = 4;

export function openSession(ground: Ground): Session {
  const documents = new Map<string, Promise<readonly TreeMap[]>>();
  const envFiles = new Map<string, Promise<readonly FoundValue[]>>();
  return {
    ground,
    documents: (path) => kept(documents, path, () => readDocuments(ground, path)),
    envFile: (path) => kept(envFiles, path, () => readEnvFile(ground, path)),
    spend: (path, steps = STEPS_A_VISIT) => ground.affords(path, steps),
  };
}

function kept<T>(cache: Map<string, T>, path: string, read: () => T): T {
  const value = cache.get(path) ?? read();
  cache.set(path, value);
  return value;
}

/** Looks before it reads, so that nothing outside is ever asked for. */
async function textOf(ground: Ground, path: string): Promise<string | undefined> {
  const state = ground.look(path);
  // What cannot be read is for the ground to say.
  return state === 'file' || state === 'unreadable' ? await ground.text(path) : undefined;
}

async function readDocuments(ground: Ground, path: string): Promise<readonly TreeMap[]> {
  const text = await textOf(ground, path);
  await ground.breathe();
  if (text === undefined || !ground.affords(path, stepsToParse(text))) return [];
  try {
    const documents = (await readYaml(text)).filter((document) => !isNothing(document));
    if (documents.length > 0 && documents.every(isMap)) return documents;
    ground.warn(path, 'broken', 'is no Compose file');
  } catch (error) {
    // A template of Helm or Ansible, say.
    if (!(error instanceof NotNamed)) throw error;
    ground.refuse(path, error);
  }
  return [];
}

async function readEnvFile(ground: Ground, path: string): Promise<readonly FoundValue[]> {
  const text = await textOf(ground, path);
  await ground.breathe();
  if (text === undefined || !ground.affords(path, STEPS_A_CHARACTER * text.length)) return [];
  try {
    return readDotenv(text);
  } catch (error) {
    if (!(error instanceof NotNamed)) throw error;
    ground.refuse(path, error);
    return [];
  }
}
