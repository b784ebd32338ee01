// Values that are secret by the name they are given: `DB_PASSWORD=…`, `"apiKey": "…"`. Stricter than compare/likely.ts,
// which errs towards yes for a list of what is known to be secret: here nobody knows, and every needless line is one
// that makes people stop reading.
import { isSecretForm } from '../../compare/likely.ts';
import type { Match } from './formats.ts';

/**
 * How far a file is believed: in settings a name and a value are a secret, in a program only what is quoted and looks
 * random, as its variables have such names too.
 */
export type Kind = 'settings' | 'program';

/** Looked for by itself: what stands around it is only asked where it is found. */
const WORDS =
  /passw(?:or)?d|passphrase|secret|token|api[_-]?key|private[_-]?key|access[_-]?key|account[_-]?key|credentials?|[_-](?:pass|pwd|psk|key|salt|pepper)(?![A-Za-z])|[a-z]Key/gi;
const WEAK = /^(?:[_-]\w+|[a-z]Key)$/;
const BEFORE_WORD = /[\w.-]{0,60}$/;
const REST =
  /([\w.-]{0,40})(["']?\]?[ \t]{0,20}(?::=|=>|=|:|,)[ \t]{0,20})(?:"([^"\n]{6,512})"|'([^'\n]{6,512})'|([^\s"'`;,#]{6,512}))/y;
const DEFINE = /define[ \t]*\([ \t]*["']\w*$/;

/** What comes behind the word and makes it something about a secret, or no secret. */
export const ABOUT =
  /(?:s?[._-]?(?:file|path|dir|directory|name|ref|url|uri|endpoint|host|id|ids|type|kind|header|field|length|len|ttl|expiry|expires|timeout|max|min|count|size|enabled|disabled|policy|version|algorithm|alg|method|mode|format|label|title|hint|prompt|placeholder|message|description|text|error|required|hash|reset|store|provider|manager|env|var|column|param|prefix|suffix|selector|scope|scopes|audience|issuer|usage|usages|limit|limits|pattern|regex|rotation|arn)s?)$|^(?:i[sz]|less|ring|board|word|stroke|frame|code|note|space|press|down|up|pair|map|chain|vault|set)/i;
export const BEFORE =
  /(?:public|pub|foreign|primary|partition|sort|cache|hot|idempotency|forgot|reset|confirm|no|num|max|min|count|tokeni[sz]\w*|mon|don|tur|csrf|ssh_known|signed_by|registry|node|tree|object|map|sub|parent|label|index|dict|route|query|group|column|row|i18n|translation|lang|host)[._-]?$/i;

/** A variable, a hole in a template, a path, a call, a list, an address without a password, a number, a version. */
const NO_VALUE =
  /^(?:\$[A-Za-z_{(]|\$\$|%[\w(]|\{\{|<|\[|\{|\(|\/|\.{1,2}\/|~\/|&|\*|!|@|[a-z][a-z0-9+.-]*:\/\/|arn:|projects\/|vault:|secretsmanager:|ssm:|op:\/\/|sops:|ENC\[|env[.:(]|process\.|os\.|v?\d+(?:[.:-]\d+)*[a-z]{0,2}$)|\$\{|\{\{|\(|\.\.\.|=>|->/i;
export const STAND_IN =
  /^(?:true|false|yes|none|null|nil|undefined|optional|required|string|text|boolean|number|password\d*|passwd|secrets?|token|default|postgres|unset|disabled|enabled|optional)$|change[_-]?(?:me|it|this)|replace|example|sample|dummy|placeholder|your[_-]?|redacted|insert|todo|xxxx|\*{3}|<[^>]*>|^([\w*.-])\1+$/i;
const SENTENCE = /\s/;

/**
 * Values with names of secrets.
 *
 * @param text as of `knownTokens`
 */
export function assignedSecrets(text: string, kind: Kind): Match[] {
  const found: Match[] = [];
  let end = 0;
  for (const { 0: word, index } of text.matchAll(WORDS)) {
    if (index < end) continue;
    const isWeak = WEAK.test(word) || /^[a-z]key$/i.test(word);
    // Such as `monkey` and `turkey`.
    if (/^[a-z]key$|^[A-Z]{4}$/.test(word)) continue;
    REST.lastIndex = index + word.length;
    const [all, after = '', between = '', double, single, bare] = REST.exec(text) ?? [];
    if (all === undefined) continue;
    end = index + word.length + after.length;
    const value = double ?? single ?? bare ?? '';
    // A comma is between a name and its value only in `define('NAME', 'VALUE')`.
    if (between.includes(',') && !DEFINE.test(text.slice(Math.max(0, index - 80), index))) continue;
    const head = BEFORE_WORD.exec(text.slice(Math.max(0, index - 60), index))![0];
    const name = isWeak ? head + word.slice(0, 1) : head;
    if (ABOUT.test(after) || BEFORE.test(name) || NO_VALUE.test(value) || STAND_IN.test(value)) continue;
    if (SENTENCE.test(value) || !isLikely(value, kind, bare === undefined, !isWeak && after.length <= 12))
      continue;
    found.push({ rule: 'assigned secret', index });
  }
  return found;
}

/** A name, or a sentence, of words: what constants of a program hold. */
const WORDED = /^[A-Za-z]+\d{0,3}(?:[-_.:][A-Za-z]*\d{0,3})+$/;

function isLikely(value: string, kind: Kind, isQuoted: boolean, isStrong: boolean): boolean {
  if (kind === 'program') return isQuoted && value.length >= 16 && !WORDED.test(value) && isSecretForm(value);
  if (isSecretForm(value)) return true;
  // Words alone are what labels and translations have.
  return (
    isStrong &&
    value.length >= 8 &&
    /[A-Za-z]/.test(value) &&
    /[\d!@#%^&*?+=/]/.test(value) &&
    !/^[a-z]+[-_.][a-z]+(?:[-_.][a-z0-9]+)*$/.test(value)
  );
}
