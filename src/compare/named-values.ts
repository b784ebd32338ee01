// From one file's path and bytes to the values in it, each with a name. Which format it is says its name, else its
// content; what cannot be read as such is one value. No value is in any name, reason or error.
import { isUtf8 } from 'node:buffer';
import { looksLikeDotenv, readDotenv } from './dotenv.ts';
import { looksLikeIni, readIni } from './ini.ts';
import { readJson } from './json.ts';
import { isLikely, isSecretForm, isSecretName } from './likely.ts';
import {
  type FoundValue,
  MAX_NAME_CHARACTERS,
  type NamedValue,
  NotNamed,
  uniqueNames,
  WHOLE_FILE,
} from './named-value.ts';
import { looksLikePem, readPem } from './pem.ts';
import { clipName } from './shown.ts';
import { readToml } from './toml.ts';
import { nameTrees } from './tree.ts';
import { readYaml } from './yaml.ts';

export type FileFormat = 'dotenv' | 'json' | 'yaml' | 'toml' | 'ini' | 'pem' | 'whole';

/** What a file holds. */
export interface FileValues {
  readonly format: FileFormat;
  readonly values: readonly NamedValue[];
  /** Why it is one value although it seemed to be of a format: a phrase such as `is no sound YAML`. */
  readonly reason?: string;
}

/** A larger file is one value, and need not be read to be compared. */
export const MAX_NAMED_BYTES = 4 * 2 ** 20;
/** A tree of YAML or TOML takes some hundred times the memory of its text. */
const MAX_TREE_CHARACTERS = 2 ** 20;

const BY_EXTENSION: readonly (readonly [name: RegExp, format: FileFormat])[] = [
  [/\.json$/, 'json'],
  [/\.ya?ml$/, 'yaml'],
  [/\.toml$/, 'toml'],
  [/\.(?:ini|cfg|cnf|properties|editorconfig|gitconfig)$/, 'ini'],
  [/(?:^|\/)(?:\.env(?:[.-][^/]*)?|[^/]+\.env)$/, 'dotenv'],
];

function formatOf(path: string, text: string): FileFormat {
  const named = BY_EXTENSION.find(([pattern]) => pattern.test(path.toLowerCase()))?.[1];
  if (named) return named;
  if (looksLikePem(text)) return 'pem';
  if (/^\s*[[{]/.test(text) && isJson(text)) return 'json';
  if (looksLikeDotenv(text)) return 'dotenv';
  return looksLikeIni(text) ? 'ini' : 'whole';
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function checkedSize(text: string): string {
  if (text.length > MAX_TREE_CHARACTERS) throw new NotNamed('is too large to look into');
  return text;
}

async function read(format: FileFormat, text: string): Promise<FoundValue[]> {
  switch (format) {
    case 'dotenv':
      return readDotenv(text);
    case 'ini':
      return readIni(text);
    case 'json':
      return nameTrees([readJson(text)]);
    case 'yaml':
      return nameTrees(await readYaml(checkedSize(text)));
    case 'toml':
      return nameTrees([await readToml(checkedSize(text))]);
    case 'pem':
      return readPem(text);
    default:
      return [];
  }
}

/**
 * The values of a file.
 * @param path its path in the snapshot: its name says what it is
 * @param bytes its content; kept by the values
 * @returns in the order of the file; a file of no known format has one, {@link WHOLE_FILE}
 */
export async function namedValues(path: string, bytes: Uint8Array): Promise<FileValues> {
  const content = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (content.length > MAX_NAMED_BYTES)
    return { format: 'whole', values: [whole(path, content)], reason: 'is too large to look into' };
  if (content.includes(0) || !isUtf8(content)) return { format: 'whole', values: [whole(path, content)] };
  const text = content.toString('utf8');
  const format = formatOf(path, text);
  if (format === 'whole') return { format, values: [whole(path, content)] };
  try {
    const found = await read(format, text);
    // A format that holds one value and no names, such as a YAML file of one word.
    if (found.length === 1 && found[0]!.name === '') return { format, values: [whole(path, content)] };
    return { format, values: named(found) };
  } catch (error) {
    // Whatever a parser says may quote what it read.
    const reason = error instanceof NotNamed ? error.message : 'cannot be taken apart';
    return { format: 'whole', values: [whole(path, content, format === 'dotenv')], reason };
  }
}

function named(found: readonly FoundValue[]): NamedValue[] {
  const names = uniqueNames(
    found.map(({ name, label = '' }) => clipName(`${name === '' ? WHOLE_FILE : name}${label}`)),
  );
  if (names.reduce((sum, name) => sum + name.length, 0) > MAX_NAME_CHARACTERS)
    throw new NotNamed('has longer names than a configuration has');
  return found.map(({ name, text, kind = 'value', likely, facts }, i) => ({
    name: ownCopy(names[i]!),
    kind,
    likely: likely ?? isLikely(kind === 'value' ? name : '', text.toString()),
    ...factsFor(kind, text, facts),
    reveal: () => (typeof text === 'string' ? Buffer.from(text) : text),
  }));
}

const CERTIFICATE = /^\s*-----BEGIN CERTIFICATE-----[^-]{1,20000}-----END CERTIFICATE-----/;

/** What is public of a certificate that is a value of some other file, such as a Kubernetes Secret's. */
function factsFor(
  kind: FoundValue['kind'],
  text: FoundValue['text'],
  facts: FoundValue['facts'],
): Pick<NamedValue, 'facts'> {
  const block = kind === 'value' && !facts ? CERTIFICATE.exec(text.toString())?.[0] : undefined;
  const found = facts ?? (block === undefined ? undefined : readPem(block)[0]?.facts);
  return found ? { facts: found } : {};
}

/** A part of a text keeps all of it in memory, as long as the name is: the whole file, with its secrets. */
function ownCopy(name: string): string {
  return Buffer.from(name, 'utf16le').toString('utf16le');
}

const PROSE_OR_CODE =
  /\.(?:sh|bash|md|txt\.md|rst|html?|css|s?[cm]?js|[cm]?tsx?|py|rb|go|rs|java|php|sql|svg|png|jpe?g|gif|ico|lock|sum|log|tf|hcl)$/i;
const KEY_STORE = /\.(?:p12|pfx|jks|keystore|kdbx|ppk|gpg|key|keytab|agekey)$/i;
const SECRET_FILE =
  /(?:^|\/)(?:\.pgpass|\.netrc|_netrc|\.npmrc|\.pypirc|\.git-credentials|\.my\.cnf|id_[a-z\d]+)$/;

/**
 * Whether a file that is one value is likely a secret by its path.
 * @param path in the snapshot
 */
export function isSecretFile(path: string): boolean {
  if (PROSE_OR_CODE.test(path)) return false;
  if (KEY_STORE.test(path) || SECRET_FILE.test(path)) return true;
  return isSecretName(path.split('/').slice(-2).join('/'));
}

function whole(path: string, content: Buffer, likely = false): NamedValue {
  return {
    name: WHOLE_FILE,
    kind: 'file',
    likely: likely || isSecretFile(path) || (isUtf8(content) && isSecretForm(content.toString('utf8'))),
    reveal: () => content,
  };
}
