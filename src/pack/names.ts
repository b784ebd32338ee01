// Owns file names: bytes on disk, strings here. Bytes that are not UTF-8 become lone surrogates
// U+DC80..U+DCFF (PEP 383, "surrogateescape"), so no name is ever lost. Refuses to touch a disk.

import { isUtf8 } from 'node:buffer';
import { IntegrityError } from '../errors.ts';

// One well-formed multi-byte UTF-8 sequence (Unicode, table 3-7), or else one byte that is not part of any.
const SEQUENCE_OR_BYTE =
  /([\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})|[\x80-\xff]/g;

// With the `u` flag a pair is one code point, so these match lone surrogates only.
const ESCAPED_BYTE = /([\udc80-\udcff])/u;
const OTHER_LONE_SURROGATE = /[\ud800-\udc7f\udd00-\udfff]/u;

// What a terminal might obey or not show: controls, format characters (bidi, zero width, tags), line
// separators, blank "letters", lone surrogates. The backslash too, or an escape could be forged.
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800\\]/gu;

const SHORT_ESCAPES: Record<string, string> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

const MAX_SEGMENT_BYTES = 255;
const MAX_PATH_BYTES = 4096;

/**
 * Turns the bytes of a file name into a string, without loss.
 *
 * @param bytes a name as the file system gave it
 * @returns the name; each byte outside valid UTF-8 is a lone surrogate U+DC80..U+DCFF (PEP 383)
 */
export function decodeName(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isUtf8(buffer)) return buffer.toString('utf8');
  return buffer
    .toString('latin1')
    .replace(SEQUENCE_OR_BYTE, (match, sequence?: string) =>
      sequence === undefined
        ? String.fromCharCode(0xdc00 + match.charCodeAt(0))
        : Buffer.from(sequence, 'latin1').toString('utf8'),
    );
}

/**
 * The bytes of a name: the inverse of {@link decodeName}.
 *
 * @throws IntegrityError `bad-name` when no bytes decode to this string
 */
export function encodeName(name: string): Buffer {
  if (name.isWellFormed()) return Buffer.from(name, 'utf8');
  if (!OTHER_LONE_SURROGATE.test(name)) {
    const pieces = name.split(ESCAPED_BYTE);
    const bytes = Buffer.concat(
      pieces.map((piece, index) =>
        index % 2 === 1 ? Buffer.of(piece.charCodeAt(0) - 0xdc00) : Buffer.from(piece, 'utf8'),
      ),
    );
    // Two escaped bytes may spell a valid character: a second string for the same file, and a way to hide it.
    if (decodeName(bytes) === name) return bytes;
  }
  throw new IntegrityError('bad-name', `no file can have the name ${shortName(name)}`);
}

/**
 * A name in the form that `node:fs` needs.
 *
 * @returns the string itself, or a Buffer when the name is not valid UTF-8
 * @throws IntegrityError `bad-name`
 */
export function fsPath(name: string): string | Buffer {
  return name.isWellFormed() ? name : encodeName(name);
}

/**
 * A name that is safe to show: a name must never reach a terminal as it is.
 *
 * @returns the name with controls, invisible and direction-changing characters, stray bytes and backslashes as
 *   escapes: `\n`, `\x1b` (a byte), `\u202e`, `\u{e0001}` (a character)
 */
export function printableName(name: string): string {
  return name.replace(UNPRINTABLE, (character) => {
    const code = character.codePointAt(0)!;
    const hex = code.toString(16);
    if (code >= 0xdc80 && code <= 0xdcff) return `\\x${hex.slice(2)}`;
    if (code > 0xffff) return `\\u{${hex}}`;
    return (
      SHORT_ESCAPES[character] ?? (code < 0x80 ? `\\x${hex.padStart(2, '0')}` : `\\u${hex.padStart(4, '0')}`)
    );
  });
}

/**
 * Refuses a path that must not be in an archive.
 *
 * @param path an entry's path
 * @throws IntegrityError `bad-path` when it is empty, absolute or too long (255 bytes a segment, 4096 in all), or
 *   holds a NUL, an empty segment, `.` or `..`; `bad-name` as {@link encodeName}
 */
export function checkEntryPath(path: string): void {
  const fault = pathFault(path);
  if (fault !== undefined) throw new IntegrityError('bad-path', `path ${shortName(path)} ${fault}`);
}

function pathFault(path: string): string | undefined {
  if (path === '') return 'is empty';
  if (path.startsWith('/')) return 'is absolute';
  if (path.includes('\0')) return 'holds a NUL';
  for (const segment of path.split('/')) {
    if (segment === '') return 'has an empty segment';
    if (segment === '.' || segment === '..') return 'has a dot segment';
    if (nameBytes(segment) > MAX_SEGMENT_BYTES) return `has a segment of over ${MAX_SEGMENT_BYTES} bytes`;
  }
  return nameBytes(path) > MAX_PATH_BYTES ? `is longer than ${MAX_PATH_BYTES} bytes` : undefined;
}

function nameBytes(name: string): number {
  return name.isWellFormed() ? Buffer.byteLength(name, 'utf8') : encodeName(name).length;
}

// For messages, which are one line and of reasonable length.
function shortName(name: string): string {
  return `'${printableName(name.length > 200 ? `${name.slice(0, 200)}…` : name)}'`;
}
