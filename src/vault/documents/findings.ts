// What contents say was noticed in the files of a snapshot (docs/format.md section 7): names and dates, never a value.
import type { Fields } from './shape.ts';

/** Something about the files that a person should know of. */
export interface FileFinding {
  /**
   * `certificate`: one that is there, with when it expires; `key-mismatch`: a private key that belongs to no
   * certificate beside it; `same-value`: one secret in two environments.
   */
  readonly kind: 'certificate' | 'key-mismatch' | 'same-value';
  readonly path: string;
  /** Within the file: a value's name, a certificate's subject. */
  readonly name?: string;
  /** The other file, and what it is called there. */
  readonly otherPath?: string;
  readonly otherName?: string;
  /** When it expires. */
  readonly expires?: string;
}

const KINDS: readonly string[] = ['certificate', 'key-mismatch', 'same-value'];
const MAX_FINDINGS = 10_000;

/** @returns empty where there are none; of kinds that this version does not know, none */
export function readFindings(f: Fields): FileFinding[] {
  if (!f.has('findings')) return [];
  const findings = f.list('findings', (item): FileFinding | undefined => {
    const kind = item.text('kind');
    if (!KINDS.includes(kind)) return undefined;
    const path = (key: string) => item.optionalText(key, { max: 8192 });
    const [name, otherPath, otherName] = [path('name'), path('otherPath'), path('otherName')];
    return {
      kind: kind as FileFinding['kind'],
      path: item.text('path', { max: 8192 }),
      ...(name === undefined ? {} : { name }),
      ...(otherPath === undefined ? {} : { otherPath }),
      ...(otherName === undefined ? {} : { otherName }),
      ...(item.has('expires') ? { expires: item.time('expires') } : {}),
    };
  });
  if (findings.length > MAX_FINDINGS) f.fail('findings', `a list of at most ${MAX_FINDINGS}`);
  return findings.filter((finding) => finding !== undefined);
}
