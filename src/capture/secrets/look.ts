// Looks through a tree for files that look secret. Goes where discovery may go, and nowhere else.
import { posix } from 'node:path';
import { checkInterrupt } from '../discover/extent.ts';
import type { Ground } from '../discover/ground.ts';
import { MAX_SCANNED_BYTES, type SecretFinding, secretsIn } from './scan.ts';

/** A file that looks secret. */
export interface SecretLooking {
  /** Absolute. */
  readonly path: string;
  readonly findings: readonly SecretFinding[];
}

/**
 * The files below the root that look secret.
 *
 * @returns in byte order
 * @throws InterruptedError
 */
export function secretLooking(ground: Ground): SecretLooking[] {
  const found: SecretLooking[] = [];
  const { root } = ground;
  for (const path of ground.files()) {
    checkInterrupt(ground.signal);
    const findings = secretsIn(posix.relative(root, path), () => {
      const head = ground.head(path, MAX_SCANNED_BYTES + 1);
      return head === undefined || head.size > MAX_SCANNED_BYTES ? undefined : head.bytes;
    });
    if (findings.length > 0) found.push({ path, findings });
  }
  return found;
}
