// The report of a drill: what came back, in what time, what was wrong with it, and what a person still has to look at. It
// names files, and holds no value of any.
import type { Check, CheckName, DrillPart, DrillResult, Objectives } from '../vault/drill/result.ts';
import { checksOf, everyCheck, failures, WHOLE, wordsFor } from './drill-checks.ts';
import { countText, minuteText, sizeText, spanText } from './numbers.ts';
import {
  type BarGroup,
  type Block,
  beyond,
  code,
  cut,
  firstOf,
  heading,
  type Sheet,
  say,
  strong,
  toned,
  type Words,
  words,
} from './sheet.ts';
import { sheetPage } from './sheet-html.ts';
import { sheetMarkdown } from './sheet-markdown.ts';

export interface DrillReport {
  readonly vault: { readonly name: string; readonly id: string; readonly location: string };
  /** The machine that it was carried out on. */
  readonly by: string;
  /** `strongroom 0.1.0` */
  readonly tool: string;
  readonly result: DrillResult;
}

/** A report is for people: nobody reads more, and all of it is in `--json`. */
const MOST = { parts: 50, bars: 60, manual: 100, text: 500 } as const;

const TONES = { passed: 'good', failed: 'bad', skipped: 'dim' } as const;

/** @returns a whole file */
export function drillMarkdown(report: DrillReport): string {
  return sheetMarkdown(sheetOf(report));
}

/** @returns a whole HTML file */
export function drillPage(report: DrillReport): string {
  return sheetPage(sheetOf(report));
}

function sheetOf({ vault, by, tool, result }: DrillReport): Sheet {
  const { began, seconds, parts, scratch, evidence, passed } = result;
  return {
    title: `Drill of the vault ${vault.name}: ${passed ? 'passed' : 'failed'}`,
    lead: say`${minuteText(began)}, on ${code(by)}, with ${tool}. It took ${spanText(seconds)}.`,
    blocks: [
      verdict(result),
      ...failures(result),
      heading(2, 'Summary'),
      {
        kind: 'facts',
        rows: [
          ['Vault', say`${code(vault.name)}, id ${code(vault.id)}`],
          ['At', say`${code(vault.location)}`],
          ['Restored', say`${restored(parts)}`],
          [
            'Scratch',
            [scratch === 'memory' ? 'in memory, wiped' : 'on a disk, wiped: what was there may be found'],
          ],
          [
            'Evidence',
            evidence === undefined ? say`none was kept` : say`${code(evidence)} in the vault, signed`,
          ],
        ],
      },
      ...objectivesOf(result),
      ...timeline(result),
      ...partsOf(parts),
      ...manualOf(result.manual),
    ],
  };
}

function restored(parts: readonly DrillPart[]): string {
  const back = parts.filter((part) => part.snapshot !== undefined);
  const sum = (of: (part: DrillPart) => number) => back.reduce((all, part) => all + of(part), 0);
  const files = countText(
    sum((p) => p.files),
    'file',
  );
  return `${countText(back.length, 'snapshot')}, ${files}, ${sizeText(sum((p) => p.bytes))}`;
}

const whose = ({ set, host }: Pick<DrillPart, 'set' | 'host'>): string =>
  host === '' ? set : `${set} by ${host}`;

function verdict(result: DrillResult): Block {
  const { parts, passed, recoveryTime } = result;
  if (parts.length === 0) {
    return { kind: 'box', tone: 'bad', words: say`${strong('Failed.')} There was nothing to restore.` };
  }
  const all = everyCheck(result);
  const count = (outcome: Check['outcome']) => all.filter(({ check }) => check.outcome === outcome).length;
  const [failed, skipped] = [count('failed'), count('skipped')];
  const left = skipped === 0 ? '' : ` ${countText(skipped, 'check')} could say nothing.`;
  if (!passed) {
    const what = `${failed} of ${countText(all.length, 'check')} failed.${left}`;
    return { kind: 'box', tone: 'bad', words: say`${strong('Failed.')} ${what}` };
  }
  const time = recoveryTime === undefined ? '' : ` in ${spanText(recoveryTime)}`;
  const back = `Everything came back${time}, and ${countText(count('passed'), 'check')} passed.${left}`;
  return { kind: 'box', tone: 'good', words: say`${strong('Passed.')} ${back}` };
}

