// Whom `hosts enroll` is about, and where the key comes from and is kept: this machine's, a new one in a file for
// another machine, or that of a line which came from elsewhere.
import { resolve } from 'node:path';
import { UsageError } from '../../errors.ts';
import { keepNewKey, newKeyPath, readNewKey, takeUpNewKey } from '../../host/new-key.ts';
import { makeSigningKey, writeKeyFile } from '../../host/signing-key.ts';
import type { May } from '../../vault/documents/vault-document.ts';
import { type Applicant, checkApplicant, parseLine } from '../../vault/hosts/line.ts';
import type { Context } from '../context.ts';

export interface EnrollFlags {
  readonly sets: readonly string[];
  readonly may: readonly string[] | undefined;
  readonly approve: string | undefined;
  readonly keyFile: string | undefined;
  readonly newKey: boolean;
}

/** Where a new key was put, and the one that it replaced. */
export interface KeptKey {
  readonly path?: string | undefined;
  /** The key that this machine goes on with until the vault lists the new one. */
  readonly inUse?: string | undefined;
  readonly old?: string | undefined;
}

export interface Asking {
  readonly applicant: Applicant;
  readonly from: 'line' | 'here' | 'key-file';
  /** The key is new, and nowhere until `keep` puts it there. */
  readonly isNewKey: boolean;
  keep(): Promise<KeptKey>;
  /** Puts a key into use that waited for the vault to list it. */
  takeUp?(): Promise<KeptKey>;
}

/**
 * @throws UsageError `conflicting-flags`, `no-name`, and as `parseLine` and `checkApplicant`
 */
export async function whoAsks(
  name: string | undefined,
  flags: EnrollFlags,
  context: Context,
): Promise<Asking> {
  const { approve, keyFile, newKey } = flags;
  if ([approve !== undefined, keyFile !== undefined, newKey].filter(Boolean).length > 1) {
    throw new UsageError('conflicting-flags', '--approve, --key-file and --new-key exclude each other', {
      hint: 'give one of them',
    });
  }
  const sets = flags.sets.flatMap((glob) => glob.split(','));
  if (approve !== undefined) return fromLine(approve, name, sets, flags.may);
  const world = await context.world();
  if (keyFile !== undefined && name === undefined) {
    throw new UsageError('no-name', '--key-file is for another machine, and needs its name', {
      hint: 'as in `strongroom hosts enroll ci --key-file ci.key`',
    });
  }
  const own = name ?? world.hostName;
  const scope = {
    sets: sets.length > 0 ? sets : await setsHere(context),
    may: (flags.may ?? ['write']) as May[],
  };
  const asking = (key: string, more: Omit<Asking, 'applicant'>): Asking => ({
    applicant: checkApplicant({ name: own, key, ...scope }),
    ...more,
  });
  if (keyFile !== undefined) {
    const key = makeSigningKey();
    const path = resolve(context.cwd, keyFile);
    const keep = async () => {
      await writeKeyFile(path, key, own);
      return { path };
    };
    return asking(key.publicKey, { from: 'key-file', isNewKey: true, keep });
  }
  if (newKey && (await context.secrets.signingKey())) {
    throw new UsageError(
      'conflicting-flags',
      'the key comes from STRONGROOM_SIGNING_KEY, and is not replaced',
      {
        hint: 'leave --new-key out, and put another key there',
      },
    );
  }
  const path = world.signingKeyPath;
  if (newKey) return asking(...(await withNewKey(path, own)));
  const there = await world.signingKey(false);
  if (there) return asking(there.publicKey, { from: 'here', isNewKey: false, keep: async () => ({}) });
  const key = makeSigningKey();
  const keep = async () => {
    await writeKeyFile(path, key, own);
    return { path };
  };
  return asking(key.publicKey, { from: 'here', isNewKey: true, keep });
}

/** Asked again, it is the same key: the line that was printed for it may be on its way. */
async function withNewKey(path: string, name: string): Promise<[string, Omit<Asking, 'applicant'>]> {
  const waiting = await readNewKey(path);
  const key = waiting ?? makeSigningKey();
  const keep = async () => {
    const kept = waiting ? newKeyPath(path) : await keepNewKey(path, key, name);
    return kept === path ? { path } : { path: kept, inUse: path };
  };
  const takeUp = async () => ({ path, old: await takeUpNewKey(path) });
  return [key.publicKey, { from: 'here', isNewKey: !waiting, keep, takeUp }];
}

/** What whoever keeps the vault says of the scope goes before what the line asks for. */
function fromLine(
  text: string,
  name: string | undefined,
  sets: readonly string[],
  may: readonly string[] | undefined,
): Asking {
  const asked = parseLine(text);
  if (name !== undefined && name !== asked.name) {
    throw new UsageError('conflicting-flags', `the line is of ${asked.name}, not of ${name}`, {
      hint: 'leave the name out; another one is chosen on that host, with STRONGROOM_HOST',
    });
  }
  const scope = {
    sets: sets.length > 0 ? sets : asked.sets,
    may: (may ?? asked.may) as May[],
  };
  return {
    applicant: checkApplicant({ ...asked, ...scope }),
    from: 'line',
    isNewKey: false,
    keep: async () => ({}),
  };
}

/** No more than the configuration here needs; every set where there is none, and that is said. */
async function setsHere(context: Context): Promise<string[]> {
  const { config } = await context.settings();
  const names = [...(config?.sets.keys() ?? [])];
  if (names.length > 0) return names;
  context.notice('no configuration here names a set, so this asks for every set; ask for less with --sets');
  return ['*'];
}
