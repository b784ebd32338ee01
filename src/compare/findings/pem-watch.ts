// The certificates and keys of many files, noticed while their bytes are at hand: what is public of them, and no key.
import { type Effort, HIDDEN_BEGIN, isSpent, PEM_BEGIN, type PemFile, readPemBlocks } from './pem-blocks.ts';

export interface PemWatch {
  /** Looks at a file. @param content good until it returns; more than 256 KiB is not looked at */
  look(path: string, content: Buffer): void;
  /** What was found, by file; those that hold nothing of the kind are not there. */
  files(): PemFile[];
  /** Whether there was too much, so that something was left out. */
  isSpent(): boolean;
}

/** Larger files are no keys and no configuration. A list of all authorities has 220 KiB. */
export const MAX_PEM_BYTES = 256 * 1024;
/** A second or two of OpenSSL's time. */
const EFFORT = { blocks: 5000, refusals: 500, places: 20_000 };
const MAY_HIDE = /\.(?:ya?ml|json)$/i;

/** Begins with nothing. */
export function watchPem(): PemWatch {
  const found = new Map<string, PemFile>();
  const effort: Effort = { ...EFFORT, known: new Map() };
  return {
    look(path, content) {
      if (content.length < PEM_BEGIN.length || content.length > MAX_PEM_BYTES) return;
      if (content.includes(PEM_BEGIN) || (MAY_HIDE.test(path) && content.includes(HIDDEN_BEGIN)))
        found.set(path, readPemBlocks(path, content.toString('latin1'), effort));
    },
    files: () => [...found.values()],
    isSpent: () => isSpent(effort),
  };
}
