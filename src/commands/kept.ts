// How a snapshot that is kept is shown.
import type { StrongroomError } from '../errors.ts';
import type { Ledger } from '../vault/ledger.ts';
import { documentTime } from '../vault/names.ts';
import type { Snapshot } from '../vault/snapshots.ts';
import type { Fields } from './command.ts';
import type { Context } from './context.ts';

/** `kept`, `kept until 2027-01-01`, or nothing. */
export function keptText(ledger: Ledger, { set, id, sha256 }: Snapshot): string {
  const kept = ledger.kept(set, id, sha256);
  return kept ? `kept${kept.until ? ` until ${documentTime(kept.until).slice(0, 10)}` : ''}` : '';
}

/** For programs; empty when it is not kept. */
export function keptFields(ledger: Ledger, { set, id, sha256 }: Snapshot): Fields {
  const kept = ledger.kept(set, id, sha256);
  if (!kept) return {};
  return { kept: true, ...(kept.until ? { kept_until: documentTime(kept.until) } : {}) };
}

/** Says what the store refused to hold, or to hold no longer. */
export function warnHolds(context: Context, refused: StrongroomError | undefined): void {
  if (!refused) return;
  const { message, hint, object } = refused;
  context.warn('not-held', `the vault says so, but the store did not follow: ${message}`, {
    ...(hint === undefined ? {} : { hint: `${hint}; then run the same again` }),
    ...(object === undefined ? {} : { object }),
  });
}
