// What reading the vault brought to light, with the next step of each: one problem a code and set, however many
// objects it is about. Pure.
import type { Finding } from '../finding.ts';
import { DATA, DRILLS, SNAPSHOTS } from '../layout.ts';
import type { Problem } from './problem.ts';

const FINISH = 'run `strongroom keys rotate --finish`';
const WHO_WROTE = 'find out who wrote that; it does not count, and is never restored';
const WHO_REMOVED =
  'find out who removed it; a copy of the vault, or a bucket that keeps versions, may have it';

const FIXES: Readonly<Record<string, string>> = {
  'unlisted-writer':
    'if that machine is yours, it backs up in vain until it is enrolled: `strongroom hosts enroll`; else find out who can write to the store',
  'removed-host': 'remove what does not count with `strongroom delete`, once nobody needs to look at it',
  'out-of-scope': `${WHO_WROTE}; a host is given other sets by enrolling it anew`,
  'wrong-host': WHO_WROTE,
  'foreign-data': WHO_WROTE,
  'foreign-vault': WHO_WROTE,
  misplaced: WHO_WROTE,
  'planted-document': WHO_WROTE,
  'second-record': WHO_WROTE,
  future: 'set the clock of that machine: until then it backs up in vain',
  'wrong-clock': 'set the clock of that machine, and delete the snapshot with the wrong date',
  'hidden-document': WHO_REMOVED,
  'missing-predecessor': WHO_REMOVED,
  'missing-newest': WHO_REMOVED,
  'missing-removal': WHO_REMOVED,
  'store-denied': 'give this role read access to all of the vault: see `strongroom policy`',
  exposed: FINISH,
  'not-remembered': 'make room, or the state directory writable, for this user',
};

/** Evidence of a drill is written by whoever opens the vault, and by no host. */
const NO_EVIDENCE = 'find out who wrote that; it proves nothing, and nobody drilled by its word';

/** @param findings of opening the vault and of reading it */
export function judgeFindings(findings: readonly Finding[]): Problem[] {
  const alike = new Map<string, Finding[]>();
  for (const found of findings) {
    const key = `${found.code} ${found.severity} ${setOf(found.object)}`;
    const others = alike.get(key);
    if (others) others.push(found);
    else alike.set(key, [found]);
  }
  return [...alike.values()].map((several) => {
    // They are in the order of their names: the last is the newest.
    const { code, message, object, severity } = several.at(-1)!;
    const set = setOf(object);
    const more = several.length > 1 ? `, and ${several.length - 1} more like it` : '';
    return {
      code,
      severity: severity === 'error' ? 'wrong' : 'warning',
      message: `${message}${more}`,
      object,
      fix: fixOf(code, object),
      ...(set === undefined ? {} : { set }),
      ...(severity === 'error' ? { unsound: true } : {}),
    };
  });
}

function fixOf(code: string, object: string): string {
  if (object.startsWith(DRILLS) && code !== 'store-denied') return NO_EVIDENCE;
  return FIXES[code] ?? 'run `strongroom verify` for the whole picture';
}

/** Whether a fault of this set leaves the others as they are. */
function setOf(object: string): string | undefined {
  const prefix = [SNAPSHOTS, DATA].find((start) => object.startsWith(start));
  return prefix && object.slice(prefix.length).split('/')[0];
}
