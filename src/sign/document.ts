// Signed documents: one object that holds JSON, a newline, and SSHSIG blocks over every byte before them. Bytes
// are proven before they are parsed. Who may sign what, and what a document says, is for the caller.

import { isUtf8 } from 'node:buffer';
import { IntegrityError, UsageError } from '../errors.ts';
import type { SigningKey } from './key.ts';
import {
  BEGIN,
  claimedSigner,
  DISTRUST,
  END,
  signArmored,
  verifyArmored,
  verifyArmoredAsync,
} from './sshsig.ts';
import { parseStrictJson } from './strict-json.ts';

const FORMAT = 1;
const MAX_BLOCKS = 8;
const NEWLINE = 0x0a;
const BEGIN_LINE = Buffer.from(`${BEGIN}\n`);
const END_LINE = Buffer.from(`\n${END}\n`);

/** How to read a document. */
export interface DocumentOptions {
  /** What every block must have been made for. */
  namespace: string;
  /** Names the object in errors. */
  object: string;
  /** The most bytes the whole object may have. */
  maxBytes: number;
}

/** A document whose signatures fit its bytes. Whether its signers count is not judged yet. */
export interface OpenedDocument {
  /** The signed bytes: a view into what was opened. */
  readonly body: Buffer;
  /** The public keys that signed it, canonical, in the order of their blocks; at least one. */
  readonly signers: readonly string[];
  /**
   * Reads the JSON; call it once the signers are judged. Unknown fields are kept, for the caller to ignore.
   * @throws IntegrityError `bad-document` when it is not strict UTF-8 JSON with an object on top and `format` 1;
   * `newer-format`, or `unknown-critical`, when a newer strongroom wrote it
   */
  parse(): Record<string, unknown>;
}

/**
 * @param value what JSON.stringify turns into an object; should hold `format: 1`
 * @param namespace what it is: one of NAMESPACES
 * @param keys who signs, in the order of the blocks; one to eight
 * @returns the whole object, ready to store
 * @throws UsageError `bad-signers` for none or too many keys
 */
export function sealDocument(value: unknown, namespace: string, keys: readonly SigningKey[]): Buffer {
  if (keys.length < 1 || keys.length > MAX_BLOCKS) {
    throw new UsageError('bad-signers', `a document takes one to ${MAX_BLOCKS} signatures`);
  }
  // No line of it can be the BEGIN line: JSON.stringify escapes newlines, and begins no line with a dash.
  const body = Buffer.from(`${JSON.stringify(value, null, 1)}\n`);
  return Buffer.concat([body, ...keys.map((key) => Buffer.from(signArmored(key, namespace, body)))]);
}

/**
 * Proves a document, without parsing it. A single block that fails condemns the whole.
 * @param bytes the whole object; must not change as long as the result is in use
 * @throws IntegrityError `document-too-large`; `unsigned` when there is no block; `bad-signature` when any block
 * is malformed, for another namespace or does not verify, or when anything but blocks follows the body
 */
export function openDocument(bytes: Uint8Array, options: DocumentOptions): OpenedDocument {
  const { namespace, object } = options;
  const { body, blocks } = split(bytes, options);
  const signers = blocks.map((block) => verifyArmored(block, namespace, body, object));
  return opened(body, signers, object);
}

/** `openDocument` with the signatures checked on the thread pool: several at once share the cores. */
export async function openDocumentAsync(
  bytes: Uint8Array,
  options: DocumentOptions,
): Promise<OpenedDocument> {
  const { namespace, object } = options;
  const { body, blocks } = split(bytes, options);
  const checks = blocks.map((block) => verifyArmoredAsync(block, namespace, body, object));
  return opened(body, await Promise.all(checks), object);
}

/**
 * A document with the signers that it claims, unverified: for bytes whose hash somebody signed who may be believed on
 * whether they fit. Whether that somebody is the one claimed is for the caller to ask.
 * @throws IntegrityError as `openDocument`, but for a signature that does not fit
 */
export function openVouched(bytes: Uint8Array, options: DocumentOptions): OpenedDocument {
  const { namespace, object } = options;
  const { body, blocks } = split(bytes, options);
  return opened(
    body,
    blocks.map((block) => claimedSigner(block, namespace, object)),
    object,
  );
}

function split(bytes: Uint8Array, options: DocumentOptions): { body: Buffer; blocks: string[] } {
  const { object, maxBytes } = options;
  if (bytes.byteLength > maxBytes) {
    throw new IntegrityError('document-too-large', `${object} is larger than ${maxBytes} bytes`, { object });
  }
  const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = firstBlock(whole);
  if (at < 0) throw new IntegrityError('unsigned', `${object} is not signed`, { object, hint: DISTRUST });
  const body = whole.subarray(0, at);
  const blocks: string[] = [];
  while (at < whole.length) {
    const begins = whole.subarray(at, at + BEGIN_LINE.length).equals(BEGIN_LINE);
    const end = begins ? whole.indexOf(END_LINE, at) : -1;
    if (end < 0) throw bad('bad-signature', object, 'holds something else than signatures after its text');
    if (blocks.length === MAX_BLOCKS) throw bad('bad-signature', object, 'has too many signatures');
    const next = end + END_LINE.length;
    blocks.push(whole.toString('latin1', at, next));
    at = next;
  }
  return { body, blocks };
}

// The first line that is exactly the BEGIN line. It decides where the body ends, so a body that holds such a line
// is signed in vain: every reader cuts it there, and the signature does not fit what is left.
function firstBlock(whole: Buffer): number {
  for (let at = whole.indexOf(BEGIN_LINE); at >= 0; at = whole.indexOf(BEGIN_LINE, at + 1)) {
    if (at === 0 || whole[at - 1] === NEWLINE) return at;
  }
  return -1;
}

function opened(body: Buffer, signers: string[], object: string): OpenedDocument {
  return { body, signers, parse: () => parseBody(body, object) };
}

function parseBody(body: Buffer, object: string): Record<string, unknown> {
  if (!isUtf8(body)) throw bad('bad-document', object, 'is not valid UTF-8');
  const value = parseStrictJson(body.toString('utf8'), object);
  if (!isObject(value)) throw bad('bad-document', object, 'does not hold a JSON object');
  const { format, critical = [] } = value;
  if (Number.isInteger(format) && (format as number) > FORMAT) throw newer('newer-format', object);
  if (format !== FORMAT) throw bad('bad-document', object, 'does not say that it is in format 1');
  if (!Array.isArray(critical) || !critical.every((name) => typeof name === 'string')) {
    throw bad('bad-document', object, 'has a malformed list of critical features');
  }
  if (critical.length > 0) throw newer('unknown-critical', object); // format 1 has none
  return value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function newer(code: string, object: string): IntegrityError {
  return new IntegrityError(code, `${object} was written by a newer strongroom`, {
    object,
    hint: 'upgrade strongroom on this machine',
  });
}

function bad(code: string, object: string, how: string): IntegrityError {
  return new IntegrityError(code, `${object} ${how}`, { object, hint: DISTRUST });
}
