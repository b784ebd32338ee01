// Makes a vault: slots, RECOVERY.md, and last the vault document, which is the commit (docs/format.md section 10).
import { createHash } from 'node:crypto';
import { generateIdentity, type IdentityKind, identitySecret, recipientOf } from '../crypt/identity.ts';
import { ConflictError, UsageError } from '../errors.ts';
import type { NewKey, SlotFields } from '../keys/method.ts';
import { writeSlotPlaintext } from '../keys/slot.ts';
import { deriveAuthority, NAMESPACES } from '../sign/authority.ts';
import { sealDocument } from '../sign/document.ts';
import { TOOL } from '../version.ts';
import type { ObjectRef, Slot, VaultDocument } from './documents/vault-document.ts';
import { LIMITS, RECOVERY, slotName, vaultDocumentName } from './layout.ts';
import { checkName, documentTime, randomName } from './names.ts';
import { type Pin, pinOf } from './pin.ts';
import { RECOVERY_TEXT } from './recovery-text.ts';
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

/** One KMS key, by its ARN and by an alias of it, would look like two ways in. @throws UsageError `same-key` */
function refuseTwins(wrapped: readonly { readonly key: NewKey; readonly fields: SlotFields }[]): void {
  const known = new Map<string, string>();
  for (const { key, fields } of wrapped) {
    const which = fields.arn ?? fields.recipient;
    if (which === undefined) continue;
    const twin = known.get(which);
    if (twin !== undefined) {
      throw new UsageError('same-key', `${twin} and ${key.name} are one and the same key: ${which}`, {
        object: key.name,
        hint: 'name it once; a second way in is another key, kept elsewhere',
      });
    }
    known.set(which, key.name);
  }
}

function reference(object: string, bytes: Uint8Array): ObjectRef {
  return { object, size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/**
 * Makes a vault in an empty place, and remembers its pin for this location.
 * @throws ConflictError `vault-exists`; UsageError `no-keys`, `bad-name`, `same-key`; StoreError
 */
export async function initVault(context: VaultContext, options: InitOptions): Promise<InitResult> {
  const { store } = context;
  const call = callOptions(context);
  checkName(options.name, 'vault');
  checkName(options.host.name, 'host');
  if (options.keys.length === 0) throw new UsageError('no-keys', 'a vault needs at least one way to open it');
  const names = options.keys.map((key) => checkName(key.name, 'key'));
  const taken = names.find((name, i) => names.indexOf(name) !== i || name === 'previous');
  if (taken) {
    throw new UsageError('bad-name', `the name ${taken} is taken`, {
      hint: 'give each key a name of its own',
    });
  }
  for await (const { name } of store.list('', call)) {
    // What an interrupted init left opens nothing without a vault document, and must not block the next try.
    if (name !== RECOVERY && !name.startsWith('keys/1/')) throw vaultExists(store.location, name);
  }

  const vault = randomName(26);
  const kind: IdentityKind = options.postQuantum ? 'hybrid' : 'x25519';
  const identity = await generateIdentity(kind);
  const recipient = await recipientOf(identity);
  const authority = deriveAuthority(identitySecret(identity), vault);
  const time = documentTime(context.now());
  const plain = writeSlotPlaintext({ vault, generation: 1, recipient, identity });

  const created: string[] = [];
  let commit: Buffer | undefined;
  const create = async (object: string, bytes: Uint8Array): Promise<void> => {
    if ((await store.create(object, bytes, call)) === 'exists') throw vaultExists(store.location, object);
    created.push(object);
  };
  try {
    const slots: Slot[] = [];
    // All of them before anything is stored: a service may refuse, and not every role may remove what it made.
    const wrapped: (Awaited<ReturnType<NewKey['wrap']>> & { key: NewKey })[] = [];
    for (const key of options.keys)
      wrapped.push({ key, ...(await key.wrap(plain, { vault, generation: 1 })) });
    refuseTwins(wrapped);
    for (const { key, bytes, fields } of wrapped) {
      const object = slotName(1, key.name, key.extension);
      await create(object, bytes);
      const { name, method } = key;
      slots.push({
        name,
        method,
        ...reference(object, bytes),
        added: time,
        by: options.host.name,
        ...fields,
      });
    }
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
      generations: [
        { generation: 1, recipient, authority: authority.publicKey, compromised: false, previous: null },
      ],
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
      recovery: reference(RECOVERY, recovery),
      reencrypt: false,
    };
    const bytes = sealDocument(document, NAMESPACES.vault, [authority]);
    if (bytes.length > LIMITS.vaultDocument) {
      throw new UsageError('too-many-keys', 'so many keys do not fit into one vault document', {
        hint: 'begin with fewer ways to open the vault',
      });
    }
    commit = bytes;
    await create(document.object, bytes);
    const pin = pinOf(document);
    await context.memory.rememberPin(store.location, pin);
    await context.memory.update(vault, (m) => ({ ...m, revision: 1 }));
    return { pin, document };
  } catch (error) {
    // Only what this run made; an object that somebody else made at the same time is theirs.
    if (!(await mayBeMade(context, commit))) await store.remove(created).catch(() => {});
    throw error;
  }
}

/** Whether our vault document stands: a write that failed may have come through, and its slots must then stay. */
async function mayBeMade({ store }: VaultContext, commit: Buffer | undefined): Promise<boolean> {
  if (commit === undefined) return false;
  try {
    const there = await store.get(vaultDocumentName(1));
    return there?.equals(commit) === true;
  } catch {
    return true;
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
    hint: 'a vault is never made over another; choose an empty place',
  });
}
