// Makes what was written survive a power cut. Node has no syncfs, and one fsync for each of thousands of files
// takes longer than all the rest: many are left to one `sync -f` where there is such a program.

import { close, constants, existsSync, fsync, fsyncSync, open } from 'node:fs';
import { promisify } from 'node:util';
import { fsPath } from '../names.ts';
import { errno, isLost } from './failures.ts';
import { type OpenGround, stagedPath } from './ground.ts';
import type { Step } from './journal.ts';
import type { Spot } from './layout.ts';
import type { PlacementPlan } from './types.ts';

const openFile = promisify(open);
const syncFile = promisify(fsync);
const closeFile = promisify(close);

const FEW = 64;
const AT_ONCE = 16;

/** Everything that a plan has staged. @throws a system error */
export async function syncStaged({ entries, layout }: PlacementPlan, ground: OpenGround): Promise<void> {
  const { units, spots, directories } = layout;
  const pathOf = ({ unit, below }: Spot) => stagedPath(ground.stagings[units[unit]!.group]!, unit, below);
  const files = entries.filter(({ entry }) => entry.type === 'file' && spots.has(entry.path));
  await syncAll(
    [
      ...files.map(({ entry }) => pathOf(spots.get(entry.path)!)),
      ...directories.map(pathOf),
      ...ground.stagings.map((staging) => fsPath(`${staging!.path}/new`)),
    ],
    ground,
  );
}

/** What is kept of the target while it changes. @throws a system error */
export async function syncSaved(ground: OpenGround): Promise<void> {
  await syncAll(
    ground.stagings.map((staging) => fsPath(`${staging!.path}/old`)),
    ground,
  );
}

/** The directories that steps have changed. @throws a system error */
export async function syncSteps(steps: readonly Step[], ground: OpenGround): Promise<void> {
  const changed = new Map<string, Step>();
  for (const step of steps) changed.set(`${step.base} ${step.directory}`, step);
  if (changed.size > FEW && (await syncFileSystems(ground))) return;
  for (const { base, directory } of changed.values()) {
    try {
      fsyncSync(ground.walks[base]!.at(directory).fd);
    } catch (error) {
      // Gone, or open for searching only.
      if (!isLost(error) && errno(error) !== 'EBADF') throw error;
    }
  }
}

/**
 * @param paths files and directories
 * @param ground directories on all file systems that these are on
 * @throws a system error
 */
export async function syncAll(
  paths: readonly (string | Buffer)[],
  ground: Pick<OpenGround, 'stagings'>,
): Promise<void> {
  if (paths.length > FEW && (await syncFileSystems(ground))) return;
  for (let at = 0; at < paths.length; at += AT_ONCE) {
    await Promise.all(paths.slice(at, at + AT_ONCE).map(syncOne));
  }
}

async function syncOne(path: string | Buffer): Promise<void> {
  const fd = await openFile(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    await syncFile(fd);
  } finally {
    await closeFile(fd);
  }
}

async function syncFileSystems({ stagings }: Pick<OpenGround, 'stagings'>): Promise<boolean> {
  if (process.platform !== 'linux') return false;
  const program = ['/usr/bin/sync', '/bin/sync'].find((path) => existsSync(path));
  if (program === undefined) return false;
  const { spawn } = await import('node:child_process');
  for (const staging of stagings) {
    if (staging === undefined) return false;
    // It gets the directory, not its name, and nothing else of ours.
    const child = spawn(program, ['-f', '/proc/self/fd/3'], {
      stdio: ['ignore', 'ignore', 'ignore', staging.fd],
      cwd: '/',
      env: {},
    });
    const isDone = await new Promise<boolean>((settle) => {
      child.once('error', () => settle(false));
      child.once('close', (code) => settle(code === 0));
    });
    if (!isDone) return false;
  }
  return true;
}
