import { expect, test } from 'vitest';
import { type Asked, parseCommandLine } from '../../src/cli/commander.ts';
import { UsageError } from '../../src/errors.ts';
import { sampleGroups } from './sample.ts';

const parse = (...argv: string[]): Promise<Asked> =>
  parseCommandLine(argv, { groups: sampleGroups, version: '9.9.9', style: { columns: 80, colour: false } });

async function parsed(...argv: string[]) {
  const asked = await parse(...argv);
  if (asked.kind !== 'command') throw new Error(`no command: ${asked.text}`);
  const set = (values: object) =>
    Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
  return {
    path: asked.path.join(' '),
    args: asked.args,
    flags: set(asked.flags),
    globals: set(asked.globals),
  };
}

async function refused(...argv: string[]) {
  const error = await parse(...argv).catch((caught: unknown) => caught);
  if (!(error instanceof UsageError)) throw new Error(`not refused: ${argv.join(' ')}`, { cause: error });
  return { code: error.code, message: error.message, hint: error.hint };
}

test.each<[string, object]>([
  ['save all', { path: 'save', args: ['all', []], flags: {}, globals: {} }],
  ['save all a b', { path: 'save', args: ['all', ['a', 'b']], flags: {}, globals: {} }],
  ['save all --tag a --tag=b', { path: 'save', args: ['all', []], flags: { tag: ['a', 'b'] }, globals: {} }],
  ['save -n all', { path: 'save', args: ['all', []], flags: { dryRun: true }, globals: {} }],
  ['save all --level 3 --level 4', { path: 'save', args: ['all', []], flags: { level: '4' }, globals: {} }],
  ['save -- --odd -x', { path: 'save', args: ['--odd', ['-x']], flags: {}, globals: {} }],
  ['--json save all', { path: 'save', args: ['all', []], flags: {}, globals: { json: true } }],
  [
    'save all --json -qv',
    { path: 'save', args: ['all', []], flags: {}, globals: { json: true, quiet: true, verbose: true } },
  ],
  ['--location a save all', { path: 'save', args: ['all', []], flags: {}, globals: { location: 'a' } }],
  [
    '--location a save all --location b',
    { path: 'save', args: ['all', []], flags: {}, globals: { location: 'b' } },
  ],
  [
    '--yes io --location a ask tell',
    { path: 'io ask', args: ['tell'], flags: {}, globals: { yes: true, location: 'a' } },
  ],
])('%s', async (line, expected) => {
  expect(await parsed(...line.split(' '))).toEqual(expected);
});

test.each([
  ['sav all', 'unknown-command', 'unknown command sav', 'did you mean save?'],
  ['frobnicate', 'unknown-command', 'unknown command frobnicate', 'strongroom --help lists the commands'],
  ['io aks', 'unknown-command', 'unknown command io aks', 'did you mean io ask?'],
  ['save all --existng bak', 'unknown-flag', 'unknown flag --existng', 'did you mean --existing?'],
  ['save all --locaton=x', 'unknown-flag', 'unknown flag --locaton', 'did you mean --location?'],
  ['save all --dry_run', 'unknown-flag', 'unknown flag --dry_run', 'did you mean --dry-run?'],
  [
    'save all --qwertyuiop',
    'unknown-flag',
    'unknown flag --qwertyuiop',
    'strongroom save --help lists the flags',
  ],
  ['--jsn save', 'unknown-flag', 'unknown flag --jsn', 'did you mean --json?'],
  ['save', 'missing-argument', 'strongroom save needs WHAT', 'see strongroom save --help'],
  ['save all --tag', 'missing-value', '--tag needs a value, K=V', 'see strongroom save --help'],
  [
    'io ask tell more',
    'excess-argument',
    'too many arguments for strongroom io ask',
    'see strongroom io ask --help',
  ],
])('%s is refused: %s', async (line, code, message, hint) => {
  expect(await refused(...line.split(' '))).toEqual({ code, message, hint });
});

test('a secret typed in the wrong place is not repeated', async () => {
  for (const argv of [
    ['save', 'all', '--pasphrase=hunter2'],
    ['io', 'ask', 'tell', 'hunter2'],
    ['save', 'all', '--dry-run=hunter2'],
  ]) {
    expect(JSON.stringify(await refused(...argv))).not.toContain('hunter2');
  }
});

test('the version and help are text, wherever they are asked for', async () => {
  expect(await parse('--version')).toEqual({ kind: 'text', text: '9.9.9\n' });
  expect(await parse('save', '-V')).toEqual({ kind: 'text', text: '9.9.9\n' });
  const asked = await Promise.all([parse('save', '--help'), parse('help', 'save'), parse('save', 'x', '-h')]);
  expect(new Set(asked.map(({ kind }) => kind))).toEqual(new Set(['text']));
  expect(new Set(asked.map((each) => 'text' in each && each.text)).size).toBe(1);
});

test('a line without a command is answered with help, as a mistake', async () => {
  expect((await parse()).kind).toBe('incomplete');
  expect((await parse('io')).kind).toBe('incomplete');
  expect((await parse('io', '--help')).kind).toBe('text');
});

test('only the command that is run is loaded', async () => {
  // Loading `broken` throws.
  await expect(parsed('save', 'all')).resolves.toBeDefined();
  await expect(parse('broken')).rejects.toThrow('must not be loaded');
});
