// What a tool said, made fit to be shown: no secret, no address with a password, nothing that looks like a token, no
// control characters. Which secrets there are is told by the caller.
import { looksRandom } from '../../compare/shown.ts';

const SHOWN = 4 * 1024;
const HIDDEN = '***';

/** Addresses up to the last `@`: a password may hold any character. Bounds keep a long line from taking for ever. */
const USERINFO = /([a-z][a-z\d+.-]{0,20}:\/\/)\S{0,2000}@/gi;
const NAMED = /\b([\w-]{0,40}(?:pass(?:word|wd|phrase)?|pwd|secret|token|api_?key)s?\s{0,9}[=:]\s{0,9})\S+/gi;
const WORD = /[^\s"'`()<>,;=@]+/g;
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;
/** Colours and the like, as terminals know them. */
const ESCAPE = /\u001b(?:\[[\d;?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|.)/g;

/**
 * @param secrets whatever must not be seen; each of its lines is hidden too, and its form in an address
 * @param hides further text to hide, such as rows that the tool quotes; global
 * @returns the last 4 KiB
 */
export function scrub(text: string, secrets: readonly string[], hides?: RegExp): string {
  let shown = text.replace(ESCAPE, '').replace(/\r\n?/g, '\n').replace(CONTROL, ' ');
  for (const form of formsOf(secrets)) shown = shown.replaceAll(form, HIDDEN);
  if (hides) shown = shown.replace(hides, HIDDEN);
  shown = shown
    .replace(USERINFO, `$1${HIDDEN}@`)
    .replace(NAMED, `$1${HIDDEN}`)
    .replace(WORD, (word) => (looksRandom(word) ? HIDDEN : word))
    .trim();
  return shown.length > SHOWN ? `…${shown.slice(1 - SHOWN)}` : shown;
}

/** The longest first: what holds another one is hidden whole. */
function formsOf(secrets: readonly string[]): string[] {
  const lines = secrets.flatMap((secret) => [secret, ...secret.split(/\r?\n/)]);
  const forms = lines.flatMap((line) => [line, line.trim(), inAddress(line)]);
  return [...new Set(forms)].filter((form) => form !== '').sort((a, b) => b.length - a.length);
}

function inAddress(text: string): string {
  // A lone surrogate has no such form.
  return text.isWellFormed() ? encodeURIComponent(text) : text;
}
