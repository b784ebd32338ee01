// What most commands begin with: the vault of the settings, locked or unlocked, and this machine as its host.
import { UsageError } from '../errors.ts';
import type { Credential } from '../keys/method.ts';
import type { SigningKey } from '../sign/key.ts';
import { asOf } from '../vault/past.ts';
import { checkPin, type Pin } from '../vault/pin.ts';
import { parseAt } from '../vault/select.ts';
import { type UnlockOptions, unlock } from '../vault/unlock.ts';
import {
  authorityFingerprint,
  openVault,
  type UnlockedVault,
  type Vault,
  type VaultContext,
} from '../vault/vault.ts';
import type { FlagSpec } from './command.ts';
import { type Context, locationOf } from './context.ts';
import { takeUpBeforeUse } from './hosts/take-up.ts';
import { kmsOptions, namedKmsKeys } from './kms-keys.ts';
import { type Try, typedAgain } from './typed-again.ts';

/** The flag of every command that reads a vault. */
export const trustNew = {
  summary: 'read a vault that nothing vouches for yet, or that is older than seen',
} as const satisfies FlagSpec;

/** The flag of every command that reads snapshots. */
export const pastFlag = {
  versionsBefore: {
    value: 'TIME',
    summary: 'read a versioned bucket as it was at TIME; whom to trust is still what it says today',
  },
} as const satisfies Record<string, FlagSpec>;

/** @param create whether the place may be made (init) */
export async function vaultContext(context: Context, create = false): Promise<VaultContext> {
  const world = await context.world();
  const settings = await context.settings();
  const store = await world.openStore(locationOf(settings), settings, create);
  const { memory, cache } = world;
  return { store, memory, cache, now: () => context.now(), signal: context.signal };
}

/** Flags that say how a vault is opened. */
export interface Opening {
  readonly trustNew?: boolean;
  readonly versionsBefore?: string | undefined;
  /** Only to read: from the replicas too, where the vault's own place has lost something, or is lost. */
  readonly anywhere?: true;
}

async function contextFor(context: Context, opening: Opening): Promise<VaultContext> {
  const base = await vaultContext(context);
  if (opening.versionsBefore !== undefined) return await asOf(base, parseAt(opening.versionsBefore));
  if (!opening.anywhere) return base;
  return await (await import('./copy/anywhere.ts')).readAnywhere(context, base);
}

/** The pin of the configuration, if it holds one. @throws UsageError `bad-pin` */
export async function configuredPin(context: Context): Promise<Pin | undefined> {
  const { config, location } = await context.settings();
  // The file's pin is of the vault at the file's location: another place that was asked for may hold another vault, unless
  // it is one of its replicas.
  const isReplica = config?.replicas.some((replica) => replica.location === location) === true;
  if (config?.location !== undefined && config.location !== location && !isReplica) return undefined;
  return config?.pin && checkPin(config.pin);
}

function pinOption(pin: Pin | undefined): { pin?: Pin } {
  return pin ? { pin } : {};
}

/** Opens the vault for what needs no key, and says whom it trusts when no pin does. */
export async function openLocked(context: Context, flags: Opening = {}): Promise<Vault> {
  const vault = await openVault(await contextFor(context, flags), {
    ...pinOption(await configuredPin(context)),
    trustOlder: flags.trustNew ?? false,
  });
  sayTrust(context, vault);
  return vault;
}

/** Says whom a vault that was opened without a key is trusted for. */
export function sayTrust(context: Context, vault: Vault): void {
  if (vault.trust === 'unproven') {
    context.warn(
      'unpinned',
      `nothing vouches for this vault: trusting fingerprint ${authorityFingerprint(vault.document)}`,
      {
        hint: 'compare it with the one that init printed, then run `strongroom trust` with it',
      },
    );
  }
  sayRotated(context, vault);
}

/** Reading follows a rotation by the old key's word, so whoever held that one may have made it up. */
function sayRotated(context: Context, { pin, document }: Vault): void {
  if (!pin || pin.generation >= document.generation) return;
  const fingerprint = authorityFingerprint(document);
  context.warn(
    'rotated',
    `the vault ${document.name} has key number ${document.generation} now, and this machine knows number ${pin.generation}`,
    {
      object: document.object,
      hint: `compare ${fingerprint} with what \`strongroom keys rotate\` printed, then run \`strongroom trust ${fingerprint}\``,
    },
  );
}

/** Everything at hand that may open the vault. */
async function credentials(
  context: Context,
  pinned: boolean,
  prompt: string,
  attempt: Try,
): Promise<Credential[]> {
  const { methods } = await context.world();
  const { secrets } = context;
  const found = await identityCredentials(context);
  // A person is asked only when nothing else was given.
  if (secrets.passphraseGiven || found.length === 0) {
    const ask = () => attempt.ask(prompt);
    found.push(await methods.passphrase(ask, pinned, secrets.passphraseGiven));
  }
  return attempt.isAgain ? found : [...found, ...(await kmsCredentials(context))];
}

