// Whether a value is likely a secret: by its name, and by its form. A guess, for a list that a person reads: it errs
// towards yes, and what it says no to is still counted.

/** In any word of a name, joined to others or not. */
const IN_NAME = /passw|passphrase|secret|credential|token|apikey|privat|htpasswd|kubeconfig|webhook/;
/** Words that are too common inside of others: `key` is in `monkey`. */
const WORDS = new Set(
  'key keys pass pwd auth dsn salt pepper cookie signing jwt pat psk pin seed'.split(' '),
);
/** What is public, and what only says where in Kubernetes a secret is. */
const NO_SECRET = /public|fingerprint|authorizedkeys|secretkeyref|secretref|secretname/;
/**
 * Values that say where a secret is, or which: the pin of a strongroom.yaml (random, and public) and the settings of its
 * streams, which hold none; the secrets that a Compose service is given by name; the files of a kustomization.
 */
const NAMING =
  /^(?:pin\.(?:vault|recipient|authority)$|sets\.[^.]+\.streams\.|services\.[^.]+\.(?:build\.)?(?:secrets|configs)\[|(?:secret|configMap)Generator\[\d+\]\.(?:envs?|files|name|namespace|type|behavior)\b)/;
/** A name that ends so tells where the secret is, not what it is. */
const POINTS = new Set('file path dir directory name ref'.split(' '));

const URL_WITH_USER = /\b[a-z][a-z0-9+.-]{0,30}:\/\/[^\s/:@]*:[^\s/@]+@/i;
const PRIVATE_KEY = /-----BEGIN (?:[A-Z0-9 ]+ )?PRIVATE KEY(?: BLOCK)?-----|\bAGE-SECRET-KEY-/;
const KNOWN_TOKEN =
  /^(?:gh[pousr]_|github_pat_|glpat-|sk[-_]|rk_live_|xox[abeoprs]-|AKIA|ASIA|AIza|SG\.|npm_|pypi-|hvs\.|dop_v1_|eyJ[\w-]+\.)[\w.-]{12,}/;
const ONE_WORD = /^[\w+/=.~-]{20,512}$/;
/** Digests, and public keys of age. */
const PUBLIC_FORM = /^(?:sha\d+[:-]|h1:|age1)|@sha256:/i;
const PLAIN = /^(?:|true|false|yes|no|on|off|null|none|~)$/i;

const REFERENCE = /^\$(?:\{[^}]*\}|\w+)$/;
/** Bits a character; of random hexadecimal text it is near 3.6, of base64 over 4.2, of English words under 3.5. */
const RANDOM_BITS = 3.3;
const LOOKED_AT = 64 * 1024;

function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z]+/)
    .filter((word) => word !== '');
}

/** Whether a name, of a value or of a file, is one that secrets have. */
export function isSecretName(name: string): boolean {
  const words = wordsOf(name);
  const joined = words.join('');
  if (NO_SECRET.test(joined) || POINTS.has(words.at(-1) ?? '')) return false;
  return IN_NAME.test(joined) || wordsOf(name.replace(/^.*[./]/, '')).some((word) => WORDS.has(word));
}

function entropy(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  for (const n of counts.values()) bits -= (n / text.length) * Math.log2(n / text.length);
  return bits;
}

/** Whether text has the form of a secret, whatever it is called. */
export function isSecretForm(text: string): boolean {
  const trimmed = text.slice(0, LOOKED_AT).trim();
  if (PRIVATE_KEY.test(trimmed) || URL_WITH_USER.test(trimmed) || KNOWN_TOKEN.test(trimmed)) return true;
  if (!ONE_WORD.test(trimmed) || PUBLIC_FORM.test(trimmed)) return false;
  // A path or a host name has its words between slashes or dots; a random text mixes letters and digits.
  if (/^[./~]|^[a-z\d-]+(?:\.[a-z\d-]+)+$|\/[a-z-]+\//.test(trimmed)) return false;
  return /[A-Za-z]/.test(trimmed) && /\d/.test(trimmed) && entropy(trimmed) > RANDOM_BITS;
}

/** @param name of the value, without what its place in the file adds to it */
export function isLikely(name: string, text: string): boolean {
  const trimmed = text.length > LOOKED_AT ? text : text.trim();
  if (PLAIN.test(trimmed) || REFERENCE.test(trimmed) || NAMING.test(name)) return false;
  return isSecretName(name) || isSecretForm(text);
}

/** Whether a line of no known form is likely to hold a secret: one of its words has the form or the name of one. */
export function isLikelyLine(line: string): boolean {
  if (line.length > LOOKED_AT) return true;
  const words = line.split(/[\s=:,;"']+/).filter((word) => word !== '');
  return words.some((word) => isSecretForm(word) || (words.length > 1 && isSecretName(word)));
}
