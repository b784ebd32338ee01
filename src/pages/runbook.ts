// The disaster-recovery document of a vault: what it is, where it is and who opens it; the steps with their commands are in
// runbook-steps.ts. For somebody at 3 a.m. who has never seen the vault. It holds no secret.
import type { Runbook } from '../vault/recovery/runbook.ts';
import { minuteText } from './numbers.ts';
import { proofBlocks } from './runbook-proof.ts';
import { stepBlocks } from './runbook-steps.ts';
import {
  type Block,
  beyond,
  code,
  cut,
  firstOf,
  heading,
  listed,
  SHEET,
  type Sheet,
  say,
  strong,
  toned,
  type Words,
  words,
} from './sheet.ts';
import { sheetPage } from './sheet-html.ts';
import { sheetMarkdown } from './sheet-markdown.ts';

export interface RunbookPage {
  readonly runbook: Runbook;
  /** `strongroom 0.1.0` */
  readonly tool: string;
  /** RECOVERY.md. */
  readonly stockTools: string;
}

/** What nobody could read on paper is in `strongroom hosts list` and its like. */
const MOST = { rows: 100, of: 12 } as const;

/** @returns a whole file */
export function runbookMarkdown(page: RunbookPage): string {
  return sheetMarkdown(sheetOf(page));
}

/** @returns a whole HTML file */
export function runbookPage(page: RunbookPage): string {
  return sheetPage(sheetOf(page));
}

function sheetOf({ runbook, tool, stockTools }: RunbookPage): Sheet {
  const { name, written, local, pin, revised } = runbook;
  return {
    title: `Disaster recovery of the vault ${name}`,
    lead: say`Written ${minuteText(written)} on ${code(local.host)} by ${tool}, from revision ${pin.revision} of the vault, of ${minuteText(revised)}.`,
    blocks: [
      {
        kind: 'box',
        tone: 'plain',
        words: say`${strong('To restore everything now, begin at step 1.')} This page holds no secret, but it says where everything is: keep it where strangers do not look, and not only on the machine that it is about. It is of the day that it was written: write it anew after each change of keys, hosts, sets or places, with ${code('strongroom recovery runbook --output PREFIX --replace')}.`,
      },
      ...vaultBlocks(runbook),
      ...placeBlocks(runbook),
      ...keyBlocks(runbook),
      ...hostBlocks(runbook),
      ...proofBlocks(runbook),
      SHEET,
      ...stepBlocks(runbook, tool),
      SHEET,
      ...stockBlocks(runbook, stockTools),
    ],
  };
}

function vaultBlocks({ name, pin, pinLine, isPinned, local }: Runbook): Block[] {
  const unproven = isPinned
    ? []
    : [
        words(
          say`${toned('bad', 'Nothing vouched for this vault when this page was written.')} Compare the fingerprint with one that you know from elsewhere before you rely on this page.`,
        ),
      ];
  return [
    heading(2, 'The vault, and how to recognise it'),
    ...unproven,
    {
      kind: 'facts',
      rows: [
        ['Name', [code(name)]],
        ['Id', [code(pin.vault)]],
        ['Fingerprint', [code(pin.authority)]],
        ['Key number', say`${pin.generation}, revision ${pin.revision}`],
        ['Pin', [code(pinLine)]],
        [
          'Configuration',
          local.configFile === undefined
            ? say`none was at hand when this was written`
            : [code(local.configFile)],
        ],
      ],
    },
    words(
      say`The fingerprint says which vault is the true one: a vault that shows another is not this one, unless its keys were rotated since this page was written. Then ask whoever did.`,
    ),
  ];
}

function placeBlocks({ local: { places } }: Runbook): Block[] {
  const { shown, more } = firstOf(places, MOST.rows);
  const rows = shown.map((place, i): Words[] => [
    say`${i + 1}. ${code(place.location)}`,
    [
      ...(place.location.startsWith('s3://') ? ['bucket'] : ['directory']),
      ...(place.region === undefined ? [] : [', region ', code(place.region)]),
      ...(place.endpoint === undefined ? [] : [', at ', code(place.endpoint)]),
    ],
  ]);
  return [
    heading(2, 'Where it is, in the order to try'),
    { kind: 'table', head: ['Place', 'What it is'], rows },
    ...beyond(more, 'place'),
    { kind: 'facts', rows: [['Other copies', []]] },
  ];
}

