// What one run of a command writes, and where: the result, warnings and progress, in order and each on its stream.
// `--quiet` and `--json` are settled here, so that no command has to.

import type { Context, GlobalOptions } from '../commands/context.ts';
import type { AnyCommand } from '../commands/index.ts';
import { takesColour } from './colour.ts';
import { lineBuffer } from './line-buffer.ts';
import type { Sink } from './output.ts';
import { silentProgress, terminalProgress } from './progress.ts';
import { jsonLine, makeOut, renderNotice, renderWarning } from './render.ts';

export type Session = ReturnType<typeof openSession>;

/** Where a run writes, and by which clocks. */
export interface Output {
  readonly stdout: Sink;
  readonly stderr: Sink;
  now(): Date;
  monotonic(): number;
}

/** Everything that one run writes. `--quiet` holds back what only matters when something went wrong; what is an error in itself is always said. */
export function openSession(
  command: AnyCommand,
  options: GlobalOptions,
  env: Context['env'],
  { stdout, stderr, now, monotonic }: Output,
) {
  const { json, quiet, verbose } = options;
  const shown = stderr.isTerminal && !quiet && !json && env.TERM !== 'dumb';
  const progress = shown ? terminalProgress(stderr, monotonic) : silentProgress;
  // Where stdout carries the bytes of a file, nothing else may.
  const results = command.stdout === 'bytes' ? stderr : stdout;
  const lines = lineBuffer(results, () => progress.clear());
  const held: (() => void)[] = [];
  const unlessQuiet = (show: () => void): void => {
    if (quiet) held.push(show);
    else show();
  };
  const say = (words: string): void => {
    lines.flush();
    progress.clear();
    stderr.write(words);
  };
  const style = { json, colour: takesColour(stderr, env) };
  const out = makeOut({
    write: lines.write,
    note: (words) => unlessQuiet(() => lines.write(words)),
    colour: takesColour(results, env),
    verbose,
    now,
  });
  const line: Parameters<AnyCommand['json']>[1] = (type, fields) => lines.write(jsonLine(type, fields));
  const channels: Pick<Context, 'progress' | 'stdout' | 'emit' | 'warn' | 'notice'> = {
    progress,
    stdout: {
      async write(chunk) {
        progress.clear();
        await stdout.writeBytes(chunk);
      },
    },
    emit({ type, fields, human, more = [] }) {
      if (json) return line(type, fields);
      if (human !== undefined) out.line(...human);
      for (const words of more) out.line(words);
    },
    warn: (code, message, { severity = 'warning', ...details } = {}) => {
      const show = () => say(renderWarning(code, message, details, style));
      if (severity === 'error') show();
      else unlessQuiet(show);
    },
    notice: (message) => {
      if (!quiet) say(renderNotice(message, style));
    },
  };
  const flush = (): void => {
    progress.clear();
    lines.flush();
  };
  return {
    channels,
    out,
    line,
    flush,
    summary: (fields: Parameters<typeof jsonLine>[1]) => line('summary', fields),
    /** @param code exit code: other than 0, what was held back is shown */
    end(code: number) {
      if (code !== 0) for (const show of held) show();
      flush();
    },
  };
}
