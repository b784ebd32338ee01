import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defineCommand } from '../../src/commands/command.ts';
import { bashScript } from '../../src/commands/completion/bash.ts';
import { fishScript } from '../../src/commands/completion/fish.ts';
import { completionWords } from '../../src/commands/completion/words.ts';
import { zshScript } from '../../src/commands/completion/zsh.ts';
import { command as completion } from '../../src/commands/completion.ts';
import { type Group, registry } from '../../src/commands/index.ts';

const idle = { run: () => ({}), human() {}, json: () => ({}), examples: [] };

const groups: readonly Group[] = [
  {
    heading: 'All',
    rows: [
      {
        name: 'restore',
        summary: "put files back: it's [safe]",
        load: async () =>
          defineCommand({
            ...idle,
            args: {
              snapshot: { value: 'SNAPSHOT', summary: 'which', optional: true },
              paths: { value: 'PATH', summary: 'what', optional: true, repeat: true },
            },
            flags: {
              target: { value: 'DIR', short: 't', summary: 'where to' },
              existing: {
                value: 'HOW',
                summary: "what's there: [keep]",
                choices: ['refuse', 'replace', 'bak'],
              },
              set: { value: 'NAME', summary: 'which set' },
              may: { value: 'WHAT', summary: 'a list', offers: ['write', 'maintain', 'write,maintain'] },
              dryRun: { summary: 'only say' },
              recover: { summary: 'finish', hidden: true },
            },
          }),
      },
      {
        name: 'keys',
        summary: 'keys',
        commands: [
          {
            name: 'list',
            summary: 'list keys',
            load: async () => defineCommand({ ...idle, args: {}, flags: {} }),
          },
          {
            name: 'learn',
            summary: 'learn a key',
            load: async () =>
              defineCommand({
                ...idle,
                args: { kind: { value: 'KIND', summary: 'which', choices: ['age', 'ssh'] } },
                flags: { file: { value: 'FILE', summary: 'from where' } },
              }),
          },
        ],
      },
    ],
  },
];

const globals = [
  '--location',
  '--config',
  '--env',
  '--json',
  '--quiet',
  '-q',
  '--verbose',
  '-v',
  '--yes',
  '--help',
  '-h',
  '--version',
  '-V',
];

// A line up to the cursor, and what may come there. `undefined`: whatever the shell offers for nothing.
const cases: [line: string, offered: string[]][] = [
  ['', ['restore', 'keys']],
  ['re', ['restore']],
  ['--json k', ['keys']],
  ['--location ./x k', ['keys']],
  ['keys ', ['list', 'learn']],
  ['keys le', ['learn']],
  ['keys learn ', ['age', 'ssh']],
  ['restore --ex', ['--existing']],
  ['restore --existing ', ['refuse', 'replace', 'bak']],
  ['restore --existing re', ['refuse', 'replace']],
  ['restore --existing=b', ['bak']],
  ['restore --rec', []],
  ['restore snapshot fi', ['file one', 'file.two']],
  ['restore --target d', ['directory']],
  ['restore -t d', ['directory']],
  ['keys learn --file=file.', ['file.two']],
  ['restore --set k', []],
  ['restore --may m', ['maintain']],
  ['restore --may w', ['write', 'write,maintain']],
];

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'strongroom-completion-'));
  for (const name of ['directory', 'home']) mkdirSync(join(directory, name));
  for (const name of ['file one', 'file.two']) writeFileSync(join(directory, name), '');
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const has = (program: string): boolean => spawnSync(program, ['--version']).status === 0;

async function scriptFile(name: string, make: typeof bashScript, from = groups): Promise<string> {
  const path = join(directory, name);
  writeFileSync(path, make(await completionWords(from)));
  return path;
}

const shells = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;

describe.each(['bash', 'zsh', 'fish'] as const)('%s', (shell) => {
  test.skipIf(!has(shell))(`the script for every real command is sound (needs ${shell})`, async () => {
    const path = await scriptFile(`real.${shell}`, shells[shell], registry);
    execFileSync(shell, ['-n', path]);
    const start = { bash: '', zsh: 'autoload -Uz compinit; compinit -u -D;', fish: '' }[shell];
    expect(spawnSync(shell, ['-c', `${start} source "${path}"`], { encoding: 'utf8' })).toMatchObject({
      status: 0,
      stdout: '',
      stderr: '',
    });
  });

  test('the command prints it', async () => {
    const result = await completion.run({ args: { shell }, flags: {} }, undefined as never);
    expect(result.script).toBe(shells[shell](await completionWords(registry)));
    expect(result.script).toContain('backup');
    // Of `hosts enroll --may`, which takes both with a comma.
    expect(result.script).toContain('write,maintain');
    expect(completion.json(result, () => {})).toEqual({ shell, script: result.script });
  });
});

