// Makes a snapshot. Needs the pin and the host's signing key, and no key that opens anything: it encrypts to the
// vault's recipient, and writes the record last (docs/format.md section 10).
import type { Stream } from '../../capture/stream.ts';
import { StoreError } from '../../errors.ts';
import type { Entry } from '../../pack/entry.ts';
import { packSources } from '../../pack/pack.ts';
import type { SigningKey } from '../../sign/key.ts';
import { atPlace } from '../client.ts';
import type { RestoreWishes } from '../documents/contents.ts';
import type { FileFinding } from '../documents/findings.ts';
import type { PreviousRecord } from '../documents/record.ts';
import type { StreamInfo } from '../documents/streams.ts';
import type { VaultDocument } from '../documents/vault-document.ts';
import type { Pin } from '../pin.ts';
import { readSnapshots } from '../snapshots.ts';
import { callOptions, requirePin, type Vault, type VaultContext } from '../vault.ts';
import { clockProblem, remember, rotatedProblem, unseen } from './afterwards.ts';
import { checkListed, checkOptions } from './check.ts';
import { type KeyWatch, keysOf, refuseCredentials, watchKeys } from './forbidden.ts';
import { NOT_READ, readVault } from './look.ts';
import { type BackupProblem, type BackupSources, planBackup } from './plan.ts';
import { isUnchanged, markOf } from './unchanged.ts';
import { writeSnapshot } from './write.ts';

const CLEAN_UP_MS = 3000;

export interface BackupOptions {
  readonly set: string;
  readonly sources: BackupSources;
  /** Programs whose output goes with the files. */
  readonly streams?: readonly Stream[];
  /** This machine's host entry and its signing key. */
  readonly host: { readonly name: string; readonly key: SigningKey };
  /** Every set that it backs up, for the line that asks to enroll it; this one where it is not said. */
  readonly scope?: readonly string[];
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
  /** For paths in compose files that name variables. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Absolute paths of files that hold a credential of this vault, as configured: never backed up. */
  readonly credentialPaths?: readonly string[];
  readonly onProgress?: (done: { readonly files: number; readonly bytes: number }) => void;
  readonly onStream?: (done: { readonly stream: string; readonly bytes: number }) => void;
}

export interface BackupResult {
  readonly set: string;
  /** Id of the new snapshot, or of the unchanged one. */
  readonly snapshot: string;
  readonly unchanged: boolean;
  /**
   * Whether the vault was looked at. If not, nobody has checked that it is there and that it would count what this host
   * writes: over a network the configured pin is all that a backup needs.
   */
  readonly vaultRead: boolean;
  readonly complete: boolean;
  readonly files: number;
  readonly entries: number;
  /** Bytes of all files; streams aside. */
  readonly bytes: number;
  /** Those of which there is anything. */
  readonly streams: readonly StreamInfo[];
  readonly findings: readonly FileFinding[];
  /** Bytes written to the store. */
  readonly stored: number;
  readonly seconds: number;
  readonly problems: readonly BackupProblem[];
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
  // Over a network the configured pin is enough: whoever writes there may lack the right to read, and need not have it.
  const isBlind = options.pin !== undefined && context.store.remote === true;
  const { vault, problems: alarms } = isBlind ? NOT_READ : await readVault(context, pin);
  const document = vault?.document;
  if (document) checkListed(document, options);
  const collectSources = async () => {
    const plan = await planBackup(options.sources, beganAt, {
      ...callOptions(context),
      ...(options.env ? { env: options.env } : {}),
    });
    refuseCredentials(plan.sources, options.credentialPaths ?? []);
    return plan;
  };
  const found = await collectSources();
  const watch = keyWatch(options, pin, document);

