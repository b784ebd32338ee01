// JSON that means one thing: JSON.parse, but a repeated key or absurd nesting is refused. Two readers that differ
// on which of two equal keys counts could be shown two different documents under one signature.

import { IntegrityError } from '../errors.ts';

const MAX_DEPTH = 32;

/**
 * @param text JSON (RFC 8259), without a byte order mark
 * @param object names the document in errors
 * @returns what JSON.parse returns; a key `__proto__` is an ordinary property of the result
 * @throws IntegrityError `bad-document` when it is not JSON, nests deeper than 32, or an object has a key twice
 */
export function parseStrictJson(text: string, object: string): unknown {
  const members = scan(text);
  if (members === undefined) throw bad(object, 'is nested too deeply');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    // The parser's message quotes the text, so it is neither shown nor kept as the cause.
    const position = /^[^"]* at position (\d+)/.exec(error instanceof Error ? error.message : '')?.[1];
    throw bad(object, `is not valid JSON${position === undefined ? '' : ` at position ${position}`}`);
  }
  // Of two equal keys, however each is escaped, JSON.parse keeps one. So an object with a key twice has fewer
  // members than the text has colons outside strings.
  if (countMembers(value) !== members) throw bad(object, 'says something twice: it repeats a key');
  return value;
}

// Counts the colons outside strings, or gives undefined past the depth cap. On text that is not JSON the count
// means nothing, but then JSON.parse refuses it.
function scan(text: string): number | undefined {
  let members = 0;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x22: // "
        at = endOfString(text, at);
        break;
      case 0x3a: // :
        members++;
        break;
      case 0x5b: // [
      case 0x7b: // {
        if (++depth > MAX_DEPTH) return undefined;
        break;
      case 0x5d: // ]
      case 0x7d: // }
        depth--;
        break;
    }
  }
  return members;
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  for (; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === 0x22) break;
    if (unit === 0x5c) at++; // a backslash takes the next character with it
  }
  return at;
}

function countMembers(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const children = Object.values(value);
  let members = Array.isArray(value) ? 0 : children.length;
  for (const child of children) members += countMembers(child);
  return members;
}

function bad(object: string, how: string): IntegrityError {
  return new IntegrityError('bad-document', `${object} ${how}`, { object });
}
