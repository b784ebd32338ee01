import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { bundleProgram, type Program } from './program.ts';
import { screenOf } from './screen.ts';

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

  let terminal: { PERSON_COLUMNS?: string; PERSON_PACE?: string } = {};
  afterEach(() => {
    terminal = {};
  });

  function person(args: string[], ...steps: [prompt: string, answer: string][]): Seen {
    const script = join(import.meta.dirname, 'person.py');
    const output = execFileSync(
      'python3',
      [script, JSON.stringify(steps), process.execPath, program.main, ...args],
      {
        encoding: 'utf8',
        env: { PATH: process.env.PATH, HOME: program.directory, TERM: 'xterm', ...terminal },
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

  describe.each(process.env.STRONGROOM_LONG === '1' ? [80, 40] : [40])(
    'a line that is wiped, on %i columns',
    (columns) => {
      const key = `AGE-SECRET-KEY-1${'QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L'.repeat(2).slice(0, 58)}`;
      const long = 'QPZRY 9X8GF 2TVDW 0S3JN 54KHC E6MUA '.repeat(4).trim();
      const share = `STRONGROOM SHARE 1 OF 5/1 ${long.slice(0, 35)}/2 ${long.slice(0, 35)}`;

      describe.each([
        ['letter by letter', '1'],
        ['in pieces', '7'],
        ['at once', '0'],
      ])('%s', (_, pace) => {
        test.each([
          ['an identity', key],
          ['an identity in small letters', `  ${key.toLowerCase()}`],
          ['the code of a share', share],
          ['a line that is too long for the row', long],
        ])('%s is nowhere on the screen afterwards', (_name, text) => {
          terminal = { PERSON_COLUMNS: String(columns), PERSON_PACE: pace };
          const seen = person(['io', 'ask', 'wiped'], ['Line 1: ', `${text}\r`], ['Line 2: ', 'end\r']);
          expect([seen.stdout, seen.code, seen.echo]).toEqual([`heard: ${text}|end\n`, 0, true]);
          expect(screenOf(seen.shown, columns).filter((row) => row !== '')).toEqual([]);
          // Nor was it, for somebody who looks on, but for what the row could take.
          if (text !== long) expect(seen.shown).not.toMatch(/(KEY-?1|SHARE 1 OF 5\/1 )QPZRY/i);
        });

        test('several lines that are pasted', () => {
          terminal = { PERSON_COLUMNS: String(columns), PERSON_PACE: pace };
          const many = Array.from({ length: 100 }, (_, i) => `${i} ${long.slice(0, 10)}`);
          const lines = [long.slice(0, 35), 'second', share, key, ...(pace === '7' ? many : []), 'end'];
          const seen = person(['io', 'ask', 'wiped'], ['Line 1: ', `${lines.join('\r')}\r`]);
          expect([seen.stdout, seen.echo]).toEqual([`heard: ${lines.join('|')}\n`, true]);
          expect(screenOf(seen.shown, columns).filter((row) => row !== '')).toEqual([]);
        });
      });

      test('is shown while it fits, then only how long it is', () => {
        terminal = { PERSON_COLUMNS: String(columns) };
        const seen = person(
          ['io', 'ask', 'wiped'],
          ['Line 1: ', long.slice(0, columns - 9)],
          [`Line 1: ${long.slice(0, columns - 9)}`, long.slice(columns - 9)],
          [`Line 1: … ${long.length} characters`, '\u0015grüß'],
          ['Line 1: grüß', '\rend\r'],
        );
        expect(seen.stdout).toBe('heard: grüß|end\n');
      });
    },
  );

  test('Ctrl-C on a line that is wiped gives the terminal back, and leaves nothing on it', () => {
    terminal = { PERSON_COLUMNS: '80' };
    const seen = person(
      ['io', 'ask', 'wiped'],
      ['Line 1: ', 'first\r'],
      ['Line 2: ', 'QPZRY'],
      ['QPZRY', '\u0003'],
    );
    expect([seen.code, seen.echo]).toEqual([130, true]);
    expect(screenOf(seen.shown, 80).filter((row) => row !== '')).toEqual(['strongroom: interrupted']);
  });

  test('errors have colour on a terminal', () => {
    expect(person(['sav']).shown).toBe(
      'strongroom: \u001b[31merror:\u001b[39m unknown command sav\r\nstrongroom: \u001b[1mhint:\u001b[22m did you mean save?\r\n',
    );
  });
});
