// Whether the answer of a query is what was expected of it.

const comparison = /^(>=|<=|!=|>|<|=)\s*([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))$/;
const number = /^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?$/;

/** What an answer is held against, and what of both may be shown. */
interface Comparison {
  readonly sign: string;
  readonly than: string;
}

/** The comparison of numbers that `expect` is; undefined when it is a text. */
function comparisonOf(expect: string): Comparison | undefined {
  const [, sign, than] = comparison.exec(expect.trim()) ?? [];
  return sign === undefined || than === undefined ? undefined : { sign, than };
}

/**
 * Whether an answer is as expected.
 * @param answer rows a line each, as Rehearsal.query gives them
 * @param expect `>0`, `>=1`, `<5`, `<=5`, `=3`, `!=0` compare numbers, and an answer that is not one number meets none
 *   of them; anything else is the answer itself, but for space around it; undefined: at least one row
 */
export function meets(answer: string, expect: string | undefined): boolean {
  if (expect === undefined) return answer !== '';
  const comparison = comparisonOf(expect);
  if (comparison === undefined) return answer.trim() === expect.trim();
  if (!number.test(answer.trim())) return false;
  const order = compared(answer.trim(), comparison.than);
  switch (comparison.sign) {
    case '>':
      return order > 0;
    case '>=':
      return order >= 0;
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '!=':
      return order !== 0;
    default:
      return order === 0;
  }
}

/**
 * An answer for people to see: only a number that was asked for as one, since any other may be a value of theirs.
 * @returns undefined when it is not to be shown
 */
export function shownAnswer(answer: string, expect: string | undefined): string | undefined {
  const text = answer.trim();
  if (expect === undefined || comparisonOf(expect) === undefined || !number.test(text)) return undefined;
  return text.length <= 40 ? text : undefined;
}

// Counts may be larger than a number of JavaScript holds exactly, and 2^53 + 1 is more than 2^53.
function compared(left: string, right: string): number {
  const whole = /^[+-]?[0-9]{1,1000}$/;
  if (whole.test(left) && whole.test(right)) {
    const [a, b] = [BigInt(left.replace('+', '')), BigInt(right.replace('+', ''))];
    return a < b ? -1 : a > b ? 1 : 0;
  }
  return Math.sign(Number(left) - Number(right));
}
