// Programs of the user's own, run in what was restored. Which ones say the settings of this machine; what they print goes
// to the terminal, and nowhere else.
import { isAbsolute, resolve } from 'node:path';
import { StrongroomError } from '../../../errors.ts';
import type { Check } from '../result.ts';
import type { DrillCommand } from '../settings.ts';

export interface CommandGrounds {
  /** Absolute: where the set is on this machine. A program that is named by a path is looked for there. */
  readonly root: string;
  /**
   * @param argv no shell is asked @returns the exit code; undefined when it was ended, as it took too long
   * @throws UsageError `no-such-command`
   */
  run(argv: readonly string[], where: CommandPlace, timeoutMs: number): Promise<number | undefined>;
}

export interface CommandPlace {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** @throws InterruptedError */
export async function checkCommands(
  commands: readonly DrillCommand[],
  place: CommandPlace,
  { root, run }: CommandGrounds,
): Promise<Check[]> {
  const checks: Check[] = [];
  for (const { name, run: argv, timeoutMs } of commands) {
    const began = performance.now();
    const fault = await faultOf(() => run(ownProgram(argv, root), place, timeoutMs), timeoutMs);
    const seconds = Math.round(performance.now() - began) / 1000;
    checks.push({
      check: 'command',
      subject: name,
      outcome: fault === undefined ? 'passed' : 'failed',
      ...(fault === undefined ? {} : { message: fault }),
      seconds,
    });
  }
  return checks;
}

/**
 * The programs that are run are this machine's. One named by a path would else be looked for in what was restored: a
 * host that was taken over would then choose what runs where the key is.
 */
function ownProgram([program = '', ...args]: readonly string[], root: string): string[] {
  return [program.includes('/') && !isAbsolute(program) ? resolve(root, program) : program, ...args];
}

async function faultOf(
  run: () => Promise<number | undefined>,
  timeoutMs: number,
): Promise<string | undefined> {
  try {
    const status = await run();
    if (status === undefined) return `it took longer than ${timeoutMs / 1000} s, and was ended`;
    return status === 0 ? undefined : `it ended with exit code ${status}`;
  } catch (error) {
    if (error instanceof StrongroomError && error.code === 'no-such-command') return error.message;
    throw error;
  }
}
