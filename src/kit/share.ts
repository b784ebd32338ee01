// A share of a recovery key as bytes: what it is a share of, and its piece of the secret (docs/format.md, "Recovery
// kit"). A whole kit is the one share of one. Whether a vault knows it is judged elsewhere.
import { createHash } from 'node:crypto';
import { type IdentityKind, parseIdentity, recipientOf } from '../crypt/identity.ts';
import { UsageError } from '../errors.ts';
import { LINE_BYTES, LINES, writeLine } from './line.ts';

export interface Share {
  readonly kind: IdentityKind;
  /** The number of the vault's key when it was printed. */
  readonly generation: number;
  /** From 1 to `count`. */
  readonly index: number;
  readonly threshold: number;
  readonly count: number;
  /** Which recovery key, hex: as `setOf` its recipient. */
  readonly set: string;
  /** Which vault, hex: as `anchorOf` the fingerprint of that generation. */
  readonly anchor: string;
  /** 32 bytes and where the polynomials were evaluated; at 0 they are the secret itself. */
  readonly payload: Uint8Array;
}

const VERSION = 1;
const SET_BYTES = 10;
const ANCHOR_BYTES = 20;
const PAYLOAD_BYTES = 33;
const CHECK_BYTES = 4;
const SIZE = LINES * LINE_BYTES;
const KINDS: readonly IdentityKind[] = ['x25519', 'hybrid'];

/** What a recovery key is told apart by: 80 bits of the SHA-256 of its recipient, which is no secret. */
export function setOf(recipient: string): string {
  return createHash('sha256')
    .update(recipient)
    .digest('hex')
    .slice(0, 2 * SET_BYTES);
}

/**
 * The first 160 bits of a fingerprint: enough that nobody can make another vault that has them.
 * @param fingerprint `SHA256:…`
 */
export function anchorOf(fingerprint: string): string {
  return Buffer.from(fingerprint.slice('SHA256:'.length), 'base64')
    .toString('hex')
    .slice(0, 2 * ANCHOR_BYTES);
}

/** What all shares of one key have in common. */
export interface Printing {
  readonly generation: number;
  /** The vault's fingerprint, `SHA256:…`. */
  readonly fingerprint: string;
}

/** The fields that an identity's shares share. @throws UsageError `bad-identity` */
export async function shareFields(
  identity: string,
  { generation, fingerprint }: Printing,
): Promise<Pick<Share, 'kind' | 'generation' | 'set' | 'anchor'>> {
  const { kind } = parseIdentity(identity);
  return { kind, generation, set: setOf(await recipientOf(identity)), anchor: anchorOf(fingerprint) };
}

/** The five lines of a share, without their numbers. */
export function shareLines(share: Share): string[] {
  const bytes = Buffer.alloc(SIZE);
  bytes[0] = (VERSION << 4) | KINDS.indexOf(share.kind);
  bytes.writeUInt32BE(share.generation, 1);
  bytes.set([share.index, share.threshold, share.count], 5);
  bytes.set(Buffer.from(share.set, 'hex'), 8);
  bytes.set(Buffer.from(share.anchor, 'hex'), 8 + SET_BYTES);
  bytes.set(share.payload, 8 + SET_BYTES + ANCHOR_BYTES);
  bytes.set(checksum(bytes), SIZE - CHECK_BYTES);
  return Array.from({ length: LINES }, (_, i) =>
    writeLine(i + 1, bytes.subarray(i * LINE_BYTES, (i + 1) * LINE_BYTES)),
  );
}

/**
 * The share of five lines, each of which was right by itself.
 * @param source what they came from, for messages
 * @throws UsageError `newer-share`, `torn-share` when the lines are of different shares
 */
export function shareOf(lines: readonly Uint8Array[], source: string): Share {
  const bytes = Buffer.concat(lines);
  const wrong = (why: string) =>
    new UsageError('torn-share', `${source}: ${why}`, {
      object: source,
      hint: 'copy all five lines from one page',
    });
  if (bytes.length !== SIZE) throw wrong('this is not the whole share');
  // Before the checksum: what else a newer version changes is not for this one to judge.
  if (bytes[0]! >> 4 !== VERSION) {
    throw new UsageError('newer-share', `${source} was made by another version of strongroom`, {
      object: source,
      hint: 'use that version, or a newer one',
    });
  }
  if (!checksum(bytes).equals(bytes.subarray(SIZE - CHECK_BYTES))) {
    throw wrong('each line is right, but they are not all of one page');
  }
  const kind = KINDS[bytes[0]! & 15];
  const [index = 0, threshold = 0, count = 0] = bytes.subarray(5, 8);
  const generation = bytes.readUInt32BE(1);
  const payload = Uint8Array.from(bytes.subarray(8 + SET_BYTES + ANCHOR_BYTES, SIZE - CHECK_BYTES));
  const isWhole = payload[PAYLOAD_BYTES - 1] === 0;
  const isSound =
    generation >= 1 &&
    index >= 1 &&
    index <= count &&
    threshold <= count &&
    (isWhole ? count === 1 : true) &&
    threshold >= (isWhole ? 1 : 2);
  if (kind === undefined || !isSound) throw wrong('this is no share that strongroom makes');
  const hex = (from: number, length: number) => bytes.subarray(from, from + length).toString('hex');
  const set = hex(8, SET_BYTES);
  const anchor = hex(8 + SET_BYTES, ANCHOR_BYTES);
  return { kind, generation, index, threshold, count, set, anchor, payload };
}

function checksum(bytes: Uint8Array): Buffer {
  return createHash('sha256')
    .update('strongroom share\n')
    .update(bytes.subarray(0, SIZE - CHECK_BYTES))
    .digest()
    .subarray(0, CHECK_BYTES);
}
