// Room for what a drill restores: made for as much of it as fits, wiped afterwards, and after drills that were killed.
import { StrongroomError } from '../../errors.ts';
import { makeScratch, type Scratch, wipeAbandoned } from '../../host/scratch.ts';
import { type DrillPlan, withoutLargest } from '../../vault/drill/plan.ts';
import type { Context } from '../context.ts';

/** What does not fit is left out, the largest first, and fails: the others are drilled. @throws as `makeScratch` */
export function roomFor(
  plan: DrillPlan,
  within: string | undefined,
  context: Context,
): { readonly scratch: Scratch; readonly plan: DrillPlan } {
  for (let fitting = plan; ; ) {
    const { bytes, entries } = fitting;
    try {
      return { scratch: makeScratch({ bytes, entries, within, env: context.env }), plan: fitting };
    } catch (error) {
      const smaller = withoutLargest(fitting);
      if (!(error instanceof StrongroomError) || error.code !== 'disk-full' || !smaller) throw error;
      fitting = smaller;
    }
  }
}

/** What came of the drill stands, whatever becomes of the scratch. */
export function wipe(scratch: Scratch, context: Context): void {
  try {
    scratch.wipe();
  } catch (error) {
    if (!(error instanceof StrongroomError)) throw error;
    const { code, message, object, hint } = error;
    context.warn(code, message, {
      severity: 'error',
      ...(object === undefined ? {} : { object }),
      ...(hint === undefined ? {} : { hint }),
    });
  }
}

/** Wipes what drills left that were killed, and says so. @param within as of `makeScratch` */
export function wipeEarlier(within: string | undefined, context: Context): void {
  const { wiped, left } = wipeAbandoned({ within, env: context.env });
  for (const object of wiped)
    context.warn(
      'scratch-wiped',
      `a drill that was killed had left restored files in ${object}: it is wiped now`,
      {
        object,
      },
    );
  for (const object of left)
    context.warn(
      'scratch-left',
      `a drill has left restored files in ${object}, or is still running elsewhere`,
      {
        object,
        severity: 'error',
        hint: `once none runs, remove it, as it holds secrets: rm -rf ${object}`,
      },
    );
}
