#!/usr/bin/env node
// The program: gives the command line and the real world to the CLI, and alone sets the exit code.

import { homedir } from 'node:os';
import { openSink } from './cli/output.ts';
import { renderFailure } from './cli/render.ts';
import { run } from './cli/run.ts';
import { listenForSignals } from './cli/signals.ts';
import { version } from './version.ts';

// Whatever is created anywhere below is for its owner only, unless it says otherwise.
const umask = process.umask(0o077);

const LINGER_MS = 200;

// The AWS SDK warns that its releases of 2027 will need Node 22. Ours is pinned to one that does not.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

const stdout = openSink(1, () => process.stdout.columns);
const stderr = openSink(2, () => process.stderr.columns);

process.on('uncaughtException', (error) => {
  const json = process.argv.includes('--json');
  stderr.write(renderFailure(error, { json, colour: false }, process.env.STRONGROOM_DEBUG === '1'));
  process.exit(1);
});

// No top-level await: the program ships as CommonJS, which starts 30 ms sooner than a module.
run({
  argv: process.argv.slice(2),
  env: process.env,
  cwd: () => process.cwd(),
  home: homedir(),
  isRoot: process.getuid?.() === 0,
  umask,
  // As it was called: a link that an update moves stays right.
  program: [process.execPath, ...process.argv.slice(1, 2)],
  stdout,
  stderr,
  signal: listenForSignals((code) => process.exit(code)),
  version,
  now: () => new Date(),
  monotonic: () => performance.now(),
  world: async (parts) => (await import('./cli/world.ts')).createWorld(parts),
}).then((code) => {
  process.exitCode = code;
  // Everything is written. What still keeps the process alive is a connection that nobody waits for any more, such as
  // one to a service that gives out credentials and never answers.
  setTimeout(() => process.exit(code), LINGER_MS).unref();
});
