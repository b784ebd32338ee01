// src/main.ts over the sample commands.

import { homedir } from 'node:os';
import { openSink } from '../../src/cli/output.ts';
import { run } from '../../src/cli/run.ts';
import { listenForSignals } from '../../src/cli/signals.ts';
import { sampleGroups } from './sample.ts';

process.exitCode = await run(
  {
    argv: process.argv.slice(2),
    env: process.env,
    cwd: () => process.cwd(),
    home: homedir(),
    isRoot: false,
    stdout: openSink(1, () => process.stdout.columns),
    stderr: openSink(2, () => process.stderr.columns),
    signal: listenForSignals((code) => process.exit(code)),
    version: '9.9.9',
    now: () => new Date(),
    monotonic: () => performance.now(),
    world: () => Promise.reject(new Error('no world here')),
  },
  sampleGroups,
);
