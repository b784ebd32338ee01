// Somebody who held a key until a rotation, and who writes to the store: he has the identity and the authority of an
// older generation, and makes vault documents, keys and re-encrypted records with them.
import { recipientOf } from '../../src/crypt/identity.ts';
import { newRecipientKey } from '../../src/keys/recipient.ts';
import type { SigningKey } from '../../src/sign/key.ts';
import { gzipBytesOf, readSnapshotContents } from '../../src/vault/artifact-read.ts';
import { writeParts } from '../../src/vault/artifact-write.ts';
import type { Artifact, Reencryption } from '../../src/vault/documents/record.ts';
import type { Generation, ObjectRef } from '../../src/vault/documents/vault-document.ts';
import { makeGeneration } from '../../src/vault/generation.ts';
import { newDataDirectory, previousName, recordName, vaultDocumentName } from '../../src/vault/layout.ts';
import { documentTime } from '../../src/vault/names.ts';
import { pinOf } from '../../src/vault/pin.ts';
import type { Rotation } from '../../src/vault/rotate/rotate.ts';
import { wrapSlot } from '../../src/vault/slots.ts';
import type { Snapshot } from '../../src/vault/snapshots.ts';
import type { UnlockedVault } from '../../src/vault/vault.ts';
import { get, put, sign } from './forge.ts';
import type { TestHost, TestVault } from './vault.ts';

/** A vault as whoever rotated it has it: its newest key, and the pin of that. */
export function asRotated(vault: TestVault, { vault: opened, pin }: Rotation): TestVault {
  const { document, identity, authority } = opened;
  return { ...vault, pin, document, identity, authority };
}

/** The entry of a host in a vault document, for every set. */
export function listed({ name, key }: TestHost, added: string) {
  return { name, key: key.publicKey, sets: ['*'], may: ['write', 'maintain'], added };
}

export interface MadeUp {
  readonly revision: number;
  /** The generations before the new one; those of the vault unless given. */
  readonly before?: readonly Generation[];
  /** Who signs second, as the authority before. */
  readonly second?: SigningKey;
  /** A key that he has already: a later document of its generation, which it signs alone. */
  readonly of?: OwnKey;
  readonly previous?: ObjectRef;
}

/**
 * Makes up a rotation: a key of his own, a slot that whoever keeps the vault opens with his age key, and himself as a
 * host.
 * @param from with the authority that he held
 * @returns the vault as he would have it, himself its host
 */
export async function rotation(
  from: TestVault,
  thief: TestHost,
  madeUp: MadeUp,
): Promise<TestVault & OwnKey> {
  const { store, clock, document, authority } = from;
  const before = madeUp.before ?? document.generations;
  const generation = before.length + 1;
  const { identity, authority: own, entry } = madeUp.of ?? (await ownKey(document.vault, generation));
  const fresh = { identity, authority: own, entry };
  const name = previousName(generation);
  const previous = madeUp.previous ?? { object: name, size: 1, sha256: '0'.repeat(64) };
  const generations = [...before, { ...fresh.entry, generation, previous }];
  const target = { document: { vault: document.vault, generations }, identity: fresh.identity };
  const key = newRecipientKey('age', await recipientOf(from.key));
  const { slot, object } = await wrapSlot({ ...target, now: () => clock.now }, key, 'nobody');
  await put(store, object.object, object.bytes);
  const others = document.hosts.filter((host) => host.name !== thief.name);
  const next = {
    ...document,
    object: vaultDocumentName(madeUp.revision),
    revision: madeUp.revision,
    generation,
    generations,
    slots: [slot],
    hosts: [...others, listed(thief, document.time)],
  } as TestVault['document'];
  const signers = madeUp.of ? [fresh.authority] : [fresh.authority, madeUp.second ?? authority];
  await put(store, next.object, sign(next, 'vault', ...signers));
  return { ...from, ...fresh, document: next, pin: pinOf(next), host: thief };
}

export interface OwnKey {
  readonly identity: string;
  readonly authority: SigningKey;
  readonly entry: Generation;
}

async function ownKey(vault: string, generation: number): Promise<OwnKey> {
  const { identity, authority, entry } = await makeGeneration(vault, 'x25519', generation);
  return { identity, authority, entry: entry(null) };
}

/** A document of the generation that he held, which enrolls him. */
export async function oldDocument(
  from: TestVault,
  thief: TestHost,
  revision: number,
  change: object = {},
): Promise<TestVault> {
  const object = vaultDocumentName(revision);
  const hosts = [...from.document.hosts, listed(thief, from.document.time)];
  const document = { ...from.document, object, revision, hosts, ...change } as TestVault['document'];
  await put(from.store, object, sign(document, 'vault', from.authority));
  return { ...from, document, pin: pinOf(document), host: thief };
}

export interface Again {
  readonly generation: number;
  readonly signers: readonly SigningKey[];
  readonly recipient: string;
  /** What differs in the record that is stored. */
  readonly change?: object | ((record: Reencryption) => object);
  /** Where it is put, when not at its own place. */
  readonly place?: string;
}

/**
 * Re-encrypts a snapshot as whoever can read it could, for a key of his choice.
 * @param opened what he reads it with
 * @returns the name of the record
 */
export async function reencrypted(
  vault: TestVault,
  opened: UnlockedVault,
  snapshot: Snapshot,
  { generation, signers, recipient, change = {}, place }: Again,
): Promise<string> {
  const { store, document, clock } = vault;
  const { set, id, contents } = snapshot;
  const data = newDataDirectory(set, id, generation);
  const target = { store, recipient, data, room: [], beforeObject: () => {} };
  const artifacts: Artifact[] = [];
  for (const { name } of snapshot.artifacts) {
    const chunks = gzipBytesOf(opened, snapshot, name, await digestOf(opened, snapshot, name));
    artifacts.push(await writeParts(target, name, chunks));
  }
  const object = place ?? recordName(set, id, generation);
  const time = documentTime(clock.now);
  const original = (await get(store, snapshot.object)).toString('utf8');
  const record: Reencryption = {
    format: 1,
    type: 'record',
    object,
    vault: document.vault,
    time,
    tool: 'forge 1',
    revision: document.revision,
    generation,
    set,
    id,
    data,
    artifacts,
    contents,
    received: time,
    original,
  };
  const changed = typeof change === 'function' ? change(record) : change;
  await put(store, object, sign({ ...record, ...changed }, 'record', ...signers));
  return object;
}

async function digestOf(opened: UnlockedVault, snapshot: Snapshot, name: string) {
  const { artifacts } = await readSnapshotContents(opened, snapshot);
  return artifacts.find((a) => a.name === name) ?? { sha256: snapshot.contents };
}
