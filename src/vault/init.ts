// Makes a vault: slots, RECOVERY.md, and last the vault document, which is the commit (docs/format.md section 10).
import { ConflictError, UsageError } from '../errors.ts';
import type { NewKey } from '../keys/method.ts';
import { TOOL } from '../version.ts';
import { mayStand, type NewObject, sealVaultDocument } from './commit.ts';
import type { VaultDocument } from './documents/vault-document.ts';
import { makeGeneration } from './generation.ts';
import { LIMITS, RECOVERY, vaultDocumentName } from './layout.ts';
import { referenceTo } from './named-object.ts';
import { checkName, documentTime, randomName } from './names.ts';
import { type Pin, pinOf } from './pin.ts';
import { RECOVERY_TEXT } from './recovery-text.ts';
import { rememberRevision } from './remember.ts';
import { checkKeyNames, refuseTwins, type WrappedKey, wrapSlot } from './slots.ts';
import { callOptions, type VaultContext } from './vault.ts';

export interface InitOptions {
  /** Name of the vault, for people. */
  readonly name: string;
  /** Ways to open it; at least one. */
  readonly keys: readonly NewKey[];
  readonly postQuantum?: boolean;
  /** The first host: it may write every set, and maintain. */
  readonly host: { readonly name: string; readonly publicKey: string };
}

export interface InitResult {
  readonly pin: Pin;
  readonly document: VaultDocument;
}

/**
 * Makes a vault in an empty place, and remembers its pin for this location.
 * @throws ConflictError `vault-exists`; UsageError `no-keys`, `bad-name`, `name-taken`, `same-key`; StoreError
 */
export async function initVault(context: VaultContext, options: InitOptions): Promise<InitResult> {
  const { store } = context;
  const call = callOptions(context);
  checkName(options.name, 'vault');
  checkName(options.host.name, 'host');
  if (options.keys.length === 0) throw new UsageError('no-keys', 'a vault needs at least one way to open it');
  checkKeyNames(options.keys.map((key) => key.name));
  for await (const { name } of store.list('', call)) {
    // What an interrupted init left opens nothing without a vault document, and must not block the next try.
    if (name !== RECOVERY && !name.startsWith('keys/1/')) throw vaultExists(store.location, name);
  }

  const vault = randomName(26);
  const kind = options.postQuantum ? 'hybrid' : 'x25519';
  const { identity, authority, entry } = await makeGeneration(vault, kind, 1);
  const time = documentTime(context.now());

  const created: string[] = [];
  let commit: NewObject | undefined;
  const create = async (object: string, bytes: Uint8Array): Promise<void> => {
    if ((await store.create(object, bytes, call)) === 'exists') throw vaultExists(store.location, object);
    created.push(object);
  };
  try {
    // All of them before anything is stored: a service may refuse, and not every role may remove what it made.
    const first = { document: { vault, generations: [entry(null)] }, identity, now: context.now };
    const wrapped: WrappedKey[] = [];
    for (const key of options.keys) wrapped.push(await wrapSlot(first, key, options.host.name));
    const slots = wrapped.map(({ slot }) => slot);
    refuseTwins(slots);
    for (const { object } of wrapped) await create(object.object, object.bytes);
    const recovery = Buffer.from(RECOVERY_TEXT);
    await createRecovery(context, recovery);
    const document: VaultDocument = {
      format: 1,
      type: 'vault',
      object: vaultDocumentName(1),
      vault,
      time,
      tool: TOOL,
      name: options.name,
      revision: 1,
      generation: 1,
      generations: [entry(null)],
      slots,
      hosts: [
        {
          name: options.host.name,
          key: options.host.publicKey,
          sets: ['*'],
          may: ['write', 'maintain'],
          added: time,
        },
      ],
      recovery: referenceTo(RECOVERY, recovery),
      reencrypt: false,
    };
    const bytes = sealVaultDocument(document, [authority]);
    commit = { object: document.object, bytes };
    await create(document.object, bytes);
    const pin = pinOf(document);
    await context.memory.rememberPin(store.location, pin);
    await rememberRevision(context, document);
    return { pin, document };
  } catch (error) {
    // Only what this run made; an object that somebody else made at the same time is theirs.
    if (!(commit && (await mayStand(context, commit)))) await store.remove(created).catch(() => {});
    throw error;
  }
}

/** Kept when the init fails: another one may go on with it, and it says nothing about any vault. */
async function createRecovery(context: VaultContext, text: Buffer): Promise<void> {
  const { store } = context;
  const call = callOptions(context);
  if ((await store.create(RECOVERY, text, call)) === 'created') return;
  const there = await store.get(RECOVERY, { maxBytes: LIMITS.recovery, ...call });
  if (!there?.equals(text)) throw vaultExists(store.location, RECOVERY);
}

function vaultExists(location: string, object: string): ConflictError {
  return new ConflictError('vault-exists', `there is already something at ${location}: ${object}`, {
    object: location,
    hint: 'a vault is never made over another: choose an empty place, or, if this one is yours, use it with `strongroom trust` and its fingerprint',
  });
}
