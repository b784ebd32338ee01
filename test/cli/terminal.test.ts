import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundleProgram, type Program } from './program.ts';

const hasPython = spawnSync('python3', ['-c', 'import pty, termios']).status === 0;

describe.skipIf(!hasPython)('at a terminal (needs python3)', () => {
  let program: Program;
  beforeAll(async () => {
    program = await bundleProgram('test/cli/sample-main.ts');
  });
  afterAll(() => program.remove());

  interface Seen {
    readonly shown: string;
    readonly stdout: string;
    readonly code: number;
    readonly echo: boolean;
  }

  function person(args: string[], ...steps: [prompt: string, answer: string][]): Seen {
    const script = join(import.meta.dirname, 'person.py');
    const output = execFileSync(
      'python3',
      [script, JSON.stringify(steps), process.execPath, program.main, ...args],
      {
        encoding: 'utf8',
        env: { PATH: process.env.PATH, HOME: program.directory, TERM: 'xterm' },
      },
    );
    return JSON.parse(output) as Seen;
  }

  test('a passphrase is asked for on the terminal and never shown', () => {
    expect(person(['io', 'ask', 'passphrase'], ['shop: ', 'hunter2\r'])).toEqual({
      shown: 'Passphrase for vault \\x1b[2Jshop: \r\n',
      stdout: 'heard: hunter2\n',
      code: 0,
      echo: true,
    });
  });

  test('typing can be corrected: backspace takes a whole character, Ctrl-U the line', () => {
    const typed = 'wrong\u0015grüß\u007f\u007fn\be\u007fün 東京\u007f\r';
    expect(person(['io', 'ask', 'passphrase'], ['shop: ', typed]).stdout).toBe('heard: grün 東\n');
  });

  test('Ctrl-C at the prompt interrupts and gives the terminal back', () => {
    const seen = person(['io', 'ask', 'passphrase'], ['shop: ', 'hun\u0003']);
    expect(seen).toEqual({
      shown: 'Passphrase for vault \\x1b[2Jshop: \r\nstrongroom: interrupted\r\n',
      stdout: '',
      code: 130,
      echo: true,
    });
  });

  test('a new passphrase is asked for twice; what differs is asked again', () => {
    const seen = person(
      ['io', 'ask', 'new'],
      ['New passphrase: ', 'a\r'],
      ['Again: ', 'b\r'],
      ['New passphrase: ', 'c\r'],
      ['Again: ', 'c\r'],
    );
    expect(seen).toEqual({
      shown: 'New passphrase: \r\nAgain: \r\nThese were not the same.\r\nNew passphrase: \r\nAgain: \r\n',
      stdout: 'heard: c\n',
      code: 0,
      echo: true,
    });
  });

  test.each([
    ['y\n', 'true'],
    ['YES\n', 'true'],
    ['\n', 'false'],
    ['n\n', 'false'],
    ['yesterday\n', 'false'],
  ])('the answer %j to a question is %s', (answer, heard) => {
    expect(person(['io', 'ask', 'confirm'], ['Delete it? [y/N] ', answer]).stdout).toBe(`heard: ${heard}\n`);
  });

  test('--yes answers a question, but not one that only a person may answer', () => {
    expect(person(['io', 'ask', 'confirm', '--yes']).stdout).toBe('heard: true\n');
    for (const [answer, heard] of [
      ['y\n', 'true'],
      ['\n', 'false'],
    ] as const) {
      const seen = person(['io', 'ask', 'trust', '--yes'], ['Trust it? [y/N] ', answer]);
      expect(seen.stdout).toBe(`heard: ${heard}\n`);
    }
  });

  test('Ctrl-C at a question interrupts', () => {
    expect(person(['io', 'ask', 'confirm'], ['[y/N] ', '\u0003'])).toMatchObject({
      code: 130,
      stdout: '',
      echo: true,
    });
  });

  test('what is shown once is shown on the terminal only', () => {
    expect(person(['io', 'ask', 'tell'])).toMatchObject({
      shown: 'shown\\x1b[2J once\r\n',
      stdout: 'heard: told\n',
    });
  });

  test('errors have colour on a terminal', () => {
    expect(person(['sav']).shown).toBe(
      'strongroom: \u001b[31merror:\u001b[39m unknown command sav\r\nstrongroom: \u001b[1mhint:\u001b[22m did you mean save?\r\n',
    );
  });
});
