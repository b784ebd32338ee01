// Owns matching with wildcards: one segment of a glob against one name, and runs (`*`, `**`) against any sequence.
// A glob may come out of a snapshot whose host means harm, so nothing here backtracks into exponential time.

/** A token that takes any number of items. */
export const RUN = 'run';

// What one character must be: this code point, or one that is said yes to.
type Piece = number | ((code: number) => boolean) | typeof RUN;

/**
 * Whether tokens take the whole of a sequence, each its one item and each run any number of them. The time is at
 * most the product of both lengths: only the latest run is ever stretched, since those before it took as little as
 * they could and so left the most for what follows.
 *
 * @param end where the sequence ends; it begins at 0
 * @param takes whether a token takes the item at a place
 * @param after the place behind the item at a place
 */
export function covers<T>(
  tokens: readonly (T | typeof RUN)[],
  end: number,
  takes: (token: T, at: number) => boolean,
  after: (at: number) => number,
): boolean {
  let [token, at, run, stretched] = [0, 0, -1, 0];
  while (at < end) {
    const next = tokens[token];
    if (next === RUN) {
      run = token++;
      stretched = at;
    } else if (next !== undefined && takes(next as T, at)) {
      token++;
      at = after(at);
    } else if (run === -1) {
      return false;
    } else {
      token = run + 1;
      stretched = after(stretched);
      at = stretched;
    }
  }
  while (tokens[token] === RUN) token++;
  return token === tokens.length;
}

/**
 * Understands one segment: `*`, `?`, `[a-z]`, `[!a]`, and `\` before a character that is meant as it is. A `[` that
 * nothing closes is a character.
 *
 * @returns whether a name matches
 */
export function nameMatcher(segment: string): (name: string) => boolean {
  const pieces = piecesOf(segment);
  return (name) =>
    covers(
      pieces,
      name.length,
      (piece, at) => {
        const code = name.codePointAt(at)!;
        return typeof piece === 'number' ? piece === code : piece(code);
      },
      (at) => at + (name.codePointAt(at)! > 0xffff ? 2 : 1),
    );
}

function piecesOf(segment: string): Piece[] {
  const parts = segment.matchAll(/\\(.)|\[([!^]?)(\](?:\\.|[^\]\\])*|(?:\\.|[^\]\\])+)\]|(\*+)|(\?)|(.)/gsu);
  return Array.from(parts, ([, escaped, negation, members, runs, one, plain]): Piece => {
    if (runs !== undefined) return RUN;
    if (one !== undefined) return () => true;
    if (members === undefined) return (escaped ?? plain)!.codePointAt(0)!;
    const ranges = rangesOf(members);
    const isWanted = negation === '';
    return (code) => ranges.some(([from, to]) => from <= code && code <= to) === isWanted;
  });
}

function rangesOf(members: string): [from: number, to: number][] {
  const parts = members.matchAll(/\\?(.)(?:-\\?(.))?/gsu);
  return Array.from(parts, ([, first, last]): [number, number][] => {
    const from = first!.codePointAt(0)!;
    const to = last?.codePointAt(0) ?? from;
    // A range that runs backwards holds nothing but its ends.
    return from <= to
      ? [[from, to]]
      : [
          [from, from],
          [to, to],
        ];
  }).flat();
}
