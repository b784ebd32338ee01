// Which texts of a file's values are secrets that should be in one environment only. Stricter than what is likely a
// secret elsewhere: a list that names what is none is not read twice.
import { isSecretForm, isSecretName } from '../likely.ts';
import type { NamedValue } from '../named-value.ts';
import type { FileFormat } from '../named-values.ts';
import { isSecretFile } from '../named-values.ts';

/** Shorter ones are the same by chance. */
const MIN_LENGTH = 8;
/** A file that is one value. */
const MAX_WHOLE = 4096;

/** No longer than the longest private key. */
const MAX_LENGTH = 16 * 1024;

/** What stands for a value that is elsewhere: a variable, a place in a vault, a file, something to fill in. */
const REFERENCE =
  /^\$\w+$|^<[^>]*>$|^(?:op|file|vault|awssm|gcpsm):|^ref\+|^arn:|^ENC\[|^projects\/[^/]+\/secrets\/|^(?:~|\.{1,2})?(?:\/[\w.@-]+){2,}\/?$/;
const WITH_PASSWORD = /\b[a-z][a-z0-9+.-]{0,30}:\/\/[^\s/:@]*:([^\s/@]+)@/gi;
const ADDRESS = /^[a-z][a-z0-9+.-]{0,30}:\/\//i;

/** A name that ends so says something about a secret. */
const ABOUT = new Set(
  'algorithm alg audience aud backend behavior class client database db domain driver duration enabled endpoint envs environment existingsecret expires expiry external files format header headers host hostname id issuer kind length level literal method mode origin policy port prefix provider realm region required rounds scheme scope scopes seconds size source store strategy suffix target template timeout ttl type uri url user username version'.split(
    ' ',
  ),
);
/** Objects that say where secrets are; what a sealed one holds is sealed. */
const ELSEWHERE =
  / \((?:Cluster)?(?:ExternalSecret|SealedSecret|SecretStore|SecretProviderClass|PushSecret)\b/;
const OF_SECRET = /^(?:data|stringData)\..* \(Secret\b/s;
/** Maps of names to secrets. */
const PLURAL = /(?:passwords|credentials|tokens|secrets)$/i;
/** Lists of names, as Compose has them; `key:` of a selector, or of a reference. */
const NAMES_ONLY =
  /(?:^|\.)(?:secrets(?:\[\d+\])?|keys?|topologyKey|secretKeys\..*|existingSecret\w*|sops\..*)$/i;

/** The last word of a name. */
function lastWord(name: string): string {
  const words = name.replace(/([a-z\d])([A-Z])/g, '$1 $2').toLowerCase();
  return /([a-z]+)[^a-z]*$/.exec(words)?.[1] ?? '';
}

function isSecretPlace(name: string, text: string): boolean {
  if (ELSEWHERE.test(name) || name.startsWith('sops.')) return false;
  const bare = name.replace(/ #\d+$/, '').replace(/ \([^()]*\)$/, '');
  if (isSecretForm(text)) return true;
  if (NAMES_ONLY.test(bare) || ABOUT.has(lastWord(bare))) return false;
  if (OF_SECRET.test(name)) return true;
  const segments = bare.split('.');
  return isSecretName(segments.at(-1) ?? '') || PLURAL.test(segments.at(-2) ?? '');
}

/**
 * @param path of the file
 * @param format of the file
 * @returns what must not be shown, nor hashed without a key; nothing for most values
 */
export function secretsOf(path: string, format: FileFormat, value: NamedValue): string[] {
  const isFile = value.kind === 'file';
  if (!value.likely || (value.kind !== 'value' && value.kind !== 'private-key' && !isFile)) return [];
  if (isFile && (format !== 'whole' || !isSecretFile(path))) return [];
  const bytes = value.reveal();
  if (isFile && bytes.length > MAX_WHOLE) return [];
  const text = bytes.toString('latin1').trim();
  if (text.length < MIN_LENGTH || text.length > MAX_LENGTH) return [];
  // The same password for databases that are not the same.
  const passwords = [...text.matchAll(WITH_PASSWORD)].map(([, password = '']) => password);
  if (passwords.length > 0) return passwords.map(decoded).filter(isOwn);
  // Whoever knows the address of a webhook may call it.
  if (ADDRESS.test(text)) return text.split(/[/?=&#]+/).some(isSecretForm) && isOwn(text) ? [text] : [];
  return isOwn(text) && (isFile || isSecretPlace(value.name, text)) ? [text] : [];
}

const isOwn = (text: string): boolean => text.length >= MIN_LENGTH && !isReference(text);

function isReference(text: string): boolean {
  if (text.includes('$(') || REFERENCE.test(text)) return true;
  // As patterns these would take the square of the text's length.
  return [['${', '}'] as const, ['{{', '}}'] as const].some(([begin, end]) => {
    const at = text.indexOf(begin);
    return at >= 0 && text.includes(end, at);
  });
}

function decoded(password: string): string {
  try {
    return decodeURIComponent(password);
  } catch {
    return password;
  }
}
