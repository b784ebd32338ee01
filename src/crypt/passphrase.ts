// Passphrases: making strong ones and refusing weak ones. Imported only where one is chosen. The check is a floor
// that stops the predictable; it measures nothing, so a passphrase that passes need not be good.
import { randomInt } from 'node:crypto';
import { UsageError } from '../errors.ts';
import { WORDS } from './words.ts';

/** 11 bits a word, so 77: with scrypt's 2^18 in front, far beyond any search. */
const DEFAULT_WORDS = 7;

const MIN_LENGTH = 12;
const MIN_DIFFERENT = 5;
const MIN_WORDS = 4;
/** From this length on a passphrase may consist of fewer words. */
const LONG = 24;
/** What must be left once the predictable is taken out. */
const MIN_REST = 6;

/** What can follow one another without being chosen: alphabet, digits, and the rows of common keyboards. */
const SEQUENCES = [
  'abcdefghijklmnopqrstuvwxyz',
  '01234567890',
  'qwertyuiop',
  'qwertzuiop',
  'azertyuiop',
  'asdfghjkl',
  'qsdfghjklm',
  'zxcvbnm',
  'yxcvbnm',
  '1qaz2wsx3edc4rfv5tgb6yhn7ujm',
  '!@#$%^&*()',
];
const SEQUENCE_LENGTH = 4;

/** What attackers try first, and what anybody would call a backup. Lower case, with digits read as letters. */
const COMMON =
  'password passwort passphrase passwd letmein welcome iloveyou trustno admin administrator root user guest login ' +
  'master secret private default changeme access hello monkey dragon shadow sunshine princess football baseball ' +
  'superman batman starwars pokemon whatever freedom computer internet server database company ' +
  'backup restore vault strongroom deploy production staging testing test demo docker kubernetes amazon postgres ' +
  'spring summer autumn winter january february march april june july august september october november december ' +
  'monday tuesday wednesday thursday friday saturday sunday correcthorsebatterystaple';
const COMMON_WORD = new RegExp(COMMON.split(' ').sort(longestFirst).join('|'), 'g');
const YEAR = /(19|20)\d\d/g;

/** Digits and signs that people write for letters. */
const LEET: Record<string, string> = {
  0: 'o',
  1: 'i',
  3: 'e',
  4: 'a',
  5: 's',
  7: 't',
  '@': 'a',
  $: 's',
  '!': 'i',
};

/**
 * Makes a passphrase of words that were chosen at random, joined by hyphens.
 *
 * @param words how many: 7 (77 bits) or more
 * @throws UsageError `bad-word-count`
 */
export function generatePassphrase(words = DEFAULT_WORDS): string {
  if (!Number.isInteger(words) || words < DEFAULT_WORDS || words > 100) {
    throw new UsageError('bad-word-count', `a passphrase has from ${DEFAULT_WORDS} to 100 words`);
  }
  return Array.from({ length: words }, () => WORDS[randomInt(WORDS.length)]).join('-');
}

/**
 * Why a passphrase is refused. The reason never quotes it.
 *
 * @returns the reason, to follow "the passphrase"; undefined when it is accepted
 */
export function weaknessOf(passphrase: string): string | undefined {
  const characters = [...passphrase];
  if (characters.length < MIN_LENGTH) return `has fewer than ${MIN_LENGTH} characters`;
  const lower = passphrase.toLowerCase();
  if (new Set(lower).size < MIN_DIFFERENT) return 'has only a few different characters';
  if (repeats(lower)) return 'repeats itself';
  if (/^\P{L}+$/u.test(passphrase)) return 'has no letters';
  if (unpredictablePart(lower).length < MIN_REST) {
    return 'is made of common words, sequences or years';
  }
  if (characters.length < LONG && wordCount(passphrase) < MIN_WORDS) {
    return `has fewer than ${MIN_WORDS} words`;
  }
  return undefined;
}

/** Whether the text is one piece over and over, the last time perhaps cut short. */
function repeats(text: string): boolean {
  for (let period = 1; period <= text.length / 2; period++) {
    if (text.startsWith(text.slice(period))) return true;
  }
  return false;
}

/** What is left of a text without its sequences, years and common words. */
function unpredictablePart(lower: string): string {
  const rest = withoutSequences(lower).replace(YEAR, '');
  const letters = rest.replace(/[013457@$!]/g, (sign) => LEET[sign] ?? sign);
  return letters.replace(/[\s._-]/g, '').replace(COMMON_WORD, '');
}

/** Takes out every stretch of four or more that follows a sequence, forwards or backwards, or repeats a character. */
function withoutSequences(text: string): string {
  let rest = '';
  for (let at = 0; at < text.length; ) {
    let size = 1;
    while (at + size < text.length && isPredictable(text.slice(at, at + size + 1))) size++;
    if (size < SEQUENCE_LENGTH) rest += text[at];
    at += size < SEQUENCE_LENGTH ? 1 : size;
  }
  return rest;
}

function isPredictable(stretch: string): boolean {
  const reversed = [...stretch].reverse().join('');
  return (
    SEQUENCES.some((sequence) => sequence.includes(stretch) || sequence.includes(reversed)) ||
    new Set(stretch).size === 1
  );
}

/** Runs of letters; a capital begins a new one. Random characters have many. */
function wordCount(text: string): number {
  return text.match(/\p{Lu}?\p{Ll}+|\p{Lu}+|\p{Lo}/gu)?.length ?? 0;
}

function longestFirst(a: string, b: string): number {
  return b.length - a.length;
}
