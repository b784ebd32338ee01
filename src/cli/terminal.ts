// The person at the terminal: questions and hidden answers, on /dev/tty, so that no secret passes through stdin,
// stdout, stderr or a log of them. Refuses where nobody can answer.

import { closeSync, openSync, writeSync } from 'node:fs';
import type { ReadStream } from 'node:tty';
import type { Terminal } from '../commands/context.ts';
import { InterruptedError, UnlockError, UsageError } from '../errors.ts';
import { paint } from './colour.ts';
import { safeText } from './text.ts';
import { isTerminal } from './tty.ts';
import { wipedRow } from './wiped-row.ts';

export interface TerminalOptions {
  /** `--yes`. */
  readonly yes: boolean;
  readonly colour: boolean;
  readonly signal: AbortSignal;
  /** Called before something is asked, so that no progress line is in the way. */
  readonly before: () => void;
}

const device = '/dev/tty';
const longestAnswer = 4096;
/** To the first column, and nothing on the line any more. */
const startOfLine = '\r\x1b[2K';

/** The terminal of this process. */
export function openTerminal({ yes, colour, signal, before }: TerminalOptions): Terminal {
  // Standard input from a file or a pipe says that a program is at work, even where a terminal could be opened.
  let known: boolean | undefined;
  const isInteractive = (): boolean => {
    known ??= isTerminal(0) && canOpen();
    return known;
  };
  const typed = async (question: string, hint: string): Promise<boolean> => {
    if (!isInteractive()) {
      throw new UsageError('no-terminal', 'there is a question, and no terminal to ask it on', { hint });
    }
    before();
    const answer = await ask(`${safeText(question)} [y/N] `, 'shown', signal);
    return /^y(es)?$/i.test(answer.trim());
  };
  return {
    get interactive() {
      return isInteractive();
    },
    async confirm(question) {
      if (yes) return true;
      return await typed(question, 'look at it with --dry-run where there is one, and answer it with --yes');
    },
    confirmTyped: (question) => typed(question, 'run it at a terminal'),
    async askHidden(prompt) {
      if (!isInteractive()) {
        throw new UnlockError(
          'no-terminal',
          'a passphrase is needed, and there is no terminal to ask for it',
          {
            hint: 'set STRONGROOM_PASSPHRASE_FILE, _COMMAND or _FD, or STRONGROOM_IDENTITY_FILE',
          },
        );
      }
      before();
      return ask(`${safeText(prompt)}: `, 'hidden', signal);
    },
    async askWiped(prompt) {
      if (!isInteractive()) {
        throw new UnlockError(
          'no-terminal',
          'something must be typed, and there is no terminal to ask for it',
          {
            hint: 'give it in a file, or pipe it in',
          },
        );
      }
      before();
      return ask(`${safeText(prompt)}: `, 'wiped', signal);
    },
    tell(lines) {
      if (!isInteractive()) throw new UsageError('no-terminal', 'there is no terminal to show this on');
      before();
      show(lines.map((line) => `${paint(line, colour)}\n`).join(''));
    },
  };
}

function canOpen(): boolean {
  try {
    closeSync(openSync(device, 'r+'));
    return true;
  } catch {
    return false;
  }
}

function show(text: string): void {
  const fd = openSync(device, 'w');
  try {
    writeSync(fd, text);
  } finally {
    closeSync(fd);
  }
}

/** What becomes of what is typed: the terminal shows it, nothing does, or we do until the line is done. */
type Echo = 'shown' | 'hidden' | 'wiped';

/** Columns of the terminal, as it is at this moment; 0 when it does not say. */
function columnsNow(): number {
  const { WriteStream } = process.getBuiltinModule('node:tty');
  const output = new WriteStream(openSync(device, 'w'));
  const { columns } = output;
  output.destroy();
  return columns ?? 0;
}

/** Keys that came after the end of a line: when several lines are pasted, the next question takes them. */
let ahead: number[] = [];

