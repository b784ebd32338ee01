// What a prune says on stderr: of what it leaves alone, and of what is wrong.
import type { PrunePlan } from '../../vault/prune/plan.ts';
import type { Vault } from '../../vault/vault.ts';
import type { Context } from '../context.ts';
import { warnFindings } from '../open.ts';

export function warnOf(context: Context, vault: Vault, { read, leftAlone, damaged }: PrunePlan): void {
  warnFindings(context, [...vault.findings, ...read.findings.filter((f) => f.severity === 'error')]);
  for (const { set, host, finding } of leftAlone) {
    context.warn('left-alone', `nothing of ${host} in ${set} is removed: ${finding.message}`, {
      object: finding.object,
      hint: 'find out who removed it; to prune all the same, add --despite-gaps',
      severity: 'error',
    });
  }
  const [first, ...others] = damaged;
  if (!first) return;
  const more = others.length > 0 ? ` and ${others.length} more` : '';
  context.warn(
    'damaged',
    `not whole in the store: ${first.id}${more}; what is damaged takes no place of a rule, and is not removed`,
    {
      object: first.id,
      hint: 'run `strongroom verify`; what nothing can save, remove with `strongroom delete`',
      severity: 'error',
    },
  );
}
