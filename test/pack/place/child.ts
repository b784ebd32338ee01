// A restore in a process of its own: with another umask, under strace, or to be killed.

import { recoverPlacement } from '../../../src/pack/place/recover.ts';
import { crashAfter } from './crash.ts';
import { type Choices, NOW, restore, type Scene, type Tree } from './trees.ts';

export interface Job {
  readonly place: Scene;
  readonly tree: Tree;
  readonly choices: Omit<Choices, 'now' | 'signal'>;
  readonly umask?: number;
  /** Recover instead. */
  readonly isRecovery?: boolean;
  /** Die by SIGKILL after so many changes. */
  readonly killAfter?: number;
}

async function main(): Promise<void> {
  const job = JSON.parse(process.argv[2]!) as Job;
  if (job.umask !== undefined) process.umask(job.umask);
  if (job.killAfter !== undefined) {
    crashAfter(job.killAfter, () => {
      process.kill(process.pid, 'SIGKILL');
      for (;;);
    });
  }
  if (job.isRecovery === true) await recoverPlacement(job.place.target, job.place);
  else await restore(job.place, job.tree, { ...job.choices, now: NOW });
}

void main();
