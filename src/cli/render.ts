// How results and failures are said: lines and tables for people, JSON Lines for programs, one error line and one
// hint line. Everything that is shown passes through `safeText` or `safeJson` here.

import { StreamError } from '../capture/stream.ts';
import type { Column, Fields, Out, Shown } from '../commands/command.ts';
import { InterruptedError, StrongroomError } from '../errors.ts';
import { paint } from './colour.ts';
import { age, count, safeJson, safeText, size, utc, width } from './text.ts';

export interface Style {
  readonly json: boolean;
  readonly colour: boolean;
}

/** What a view needs to write. */
export interface OutOptions {
  /** Takes finished text, newlines included. */
  readonly write: (text: string) => void;
  /** As `write`, for what `--quiet` drops. */
  readonly note: (text: string) => void;
  readonly colour: boolean;
  readonly verbose: boolean;
  readonly now: () => Date;
}

/** The view's stdout. */
export function makeOut({ write, note, colour, verbose, now }: OutOptions): Out {
  const line = (parts: readonly Shown[]): string => `${parts.map((part) => paint(part, colour)).join('')}\n`;
  return {
    verbose,
    line: (...parts) => write(line(parts)),
    note: (...parts) => note(line(parts)),
    table: (columns, rows) => write(table(columns, rows, colour)),
    raw: write,
    styled: (style, text) => ({ style, text }),
    size,
    age: (time) => age(time, now()),
    time: utc,
    count,
  };
}

function table(columns: readonly Column[], rows: readonly (readonly Shown[])[], colour: boolean): string {
  const plain = (cell: Shown | undefined): string =>
    safeText(typeof cell === 'object' ? cell.text : (cell ?? ''));
  const widths = columns.map(({ head }, i) =>
    rows.reduce((most, row) => Math.max(most, width(plain(row[i]))), width(head)),
  );
  const draw = (cells: readonly Shown[]): string => {
    const padded = columns.map(({ align }, i) => {
      const cell = cells[i] ?? '';
      const gap = ' '.repeat(widths[i]! - width(plain(cell)));
      return align === 'right' ? gap + paint(cell, colour) : paint(cell, colour) + gap;
    });
    return `${padded.join('  ').trimEnd()}\n`;
  };
  const heads = columns.map(({ head }) => ({ style: 'bold', text: head }) as const);
  return [heads, ...rows].map(draw).join('');
}

/** One JSON line. `message_type` comes first, so that a person finds it. */
export function jsonLine(messageType: string, fields: Fields): string {
  return `${safeJson({ message_type: messageType, ...fields })}\n`;
}

/** A failure as it is reported. */
export interface Failure {
  readonly code: string;
  readonly exitCode: number;
  readonly message: string;
  readonly hint: string | undefined;
  readonly object: string | undefined;
  /** What a tool said, without secrets; several lines. */
  readonly detail?: string;
}

/** Lines of a tool's that are shown to people: the last ones say why. */
const DETAIL = 10;

/**
 * What an exception means to people. One that is not ours is a bug: of it only the class and a system error's name
 * are said, since its message may hold anything, a secret too.
 */
export function failureOf(error: unknown): Failure {
  if (error instanceof StrongroomError) {
    const { code, exitCode, message, hint, object } = error;
    const detail = error instanceof StreamError && error.stderr !== '' ? { detail: error.stderr } : {};
    return { code, exitCode, message, hint, object, ...detail };
  }
  return {
    code: 'internal-error',
    exitCode: 1,
    message: `internal error (a bug in strongroom): ${describe(error)}`,
    hint: 'please report it; STRONGROOM_DEBUG=1 shows where it happened, and may show names and values',
    object: undefined,
  };
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  // ENOENT, ERR_INVALID_ARG_TYPE: a fixed vocabulary. Anything else that calls itself a code may be data.
  const known = /^E[A-Z0-9_]{1,60}$/.test(code) ? ` ${code}` : '';
  const name = /^[A-Za-z]{1,40}$/.test(error.name) ? error.name : 'Error';
  return `${name}${known}`;
}

/** The lines of a failure for stderr. @param debug whether stacks are wanted (STRONGROOM_DEBUG=1) */
export function renderFailure(error: unknown, { json, colour }: Style, debug: boolean): string {
  const { code, exitCode, message, hint, object, detail } = failureOf(error);
  const stack = debug && error instanceof Error ? `${stackOf(error)}\n` : '';
  if (json)
    return stack + jsonLine('exit_error', { code, exit_code: exitCode, message, hint, object, detail });
  // The person pressed Ctrl-C and knows; only what is left to do is news.
  const label =
    error instanceof InterruptedError ? '' : `${paint({ style: 'red', text: 'error:' }, colour)} `;
  const said = detail === undefined ? '' : detailLines(detail);
  return `${stack}strongroom: ${label}${safeText(message)}\n${said}${hint === undefined ? '' : hintLine(hint, colour)}`;
}

/** Indented, so that none can be taken for one of ours. */
function detailLines(detail: string): string {
  const lines = detail.split('\n').filter((line) => !/^\W*$/.test(line));
  const shown = lines.length > DETAIL ? ['…', ...lines.slice(-DETAIL)] : lines;
  return shown.map((line) => `  ${safeText(line)}\n`).join('');
}

function stackOf(error: Error): string {
  const own = (error.stack ?? error.name).split('\n').map(safeText).join('\n');
  return error.cause instanceof Error ? `${own}\ncaused by ${stackOf(error.cause)}` : own;
}

function hintLine(hint: string, colour: boolean): string {
  return `strongroom: ${paint({ style: 'bold', text: 'hint:' }, colour)} ${safeText(hint)}\n`;
}

/** A warning for stderr. */
export function renderWarning(
  code: string,
  message: string,
  { hint, object }: { readonly hint?: string; readonly object?: string },
  { json, colour }: Style,
): string {
  if (json) return jsonLine('warning', { code, message, hint, object });
  const label = paint({ style: 'yellow', text: 'warning:' }, colour);
  return `strongroom: ${label} ${safeText(message)}\n${hint === undefined ? '' : hintLine(hint, colour)}`;
}

/** Something worth knowing, for stderr: which snapshot `--at` chose. */
export function renderNotice(message: string, { json }: Style): string {
  return json ? jsonLine('notice', { message }) : `strongroom: ${safeText(message)}\n`;
}
