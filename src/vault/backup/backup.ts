// Makes a snapshot. Needs the pin and the host's signing key, and no key that opens anything: it encrypts to the
// vault's recipient, and writes the record last (docs/format.md section 10).
import { StoreError, UsageError } from '../../errors.ts';
import { collect, type Problem, type Source, sourcesFromMemory } from '../../pack/collect.ts';
import type { Entry } from '../../pack/entry.ts';
import { packSources } from '../../pack/pack.ts';
import type { SigningKey } from '../../sign/key.ts';
import type { UnchangedMark } from '../client.ts';
import type { RestoreWishes } from '../documents/contents.ts';
import type { VaultDocument } from '../documents/vault-document.ts';
import { recordName } from '../layout.ts';
import { checkName, inScope } from '../names.ts';
import type { Pin } from '../pin.ts';
import { callOptions, openPinned, requirePin, type VaultContext } from '../vault.ts';
import { type KeyWatch, keysOf, refuseCredentials, watchKeys } from './forbidden.ts';
import { isUnchanged, markOf } from './unchanged.ts';
import { type Made, writeSnapshot } from './write.ts';

/** What goes into a snapshot: files on this machine, or values that the caller holds in memory. */
export type BackupSources =
  | { readonly root: string; readonly include: readonly string[]; readonly exclude: readonly string[] }
  | { readonly memory: Readonly<Record<string, unknown>> };

export interface BackupOptions {
  readonly set: string;
  readonly sources: BackupSources;
  /** This machine's host entry and its signing key. */
  readonly host: { readonly name: string; readonly key: SigningKey };
  /** The configured pin; the remembered one counts when there is none. */
  readonly pin?: Pin;
  readonly label?: string;
  readonly description?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly restore?: RestoreWishes;
  /** Make none when nothing changed since the last one and that is younger than this, in milliseconds. */
  readonly skipUnchangedWithin?: number;
  /** gzip level, 0 (store) to 9. */
  readonly level?: number;
  /** Absolute paths of files that hold a credential of this vault, as configured: never backed up. */
  readonly credentialPaths?: readonly string[];
  readonly onProgress?: (done: { readonly files: number; readonly bytes: number }) => void;
}

export interface BackupResult {
  readonly set: string;
  /** Id of the new snapshot, or of the unchanged one. */
  readonly snapshot: string;
  readonly unchanged: boolean;
  readonly complete: boolean;
  readonly files: number;
  readonly entries: number;
  /** Bytes of all files. */
  readonly bytes: number;
  /** Bytes written to the store. */
  readonly stored: number;
  readonly seconds: number;
  readonly problems: readonly Problem[];
}

/**
 * What the next backup would take, without writing anything.
 * @throws UsageError as `collect`
 */
export async function planBackup(
  sources: BackupSources,
  now: Date,
  signal?: AbortSignal,
): Promise<{ sources: Source[]; problems: Problem[] }> {
  if ('memory' in sources) return { sources: sourcesFromMemory(sources.memory, now.getTime()), problems: [] };
  const found = await collect(sources, signal ? { signal } : {});
  if (found.sources.length === 0 && found.problems.length === 0) {
    // An exclude too many, or a disk that is not mounted: never a quiet, good-looking archive of nothing.
    const reason = 'there is nothing in it to back up';
    found.problems.push({ kind: 'missing', path: sources.root, reason, incomplete: true });
  }
  return found;
}

/**
 * @throws UsageError `no-pin`, `unlisted-host`, `key-in-backup`, `bad-name`, `bad-tag`; NotFoundError `no-vault`;
 *   IntegrityError when the place holds another vault; StoreError; InterruptedError. Nothing then remains.
 */
export async function backup(context: VaultContext, options: BackupOptions): Promise<BackupResult> {
  const began = performance.now();
  const beganAt = context.now();
  checkOptions(options);
  const pin = await requirePin(context, options.pin);
  const document = await readDocument(context, pin);
  if (document) checkListed(document, options);
  const { sources: found, problems } = await planBackup(options.sources, beganAt, context.signal);
  refuseCredentials(found, options.credentialPaths ?? []);
  const watch = keyWatch(options, pin, document);

  const asked = { ...options.sources, restore: options.restore, memory: undefined };
  const marked = { location: context.store.location, pin, asked };
  if (options.skipUnchangedWithin !== undefined && !problems.some((p) => p.incomplete)) {
    const mark = (await context.memory.vault(pin.vault)).unchanged[options.set];
    const packed = packSources(found, callOptions(context));
    for await (const _ of packed.stream);
    const { entries, problems: reading } = packed.result();
    const isSame = isUnchanged({ ...marked, entries }, mark, beganAt, options.skipUnchangedWithin);
    if (
      isSame &&
      mark &&
      !reading.some((p) => p.incomplete) &&
      (await isThere(context, options.set, mark.snapshot))
    ) {
      const all = [...problems, ...reading];
      return result(options.set, mark.snapshot, entries, all, began, { unchanged: true, stored: 0 });
    }
  }

  const written = new Set<string>();
  try {
    const made = await writeSnapshot(context, {
      ...options,
      pin,
      document,
      found,
      problems,
      watch,
      began,
      beganAt,
      written,
    });
    await remember(
      context,
      options,
      pin,
      made,
      markOf({ ...marked, entries: made.entries }, made.record.id, beganAt),
    );
    const { id, stored } = made.record;
    return result(options.set, id, made.entries, made.problems, began, { unchanged: false, stored });
  } catch (error) {
    // Without a record these are orphans that nothing names. A role that may only put leaves them to the collector.
    // The last one first: a record whose writing failed may be there, and must not outlive its data.
    await context.store.remove([...written].reverse()).catch(() => {});
    throw error;
  }
}

