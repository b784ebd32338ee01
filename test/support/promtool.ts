// Prometheus's own tool, which reads metrics and rules as Prometheus does.
import { spawnSync } from 'node:child_process';

const isThere = spawnSync('promtool', ['--version']).status === 0;

/** Whether tests that need it are left out: loudly, and never in CI. */
export const skipPromtool = !isThere && !process.env.CI;
if (skipPromtool) process.stderr.write('promtool is missing: metrics and alert rules are not checked\n');

export interface Said {
  readonly code: number | null;
  readonly text: string;
}

/** @param input for stdin */
export function promtool(args: readonly string[], input = '', cwd?: string): Said {
  const { status, stdout, stderr } = spawnSync('promtool', args, {
    input,
    encoding: 'utf8',
    timeout: 60_000,
    ...(cwd === undefined ? {} : { cwd }),
  });
  return { code: status, text: `${stdout}${stderr}` };
}
