// Checks of this machine and of a vault in a directory: who can read and change what. Judges facts; the host finds them.
import { type Check, type Checked, type Outcome, ok, warning, wrong } from './check.ts';

/** A file or directory as it is. */
export interface PathFacts {
  readonly path: string;
  readonly exists: boolean;
  /** Permission bits. */
  readonly mode: number;
  /** Whether it is this user's, or root's. */
  readonly ours: boolean;
  readonly device: number;
}

export interface MachineFacts {
  /** Holds pins, and the key that this machine signs with. */
  readonly state: PathFacts;
  readonly signingKey: PathFacts;
  readonly configFile: PathFacts | undefined;
  /** Where the pin of this vault is. */
  readonly pin: 'settings' | 'remembered' | undefined;
  readonly remote: boolean;
}

/** A vault in a directory, and what it protects. */
export interface DirectoryFacts {
  readonly vault: PathFacts;
  readonly roots: readonly PathFacts[];
}

const octal = (mode: number): string => mode.toString(8).padStart(4, '0');
const OTHERS = 0o077;
const WRITE = 0o022;

function secret(facts: PathFacts, what: string, isPrivate: boolean): Outcome {
  if (!facts.exists) return ok(`none here (${facts.path})`);
  const { path, mode, ours } = facts;
  if (!ours) return wrong(`${path} belongs to somebody else`, `find out why; then: chown "$USER" ${path}`);
  const bits = isPrivate ? OTHERS : WRITE;
  const doing = (mode & WRITE) !== 0 ? 'change' : 'read';
  if ((mode & bits) !== 0)
    return wrong(`others can ${doing} ${path} (${octal(mode)})`, `chmod go-rwx ${path}`);
  return ok(`${what} ${path} (${octal(mode)})`);
}

export const machineChecks: readonly Check<MachineFacts>[] = [
  {
    id: 'pin',
    title: 'pin',
    run({ pin, remote }) {
      if (pin === undefined) {
        return wrong(
          'no pin: backups are refused, and reading believes whatever is there',
          'run `strongroom trust SHA256:…` with the fingerprint that init printed, or put its pin into strongroom.yaml',
        );
      }
      if (pin === 'remembered' && remote) {
        return warning(
          'the pin is remembered, but not in the settings: backups then have to read the vault',
          'put the pin that `strongroom trust` prints into strongroom.yaml: a role that may only create is then enough',
        );
      }
      return ok(pin === 'settings' ? 'the settings hold the pin' : 'the pin is remembered');
    },
  },
  {
    id: 'signing-key',
    title: 'signing key',
    run: ({ signingKey }) => secret(signingKey, 'only this user can read', true),
  },
  {
    id: 'state',
    title: 'memory',
    run: ({ state }) => secret(state, 'only this user can read', true),
  },
  {
    id: 'config',
    title: 'settings',
    run({ configFile }) {
      if (configFile === undefined) return ok('no strongroom.yaml');
      const outcome = secret(configFile, 'only this user can change', false);
      const isRead = outcome.verdict === 'ok' && (configFile.mode & 0o044) !== 0;
      return isRead ? ok(`${outcome.message}; others can read it, and it holds no secret`) : outcome;
    },
  },
];

export const directoryChecks: readonly Check<DirectoryFacts>[] = [
  {
    id: 'vault-modes',
    title: 'modes of the vault',
    run({ vault: { path, mode, ours } }) {
      if (!ours) {
        return warning(
          `${path} belongs to somebody else, who can delete what is in it`,
          'right where a server keeps it for you; otherwise take it over with chown',
        );
      }
      if ((mode & WRITE) !== 0)
        return wrong(
          `others can change ${path} (${octal(mode)}): they can delete every snapshot`,
          `chmod go-w ${path}`,
        );
      if ((mode & OTHERS) !== 0)
        return warning(
          `others can look into ${path} (${octal(mode)}): names and times, not secrets`,
          `chmod go-rwx ${path}`,
        );
      return ok(`only this user (${octal(mode)})`);
    },
  },
  {
    id: 'same-disk',
    title: 'disk of the vault',
    run({ vault, roots }) {
      const same = roots.filter(({ exists, device }) => exists && device === vault.device);
      if (same.length === 0)
        return ok(roots.length === 0 ? 'no set is known here' : 'apart from what it protects');
      return warning(
        `it is on the disk of what it protects (${same.map(({ path }) => path).join(', ')}): one failure takes both`,
        'move it to another disk, or to S3',
      );
    },
  },
];

/** A file with a secret, which the reading of it judged. */
export function secretFile(
  id: string,
  title: string,
  refusal: { message: string; hint?: string | undefined } | undefined,
): Checked {
  if (refusal === undefined) return { id, title, ...ok('only this user can read it') };
  return { id, title, ...wrong(refusal.message, refusal.hint ?? 'see its owner and its mode') };
}

/** A vault in a directory has no clock but this machine's: what it says must not be of the future. */
export function clockFinding(documentTime: string, now: Date): Checked {
  const ahead = Date.parse(documentTime) - now.getTime();
  const outcome =
    ahead > 10 * 60_000
      ? wrong(
          `the vault was changed at ${documentTime}, which is still to come here`,
          'set the clock (timedatectl, chrony)',
        )
      : ok('not behind the vault');
  return { id: 'clock', title: 'clock', ...outcome };
}