describe.skipIf(!has('bash'))('bash offers (needs bash)', () => {
  let script: string;
  beforeAll(async () => {
    script = await scriptFile('sample.bash', bashScript);
  });

  function offered(line: string): string[] {
    // As readline does: words are split at = too, and the last one is the one under the cursor.
    const words = ['strongroom', ...line.split(/ |(=)/).filter((word) => word !== undefined)].filter(
      (word, i, all) => word !== '' || i === all.length - 1,
    );
    const driver = `source "$SCRIPT"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _strongroom 2>&1; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const output = execFileSync('bash', ['-c', driver, 'bash', ...words], {
      cwd: directory,
      encoding: 'utf8',
      env: { ...process.env, SCRIPT: script },
    });
    return output.split('\n').filter((word) => word !== '');
  }

  test.each(cases)('strongroom %s', (line, words) => {
    expect(offered(line).sort()).toEqual([...words].sort());
  });

  test('every flag of a place, own ones first', () => {
    expect(offered('keys -')).toEqual(globals);
    expect(offered('restore -')).toEqual([
      '--target',
      '-t',
      '--existing',
      '--set',
      '--may',
      '--dry-run',
      ...globals,
    ]);
  });
});

describe.skipIf(!has('fish'))('fish offers (needs fish)', () => {
  let script: string;
  beforeAll(async () => {
    script = await scriptFile('sample.fish', fishScript);
  });

  function offered(line: string): string[] {
    const output = execFileSync(
      'fish',
      ['--no-config', '-c', 'source $argv[1]; complete -C $argv[2]', script, `strongroom ${line}`],
      {
        cwd: directory,
        encoding: 'utf8',
        env: { PATH: process.env.PATH, HOME: join(directory, 'home'), LC_ALL: 'C.UTF-8' },
      },
    );
    return output
      .split('\n')
      .filter((row) => row !== '')
      .map((row) => row.split('\t')[0] ?? '');
  }

  test.each(cases)('strongroom %s', (line, words) => {
    // fish gives the whole word, flag and all, and marks directories and spaces.
    const plain = offered(line).map((word) =>
      word
        .replace(/^--\w+=/, '')
        .replace(/\/$/, '')
        .replaceAll('\\', ''),
    );
    expect(plain.sort()).toEqual([...words].sort());
  });
});

describe.skipIf(!has('zsh') || !has('python3'))('zsh offers (needs zsh and python3)', () => {
  // What the line is after Tab, told by a key of ours.
  const setUp = `PS1=; autoload -Uz compinit; compinit -u -D; source ./sample.zsh
    tell() { print -r -- "$BUFFER" >>told; zle kill-whole-line }; zle -N tell; bindkey '^T' tell; bindkey '^I' complete-word
    setopt no_beep no_auto_menu; zstyle ':completion:*' insert-tab false; print ready`;

  test('the words that are left only one way', async () => {
    await scriptFile('sample.zsh', zshScript);
    writeFileSync(join(directory, 'setup.zsh'), setUp);
    const single = cases.filter(([, words]) => words.length === 1);
    const typed = single.map(([line]) => ['', `strongroom ${line}\t\u0014`]);
    const person = join(import.meta.dirname, '../cli/person.py');
    const steps = [['', 'source ./setup.zsh >/dev/tty\r'], ['ready', ''], ...typed, ['', 'exit\r']];
    execFileSync('python3', [person, JSON.stringify(steps), 'zsh', '-f', '-i'], {
      cwd: directory,
      env: { PATH: process.env.PATH, HOME: directory, TERM: 'dumb', LC_ALL: 'C.UTF-8' },
    });
    const told = execFileSync('cat', [join(directory, 'told')], { encoding: 'utf8' })
      .trimEnd()
      .split('\n');
    const expected = single.map(([line, [word]]) => `strongroom ${line.replace(/[^ =]*$/, '')}${word}`);
    expect(told.map((line) => line.replace(/[ /=]$/, ''))).toEqual(expected);
  });
});
