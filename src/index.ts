// The library: what the commands do with a vault, as functions over a small handle. Nothing here prints, prompts or
// reads the environment; every function takes what it needs, and every failure is a StrongroomError.
//
//   const context = await vaultAt('/srv/vault', { stateDirectory: '/var/lib/app', create: true });
//   const key = await ensureSigningKey('/var/lib/app/host-key', 'app-1');
//   const { pin } = await initVault(context, {
//     name: 'shop',
//     keys: [newPassphraseKey('passphrase', words)],
//     host: { name: 'app-1', publicKey: key.publicKey },
//   });
//
//   const sources = { memory: { 'portfolio.json': portfolio } };
//   await backup(context, { set: 'state', sources, host: { name: 'app-1', key }, pin });
//
//   const vault = await unlock(context, { pin, credentials: async () => [passphraseCredential(async () => words)] });
//   const { snapshot } = chooseSnapshot(await readSnapshots(vault), { set: 'state' });
//   const files = await loadFiles(vault, snapshot);

import { stateMemory } from './host/memory.ts';
import { recordCache } from './host/record-cache.ts';
import { openStore } from './store/index.ts';
import type { S3Options } from './store/s3/options.ts';
import { noMemory } from './vault/client.ts';
import type { VaultContext } from './vault/vault.ts';

