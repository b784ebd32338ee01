// What is worth knowing of the files that are packed, noticed while their bytes are at hand: certificates, keys that
// belong to none, one secret in two environments. Keeps names, dates and fingerprints; no value leaves it.
import type { FileFinding } from '../vault/documents/findings.ts';
import { environmentOf } from './findings/environment.ts';
import { mismatches } from './findings/mismatch.ts';
import type { PemFile } from './findings/pem-blocks.ts';
import { MAX_PEM_BYTES, watchPem } from './findings/pem-watch.ts';
import type { KeptFile } from './findings/same-value.ts';

export interface FindingsWatch {
  /**
   * Looks at a file. Costs next to nothing for one that holds nothing of interest.
   * @param path in the snapshot
   * @param content good until it returns; of at most 1 MiB. More is not looked at
   */
  look(path: string, content: Buffer): void;
  /** What was noticed in all that was looked at; once. The gravest come first, certificates by when they expire. */
  settle(): Promise<FileFinding[]>;
  /** What was left out, in sentences; to be asked after `settle`. Empty but for sets of an odd kind. */
  leftOut(): string[];
}

/** As many as readers take (docs/format.md section 7). */
export const MAX_FINDINGS = 10_000;
const MAX_MISMATCHES = 1000;
const MAX_SAME = 2000;

/** Of files of environments, which wait in memory until everything is packed. YAML is read at 1 MiB a second. */
const MAX_KEPT_BYTES = 2 * 2 ** 20;
const MAX_KEPT_FILES = 2000;
/** A larger file is data, not configuration. */
const MAX_ONE_KEPT_BYTES = 64 * 1024;
/** A file without an extension is a secret by its name, or none. */
const MAX_BARE_BYTES = 4096;

const CONFIGURATION = /\.(?:env|json|ya?ml|toml|ini|cfg|conf|cnf|properties|pem|key)$/i;
const DOTENV = /(?:^|\/)\.env[^/]*$/;

/** Begins with nothing. */
export function watchFindings(): FindingsWatch {
  const pem = watchPem();
  const kept = new Map<string, KeptFile>();
  const left = new Set<string>();
  let keptBytes = 0;

  const keep = (path: string, environment: string, content: Buffer): void => {
    keptBytes -= kept.get(path)?.content.length ?? 0;
    kept.delete(path);
    if (keptBytes + content.length > MAX_KEPT_BYTES || kept.size >= MAX_KEPT_FILES) {
      left.add('not every file was compared with those of other environments: there are too many');
      return;
    }
    keptBytes += content.length;
    kept.set(path, { path, environment, content: Buffer.from(content) });
  };

  return {
    look(path, content) {
      if (content.length > MAX_PEM_BYTES) return;
      pem.look(path, content);
      const environment = environmentOf(path);
      if (environment !== undefined && mayHoldSecrets(path, content.length)) keep(path, environment, content);
    },
    async settle() {
      const files = pem.files();
      const wrong = mismatches(files).slice(0, MAX_MISMATCHES);
      // Most sets have no such files, and then nothing is loaded that reads them.
      const environments = new Set([...kept.values()].map(({ environment }) => environment));
      const same =
        environments.size < 2
          ? []
          : await (await import('./findings/same-value.ts')).sameValues([...kept.values()], MAX_SAME);
      if (pem.isSpent()) left.add('not every certificate and key was looked at: there are too many');
      const certificates = files.flatMap(certificatesOf);
      certificates.sort((a, b) => (a.expires! < b.expires! ? -1 : a.expires! > b.expires! ? 1 : 0));
      const all = [...wrong, ...same, ...certificates];
      if (all.length > MAX_FINDINGS || same.length >= MAX_SAME || wrong.length >= MAX_MISMATCHES)
        left.add('not everything that was noticed in the files is kept: there is too much of it');
      kept.clear();
      return all.slice(0, MAX_FINDINGS);
    },
    leftOut: () => [...left],
  };
}

function mayHoldSecrets(path: string, bytes: number): boolean {
  if (bytes > MAX_ONE_KEPT_BYTES) return false;
  if (CONFIGURATION.test(path) || DOTENV.test(path)) return true;
  return bytes <= MAX_BARE_BYTES && !path.slice(path.lastIndexOf('/') + 1).includes('.');
}

function certificatesOf({ path, certificates }: PemFile): FileFinding[] {
  return certificates.map(({ subject, expires }) => ({ kind: 'certificate', path, name: subject, expires }));
}
