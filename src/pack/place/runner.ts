// Tells whether the process that wrote a journal still runs: a restore that is under way must not be recovered.

import { readFileSync, readlinkSync } from 'node:fs';
import { errno } from './failures.ts';

/** One process, told from a later one that has the same number. Empty where a system does not say. */
export interface Runner {
  readonly pid: number;
  /** Clock ticks after boot; field 22 of proc_pid_stat(5). */
  readonly started: string;
  readonly boot: string;
  /** Its process numbers mean something only there. */
  readonly namespace: string;
}

export function thisRunner(): Runner {
  return runnerOf(process.pid);
}

/** @param pid of a process that is there, in our own namespace */
export function runnerOf(pid: number): Runner {
  return { pid, started: startOf(pid), boot: bootId(), namespace: namespaceId() };
}

const abandoned = new Set<string>();

/** Says that this process has given up a restore, and leaves it to be recovered. */
export function abandon(id: string): void {
  abandoned.add(id);
}

// Placing takes seconds. A process that we cannot see is given this long.
const UNSEEN_MS = 10 * 60 * 1000;

/**
 * @param id the restore's
 * @param ageMs how long ago its journal was written
 */
export function isRunning(id: string, runner: Runner, ageMs: number): boolean {
  if (abandoned.has(id)) return false;
  if (runner.boot !== bootId()) return false;
  if (runner.namespace !== namespaceId()) return ageMs < UNSEEN_MS;
  try {
    process.kill(runner.pid, 0);
  } catch (error) {
    if (errno(error) !== 'EPERM') return false;
  }
  return startOf(runner.pid) === runner.started;
}

function startOf(pid: number): string {
  const stat = read(`/proc/${pid}/stat`);
  // The second field is the program's name in parentheses, and may hold anything. The third is the state.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? '' : (fields[19] ?? '');
}

function bootId(): string {
  return read('/proc/sys/kernel/random/boot_id').trim();
}

function namespaceId(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
