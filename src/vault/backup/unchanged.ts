// `--skip-unchanged`: whether a backup would hold just what the last one held. The mark is a keyed hash in the
// client's state: a plain hash of a secret would let whoever reads the state file guess it.
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Entry } from '../../pack/entry.ts';
import { encodeName } from '../../pack/names.ts';
import type { UnchangedMark } from '../client.ts';
import { documentTime } from '../names.ts';
import type { Pin } from '../pin.ts';

export interface MarkedBackup {
  readonly location: string;
  readonly pin: Pin;
  /** What was asked for: selection, wishes, label-free. */
  readonly asked: unknown;
  readonly entries: readonly Entry[];
}

function mac(key: Buffer, { location, pin, asked, entries }: MarkedBackup): Buffer {
  const hmac = createHmac('sha256', key);
  hmac.update(JSON.stringify([location, pin.vault, pin.generation, pin.recipient, asked]));
  // Times are left out: a file that was only touched holds what it held.
  for (const { path, type, mode, uid, gid, size, sha256, target } of entries) {
    hmac.update(`${type} ${mode} ${uid} ${gid} ${size} ${sha256}\0`);
    hmac.update(encodeName(path));
    hmac.update('\0');
    hmac.update(encodeName(target ?? ''));
    hmac.update('\0');
  }
  return hmac.digest();
}

/** A mark of a backup that was just made, under a fresh key. */
export function markOf(backup: MarkedBackup, snapshot: string, now: Date): UnchangedMark {
  const key = randomBytes(32);
  return {
    key: key.toString('base64'),
    mark: mac(key, backup).toString('hex'),
    snapshot,
    time: documentTime(now),
  };
}

/**
 * Whether `backup` is what `mark` marks, and that is recent enough.
 * @param maxAge in milliseconds; an older snapshot is made anew, so that its age never passes the objective
 */
export function isUnchanged(
  backup: MarkedBackup,
  mark: UnchangedMark | undefined,
  now: Date,
  maxAge: number,
): boolean {
  if (!mark) return false;
  const age = now.getTime() - Date.parse(mark.time);
  if (!(age >= 0 && age < maxAge)) return false;
  const expected = Buffer.from(mark.mark, 'hex');
  const actual = mac(Buffer.from(mark.key, 'base64'), backup);
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}
