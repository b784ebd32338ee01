// The end of a group of processes: asked first, then made. Whose group it is, the caller knows.
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds from the request to end to the order to. */
const GRACE = 3000;

/** Ends every process of a group. Never fails. @param group the id of its first process */
export async function endGroup(group: number): Promise<void> {
  if (!send(group, 'SIGTERM') || (await isGoneWithin(group, GRACE))) return;
  send(group, 'SIGKILL');
  await isGoneWithin(group, GRACE);
}

async function isGoneWithin(group: number, ms: number): Promise<boolean> {
  const end = performance.now() + ms;
  for (let pause = 1; performance.now() < end; pause = Math.min(2 * pause, 50)) {
    await sleep(pause);
    if (!send(group, 0) || areAllDead(group)) return true;
  }
  return false;
}

/** @returns whether there is anybody in the group, be they dead and not yet buried */
function send(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-group, signal);
    return true;
  } catch {
    return false;
  }
}

/** Whether nobody of the group runs: a container may have nobody who buries the dead. False where it cannot be told. */
function areAllDead(group: number): boolean {
  try {
    return readdirSync('/proc').every((pid) => !/^\d+$/.test(pid) || !runsIn(group, pid));
  } catch {
    return false;
  }
}

function runsIn(group: number, pid: string): boolean {
  try {
    // After the name, which is in brackets and may hold anything: state, parent, group (proc(5)).
    const [state, , of] = readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ');
    return Number(of) === group && state !== 'Z' && state !== 'X';
  } catch {
    return false;
  }
}