  const asked = { ...options.sources, restore: options.restore, memory: undefined };
  const marked = { location: context.store.location, pin, asked };
  // A label or a tag asks for a snapshot of its own.
  const isNamed = options.label !== undefined || Object.keys(options.tags ?? {}).length > 0;
  // Nor can it be told of a program's output without running it, and that differs each time.
  const hasStreams = (options.streams ?? []).length > 0;
  if (
    options.skipUnchangedWithin !== undefined &&
    !isNamed &&
    !hasStreams &&
    !found.problems.some((p) => p.incomplete)
  ) {
    const { unchanged, wrote } = await context.memory.vault(pin.vault);
    const here = atPlace(options.set, context.store.location);
    const [mark, last] = [unchanged[here], wrote[here]];
    const packed = packSources([...found.sources], callOptions(context));
    for await (const _ of packed.stream);
    const { entries, problems: reading } = packed.result();
    const isSame = isUnchanged({ ...marked, entries }, mark, beganAt, options.skipUnchangedWithin);
    if (
      isSame &&
      mark &&
      !reading.some((p) => p.incomplete) &&
      last?.id === mark.snapshot &&
      (vault === undefined || (await isWhole(vault, options.set, last)))
    ) {
      const all = [...found.problems, ...reading];
      return result(options.set, mark.snapshot, entries, all, began, {
        unchanged: true,
        vaultRead: vault !== undefined,
        stored: 0,
        streams: [],
        findings: [],
      });
    }
  }

  const written = new Set<string>();
  try {
    const made = await writeSnapshot(context, {
      ...options,
      pin,
      document,
      found,
      collectAgain: collectSources,
      watch,
      began,
      beganAt,
      written,
    });
    const mark = made.complete
      ? markOf({ ...marked, entries: made.entries }, made.record.id, beganAt)
      : undefined;
    const isFirst = made.record.previous === null;
    const afterwards = [
      ...(isBlind && isFirst ? [unseen(context.store.location, options.set)] : []),
      ...clockProblem(made.record),
      ...rotatedProblem(pin, document),
      ...alarms,
      ...(await remember(context, options, pin, made, mark)),
    ];
    const { id, stored } = made.record;
    const all = [...made.problems, ...afterwards];
    return result(options.set, id, made.entries, all, began, {
      unchanged: false,
      vaultRead: vault !== undefined,
      stored,
      streams: made.streams,
      findings: made.findings,
    });
  } catch (error) {
    // Without a record these are orphans that nothing names. A role that may only put leaves them to the collector.
    // The last one first: a record whose writing failed may be there, and must not outlive its data.
    // A place that cannot be reached is not waited for a second time.
    const isAway = error instanceof StoreError && error.code === 'store-unreachable';
    const soon = isAway ? { signal: AbortSignal.timeout(CLEAN_UP_MS) } : {};
    await context.store.remove([...written].reverse(), soon).catch(() => {});
    throw error;
  }
}

/** Nothing is skipped for a snapshot that was deleted since, or that lost a byte of its size. */
async function isWhole(vault: Vault, set: string, last: PreviousRecord): Promise<boolean> {
  const { snapshots } = await readSnapshots(vault, { set });
  const snapshot = snapshots.find((s) => s.id === last.id && s.sha256 === last.sha256);
  if (!snapshot) return false;
  const sizes = new Map<string, number>();
  for await (const { name, size } of vault.store.list(`${snapshot.data}/`, callOptions(vault)))
    sizes.set(name, size);
  return snapshot.artifacts.every((a) => a.parts.every((part) => sizes.get(part.object) === part.size));
}

function keyWatch(options: BackupOptions, pin: Pin, document: VaultDocument | undefined): KeyWatch {
  const known = document ? keysOf(document) : { recipients: [], publicKeys: [] };
  return watchKeys(
    new Set([...known.recipients, pin.recipient]),
    new Set([...known.publicKeys, options.host.key.publicKey]),
  );
}

function result(
  set: string,
  snapshot: string,
  entries: readonly Entry[],
  problems: readonly BackupProblem[],
  began: number,
  how: Pick<BackupResult, 'unchanged' | 'vaultRead' | 'stored' | 'streams' | 'findings'>,
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
