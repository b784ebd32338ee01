// Whether settings give a secret's name a literal value: `password: summertime`. Believes more than assignments.ts, which
// goes through everything: this is asked only of files that others can see, where a weak password is the worst one.
import { posix } from 'node:path';
import { isSecretForm, isSecretName } from '../../compare/likely.ts';
import { ABOUT, BEFORE, STAND_IN } from './assignments.ts';
import { isEnvironmentFile, isPassedOver, TRANSLATION } from './names.ts';
import type { SecretFinding } from './scan.ts';

/** Larger ones are data. */
export const MAX_SETTINGS_BYTES = 256 * 1024;
const MAX_LINE = 4096;
const MAX_FINDINGS = 5;

const SETTINGS = /\.(?:ya?ml|toml|ini|json|properties|cfg|conf|env)$/i;
/** What is copied and filled in; defaults are in use as they are. */
const BLANK = /(?:^|[._-])(?:examples?|samples?|templates?|tpl|dist)(?:[._-]|$)/i;
const COMMENT = /^[ \t]*(?:[#;]|\/\/)/;
const ASSIGNMENT =
  /(?:^|[\s{,])["']?([\w.-]{1,80})["']?[ \t]{0,20}[:=][ \t]{0,20}(?:"([^"]*)"|'([^']*)'|([^\s"',{}[\]][^,}\]]*))/g;

const STRONG =
  /passw(?:or)?d|passphrase|secret|token|credentials?|api[._-]?key|private[._-]?key|access[._-]?key|(?<![A-Za-z])(?:pass|pwd|psk)(?![A-Za-z])/gi;
/** What names a secret that is elsewhere. */
const ELSEWHERE = /existing|(?:external|pull|from|use|uses|persist|allow|enable|with|has|mount)[._-]?$/i;
/** A variable, a hole in a template, an anchor, a tag, a path, what a vault knows, a version. */
const NO_LITERAL =
  /^(?:[$%<[{&*|>]|!\w+\b|\.{0,2}\/|~|ENC\[|(?:vault|op|ssm|sops|arn|env|file|secretsmanager|projects)[:/(]|[\^~><=v]*\d+(?:\.\d+)+|[a-z][a-z0-9+.-]*:\/\/)|\$\{|\{\{/i;
const WORD =
  /^(?:on|off|no|n|y|auto|all|read|write|admin|inherit|include|omit|same-origin|bearer|basic|jwt|opaque|error|warn)$/i;
/** A count, or a time. */
const NUMBER = /^[\d._]{1,5}$|^\d+ ?[a-z]{1,5}$/i;

/** Whether a file is settings by its name, and not one that is filled in elsewhere. */
export function isSettings(path: string): boolean {
  const name = posix.basename(path);
  if (!SETTINGS.test(name) && !isEnvironmentFile(name)) return false;
  return !BLANK.test(name) && !TRANSLATION.test(path) && !isPassedOver(path);
}

/**
 * @param path relative
 * @param text in which each character is one byte, or any other
 * @param isEnvironment whether it is read as an environment file, whatever its name
 * @returns at most five, in the order of the lines
 */
export function namedSecrets(
  path: string,
  text: string,
  isEnvironment = isEnvironmentFile(posix.basename(path)),
): SecretFinding[] {
  const found: SecretFinding[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line.length > MAX_LINE || COMMENT.test(line)) continue;
    for (const [, name = '', double, single, bare = ''] of line.matchAll(ASSIGNMENT)) {
      const value = double ?? single ?? bare.replace(/\s[#;].*$/, '').trim();
      if (!isSecretValue(name, value, isEnvironment)) continue;
      found.push({ rule: 'value with the name of a secret', line: index + 1 });
      break;
    }
    if (found.length === MAX_FINDINGS) break;
  }
  return found;
}

function isSecretValue(name: string, value: string, isEnvironment: boolean): boolean {
  if (value === '' || STAND_IN.test(value) || WORD.test(value)) return false;
  const isForm = isSecretForm(value);
  // An address with a password in it, say.
  if (isForm && (isEnvironment || isSecretName(name))) return true;
  if (!isSecretName(name) || !isStrong(name) || NO_LITERAL.test(value)) return false;
  if (NUMBER.test(value)) return false;
  return isEnvironment || !/\s/.test(value);
}

/** Whether a name is that of the secret itself, and not of something about it. */
function isStrong(name: string): boolean {
  return [...name.matchAll(STRONG)].some(({ 0: word, index }) => {
    const [before, after] = [name.slice(0, index), name.slice(index + word.length)];
    // Which value of another file it is.
    if (/^passw/i.test(word) && /^[._-]?keys?$/i.test(after)) return false;
    return after.length <= 12 && !ABOUT.test(after) && !BEFORE.test(before) && !ELSEWHERE.test(before);
  });
}