function objectivesOf(result: DrillResult): Block[] {
  const parts = firstOf(result.parts, MOST.parts).shown.map((part) => ({ of: wordsFor(part), ...part }));
  const rows = [{ of: WHOLE, ...result }, ...parts].map(
    ({ of, objectives, recoveryTime, recoveryPoint, checks }) => [
      of,
      measured(recoveryTime, checks, 'recovery-time'),
      promised(objectives.rto),
      measured(recoveryPoint, checks, 'recovery-point'),
      promised(objectives.rpo),
    ],
  );
  return [
    heading(2, 'Promised and measured'),
    { kind: 'table', head: ['Of', 'Recovery time', 'Promised', 'Recovery point', 'Promised'], rows },
    words(
      say`Recovery time: until files were back and dumps loaded. Recovery point: how old the newest good snapshot was, so how much would have been lost.`,
    ),
  ];
}

function measured(seconds: number | undefined, checks: readonly Check[], name: CheckName): Words {
  const outcome = checks.find(({ check }) => check === name)?.outcome;
  const text = seconds === undefined ? 'not measured' : spanText(seconds);
  // Not by colour alone: paper has none.
  return outcome === undefined
    ? [text]
    : [toned(TONES[outcome], outcome === 'failed' ? `${text}: failed` : text)];
}

function promised(ms: Objectives['rto']): Words {
  return ms === undefined ? [toned('dim', 'nothing')] : [`at most ${spanText(ms / 1000)}`];
}

function timeline({ parts, seconds }: DrillResult): Block[] {
  const groups: BarGroup[] = [];
  let left: number = MOST.bars;
  for (const part of parts) {
    const bars = part.phases
      .slice(0, left)
      .map(({ name, at, seconds: took }) => ({ name, at, seconds: took }));
    left -= bars.length;
    if (bars.length > 0) groups.push({ name: whose(part), bars });
  }
  const all = parts.reduce((sum, part) => sum + part.phases.length, 0);
  if (groups.length === 0) return [];
  return [
    heading(2, 'Where the time went'),
    { kind: 'timeline', seconds, groups },
    ...beyond(all - (MOST.bars - left), 'step'),
  ];
}

/** Those that failed come before those that are left out. */
function partsOf(parts: readonly DrillPart[]): Block[] {
  const chosen = new Set([...parts].sort((a, b) => Number(a.passed) - Number(b.passed)).slice(0, MOST.parts));
  const shown = parts.filter((part) => chosen.has(part));
  return [...shown.flatMap(partOf), ...beyond(parts.length - shown.length, 'restored snapshot')];
}

function partOf(part: DrillPart): Block[] {
  const { snapshot, isOlder, files, bytes, checks, passed } = part;
  const outcome = passed ? toned('good', 'passed') : toned('bad', 'failed');
  const title = heading(2, say`${wordsFor(part)}: ${outcome}`);
  if (!snapshot) return [title, words(say`There was no snapshot to restore.`), ...checksOf(checks)];
  const older = isOlder ? ', an older one, chosen by lot' : '';
  return [
    title,
    {
      kind: 'facts',
      rows: [
        ['Snapshot', say`${code(snapshot.id)}, of ${minuteText(new Date(snapshot.time))}${older}`],
        [
          'Size',
          say`${countText(files, 'file')}, ${sizeText(bytes)} with its dumps; ${sizeText(snapshot.stored)} stored`,
        ],
        ...(snapshot.label === undefined ? [] : [['Label', [code(snapshot.label)]] as const]),
      ],
    },
    ...checksOf(checks),
  ];
}

function manualOf(manual: readonly string[]): Block[] {
  if (manual.length === 0) return [];
  const { shown, more: rest } = firstOf(manual, MOST.manual);
  return [
    heading(2, 'To be ticked by a person'),
    { kind: 'ticks', items: shown.map((task) => [cut(task, MOST.text)]) },
    ...beyond(rest, 'thing'),
    {
      kind: 'facts',
      rows: [
        ['Looked at by', []],
        ['On', []],
      ],
    },
  ];
}
