// The nearest of some words to a word that is none of them: one rule for commands, flags and settings.

/**
 * The candidate that a mistyped word most likely meant.
 * @returns undefined when none is near: at most a third of its letters may differ, and never more than three
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = 4;
  if (word.length > 64) return undefined;
  for (const candidate of candidates) {
    const allowed = Math.min(3, Math.max(1, Math.floor(Math.max(candidate.length, word.length) / 3)));
    const away = distance(word.toLowerCase(), candidate.toLowerCase());
    if (away <= allowed && away < bestDistance) {
      best = candidate;
      bestDistance = away;
    }
  }
  return best;
}

/** Insertions, deletions, substitutions and swaps of neighbours (Damerau-Levenshtein, optimal string alignment). */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let least = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, before[j - 2]! + 1);
      }
      row.push(least);
    }
    before = last;
    last = row;
  }
  return last[b.length]!;
}
