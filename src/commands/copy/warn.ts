// What has to be said after copying: damage here or there, and what stays at the copy that should have gone.
import type { CopyResult } from '../../vault/copy/apply.ts';
import type { CopyPlan } from '../../vault/copy/plan.ts';
import type { Context } from '../context.ts';

export function warnOf(context: Context, to: string, plan: CopyPlan, result: CopyResult | undefined): void {
  for (const { at, code, message, object, severity } of result?.findings ?? plan.findings) {
    const where = at === 'copy' ? `at ${to}: ` : '';
    const hint =
      code === 'only-in-copy'
        ? 'if they should be in the vault, copy the other way; if not, prune the copy with --location'
        : code === 'kept'
          ? 'find out who signed its removal; if it may go all the same, run `strongroom keep --release` first'
          : `run \`strongroom verify\`${at === 'copy' ? ' with its --location' : ''} for the whole picture`;
    context.warn(code, `${where}${message}`, { object, hint, severity });
  }
  const { mayList, mayRead } = plan.target;
  if (!mayRead) {
    const what = mayList ? 'read what is' : 'look';
    context.warn(
      'unseen',
      `this machine may not ${what} at ${to}: what seems to be missing was offered to it, nothing that is there was checked, and nothing was removed`,
      {
        object: to,
        hint: `let it ${mayList ? 'read' : 'list and read'} there, or verify the copy on a machine that may`,
        severity: mayList ? 'error' : 'warning',
      },
    );
  }
  for (const object of result?.mended ?? [])
    context.warn('mended', `${object} at ${to} was damaged, and was replaced`, {
      object,
      hint: 'see to the disk, and find out who can write there',
    });
  if (!result?.leftBecause) return;
  const opens = result.leftOpens ? ', old keys or what a rotation replaced among them' : '';
  context.warn(
    'left-over',
    `${result.left} objects that should go stay at ${to}${opens}: ${result.leftBecause.message}`,
    {
      object: to,
      hint: result.leftBecause.hint ?? 'have somebody remove them who may, or let this machine delete there',
      ...(result.leftOpens ? { severity: 'error' as const } : {}),
    },
  );
}
