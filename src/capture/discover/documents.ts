// YAML and JSON files as trees; one that is none is a warning, by its name.
import { NotNamed } from '../../compare/named-value.ts';
import type { Tree } from '../../compare/tree.ts';
import { beginningsIn, readYaml } from '../../compare/yaml.ts';
import type { Ground } from './ground.ts';

/** Each takes a parser some ten microseconds, and some hundred bytes. */
const STEPS_A_BEGINNING = 64;

export function stepsToParse(text: string): number {
  return text.length + STEPS_A_BEGINNING * beginningsIn(text);
}

/**
 * The documents of a YAML or JSON file.
 *
 * @param path absolute
 * @returns undefined where there is no such file, or it cannot be understood: then there is a warning
 */
export async function documentsOf(ground: Ground, path: string): Promise<Tree[] | undefined> {
  const text = await ground.text(path);
  return text === undefined ? undefined : documentsFrom(ground, path, text);
}

/**
 * The documents of a text from a file.
 *
 * @param path of the file, to be warned of
 * @returns undefined, with a warning, where it cannot be understood
 */
export async function documentsFrom(ground: Ground, path: string, text: string): Promise<Tree[] | undefined> {
  await ground.breathe();
  if (!ground.affords(path, stepsToParse(text))) return undefined;
  try {
    return await readYaml(text);
  } catch (error) {
    if (!(error instanceof NotNamed)) throw error;
    if (await isTemplate(ground, path, text)) {
      ground.warn(path, 'unread', 'is a template, which is not looked into');
    } else ground.refuse(path, error);
    return undefined;
  }
}

/** Of Helm, Ansible and others, on one line mostly; none in another. */
const ACTION = /\{\{[^{}]*\}\}|\{%[^{}]*%\}/g;
const ACTIONS_ALONE = /^[ \t]*(?:(?:\{\{[^{}]*\}\}|\{%[^{}]*%\})[ \t]*)+$/gm;

/**
 * Whether a text that is no YAML is one but for the actions of a template in it. Many files that are none hold some in
 * quotes, such as rules for alerts.
 */
async function isTemplate(ground: Ground, path: string, text: string): Promise<boolean> {
  let actions = 0;
  const filled = text.replace(ACTIONS_ALONE, '').replace(ACTION, () => {
    actions += 1;
    return `action${actions}`;
  });
  if (filled === text || !ground.affords(path, stepsToParse(filled))) return false;
  try {
    await readYaml(filled);
    return true;
  } catch (error) {
    if (!(error instanceof NotNamed)) throw error;
    return false;
  }
}

/** The documents of a text within a file; none where it is no YAML. */
export async function documentsWithin(ground: Ground, path: string, text: string): Promise<Tree[]> {
  await ground.breathe();
  if (!ground.affords(path, stepsToParse(text))) return [];
  try {
    return await readYaml(text);
  } catch (error) {
    if (!(error instanceof NotNamed)) throw error;
    return [];
  }
}
