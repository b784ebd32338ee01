// Why a program could not be started, in words. Whether it was is tool.ts's to find out.
import { existsSync } from 'node:fs';
import { StreamError } from '../stream.ts';
import type { ToolOptions } from './tool.ts';

/** Why a program is not even tried. Such an error has the value in it that is wrong: it goes no further. */
const NOT_TRIED: Readonly<Record<string, string>> = {
  ERR_INVALID_ARG_VALUE: 'a setting or a secret holds a zero byte',
  E2BIG: 'a setting, a secret or the whole environment is too long',
};

/**
 * @param tool the stream and the program, for messages: `stream db: pg_dump`
 * @param cause what `spawn` threw or emitted
 * @returns `tool-missing` or `stream-failed`
 */
export function notStarted(
  tool: string,
  { cwd, package: debian }: Pick<ToolOptions, 'cwd' | 'package'>,
  cause: unknown,
): StreamError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const hint = NOT_TRIED[code];
  if (hint !== undefined)
    return new StreamError('stream-failed', `${tool} could not be started (${code})`, { hint });
  if (!existsSync(cwd)) {
    return new StreamError('stream-failed', `${tool} has no directory to run in`, {
      hint: `is ${cwd} there?`,
      cause,
    });
  }
  if (code === 'ENOENT' || code === 'EACCES') {
    const why = code === 'ENOENT' ? 'is not installed' : 'may not be run';
    const install = debian ? `install it (Debian has it in ${debian}), or put` : 'put';
    return new StreamError('tool-missing', `${tool} ${why}`, { hint: `${install} it on the PATH`, cause });
  }
  return new StreamError('stream-failed', `${tool} could not be started (${code})`, { cause });
}
