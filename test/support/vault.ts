// Real vaults for tests of the library: in memory or in a directory, with a passphrase that costs nothing to try, an
// age identity, and a clock that the test moves.

import { createHash } from 'node:crypto';
import { lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { generateIdentity, type IdentityKind, recipientOf } from '../../src/crypt/identity.ts';
import type { Credential } from '../../src/keys/method.ts';
import { newPassphraseKey, passphraseCredential } from '../../src/keys/passphrase.ts';
import { identityCredential, newRecipientKey } from '../../src/keys/recipient.ts';
import { generateSigningKey, type SigningKey } from '../../src/sign/key.ts';
import { memoryStore } from '../../src/store/memory.ts';
import type { Store } from '../../src/store/store.ts';
import { type BackupOptions, type BackupResult, backup } from '../../src/vault/backup/backup.ts';
import { type ClientMemory, noMemory } from '../../src/vault/client.ts';
import type { VaultDocument } from '../../src/vault/documents/vault-document.ts';
import { initVault } from '../../src/vault/init.ts';
import type { Pin } from '../../src/vault/pin.ts';
import { applyRestore, type RestoreResult } from '../../src/vault/restore/apply.ts';
import { planRestore, type RestoreOptions } from '../../src/vault/restore/plan.ts';
import type { Snapshot } from '../../src/vault/snapshots.ts';
import { unlock } from '../../src/vault/unlock.ts';
import { openVault, type UnlockedVault, type Vault, type VaultContext } from '../../src/vault/vault.ts';

export const PASSPHRASE = 'staple orbit velvet canyon marble thirteen';
/** log2 of scrypt's N: a vault of the program has 18. */
const CHEAP = 10;

/** A clock that stands still until it is moved. */
export interface Clock {
  now: Date;
}

export function clockAt(time = '2026-11-20T05:58:12Z'): Clock {
  return { now: new Date(time) };
}

/** Moves a clock on, by a minute unless told otherwise. */
export function tick(clock: Clock, milliseconds = 60_000): void {
  clock.now = new Date(clock.now.getTime() + milliseconds);
}

export interface TestHost {
  readonly name: string;
  readonly key: SigningKey;
}

export interface TestVault {
  readonly store: Store;
  readonly clock: Clock;
  readonly pin: Pin;
  readonly document: VaultDocument;
  /** The first host: every set, and maintain. */
  readonly host: TestHost;
  /** The vault's own identity and what follows from it: what an administrator holds. */
  readonly identity: string;
  readonly authority: SigningKey;
  /** An age identity that opens the vault. */
  readonly key: string;
  /** What the machine that made it remembers. */
  readonly memory: ClientMemory;
  /** Backs up from memory, a minute after whatever was before. */
  backup(files: Readonly<Record<string, unknown>>, options?: Partial<BackupOptions>): Promise<BackupResult>;
}

export interface VaultOptions {
  readonly store?: Store;
  readonly clock?: Clock;
  readonly name?: string;
  readonly host?: string;
  readonly kind?: IdentityKind;
  /** {@link PASSPHRASE} unless given. */
  readonly passphrase?: string;
}

/** A host with a key of its own, enrolled nowhere. */
export function newHost(name: string): TestHost {
  return { name, key: generateSigningKey() };
}

/** Makes a vault that opens with {@link PASSPHRASE} and with an age identity. */
export async function makeVault(options: VaultOptions = {}): Promise<TestVault> {
  const clock = options.clock ?? clockAt();
  const store = options.store ?? memoryStore({ clock: () => clock.now });
  const memory = noMemory();
  const host = newHost(options.host ?? 'web-1');
  const key = await generateIdentity(options.kind ?? 'x25519');
  const context: VaultContext = { store, memory, now: () => clock.now };
  const { pin, document } = await initVault(context, {
    name: options.name ?? 'shop',
    keys: [
      newPassphraseKey('passphrase', options.passphrase ?? PASSPHRASE, CHEAP),
      newRecipientKey('age', await recipientOf(key)),
    ],
    host: { name: host.name, publicKey: host.key.publicKey },
    postQuantum: options.kind === 'hybrid',
  });
  const opened = await unlock(context, { pin, credentials: async () => [await withKey(key)] });
  return {
    store,
    clock,
    pin,
    document,
    host,
    identity: opened.identity,
    authority: opened.authority,
    key,
    memory,
    async backup(files, more = {}) {
      tick(clock);
      return await backup(context, { set: 'app', sources: { memory: files }, host, pin, ...more });
    },
  };
}

/** The context of a client: a new one, that remembers nothing, unless it is given a memory. */
export function client(vault: Pick<TestVault, 'store' | 'clock'>, memory = noMemory()): VaultContext {
  return { store: vault.store, memory, now: () => vault.clock.now };
}

export async function withPassphrase(passphrase = PASSPHRASE, maxWorkFactor = 22): Promise<Credential> {
  return passphraseCredential(async () => passphrase, maxWorkFactor, true);
}

/** @param identity an age identity that should open the vault */
export async function withKey(identity: string): Promise<Credential> {
  return await identityCredential([identity], 'me.txt');
}

export interface Opening {
  /** The pin; `null` for a client that has none. */
  readonly pin?: Pin | null;
  readonly memory?: ClientMemory;
  readonly store?: Store;
  readonly trustOlder?: boolean;
}

/** Opens without a key. */
export async function openLocked(vault: TestVault, opening: Opening = {}): Promise<Vault> {
  const { pin = vault.pin, memory, store = vault.store, trustOlder = false } = opening;
  return await openVault(client({ ...vault, store }, memory), { ...(pin ? { pin } : {}), trustOlder });
}

/** Opens with a credential, the passphrase unless another is given. `confirm` is left out unless given: no. */
export async function openUnlocked(
  vault: TestVault,
  opening: Opening & { readonly credential?: Credential; readonly confirm?: boolean } = {},
): Promise<UnlockedVault> {
  const { pin = vault.pin, memory, store = vault.store, trustOlder = false, confirm } = opening;
  const credential = opening.credential ?? (await withPassphrase());
  return await unlock(client({ ...vault, store }, memory), {
    ...(pin ? { pin } : {}),
    trustOlder,
    credentials: async () => [credential],
    ...(confirm === undefined ? {} : { confirm: async () => confirm }),
  });
}

/** A directory that goes when the test has ended. */
export function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), 'strongroom-test-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Restores a snapshot as the command does. @param base a scratch directory, for state and undo copies */
export async function restoreInto(
  vault: UnlockedVault,
  snapshot: Snapshot,
  root: string,
  base: string,
  options: Partial<RestoreOptions> = {},
): Promise<RestoreResult> {
  const plan = await planRestore(vault, snapshot, {
    destination: { root },
    paths: [],
    existing: 'refuse',
    asRecorded: false,
    stateDirectory: join(base, 'state'),
    undoStore: memoryStore(),
    ...options,
  });
  return await applyRestore(vault, plan);
}

/** What a tree holds: paths to `mode:content`, `mode/` for a directory, `-> target` for a link. Nothing when absent. */
export function treeOf(root: string): Record<string, string> {
  const tree: Record<string, string> = {};
  const look = (path: string, name: string): void => {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return;
    const mode = (stat.mode & 0o7777).toString(8);
    if (stat.isSymbolicLink()) tree[name] = `-> ${readlinkSync(path)}`;
    else if (!stat.isDirectory()) tree[name] = `${mode}:${readFileSync(path, 'latin1')}`;
    else {
      tree[name] = `${mode}/`;
      for (const child of readdirSync(path))
        look(join(path, child), name === '.' ? child : `${name}/${child}`);
    }
  };
  look(root, '.');
  return tree;
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
