// What a check of the set-up is: a row of a table, and what came of it. Knows nothing of what is checked.

export type Verdict = 'ok' | 'warning' | 'wrong' | 'unknown';

export interface Outcome {
  readonly verdict: Verdict;
  /** One line: what was found, or for `unknown` why that could not be told. */
  readonly message: string;
  /** The next step; never missing where something is wrong. */
  readonly fix?: string;
}

export interface Check<F> {
  /** Stable name, for programs. */
  readonly id: string;
  /** What it is about, for people. */
  readonly title: string;
  run(facts: F): Promise<Outcome> | Outcome;
}

export interface Checked extends Outcome {
  readonly id: string;
  readonly title: string;
}

/** What was asked of somebody else: an answer, or why there is none. Silence is never taken for a good sign. */
export type Answer<T> =
  | { readonly known: true; readonly value: T }
  | { readonly known: false; readonly why: string };

export const ok = (message: string): Outcome => ({ verdict: 'ok', message });
export const warning = (message: string, fix: string): Outcome => ({ verdict: 'warning', message, fix });
export const wrong = (message: string, fix: string): Outcome => ({ verdict: 'wrong', message, fix });
export const unknown = (why: string, fix?: string): Outcome => ({
  verdict: 'unknown',
  message: why,
  ...(fix === undefined ? {} : { fix }),
});

export const known = <T>(value: T): Answer<T> => ({ known: true, value });
export const unanswered = (why: string): Answer<never> => ({ known: false, why });

/** Judges an answer, or passes on why there is none. */
export function given<T>(answer: Answer<T>, judge: (value: T) => Outcome): Outcome {
  return answer.known ? judge(answer.value) : unknown(answer.why);
}

/** Runs a table; each check on its own, since one that cannot be made says nothing of the others. */
export async function runChecks<F>(checks: readonly Check<F>[], facts: F): Promise<Checked[]> {
  return await Promise.all(checks.map(async ({ id, title, run }) => ({ id, title, ...(await run(facts)) })));
}
