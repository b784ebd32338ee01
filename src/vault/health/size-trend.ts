// Whether a snapshot is about as large as those before it. An empty dump looks like success; its size does not. Pure.

/** What is usual: the medians of the last snapshots. */
export interface Usual {
  readonly bytes: number;
  readonly entries: number;
}

export interface Sized {
  /** Stored bytes. */
  readonly stored: number;
  readonly entries: number;
}

export interface Trend {
  readonly how: 'shrunk' | 'grown';
  readonly of: 'bytes' | 'entries';
  readonly percent: number;
}

/** So many are looked at, the newest; fewer than so few say nothing. */
const MOST = 14;
const LEAST = 3;
/** What is stored is padded, and one file more or less is no trend. */
const SHRUNK_BYTES = 1024;
const GROWN_BYTES = 1024 * 1024;
const SHRUNK_ENTRIES = 4;

/** @param before good ones, oldest first, without the one that is judged by them */
export function usualOf(before: readonly Sized[]): Usual | undefined {
  const last = before.slice(-MOST);
  if (last.length < LEAST) return undefined;
  return { bytes: median(last.map((s) => s.stored)), entries: median(last.map((s) => s.entries)) };
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** A drop below half, of bytes or of files, or a growth over double. */
export function trendOf({ stored, entries }: Sized, usual: Usual | undefined): Trend | undefined {
  if (!usual) return undefined;
  const bytes = Math.round((100 * stored) / usual.bytes);
  if (stored * 2 < usual.bytes && usual.bytes - stored >= SHRUNK_BYTES)
    return { how: 'shrunk', of: 'bytes', percent: bytes };
  if (entries * 2 < usual.entries && usual.entries - entries >= SHRUNK_ENTRIES)
    return { how: 'shrunk', of: 'entries', percent: Math.round((100 * entries) / usual.entries) };
  if (stored > usual.bytes * 2 && stored - usual.bytes >= GROWN_BYTES)
    return { how: 'grown', of: 'bytes', percent: bytes };
  return undefined;
}