function checkOptions({ set, host, label, tags = {}, description = '' }: BackupOptions): void {
  checkName(set, 'set');
  checkName(host.name, 'host');
  if (label !== undefined) checkName(label, 'label');
  for (const [key, value] of Object.entries(tags)) {
    checkName(key, 'tag');
    if (value.length <= 256) continue;
    throw new UsageError('bad-tag', `the tag ${key} is longer than 256 characters`);
  }
  if (description.length > 65536) {
    throw new UsageError('bad-description', 'the description is longer than 65536 characters');
  }
}

/** The vault document where it can be read; a role that may only put goes by the pin alone. */
async function readDocument(context: VaultContext, pin: Pin): Promise<VaultDocument | undefined> {
  try {
    return (await openPinned(context, { pin }))?.document;
  } catch (error) {
    if (error instanceof StoreError && error.code === 'store-denied') return undefined;
    throw error;
  }
}

/** Nothing is skipped for a snapshot that was deleted since. A role that may only put goes by its own memory. */
async function isThere(context: VaultContext, set: string, id: string): Promise<boolean> {
  const record = recordName(set, id);
  try {
    for await (const { name } of context.store.list(record, callOptions(context)))
      if (name === record) return true;
    return false;
  } catch (error) {
    if (error instanceof StoreError && error.code === 'store-denied') return true;
    throw error;
  }
}

/** A snapshot by an unlisted writer would look fine here and count nowhere. */
function checkListed(document: VaultDocument, { host, set }: BackupOptions): void {
  const entry = document.hosts.find((h) => h.key === host.key.publicKey);
  const why = !entry
    ? 'is not one of its hosts'
    : entry.removed !== undefined
      ? 'was removed from its hosts'
      : entry.name !== host.name
        ? `is known to it as ${entry.name}`
        : !entry.may.includes('write') || !inScope(set, entry.sets)
          ? `may not write the set ${set}`
          : undefined;
  if (why === undefined) return;
  const isRenamed = entry !== undefined && entry.removed === undefined && entry.name !== host.name;
  throw new UsageError(
    'unlisted-host',
    `the vault ${document.name} would not count this backup: ${host.name} ${why}`,
    {
      object: document.object,
      hint: isRenamed
        ? `set STRONGROOM_HOST=${entry.name}`
        : `whoever keeps the vault must enroll this host: ${host.name} ${host.key.publicKey}`,
    },
  );
}

function keyWatch(options: BackupOptions, pin: Pin, document: VaultDocument | undefined): KeyWatch {
  const known = document ? keysOf(document) : { recipients: [], publicKeys: [] };
  return watchKeys(
    new Set([...known.recipients, pin.recipient]),
    new Set([...known.publicKeys, options.host.key.publicKey]),
  );
}

async function remember(
  context: VaultContext,
  { set, host }: BackupOptions,
  pin: Pin,
  { record, recordSha256, complete }: Made,
  mark: UnchangedMark,
): Promise<void> {
  const confirmed = { id: record.id, sha256: recordSha256 };
  await context.memory.update(pin.vault, (m) => ({
    ...m,
    wrote: { ...m.wrote, [set]: confirmed },
    seen: { ...m.seen, [`${set}/${host.name}`]: confirmed },
    unchanged: complete ? { ...m.unchanged, [set]: mark } : m.unchanged,
  }));
}

function result(
  set: string,
  snapshot: string,
  entries: readonly Entry[],
  problems: readonly Problem[],
  began: number,
  how: { unchanged: boolean; stored: number },
): BackupResult {
  return {
    set,
    snapshot,
    ...how,
    complete: !problems.some((p) => p.incomplete),
    files: entries.filter((e) => e.type === 'file').length,
    entries: entries.length,
    bytes: entries.reduce((sum, e) => sum + e.size, 0),
    seconds: Math.round(performance.now() - began) / 1000,
    problems,
  };
}