const METHODS: Readonly<Record<string, string>> = {
  passphrase: 'passphrase',
  age: 'age identity',
  ssh: 'SSH key',
  kms: 'AWS KMS key',
};

function keyBlocks({ keys }: Runbook): Block[] {
  const { shown, more } = firstOf(keys, MOST.rows);
  return [
    heading(2, 'Who holds a key'),
    words(
      say`Each of these opens all of the vault by itself, but for shares, of which several are needed. Write down who has it, and where.`,
    ),
    {
      kind: 'table',
      head: ['Key', 'What it is', 'Added', 'By', 'Kept by'],
      rows: shown.map((key) => [
        [code(key.name)],
        [
          key.kit ? 'recovery kit or shares, on paper' : (METHODS[key.method] ?? key.method),
          ...(key.arn === undefined ? [] : [' ', code(key.arn)]),
          ...(key.recipient === undefined || key.kit ? [] : [' ', code(cut(key.recipient, 24))]),
        ],
        [key.added.slice(0, 10)],
        [code(cut(key.by, 64))],
        [],
      ]),
    },
    ...beyond(more, 'key'),
    ...(keys.length === 1
      ? [
          words(
            say`${toned('bad', 'There is only one way in.')} When it is lost, so is the vault: add a second one with ${code('strongroom keys add')} or ${code('strongroom recovery kit')}.`,
          ),
        ]
      : []),
  ];
}

function hostBlocks({ hosts }: Runbook): Block[] {
  const { shown, more } = firstOf(hosts, MOST.rows);
  return [
    heading(2, 'Which machines write to it'),
    {
      kind: 'table',
      head: ['Host', 'May', 'Sets', 'Added', 'Newest snapshot'],
      rows: shown.map(({ name, may, sets, added, newest }) => [
        [code(name)],
        [may.join(', ')],
        some(sets),
        [added.slice(0, 10)],
        [newest ? code(newest.id) : 'none'],
      ]),
    },
    ...beyond(more, 'host'),
  ];
}

function some(names: readonly string[]): Words {
  const { shown, more } = firstOf(names, MOST.of);
  return [...listed(shown.map((name) => code(name))), ...(more === 0 ? [] : [` and ${more} more`])];
}

function stockBlocks({ pin, local, sets }: Runbook, stockTools: string): Block[] {
  const bucket = local.places.find(({ location }) => location.startsWith('s3://'));
  const { shown, more } = firstOf(
    sets.flatMap(({ name, groups }) => groups.map((group) => ({ name, ...group }))),
    MOST.rows,
  );
  return [
    heading(2, 'Without strongroom'),
    words(
      say`These are the instructions that the vault holds in RECOVERY.md; those on paper nobody can have changed. The fingerprint to compare in its step 2 is ${code(pin.authority)}${pin.recipient.startsWith('age1pq1') ? ', and age has to be 1.3 or later' : ''}. Of a command that is longer than a line, the rest is indented: type it as one line.`,
    ),
    ...(bucket
      ? [
          words(say`From a bucket, copy the vault to this machine first:`),
          {
            kind: 'commands',
            lines: [`aws s3 sync ${bucket.location} vault-copy && cd vault-copy`],
          } satisfies Block,
        ]
      : []),
    {
      kind: 'table',
      head: ['set', 'id', 'Host', 'Dumps (NAME)'],
      rows: shown.map(({ name, host, newest, streams }) => [
        [code(name)],
        [newest ? code(newest.id) : 'none'],
        [code(host)],
        some(streams),
      ]),
    },
    ...beyond(more, 'set and host', 'sets and hosts'),
    { kind: 'markdown', text: stockTools.replace(/^# .*\n/, '').replace(/^#/gm, '##') },
  ];
}
