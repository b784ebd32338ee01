// What guards have left on this machine: half a deploy that nobody has judged, and what was moved out of the way.

import type { LeftBehind } from '../../pack/guard/earlier.ts';
import { printableName } from '../../pack/names.ts';
import { type Check, ok, warning, wrong } from './check.ts';

export const guardChecks: readonly Check<LeftBehind>[] = [
  {
    id: 'deploys',
    title: 'guarded deploys',
    run({ open, aside }) {
      const [first] = open;
      if (first !== undefined) {
        const more = open.length === 1 ? '' : `, and ${open.length - 1} more`;
        return wrong(`${first.message}${more}`, first.hint ?? 'run `strongroom guard --recover`');
      }
      if (aside.length === 0) return ok('nothing is left of earlier ones');
      return warning(
        `what they moved aside is still in ${aside.map(printableName).join(', ')}`,
        'look at it, and remove it: it may hold secrets',
      );
    },
  },
];
