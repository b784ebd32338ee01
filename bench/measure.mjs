// Times whole processes and keeps medians: the machine is noisy, so runs of the things compared are interleaved.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** Whether a program is on the PATH. */
export function has(program) {
  return spawnSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' }).status === 0;
}

/**
 * Runs a shell command and fails loudly.
 * @returns seconds, those of the CPU of all its processes, and peak memory in KiB (of the largest process)
 */
export function time(command, env = {}) {
  const measured = existsSync('/usr/bin/time')
    ? ['/usr/bin/time', '-f', '%U %S %M', 'sh', '-c', command]
    : ['sh', '-c', command];
  const began = process.hrtime.bigint();
  const { status, stderr } = spawnSync(measured[0], measured.slice(1), {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
    maxBuffer: 1 << 26,
  });
  const seconds = Number(process.hrtime.bigint() - began) / 1e9;
  if (status !== 0) throw new Error(`exit ${status}: ${command}\n${stderr}`);
  const [, user = 0, system = 0, kib = 0] = /([\d.]+) ([\d.]+) (\d+)\s*$/.exec(String(stderr)) ?? [];
  return { seconds, cpu: Number(user) + Number(system), kib: Number(kib) };
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * @param entries name → { command, env, before }: `before` is a shell command that is not timed
 * @param warm a directory whose files are to be in the page cache for all alike: borg throws out of it what it read
 * @returns name → { seconds, cpu, kib }: medians, and the most memory
 */
export function compare(entries, runs, warm) {
  const samples = new Map(Object.keys(entries).map((name) => [name, []]));
  for (let run = 0; run < runs; run++) {
    for (const [name, { command, env, before }] of Object.entries(entries)) {
      if (before) time(before, env);
      if (warm) time(`find ${warm} -type f -exec cat {} + > /dev/null`);
      // What the run before left in the page cache must not be written on this one's time.
      time('sync');
      samples.get(name).push(time(command, env));
    }
  }
  return new Map(
    [...samples].map(([name, list]) => [
      name,
      {
        seconds: median(list.map((s) => s.seconds)),
        cpu: median(list.map((s) => s.cpu)),
        kib: Math.max(...list.map((s) => s.kib)),
      },
    ]),
  );
}
