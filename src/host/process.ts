// Who a process is, so that what it left behind is told from what it holds. Linux knows; elsewhere only the number counts.
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** A process as it notes itself in a file. */
export interface Holder {
  readonly pid: number;
  /** When that process began, by its system's own count: a process id comes again. */
  readonly began: string;
  /** Where its process id means anything: this start of this machine, and this container. */
  readonly space: string;
  /** The machine or container by itself, whichever start of it; empty where nothing tells. */
  readonly machine?: string;
}

export function thisProcess(): Holder {
  return { pid: process.pid, ...whoIs(process.pid) };
}

/**
 * Whether it lives; undefined for one of another container or another machine, which cannot be seen from here. What began
 * before this machine did does not.
 */
export function lives({ pid, began, space, machine }: Holder): boolean | undefined {
  const now = whoIs(pid);
  if (space === now.space) return isAlive(pid) && began === now.began;
  const isEarlierStart = space.split(' ')[0] !== now.space.split(' ')[0];
  return machine && machine === now.machine && isEarlierStart ? false : undefined;
}

/** @param text of a file that one wrote @returns undefined when it is no such text */
export function parseHolder<T extends Holder>(text: string): T | undefined {
  try {
    const found = JSON.parse(text) as T;
    return typeof found.pid === 'number' && found.pid > 0 ? found : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function whoIs(pid: number): Omit<Holder, 'pid'> {
  const id = attempt(() => readFileSync('/etc/machine-id', 'latin1').trim());
  return {
    // After the name, which may hold anything: the twentieth field is when it began (proc(5), /proc/pid/stat).
    began: attempt(
      () => readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ')[19] ?? '',
    ),
    space: `${attempt(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim())} ${attempt(() => readlinkSync('/proc/self/ns/pid'))}`,
    // Copies of one image may have one id: the name tells those apart.
    machine: id === '' ? '' : `${id} ${hostname()}`,
  };
}

function attempt(get: () => string): string {
  try {
    return get();
  } catch {
    return '';
  }
}
