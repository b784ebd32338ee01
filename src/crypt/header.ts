// The header of an age file: its grammar, read strictly and written plainly, and its MAC. It knows no key type but
// for the rule that a passphrase stanza stands alone; who wraps the file key is file-key.ts.
//
// The package's own parser is laxer than the specification and reads without a limit, hence ours.
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Stanza } from 'age-encryption';
import { IntegrityError, UsageError } from '../errors.ts';
import { derive } from './aead.ts';
import { decodeBase64, encodeBase64 } from './base64.ts';
import type { Reader } from './reader.ts';

const MAGIC = 'age-encryption.org/';
const VERSION_LINE = `${MAGIC}v1`;
const ARMOR_LINE = '-----BEGIN AGE ENCRYPTED FILE-----';

/** The longest header we read or write: room for some 40 post-quantum or 600 classic recipients. */
export const HEADER_LIMIT = 64 * 1024;

/** Characters of base64 in a full line of a stanza's body. */
const COLUMNS = 64;

const MAC_SIZE = 32;

const ARGUMENT = /^[\x21-\x7e]+$/;

/** A header that follows the grammar. Its MAC has not been checked. */
export interface Header {
  stanzas: Stanza[];
  /** The header as it stands in the file, up to and with its last line feed. */
  bytes: Buffer;
  /** What the MAC covers: up to and with the three dashes. */
  covered: Buffer;
  mac: Buffer;
}

/**
 * Reads a header and leaves the reader at the payload.
 *
 * @param object what the file is called in a failure
 * @throws IntegrityError `not-an-age-file`, or `bad-header` when it breaks a rule of the format
 * @see https://c2sp.org/age#header
 */
export async function readHeader(source: Reader, object: string): Promise<Header> {
  const lines: Buffer[] = [];
  let size = 0;
  async function nextLine(): Promise<string | undefined> {
    const line = await source.line(HEADER_LIMIT - size);
    if (line === undefined) return undefined;
    lines.push(line);
    size += line.length;
    return line.toString('latin1', 0, line.length - 1);
  }

  checkVersion(await nextLine(), object);
  const stanzas: Stanza[] = [];
  for (;;) {
    const line = await nextLine();
    if (line === undefined) throw badHeader(object, 'it has no end');
    if (line.startsWith('-> ')) {
      stanzas.push({ args: splitArguments(line.slice(3), object), body: await readBody(nextLine, object) });
      continue;
    }
    const mac = line.startsWith('--- ') ? decodeBase64(line.slice(4)) : undefined;
    if (mac?.length !== MAC_SIZE) throw badHeader(object, `line ${lines.length} is malformed`);
    if (stanzas.length === 0) throw badHeader(object, 'it has no recipient');
    if (scryptHasCompany(stanzas)) throw badHeader(object, 'a passphrase stands beside another recipient');
    const bytes = Buffer.concat(lines);
    return { stanzas, bytes, covered: bytes.subarray(0, bytes.length - line.length + 2), mac };
  }
}

/**
 * Writes a header.
 *
 * @param fileKey 16 bytes, which the stanzas wrap
 * @throws UsageError `bad-recipient` when a stanza is not one, `too-many-recipients` past {@link HEADER_LIMIT}
 * @see https://c2sp.org/age#header
 */
export function encodeHeader(stanzas: readonly Stanza[], fileKey: Uint8Array): Buffer {
  const covered = `${VERSION_LINE}\n${stanzas.map(encodeStanza).join('')}---`;
  const mac = macOf(Buffer.from(covered, 'latin1'), fileKey);
  const header = Buffer.from(`${covered} ${encodeBase64(mac)}\n`, 'latin1');
  // What we could not read again must not be written.
  if (header.length > HEADER_LIMIT) {
    throw new UsageError(
      'too-many-recipients',
      `${stanzas.length} recipients do not fit into one age header`,
    );
  }
  return header;
}

/** Whether the header is the one that was written for this file key: its MAC fits. */
export function macFits(header: Header, fileKey: Uint8Array): boolean {
  return timingSafeEqual(macOf(header.covered, fileKey), header.mac);
}

/**
 * Whether a passphrase stanza stands beside any other. The holder of the other key could then make a file that
 * the passphrase opens, and people take "my passphrase opens it" to mean "I made it".
 */
export function scryptHasCompany(stanzas: readonly Stanza[]): boolean {
  return stanzas.length > 1 && stanzas.some((stanza) => stanza.args[0] === 'scrypt');
}

/** The failure of a header that breaks a rule of the format. */
export function badHeader(object: string, why: string): IntegrityError {
  return new IntegrityError('bad-header', `the age header of ${object} is malformed: ${why}`, { object });
}

/** The failure of a header that opens but is not as it was written. */
export function headerTampered(object: string): IntegrityError {
  return new IntegrityError('header-tampered', `the age header of ${object} was changed`, { object });
}

function checkVersion(line: string | undefined, object: string): void {
  if (line === VERSION_LINE) return;
  if (line?.startsWith(MAGIC)) throw badHeader(object, 'its version is not v1');
  const armored = line?.trimEnd() === ARMOR_LINE;
  throw new IntegrityError('not-an-age-file', `${object} is not an age file`, {
    object,
    ...(armored && {
      hint: 'it is ASCII-armoured; `age -d` reads it, strongroom reads binary age files only',
    }),
  });
}

function splitArguments(line: string, object: string): string[] {
  const args = line.split(' ');
  if (!args.every((arg) => ARGUMENT.test(arg))) throw badHeader(object, 'a recipient has a bad argument');
  return args;
}

async function readBody(nextLine: () => Promise<string | undefined>, object: string): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for (;;) {
    const line = await nextLine();
    const piece = line === undefined || line.length > COLUMNS ? undefined : decodeBase64(line);
    if (line === undefined || piece === undefined) throw badHeader(object, 'a recipient has a bad body');
    pieces.push(piece);
    if (line.length < COLUMNS) return Buffer.concat(pieces);
  }
}

function encodeStanza(stanza: Stanza): string {
  const { args } = stanza;
  if (args.length === 0 || !args.every((arg) => ARGUMENT.test(arg))) {
    throw new UsageError('bad-recipient', 'a recipient wrote something that is no age stanza');
  }
  const body = encodeBase64(stanza.body);
  let lines = '';
  // The last line is shorter than a full one, so a body that fills its lines is followed by an empty one.
  for (let at = 0; at <= body.length; at += COLUMNS) lines += `${body.slice(at, at + COLUMNS)}\n`;
  return `-> ${args.join(' ')}\n${lines}`;
}

function macOf(covered: Uint8Array, fileKey: Uint8Array): Buffer {
  return createHmac('sha256', derive(fileKey, '', 'header'))
    .update(covered)
    .digest();
}
