// The project's own source as text: what a file imports, which words it says, how long it is. A small scanner, not a
// parser: it knows comments, strings, templates and regular expressions, and that is all these tests need.

import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const ROOT = resolve(import.meta.dirname, '../..');

/** Files below a directory of the project, by path relative to it, `/`-separated. */
export function sourcesBelow(directory: string, ext = '.ts'): Map<string, string> {
  const files = readdirSync(join(ROOT, directory), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith(ext))
    .map((path) => path.replaceAll('\\', '/'));
  return new Map(files.sort().map((path) => [path, readFileSync(join(ROOT, directory, path), 'utf8')]));
}

export interface Piece {
  readonly kind: 'code' | 'comment' | 'string' | 'regex';
  /** Without quotes or delimiters; of a template only the text between its holes, each hole as `…`. */
  readonly text: string;
}

// A slash after one of these begins a regular expression, not a division.
const BEFORE_REGEX = /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|of|in|await|yield|void))\s*$/;

/** Takes a source apart. Joined again in order, `code` pieces are the source without comments and literals. */
export function piecesOf(source: string): Piece[] {
  const pieces: Piece[] = [];
  let code = '';
  let at = 0;
  const push = (kind: Piece['kind'], text: string): void => {
    if (code !== '') pieces.push({ kind: 'code', text: code });
    code = '';
    pieces.push({ kind, text });
  };
  const until = (end: string, from: number): number => {
    const found = source.indexOf(end, from);
    return found < 0 ? source.length : found;
  };
  /** Reads code up to `closing`, or to the end. */
  const readCode = (closing: string | undefined): void => {
    for (let depth = 0; at < source.length; ) {
      const two = source.slice(at, at + 2);
      const one = source[at]!;
      if (closing !== undefined && one === closing && depth === 0) return;
      if (one === '{') depth++;
      if (one === '}') depth--;
      if (two === '//') {
        const end = until('\n', at);
        push('comment', source.slice(at + 2, end));
        at = end;
      } else if (two === '/*') {
        const end = until('*/', at + 2);
        push('comment', source.slice(at + 2, end));
        at = end + 2;
      } else if (one === "'" || one === '"') push('string', quoted(one));
      else if (one === '`') template();
      else if (one === '/' && BEFORE_REGEX.test(code === '' ? '' : code)) push('regex', regex());
      else {
        code += one;
        at++;
      }
    }
  };
  const quoted = (quote: string): string => {
    const from = ++at;
    while (at < source.length && source[at] !== quote) at += source[at] === '\\' ? 2 : 1;
    return source.slice(from, at++);
  };
  const regex = (): string => {
    const from = ++at;
    for (let inClass = false; at < source.length && (inClass || source[at] !== '/'); at++) {
      if (source[at] === '[') inClass = true;
      if (source[at] === ']') inClass = false;
      if (source[at] === '\\') at++;
    }
    return source.slice(from, at++);
  };
  const template = (): void => {
    const holes: Piece[][] = [];
    let text = '';
    for (at++; at < source.length && source[at] !== '`'; ) {
      if (source.startsWith('${', at)) {
        at += 2;
        const outer = pieces.splice(0);
        const outerCode = code;
        code = '';
        readCode('}');
        push('code', '');
        holes.push(pieces.splice(0));
        pieces.push(...outer);
        code = outerCode;
        text += '…';
        at++;
      } else {
        const length = source[at] === '\\' ? 2 : 1;
        text += source.slice(at, at + length);
        at += length;
      }
    }
    at++;
    push('string', text);
    for (const piece of holes.flat()) if (piece.text !== '') pieces.push(piece);
  };
  readCode(undefined);
  push('code', '');
  return pieces.filter(({ text }) => text !== '');
}

export interface Import {
  readonly specifier: string;
  /** Nothing of it is there at run time. */
  readonly typeOnly: boolean;
  /** `await import()`: loaded when it is used. */
  readonly lazy: boolean;
}

const STATIC = /^(import|export)\b(?!\s*\()([^'";=]*?)(?:\bfrom\s*)?(['"])([^'"]+)\3/gm;
const LAZY = /\bimport\(\s*(['"])([^'"]+)\1/g;

/** What a module imports, and from where it exports again. */
export function importsOf(source: string): Import[] {
  const found: Import[] = [];
  for (const [, keyword, clause = '', , specifier = ''] of source.matchAll(STATIC)) {
    if (keyword === 'export' && !/^\s*(?:type\s+)?[*{]/.test(clause)) continue;
    found.push({ specifier, typeOnly: isTypeOnly(clause), lazy: false });
  }
  for (const [, , specifier = ''] of source.matchAll(LAZY))
    found.push({ specifier, typeOnly: false, lazy: true });
  return found;
}

function isTypeOnly(clause: string): boolean {
  if (/^\s*type\s+[{*A-Za-z]/.test(clause)) return true;
  const names = /^\s*\{([^}]*)\}\s*$/
    .exec(clause)?.[1]
    ?.split(',')
    .filter((name) => name.trim() !== '');
  return names !== undefined && names.length > 0 && names.every((name) => /^\s*type\s/.test(name));
}
