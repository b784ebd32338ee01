// Numbers and ages in words, for what commands say in a line of their own. Writes nothing.

/** `just now`, `5 minutes ago`, `in 2 hours`. */
export function age(time: Date, now: Date): string {
  const seconds = Math.round((now.getTime() - time.getTime()) / 1000);
  const words = span(Math.abs(seconds));
  if (words === undefined) return 'just now';
  return seconds > 0 ? `${words} ago` : `in ${words}`;
}

function span(seconds: number): string | undefined {
  if (seconds < 60) return undefined;
  if (seconds < 3600) return count(Math.floor(seconds / 60), 'minute');
  if (seconds < 48 * 3600) return count(Math.floor(seconds / 3600), 'hour');
  return count(Math.floor(seconds / 86400), 'day');
}

/** `1 file`, `12 files`, `2 entries`. */
export function count(n: number, singular: string, plural = `${singular}s`): string {
  return `${n} ${n === 1 ? singular : plural}`;
}
