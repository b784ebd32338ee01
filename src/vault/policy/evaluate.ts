// Reads a policy as IAM does: whether it allows or denies one request. For policies of any hand, so it takes JSON; what
// it does not know it says, and never takes for granted.

/** One call, as a policy sees it. */
export interface PolicyRequest {
  /** `s3:PutObject`. */
  readonly action: string;
  readonly resource: string;
  /** ARN of the caller; left out: anybody, so that only statements about everybody count. */
  readonly principal?: string;
  /** Condition keys, in lower case, that are there. */
  readonly context?: Readonly<Record<string, string | readonly string[]>>;
}

export interface Verdict {
  readonly allowed: boolean;
  /** Goes over `allowed`, as in IAM. */
  readonly denied: boolean;
  /** A statement about this call has a condition, or a form, that is not known here. */
  readonly unsure: boolean;
}

type Json = unknown;
/** Undefined: not known. */
type Known = boolean | undefined;

/**
 * @param policy parsed JSON of a policy
 * @see "Policy evaluation logic" and "IAM JSON policy elements: Condition operators" (AWS IAM User Guide)
 */
export function evaluate(policy: Json, request: PolicyRequest): Verdict {
  const verdict = { allowed: false, denied: false, unsure: false };
  for (const statement of listOf(field(policy, 'Statement'))) {
    const applies = all([
      isAbout(statement, 'Action', (pattern) => matches(pattern.toLowerCase(), request.action.toLowerCase())),
      isAbout(statement, 'Resource', (pattern) => matches(pattern, request.resource)),
      isOf(statement, request.principal),
      holds(field(statement, 'Condition'), request.context ?? {}),
    ]);
    if (applies === undefined) verdict.unsure = true;
    else if (applies) verdict[field(statement, 'Effect') === 'Deny' ? 'denied' : 'allowed'] = true;
  }
  return verdict;
}

/** `*` is any text and `?` any letter, as in policies. Linear but for one way back, so that no pattern is slow. */
export function matches(pattern: string, text: string): boolean {
  let [p, t] = [0, 0];
  // Where the last star stood, and how much of the text it has taken.
  let [star, taken] = [-1, 0];
  while (t < text.length) {
    if (pattern[p] === '*') [star, taken, p] = [p, t, p + 1];
    else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[t])) [p, t] = [p + 1, t + 1];
    else if (star >= 0) [taken, p, t] = [taken + 1, star + 1, taken + 1];
    else return false;
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}

function isAbout(statement: Json, name: 'Action' | 'Resource', fits: (pattern: string) => boolean): boolean {
  const not = field(statement, `Not${name}`);
  if (not !== undefined) return !textsOf(not).some(fits);
  return textsOf(field(statement, name)).some(fits);
}

function isOf(statement: Json, principal: string | undefined): Known {
  if (field(statement, 'NotPrincipal') !== undefined) return undefined;
  const who = field(statement, 'Principal');
  // A policy of a role or a user has none: it is about whoever it is attached to.
  if (who === undefined) return true;
  const names = typeof who === 'string' ? [who] : textsOf(field(who, 'AWS'));
  return names.some((name) => name === '*' || (principal !== undefined && name === principal));
}

function holds(condition: Json, context: NonNullable<PolicyRequest['context']>): Known {
  const parts = Object.entries(isRecord(condition) ? condition : {}).flatMap(([operator, keys]) =>
    Object.entries(isRecord(keys) ? keys : {}).map(([key, wanted]) =>
      test(operator, textsOf(wanted), context[key.toLowerCase()]),
    ),
  );
  return all(parts);
}

const COMPARE: Readonly<Record<string, (got: string, wanted: string) => boolean>> = {
  StringEquals: (got, wanted) => got === wanted,
  StringLike: (got, wanted) => matches(wanted, got),
  StringEqualsIgnoreCase: (got, wanted) => got.toLowerCase() === wanted.toLowerCase(),
  ArnEquals: (got, wanted) => matches(wanted, got),
  ArnLike: (got, wanted) => matches(wanted, got),
  Bool: (got, wanted) => got === wanted,
  NumericEquals: (got, wanted) => Number(got) === Number(wanted),
  NumericLessThan: (got, wanted) => Number(got) < Number(wanted),
  NumericLessThanEquals: (got, wanted) => Number(got) <= Number(wanted),
  NumericGreaterThan: (got, wanted) => Number(got) > Number(wanted),
  NumericGreaterThanEquals: (got, wanted) => Number(got) >= Number(wanted),
};

function test(
  operator: string,
  wanted: readonly string[],
  got: string | readonly string[] | undefined,
): Known {
  if (operator === 'Null') return wanted.some((w) => (w === 'true') === (got === undefined));
  const [, set, name = '', ifExists] =
    /^(?:(ForAllValues|ForAnyValue):)?(\w+?)(IfExists)?$/.exec(operator) ?? [];
  const isNegated = /^(?:String|Arn|Numeric)Not/.test(name);
  const compare = COMPARE[name.replace('Not', '')];
  if (compare === undefined) return undefined;
  if (got === undefined) return ifExists !== undefined || isNegated || set === 'ForAllValues';
  const fits = (value: string): boolean => wanted.some((w) => compare(value, w)) !== isNegated;
  const values = typeof got === 'string' ? [got] : got;
  return set === 'ForAllValues' ? values.every(fits) : values.some(fits);
}

function all(parts: readonly Known[]): Known {
  if (parts.includes(false)) return false;
  return parts.includes(undefined) ? undefined : true;
}

function field(value: Json, name: string): Json {
  return isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

function isRecord(value: Json): value is Readonly<Record<string, Json>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function listOf(value: Json): readonly Json[] {
  return Array.isArray(value) ? value : value === undefined ? [] : [value];
}

/** True and false are texts in a policy, quoted or not. */
function textsOf(value: Json): string[] {
  return listOf(value).map(String);
}