/** The age identities and SSH keys of STRONGROOM_IDENTITY_FILE. */
export async function identityCredentials(context: Context): Promise<Credential[]> {
  const { methods } = await context.world();
  const { secrets } = context;
  const found: Credential[] = [];
  for (const { source, text } of await secrets.identities()) {
    const ask = () => secrets.sshPassphrase(`Passphrase for the SSH key ${source}`);
    found.push(await methods.identities(text, source, ask, secrets.sshPassphraseGiven));
  }
  return found;
}

/** AWS KMS keys: those that the user named prove a vault, whatever else the vault names does not. */
export async function kmsCredentials(context: Context): Promise<Credential[]> {
  const { methods } = await context.world();
  const named = await namedKmsKeys(context);
  const options = kmsOptions(context);
  return [
    ...(named.length > 0 ? [await methods.kms({ named }, options)] : []),
    await methods.kms({ except: named }, options),
  ];
}

/** Opens and unlocks the vault with what is at hand. */
export async function openUnlocked(context: Context, flags: Opening = {}): Promise<UnlockedVault> {
  const base = await contextFor(context, flags);
  const vault = await unlockWith(base, context, flags.trustNew ?? false, await configuredPin(context));
  sayRotated(context, vault);
  return vault;
}

/** As `openUnlocked`, over a context of the caller's. */
export async function unlockWith(
  base: VaultContext,
  context: Context,
  trust: boolean,
  pin?: Pin,
): Promise<UnlockedVault> {
  const prompt = `Passphrase for the vault at ${base.store.location}`;
  const options: Omit<UnlockOptions, 'credentials'> = {
    ...pinOption(pin),
    trustOlder: trust,
    async confirm(question, service) {
      if (!trust) return context.terminal.interactive && (await context.terminal.confirmTyped(question));
      // Nothing is sent to a key of a vault that nothing vouches for without a word of which key that is.
      if (service !== undefined)
        context.warn('unpinned-kms', `asking the AWS KMS key ${service}, which only the vault names`, {
          object: service,
          hint: 'pin the vault with `strongroom trust`, or name the key in STRONGROOM_KMS_KEYS',
        });
      return true;
    },
  };
  return await typedAgain(context, (attempt) =>
    unlock(base, { ...options, credentials: (pinned) => credentials(context, pinned, prompt, attempt) }),
  );
}

/** This machine's host entry: by its new key, once the vault lists that. @throws UsageError `no-signing-key` */
export async function thisHost(context: Context): Promise<{ name: string; key: SigningKey }> {
  const world = await context.world();
  await takeUpBeforeUse(context, async () => {
    return await openVault(await vaultContext(context), pinOption(await configuredPin(context)));
  });
  const key = await world.signingKey(false);
  if (key) return { name: world.hostName, key };
  throw new UsageError('no-signing-key', `this machine, ${world.hostName}, has no signing key`, {
    object: world.signingKeyPath,
    hint: (await knowsVault(context))
      ? `ask to be a host of the vault: \`strongroom hosts enroll\`; ${OTHER_KEY}`
      : `make a vault with \`strongroom init\`; where there is one, \`strongroom hosts enroll\` with its --location; ${OTHER_KEY}`,
  });
}

const OTHER_KEY = 'or give the key of an enrolled host in STRONGROOM_SIGNING_KEY_FILE';

/** Whether the settings or this machine's memory hold a pin for the place that is meant. */
async function knowsVault(context: Context): Promise<boolean> {
  if ((await configuredPin(context)) !== undefined) return true;
  const { location } = await context.settings();
  return location !== undefined && (await (await context.world()).memory.pinFor(location)) !== undefined;
}

/** People read so many of a kind; programs get them all. */
const MOST_ALIKE = 10;

/** Says what came to light while reading, on stderr. */
export function warnFindings(context: Context, findings: Vault['findings']): void {
  const hint = 'run `strongroom verify` for the whole picture';
  const counts = new Map<string, number>();
  for (const { code, message, object, severity } of findings) {
    const count = (counts.get(code) ?? 0) + 1;
    counts.set(code, count);
    if (count <= MOST_ALIKE || context.options.json) context.warn(code, message, { object, hint, severity });
  }
  if (context.options.json) return;
  for (const [code, count] of counts) {
    const more = count - MOST_ALIKE;
    const severity = findings.some((f) => f.code === code && f.severity === 'error') ? 'error' : 'warning';
    if (more > 0) context.warn(code, `and ${more} more like these`, { hint, severity });
  }
}
