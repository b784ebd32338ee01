// Environment files by their names, and the files that their values name: `DB_PASSWORD_FILE=./db.txt`.
import { posix } from 'node:path';
import { readDotenv } from '../../compare/dotenv.ts';
import { isSecretForm } from '../../compare/likely.ts';
import { NotNamed } from '../../compare/named-value.ts';
import { looksRandom, shownKey } from '../../compare/shown.ts';
import type { Discover, Ground } from './ground.ts';
import { isWithin } from './reach.ts';

const NAME = /^(?:\.env(?:[.-].+)?|.+\.env)$/i;
/** What comes with the sources and is filled in elsewhere. */
const BLANK = /(?:^|[._-])(?:examples?|samples?|templates?|tpl|dist)(?:[._-]|$)/i;

/** Names of variables that tell where something is; of directories, which are of caches, logs and data, only `_PATH`. */
const POINTS =
  /(?:_|^)(?:[A-Z]*FILE|PATH|CERTS?|CERTIFICATE|CA|PEM|KEYSTORE|TRUSTSTORE|KEYRING|CREDENTIALS|CONFIG|KUBECONFIG)$/i;
/** Of a plain path. Base64 has no dots, and tokens with dots no telling end. */
const ABSOLUTE = /^(?:\/|\.{1,2}\/)(?:[\w.@+,-]+\/)*[\w.@+,-]*$/;
const RELATIVE = /^(?:[\w.@+,-]+\/)*[\w@+,-][\w.@+,-]{0,200}\.[A-Za-z][A-Za-z0-9]{1,9}$/;
const MAX_PATH = 1024;
/** Where a container has its own files, or the machine: what is named there is no file of the deployment. */
const OF_IMAGES = /^\/(?:app|bin|dev|lib\w*|proc|run|sbin|sys|tmp|usr(?!\/local\/)|var\/run)(?:\/|$)/;
/** A path beyond doubt: a single word behind a slash may be a value of any kind, unless it ends as a file does. */
const PLAINLY = /^(?:\.{1,2}|~)\/|^\/(?:[^/]+\/+[^/]|[^/]+\.[A-Za-z][A-Za-z0-9]{1,9}$)/;

/** Whether a value may be looked up: of a secret nobody asks the disk whether it is a file. */
export function looksLikePath(value: string): boolean {
  if (value.length > MAX_PATH || !(ABSOLUTE.test(value) || RELATIVE.test(value))) return false;
  // Names of versions and digests in a path are no secret, but long random ones are, as far as anybody can tell.
  return !looksRandom(value);
}

/** Whether a value is a path though nothing is known to be there: it is shown then, so no word of it may be a secret. */
export function isPlainlyPath(value: string): boolean {
  const path = value.replace(/^~(?=\/)/, '.');
  if (!PLAINLY.test(value) || OF_IMAGES.test(value) || !looksLikePath(path)) return false;
  return !isSecretForm(value) && !path.split('/').some(isSecretForm);
}

/** Finds environment files below the root, and what their values name that is there. */
export const discoverDotenv: Discover = async (ground) => {
  for (const path of ground.files()) {
    const name = posix.basename(path);
    if (!NAME.test(name) || BLANK.test(name)) continue;
    ground.refer({ path, as: 'environment file', by: undefined, required: true });
    await referToValues(ground, path);
  }
};

async function referToValues(ground: Ground, by: string): Promise<void> {
  const text = await ground.text(by);
  if (text === undefined) return;
  for (const { name, text: value } of valuesOf(ground, by, text)) {
    if (typeof value !== 'string' || !POINTS.test(name)) continue;
    const isPlain = isPlainlyPath(value);
    const home = value.startsWith('~/') && isPlain ? ground.env.HOME : undefined;
    if (home === undefined && !looksLikePath(value)) continue;
    const path = home ? posix.join(home, value.slice(1)) : posix.resolve(posix.dirname(by), value);
    // The directory that everything is in, and those above, are not meant as a file of the deployment.
    if (isWithin(by, path)) continue;
    const state = ground.look(path);
    // In a container it may be somewhere else: what is not there is told, and no more.
    if ((state === 'missing' || state === 'outside') && !isPlain) continue;
    ground.refer({ path, as: `${shownKey(name)} of ${posix.basename(by)}`, by, required: false });
  }
}

function valuesOf(ground: Ground, path: string, text: string): ReturnType<typeof readDotenv> {
  try {
    return readDotenv(text);
  } catch (error) {
    if (!(error instanceof NotNamed)) throw error;
    ground.refuse(path, error);
    return [];
  }
}
