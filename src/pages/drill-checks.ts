// The checks of a drill: what failed, with what to do about it, and for each snapshot what was looked at.
import type { Check, CheckName, DrillPart, DrillResult } from '../vault/drill/result.ts';
import {
  type Block,
  beyond,
  code,
  cut,
  firstOf,
  heading,
  listed,
  type Span,
  say,
  toned,
  type Words,
} from './sheet.ts';

const MOST = { wrong: 100, skipped: 40, subjects: 25, text: 500 } as const;

const TITLES: Readonly<Record<CheckName, string>> = {
  files: 'Files, by their hashes',
  modes: 'Modes',
  dotenv: 'Environment files',
  compose: 'Compose files',
  manifests: 'Manifests',
  certificates: 'Certificates and keys',
  stream: 'Dumps',
  query: 'Queries',
  command: 'Commands',
  'recovery-point': 'Recovery point',
  'recovery-time': 'Recovery time',
};

export const WHOLE: Words = ['the whole'];

/** A set, and whose it is. */
export function wordsFor({ set, host }: Pick<DrillPart, 'set' | 'host'>): Words {
  return host === '' ? [code(set)] : say`${code(set)} by ${code(host)}`;
}

export const everyCheck = ({ parts, checks }: DrillResult) => [
  ...parts.flatMap((part) => part.checks.map((check) => ({ of: wordsFor(part), check }))),
  ...checks.map((check) => ({ of: WHOLE, check })),
];

/** First of all: what is to be done about it. */
export function failures(result: DrillResult): Block[] {
  const failed = everyCheck(result).filter(({ check }) => check.outcome === 'failed');
  if (failed.length === 0) return [];
  const { shown, more: rest } = firstOf(failed, MOST.wrong);
  return [
    heading(2, 'What failed'),
    {
      kind: 'table',
      head: ['Set', 'Check', 'Of', 'What is wrong'],
      rows: shown.map(({ of, check }) => [of, [TITLES[check.check]], [subject(check)], [messageOf(check)]]),
    },
    ...beyond(rest, 'failed check'),
  ];
}

function subject(check: Check): Span {
  const isCount = check.outcome === 'passed' && (check.check === 'files' || check.check === 'modes');
  return isCount || isMeasure(check) ? check.subject : code(cut(check.subject, MOST.text));
}

const isMeasure = ({ check }: Check): boolean => check === 'recovery-point' || check === 'recovery-time';
const messageOf = ({ message = '' }: Check): string => cut(message, MOST.text);

/** What passed in a line each kind, and what could not be judged one by one; what failed stands at the top. */
export function checksOf(checks: readonly Check[]): Block[] {
  const kinds = Object.keys(TITLES).filter((kind) => checks.some(({ check }) => check === kind));
  const rows = kinds.map((kind): readonly Words[] => {
    const own = checks.filter(({ check }) => check === kind);
    const of = (outcome: Check['outcome']) => own.filter((check) => check.outcome === outcome);
    const [good, bad, none] = [of('passed'), of('failed'), of('skipped')];
    const counts = [
      ...(good.length > 0 ? [toned('good', `${good.length} passed`)] : []),
      ...(bad.length > 0 ? [toned('bad', `${bad.length} failed`)] : []),
      ...(none.length > 0 ? [toned('dim', `${none.length} skipped`)] : []),
    ];
    const { shown, more: rest } = firstOf([...bad, ...good], MOST.subjects);
    const told = shown.flatMap((check) => detail(check));
    return [
      [TITLES[kind as CheckName]],
      listed(counts),
      [...listedWords(told), ...(rest === 0 ? [] : [` and ${rest} more`])],
    ];
  });
  const skipped = firstOf(
    checks.filter(({ outcome }) => outcome === 'skipped'),
    MOST.skipped,
  );
  return [
    { kind: 'table', head: ['Check', 'Outcome', 'Of'], rows },
    ...(skipped.shown.length === 0
      ? []
      : [
          heading(3, 'Not judged'),
          {
            kind: 'list',
            items: skipped.shown.map((check) => say`${subject(check)}: ${messageOf(check)}`),
          } satisfies Block,
          ...beyond(skipped.more, 'check'),
        ]),
  ];
}

/** A measure says itself what it is; what is said of a dump or an answer belongs to it. */
function detail(check: Check): Words[] {
  if (isMeasure(check)) return [[check.message === undefined ? check.subject : messageOf(check)]];
  const isTelling = check.outcome === 'passed' && check.message !== undefined;
  return [isTelling ? say`${subject(check)} (${messageOf(check)})` : [subject(check)]];
}

function listedWords(items: readonly Words[]): Words {
  return items.flatMap((item, i) => (i === 0 ? item : ['; ', ...item]));
}
