// The numbered steps of a runbook, from a machine with nothing on it to one that backs up again: exact commands, typed in one
// shell from the first to the last.
import type { Place, Runbook } from '../vault/recovery/runbook.ts';
import { shellWord } from './kit.ts';
import { afterwards, manual } from './runbook-afterwards.ts';
import { dumpBlocks, PROGRAMS } from './runbook-dumps.ts';
import { compare, configuration, restore } from './runbook-restore.ts';
import { type Block, code, commands, firstOf, heading, listed, say, type Words, words } from './sheet.ts';

const MOST = 100;

/** @param tool `strongroom 0.1.0` */
export function stepBlocks(runbook: Runbook, tool: string): Block[] {
  const steps: [string, Block[]][] = [
    ['Install strongroom', install(runbook, tool)],
    ['Say where the vault is', location(runbook)],
    ['Take one key', key(runbook)],
    ['Check that it is the right vault, and sound', check(runbook)],
    ['Get the configuration back', configuration(runbook)],
    ['Restore the sets, in this order', restore(runbook)],
    ['Load the dumps', dumpBlocks(runbook)],
    ['Compare what is there with the vault', compare(runbook)],
    ['Look at it yourself', manual(runbook)],
    ['Afterwards', afterwards(runbook)],
  ];
  return [
    heading(2, 'On the day'),
    words(
      say`On a machine that you trust. Type everything into one shell, from the first command to the last, and stop at the first that complains: what is wrong, and the next step, stand in what it says. What follows a # is for you.`,
    ),
    ...steps
      .filter(([, blocks]) => blocks.length > 0)
      .flatMap(([title, blocks], i) => [heading(3, `${i + 1}. ${title}`), ...blocks]),
  ];
}

function install({ sets }: Runbook, tool: string): Block[] {
  const types = new Set(sets.flatMap(({ streams }) => streams.map(({ type }) => type)));
  const programs = [...types].flatMap((type) => PROGRAMS[type] ?? []);
  return [
    words(
      say`It needs Node 20.19 or later. The package is what ${code('npm pack')} makes of the source: keep a copy of it beside this page, as its source may be gone on the day.`,
    ),
    commands(
      'node --version',
      `npm install --global ./${tool.replace(' ', '-')}.tgz`,
      'strongroom --version',
    ),
    ...(programs.length === 0
      ? []
      : [
          words(
            say`Dumps are loaded by the programs of their databases, which have to be there too: ${programs.join('; ')}.`,
          ),
        ]),
    { kind: 'facts', rows: [['The package is at', []]] },
  ];
}

/** @param before places whose variables may be set in this shell */
function exports(place: Place, before: readonly Place[] = []): string[] {
  const of = ({ location: at, region, endpoint }: Place) => ({
    STRONGROOM_LOCATION: at,
    AWS_REGION: region,
    AWS_ENDPOINT_URL_S3: endpoint,
  });
  const all = Object.entries(of(place));
  const stale = all.flatMap(([name, value]) =>
    value === undefined && before.some((one) => Object.entries(of(one)).some(([n, v]) => n === name && v))
      ? [name]
      : [],
  );
  return [
    ...(stale.length === 0 ? [] : [`unset ${stale.join(' ')}`]),
    ...all.flatMap(([name, value]) => (value === undefined ? [] : [`export ${name}=${shellWord(value)}`])),
  ];
}

function location({ local: { places } }: Runbook): Block[] {
  const [first, ...others] = places;
  const { shown } = firstOf(others, MOST);
  const isBucket = places.some((place) => place.location.startsWith('s3://'));
  const isDirectory = places.some((place) => !place.location.startsWith('s3://'));
  return [
    commands(...(first ? exports(first) : [])),
    ...(isDirectory
      ? [
          words(
            say`A directory is there once its disk is mounted. If it was on the machine that is lost, take another place.`,
          ),
        ]
      : []),
    ...(isBucket
      ? [
          words(
            say`A bucket is read with credentials as the AWS tools take them (${code('AWS_PROFILE')}, or ${code('AWS_ACCESS_KEY_ID')} and ${code('AWS_SECRET_ACCESS_KEY')}). They only have to read; ${code('strongroom policy restore')} prints the least that the role needs.`,
          ),
        ]
      : []),
    ...shown.flatMap((place, i) => [
      heading(4, i === 0 ? 'If that place is gone or damaged' : 'If that one is gone too'),
      commands(...exports(place, places.slice(0, i + 1))),
    ]),
  ];
}

function key({ keys }: Runbook): Block[] {
  const of = (method: string, isKit = false) =>
    keys.filter((one) => one.method === method && (one.kit ?? false) === isKit);
  const named = (some: Runbook['keys']): Words => listed(some.map(({ name }) => code(name)));
  const way = (title: string, some: Runbook['keys'], ...blocks: Block[]): Block[] =>
    some.length === 0 ? [] : [heading(4, say`${title}: ${named(some)}`), ...blocks];
  const arns = of('kms').flatMap(({ arn }) => arn ?? []);
  return [
    words(say`One of these is enough. What opens the vault is never typed on a command line.`),
    ...way('The passphrase', of('passphrase'), words(say`Nothing to do: it is asked for when it is needed.`)),
    ...way(
      'An age identity, in me.txt',
      of('age'),
      commands('chmod 600 me.txt', 'key_file=$PWD/me.txt', 'export STRONGROOM_IDENTITY_FILE="$key_file"'),
    ),
    ...way(
      'An SSH key',
      of('ssh'),
      commands('export STRONGROOM_IDENTITY_FILE="$HOME/.ssh/id_ed25519"  # or where it is'),
    ),
    ...way(
      'AWS KMS',
      of('kms'),
      commands(`export STRONGROOM_KMS_KEYS=${arns.map(shellWord).join(',')}`),
      words(say`As whoever ${code('aws sts get-caller-identity')} names, who needs kms:Decrypt on that key.`),
    ),
    ...way(
      'A recovery kit, or shares of one',
      of('age', true),
      commands(
        'strongroom recovery join --output kit.txt  # asks for the lines of the pages',
        'key_file=$PWD/kit.txt',
        'export STRONGROOM_IDENTITY_FILE="$key_file"',
      ),
    ),
  ];
}

function check({ pin, isPinned }: Runbook): Block[] {
  const doubt = isPinned
    ? []
    : [
        words(
          say`The fingerprint was not proven when this page was written: compare it with another source.`,
        ),
      ];
  return [
    ...doubt,
    commands(`strongroom trust ${pin.authority}`, 'strongroom list', 'strongroom verify'),
    words(
      say`If it refuses the fingerprint, somebody may have put another vault there, or its keys were rotated since this page was written: ask who did before you go on. ${code('strongroom verify')} reads every stored byte; when there is no time, go on, as a restore proves what it restores.`,
    ),
  ];
}
