// What keys are called that were asked for together: as their lines say, else after their kind. The names that were
// chosen go first, so that none of them has to give way.
import type { KeyLine } from '../../keys/keys-file.ts';
import { freeName } from '../../vault/keys/names.ts';
import { PREVIOUS } from '../../vault/layout.ts';
import { nameFrom } from '../../vault/names.ts';

/** @returns a name for each line, in order; those that were not chosen are unlike all others */
export function namesFor(lines: readonly KeyLine[]): string[] {
  const isChosen = ({ name, method }: KeyLine): boolean => name !== undefined && method !== 'ssh';
  const taken = new Set([PREVIOUS, ...lines.flatMap((line) => (isChosen(line) ? [line.name!] : []))]);
  const nameless = lines.filter(({ method, name }) => method === 'age' && name === undefined);
  return lines.map((line) => {
    if (isChosen(line)) return line.name!;
    // One age key is `age`; several are numbered from the first on.
    const kind =
      line.method === 'age' && nameless.length > 1 ? `age-${nameless.indexOf(line) + 1}` : line.method;
    const name = freeName(line.method === 'ssh' ? nameFrom(line.name ?? '', kind) : kind, taken);
    taken.add(name);
    return name;
  });
}