/** Raw from one wiped line to the next: in between, the terminal itself would show what is pasted or scanned. */
let kept: { readonly input: ReadStream; readonly end: NodeJS.Immediate } | undefined;

function openInput(isRaw: boolean): ReadStream {
  const { ReadStream } = process.getBuiltinModule('node:tty');
  const input = new ReadStream(openSync(device, 'r+'));
  // Between two questions nobody else listens.
  input.on('error', () => {});
  if (isRaw) input.setRawMode(true);
  return input;
}

function closeInput(input: ReadStream): void {
  if (input.isRaw) input.setRawMode(false);
  input.destroy();
}

/** Until the next question, if that comes at once; else what works now must be left by Ctrl-C as ever. */
function keep(input: ReadStream): void {
  input.pause();
  kept = { input, end: setImmediate(() => closeInput(takeKept()!)) };
}

function takeKept(): ReadStream | undefined {
  const input = kept?.input;
  if (kept) clearImmediate(kept.end);
  kept = undefined;
  return input;
}

/** Asks for one line. Not shown: the terminal is raw, so it echoes nothing and leaves keys, Ctrl-C too, to us. */
async function ask(prompt: string, echo: Echo, signal: AbortSignal): Promise<string> {
  const interruption = new InterruptedError('interrupted', 'interrupted');
  if (signal.aborted) throw interruption;
  const isWiped = echo === 'wiped';
  let before = takeKept();
  if (before && !isWiped) {
    closeInput(before);
    before = undefined;
  }
  // Raw before the prompt is there: what is typed at once must not be echoed.
  const input = before ?? openInput(echo !== 'shown');
  const line = makeLine();
  let isDone = false;
  let interrupt = (): void => {};
  let failed: (error: Error) => void = interrupt;
  let data: (bytes: Uint8Array) => void = interrupt;
  try {
    show(isWiped ? wipedRow(prompt, '', columnsNow()) : prompt);
    return await new Promise<string>((resolve, reject) => {
      interrupt = () => reject(interruption);
      failed = reject;
      data = (bytes) => take([...bytes]);
      const take = (keys: readonly number[]): void => {
        for (const [at, key] of keys.entries()) {
          const state = line.press(key);
          if (state === 'more') continue;
          if (state === 'interrupted') reject(interruption);
          else {
            if (isWiped) ahead = keys.slice(at + 1);
            isDone = true;
            resolve(line.text());
          }
          return;
        }
        if (isWiped) show(`${startOfLine}${wipedRow(prompt, line.text(), columnsNow())}`);
      };
      signal.addEventListener('abort', interrupt);
      input.on('error', failed).on('end', interrupt).on('data', data);
      input.resume();
      const early = ahead;
      ahead = [];
      if (isWiped && early.length > 0) take(early);
    });
  } finally {
    signal.removeEventListener('abort', interrupt);
    input.off('error', failed).off('end', interrupt).off('data', data);
    if (isWiped) show(startOfLine);
    if (isWiped && isDone) keep(input);
    else closeInput(input);
    if (echo === 'hidden' || (echo === 'shown' && signal.aborted)) show('\n');
  }
}

/** A line that is being typed, with the editing keys of a terminal. */
function makeLine(): { press(key: number): 'more' | 'done' | 'interrupted'; text(): string } {
  let bytes: number[] = [];
  return {
    press(key) {
      if (key === 0x0a || key === 0x0d) return 'done';
      // Ctrl-C, and Ctrl-D: no answer.
      if (key === 0x03 || key === 0x04) return 'interrupted';
      if (key === 0x08 || key === 0x7f) {
        // The whole character: its UTF-8 continuation bytes first.
        while (((bytes.at(-1) ?? 0) & 0xc0) === 0x80) bytes.pop();
        bytes.pop();
      } else if (key === 0x15) bytes = [];
      else if (bytes.length < longestAnswer) bytes.push(key);
      return 'more';
    },
    text: () => Buffer.from(bytes).toString('utf8'),
  };
}