export { discover } from './capture/discover/discover.ts';
export type { DiscoverOptions, Discovery, Reference } from './capture/discover/reference.ts';
export { type Loaded, type LoadOptions, type Stream, StreamError } from './capture/stream.ts';
export { openStream } from './capture/streams/index.ts';
export { generatePassphrase, weaknessOf } from './crypt/passphrase.ts';
export * from './errors.ts';
export { ensureSigningKey, type HostKey, readSigningKey } from './host/signing-key.ts';
export { kmsCredential, newKmsKey } from './keys/kms.ts';
export type { Credential, NewKey } from './keys/method.ts';
export { newPassphraseKey, passphraseCredential } from './keys/passphrase.ts';
export { identityCredential, identityFileCredential, newRecipientKey } from './keys/recipient.ts';
export { newSshKey, sshCredential } from './keys/ssh.ts';
export type { Problem, Source } from './pack/collect.ts';
export type { Entry } from './pack/entry.ts';
export type { Destination, Existing, PlacementPlan, PlaceReport, PlannedEntry } from './pack/place/types.ts';
export { generateSigningKey, type SigningKey } from './sign/key.ts';
export { formatPrivateKey as formatSigningKey, parsePrivateKey as parseSigningKey } from './sign/openssh.ts';
export { memoryStore } from './store/memory.ts';
export type { S3Options } from './store/s3/options.ts';
export type { Store, StoredObject } from './store/store.ts';
export { readSnapshotContents } from './vault/artifact-read.ts';
export { type BackupOptions, type BackupResult, backup } from './vault/backup/backup.ts';
export { type BackupPlan, type BackupProblem, type BackupSources, planBackup } from './vault/backup/plan.ts';
export { cat } from './vault/cat.ts';
export { type ClientMemory, noMemory, type RecordCache, type VaultMemory } from './vault/client.ts';
export type { CopyResult } from './vault/copy/apply.ts';
export { copyAsPlanned, planCopyTo } from './vault/copy/copy.ts';
export type { CopyOptions, CopyPlan } from './vault/copy/plan.ts';
export { type CoverageOptions, coverage } from './vault/coverage/coverage.ts';
export { applyDelete, type DeletePlan, findLeftovers, type Leftover, planDelete } from './vault/delete.ts';
export { type Diff, type DiffOptions, diff } from './vault/diff/diff.ts';
export { type RevealedValue, revealValues } from './vault/diff/reveal.ts';
export { type LiveOptions, liveSide, type Side, snapshotSide } from './vault/diff/side.ts';
export type { Contents, RestoreWishes, Warning } from './vault/documents/contents.ts';
export type { SnapshotRecord } from './vault/documents/record.ts';
export type { Host, Slot, VaultDocument } from './vault/documents/vault-document.ts';
export { type DrillOptions, type DrillSet, runDrill } from './vault/drill/drill.ts';
export { readDrills, writeEvidence } from './vault/drill/evidence.ts';
export { type DrillPlan, type DrillPlanOptions, planDrill } from './vault/drill/plan.ts';
export type { DrillResult } from './vault/drill/result.ts';
export { type Exposure, findExposure } from './vault/exposure/exposure.ts';
export { generationLeak, hostLeak, keyLeak, readHistory } from './vault/exposure/leak.ts';
export { type ExposurePlan, planExposure } from './vault/exposure/plan.ts';
export type { Finding } from './vault/finding.ts';
export { GuardError } from './vault/guard/failure.ts';
export { type WithSnapshotOptions, withSnapshot } from './vault/guard/with-snapshot.ts';
export { type Health, type HealthOptions, isHealthy, readHealth } from './vault/health/health.ts';
export {
  groupsOf as historyGroups,
  type History,
  type HistoryGroup,
  type HistoryOptions,
  readHistory as readValueHistory,
} from './vault/history/history.ts';
export { enrollHost } from './vault/hosts/enroll.ts';
export { type HostRemoval, planHostRemoval, removeHost } from './vault/hosts/remove.ts';
export { type InitOptions, type InitResult, initVault } from './vault/init.ts';
export { applyKeep, type KeepPlan, planKeep, planRelease } from './vault/keep.ts';
export { type Addition, type ChangedKeys, changeKeys, type KeyChange } from './vault/keys/change.ts';
export { type Trial, tryKey } from './vault/keys/trial.ts';
export { loadFiles } from './vault/load.ts';
export { type VerifiedPlace, verifyPlaces } from './vault/locations/verify-places.ts';
export { type Pin, parsePin, pinOf, pinText } from './vault/pin.ts';
export { applyPrune } from './vault/prune/apply.ts';
export { type PrunePlan, planPrune } from './vault/prune/plan.ts';
export { judgeRetention, type RetentionPolicy } from './vault/prune/retention.ts';
export { chooseStream, readStream } from './vault/read-stream.ts';
export { applyRestore, type RestoreResult, recoverPlacement } from './vault/restore/apply.ts';
export { type Asked, type AskedSet, askedBy } from './vault/restore/outside.ts';
export { planRestore, type RestoreOptions, type RestorePlan } from './vault/restore/plan.ts';
export { dropUndo, findUndo, type UndoCopy } from './vault/restore/undo.ts';
export {
  planReencryption,
  type ReencryptionPlan,
  type ReencryptResult,
  reencrypt,
} from './vault/rotate/reencrypt.ts';
export {
  planRotation,
  type RotateOptions,
  type Rotation,
  type RotationPlan,
  rotate,
} from './vault/rotate/rotate.ts';
export {
  type Choice,
  type Chosen,
  chooseListed,
  chooseSnapshot,
  type ListFilter,
  parseAt,
} from './vault/select.ts';
export { readSnapshots, type Snapshot, type Snapshots } from './vault/snapshots.ts';
export { type UnlockOptions, unlock } from './vault/unlock.ts';
export { openVault, type UnlockedVault, type Vault, type VaultContext } from './vault/vault.ts';
export { compareTree, type Difference } from './vault/verify/against.ts';
export { type VerifyOptions, type VerifyResult, verify, verifySnapshot } from './vault/verify/verify.ts';

/** How a library caller reaches a vault. */
export interface VaultAtOptions {
  /** Where to remember pins and what was seen, absolute; nothing is remembered without it. */
  readonly stateDirectory?: string;
  /** Where to keep the cache of verified records, absolute. */
  readonly cacheDirectory?: string;
  /** Whether the first write may make the place. */
  readonly create?: boolean;
  /** Settings of an S3 location. Credentials are the usual AWS chain's. */
  readonly s3?: S3Options;
  readonly signal?: AbortSignal;
  readonly now?: () => Date;
}

/**
 * What every verb takes: the place of a vault, what this caller remembers, and a clock.
 * @param location a directory, or `s3://bucket/prefix`
 * @throws UsageError `unknown-location`, `bad-location`, `bad-setting`
 */
export async function vaultAt(location: string, options: VaultAtOptions = {}): Promise<VaultContext> {
  const { stateDirectory, cacheDirectory, create = false, s3 = {}, signal, now = () => new Date() } = options;
  return {
    store: await openStore(location, { create, s3 }),
    memory: stateDirectory === undefined ? noMemory() : stateMemory(stateDirectory),
    ...(cacheDirectory === undefined ? {} : { cache: recordCache(cacheDirectory) }),
    ...(signal ? { signal } : {}),
    now,
  };
}
