// A document that is filed away as Markdown and looked at as a page: said once, as plain data. How it is written down is in
// sheet-markdown.ts and sheet-html.ts. What it says is its own file's.
import { countText } from './numbers.ts';

/** A piece of running text. Whatever is in it is text, and no mark-up. */
export type Span =
  | string
  | { readonly code: string }
  | { readonly strong: string }
  | { readonly tone: Tone; readonly text: string };

export type Tone = 'good' | 'bad' | 'dim';

export type Words = readonly Span[];

/** A span of time. */
export interface Bar {
  readonly name: string;
  /** Both in seconds. */
  readonly at: number;
  readonly seconds: number;
}

/** Bars under a name of their own. */
export interface BarGroup {
  readonly name: string;
  readonly bars: readonly Bar[];
}

export type Block =
  | { readonly kind: 'heading'; readonly level: 2 | 3 | 4; readonly words: Words }
  | { readonly kind: 'words'; readonly words: Words }
  | { readonly kind: 'box'; readonly tone: 'plain' | 'good' | 'bad'; readonly words: Words }
  | { readonly kind: 'list'; readonly items: readonly Words[] }
  | { readonly kind: 'ticks'; readonly items: readonly Words[] }
  | { readonly kind: 'facts'; readonly rows: readonly (readonly [name: string, value: Words])[] }
  | { readonly kind: 'table'; readonly head: readonly string[]; readonly rows: readonly (readonly Words[])[] }
  /** Lines to be typed; what follows two blanks and a # is for the reader. */
  | { readonly kind: 'commands'; readonly lines: readonly string[] }
  /** @param seconds of all of it */
  | { readonly kind: 'timeline'; readonly seconds: number; readonly groups: readonly BarGroup[] }
  /** Text of our own in the Markdown that markdown.ts knows. */
  | { readonly kind: 'markdown'; readonly text: string }
  /** What follows begins on paper of its own. */
  | { readonly kind: 'sheet' };

export interface Sheet {
  readonly title: string;
  /** Below the title: what it is, of when, by whom. */
  readonly lead: Words;
  readonly blocks: readonly Block[];
}

/** Running text by a template: what is put into it stays text. */
export function say(
  strings: TemplateStringsArray,
  ...pieces: readonly (Span | number | undefined | Words)[]
): Words {
  const spans = strings.flatMap((text, i): Span[] => {
    const piece = pieces[i];
    const own = piece === undefined ? [] : isWords(piece) ? piece : [spanOf(piece)];
    return [text, ...own];
  });
  return spans.filter((span) => span !== '');
}

const isWords = (piece: Span | number | Words): piece is Words => Array.isArray(piece);
const spanOf = (piece: Span | number): Span => (typeof piece === 'number' ? String(piece) : piece);

export const code = (text: string): Span => ({ code: text });
export const strong = (text: string): Span => ({ strong: text });
export const toned = (tone: Tone, text: string): Span => ({ tone, text });

export const heading = (level: 2 | 3 | 4, title: string | Words): Block => ({
  kind: 'heading',
  level,
  words: typeof title === 'string' ? [title] : title,
});
export const words = (text: Words): Block => ({ kind: 'words', words: text });
export const commands = (...lines: readonly string[]): Block => ({ kind: 'commands', lines });
export const SHEET: Block = { kind: 'sheet' };

/** Pieces with commas between them. */
export function listed(spans: readonly Span[]): Words {
  return spans.flatMap((span, i) => (i === 0 ? [span] : [', ', span]));
}

/** The first of a list that may have any length, and how many there are beyond. */
export function firstOf<T>(
  items: readonly T[],
  most: number,
): { readonly shown: readonly T[]; readonly more: number } {
  return { shown: items.slice(0, most), more: Math.max(0, items.length - most) };
}

/** How many of a long list are not shown: nothing where all of it is. */
export function beyond(more: number, singular: string, plural?: string): Block[] {
  return more === 0 ? [] : [words([`And ${countText(more, singular, plural)} more.`])];
}

// What is not seen, ends a line, or turns text round: with it a name shows as another one, or as mark-up.
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** Text as one line that shows all that is in it: `a\u202eb`. */
export function spelt(text: string): string {
  return text.replace(UNSEEN, (odd) => {
    const hex = odd.codePointAt(0)!.toString(16);
    return hex.length > 4 ? `\\u{${hex}}` : `\\u${hex.padStart(4, '0')}`;
  });
}

/** Text that is no longer than a reader's patience. */
export function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
