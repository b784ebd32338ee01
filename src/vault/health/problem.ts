// What is wrong with a vault's backups, as health says it. Data only.

export interface Problem {
  /** Stable name, for programs. A code of src/vault/finding.ts where reading brought it to light. */
  readonly code: string;
  /** `wrong`: somebody must act. `warning`: worth a look. */
  readonly severity: 'wrong' | 'warning';
  /** One line, without a value. */
  readonly message: string;
  /** The next step. */
  readonly fix: string;
  /** Left out where it is about the vault as a whole. */
  readonly set?: string;
  readonly host?: string;
  /** The object in the vault, or the snapshot's id. */
  readonly object?: string;
  /** Set where what is stored is not as it was signed, or cannot be proven. */
  readonly unsound?: true;
}

const MINUTE_MS = 60_000;
const UNITS = [['day', 1440] as const, ['hour', 60] as const, ['minute', 1] as const];

/** `3 days`, `26 hours`: whole ones, days from two of them on. @param milliseconds not negative */
export function lengthText(milliseconds: number): string {
  const minutes = Math.floor(milliseconds / MINUTE_MS);
  const [unit, length] = UNITS.find(([, n]) => minutes >= (n === 1440 ? 2 * n : n)) ?? ['minute', 1];
  const n = Math.floor(minutes / length);
  return `${n} ${unit}${n === 1 ? '' : 's'}`;
}
