// Whether a program could be started, asked before anything is done for its sake.

import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { UsageError } from '../errors.ts';
import type { Surroundings } from './run.ts';

/**
 * @param program as it would be handed to `runInForeground`
 * @throws UsageError `no-such-command`, naming it and where it was looked for
 */
export function checkProgram(program: string, { cwd, env }: Pick<Surroundings, 'cwd' | 'env'>): void {
  const isPath = program.includes('/');
  // Without a PATH the system has one of its own.
  if (!isPath && env.PATH === undefined) return;
  const places = isPath ? [''] : env.PATH!.split(delimiter);
  if (places.some((place) => canRun(resolve(cwd, join(place, program))))) return;
  const where = isPath ? `in ${JSON.stringify(cwd)}` : 'on the PATH';
  throw new UsageError(
    'no-such-command',
    `the command was not started: ${JSON.stringify(program)} is no program ${where}`,
    {
      object: program,
      hint: 'give the program and its arguments after `--`; for a line of shell: -- sh -c "…"',
    },
  );
}

function canRun(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
