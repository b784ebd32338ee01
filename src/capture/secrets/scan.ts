// What in a file looks secret. No value is in what it returns: a rule, and a line.
import { isSecretForm } from '../../compare/likely.ts';
import { assignedSecrets } from './assignments.ts';
import { knownTokens, type Match } from './formats.ts';
import { isNamedAsSecret, isPassedOver, kindOf, secretByName } from './names.ts';

export interface SecretFinding {
  /** Such as `GitHub token` or `environment file`. */
  readonly rule: string;
  /** From 1; undefined for what the name of the file says. */
  readonly line: number | undefined;
}

/** A larger file is data: only its name is looked at. */
export const MAX_SCANNED_BYTES = 2 ** 20;
/** Enough to see what kind of file it is. */
const MAX_FINDINGS = 5;
/** Of a line that nobody wrote. */
const MADE = 5000;
const LOOKED_AT = 8000;

/**
 * What looks secret in a file.
 *
 * @param path relative: what the names of directories say counts too
 * @param read its bytes, asked for only where they are looked at; undefined where they cannot be had
 * @returns at most five, in the order of the lines, one a rule and line
 */
export function secretsIn(path: string, read: () => Buffer | undefined): SecretFinding[] {
  const rule = secretByName(path);
  if (rule !== undefined) return [{ rule, line: undefined }];
  if (isPassedOver(path)) return [];
  const bytes = read();
  if (bytes === undefined || bytes.length > MAX_SCANNED_BYTES || isBinary(bytes)) return [];
  // One character a byte: patterns ask for ASCII alone, and this is the fastest way to text.
  const text = bytes.toString('latin1');
  const word = oneWord(path, text);
  if (word) return [word];
  const kind = kindOf(path);
  const matches = knownTokens(text);
  if (kind !== undefined && !isMade(text, kind === 'program')) matches.push(...assignedSecrets(text, kind));
  if (matches.length === 0 && isKubernetesSecret(text)) return [{ rule: 'Kubernetes Secret', line: 1 }];
  return findings(text, matches);
}

function isBinary(bytes: Buffer): boolean {
  return bytes.subarray(0, LOOKED_AT).includes(0);
}

/** A file that is one word, as files for `docker secret` are. */
function oneWord(path: string, text: string): SecretFinding | undefined {
  if (text.length > 1024) return undefined;
  const word = text.trim();
  if (word.length < 6 || /\s|=[^=]/.test(word)) return undefined;
  const isNamed = isNamedAsSecret(path);
  if (isNamed && !/^(?:true|false|null|none|\$.*|<.*>)$/i.test(word))
    return { rule: 'file named as a secret', line: 1 };
  // A digest, such as that of the commit that is deployed, is no secret.
  if (isNamed || kindOf(path) !== 'settings' || /^(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})$/i.test(word))
    return undefined;
  return isSecretForm(word) && word.length >= 24 && !/[()<>{}:]|^\w+(?:-\w+)+$/.test(word)
    ? { rule: 'random word', line: 1 }
    : undefined;
}

/** What a build made: its lines are longer than anybody writes. */
function isMade(text: string, isProgram: boolean): boolean {
  if (!isProgram || text.length < MADE) return false;
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf('\n', at);
    if ((end < 0 ? text.length : end) - at > MADE) return true;
    if (end < 0) return false;
    at = end + 1;
  }
  return false;
}

const KIND_SECRET = /^["' \t{]*kind["']?[ \t]*:[ \t]*["']?Secret\b/m;
const HAS_DATA = /^[ \t]*["']?(?:data|stringData)["']?[ \t]*:[ \t]*(?:\{[ \t]*[^}\s]|$)/m;

function isKubernetesSecret(text: string): boolean {
  // Encrypted in place, as sops and sealed-secrets do, is meant to be seen.
  return (
    text.includes('Secret') && KIND_SECRET.test(text) && HAS_DATA.test(text) && !/^sops:|ENC\[AES/m.test(text)
  );
}

function findings(text: string, matches: readonly Match[]): SecretFinding[] {
  const found = new Map<string, SecretFinding & { line: number }>();
  const tokens = new Set<number>();
  for (const { rule, index } of matches) {
    const line = lineAt(text, index);
    // The first rules are the surest: an assigned token is a token.
    if (rule === 'assigned secret' && tokens.has(line)) continue;
    tokens.add(line);
    found.set(`${line} ${rule}`, { rule, line });
    if (found.size > 200) break;
  }
  return [...found.values()].sort((a, b) => a.line - b.line).slice(0, MAX_FINDINGS);
}

function lineAt(text: string, index: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at >= 0 && at < index; at = text.indexOf('\n', at + 1)) line += 1;
  return line;
}
