// `restore --load`: feeds a stream back to the program that it came from, into a scratch place unless told otherwise.
import type { LoadOptions } from '../../capture/stream.ts';
import { StrongroomError, UsageError } from '../../errors.ts';
import { readSnapshotContents } from '../../vault/artifact-read.ts';
import type { StreamInfo } from '../../vault/documents/streams.ts';
import { chooseStream, readStream } from '../../vault/read-stream.ts';
import type { Snapshot } from '../../vault/snapshots.ts';
import type { UnlockedVault } from '../../vault/vault.ts';
import { type ChoiceFlags, chooseOne } from '../choose.ts';
import type { Context } from '../context.ts';
import { namingOlder } from '../older.ts';
import { openUnlocked } from '../open.ts';

interface LoadFlags extends ChoiceFlags {
  readonly load: string | undefined;
  /** A name for what is made; a scratch one where none is given. */
  readonly into: string | undefined;
  /** Whether `into` is replaced. */
  readonly live: boolean;
  readonly dryRun: boolean;
  readonly target: string | undefined;
  readonly inPlace: boolean;
  readonly versionsBefore: string | undefined;
  readonly trustNew: boolean;
}

export interface LoadedStream {
  readonly snapshot: Snapshot;
  readonly info: StreamInfo;
  /** Where it is now; undefined for a dry run. */
  readonly into: string | undefined;
  readonly hint: string | undefined;
}

/**
 * @returns undefined when no stream is asked for
 * @throws UsageError `no-place`, `bad-value`; NotFoundError `no-stream`; StrongroomError `not-confirmed`; StreamError;
 *   IntegrityError, with nothing kept
 */
export async function load(
  args: { readonly snapshot: string | undefined; readonly paths: readonly string[] },
  flags: LoadFlags,
  context: Context,
): Promise<LoadedStream | undefined> {
  checkFlags(args.paths, flags);
  if (flags.load === undefined) return undefined;
  const vault = await openUnlocked(context, { ...flags, anywhere: true });
  const snapshot = await chooseOne(context, vault, args.snapshot, flags);
  const asked = { ...flags, load: flags.load };
  return await namingOlder(vault, snapshot, () => loadStream(vault, snapshot, asked, context));
}

function checkFlags(paths: readonly string[], flags: LoadFlags): void {
  const { into, live, target, inPlace } = flags;
  const refuse = (message: string, hint: string): never => {
    throw new UsageError('bad-value', message, { hint });
  };
  if (flags.load === undefined) {
    if (into !== undefined || live) refuse('--into and --live belong to --load', 'give --load STREAM');
    return;
  }
  if (target !== undefined || inPlace || paths.length > 0)
    refuse('--load restores a stream, and no files', 'restore the files in a run of their own');
  if (live && into === undefined) refuse('--live needs the name of what it replaces', 'give --into NAME');
}

async function loadStream(
  vault: UnlockedVault,
  snapshot: Snapshot,
  { load: name, into, live, dryRun }: LoadFlags & { readonly load: string },
  context: Context,
): Promise<LoadedStream> {
  const contents = await readSnapshotContents(vault, snapshot);
  const info = chooseStream(contents, name);
  // The snapshot says what it was dumped from, but that is the word of the host that made it: a dump, and the password
  // that goes with it, must not be sent to where that says.
  const { config } = await context.settings();
  const set = config?.sets.get(snapshot.set);
  const configured = set?.streams.find((s) => s.name === name);
  if (!set || !configured || configured.type !== info.type) {
    throw new UsageError('no-place', `the configuration has no ${info.type} stream ${snapshot.set}.${name}`, {
      object: name,
      hint: `restore strongroom.yaml first and adapt it, or pipe the dump into the database's own tool: \`strongroom cat ${snapshot.id} --stream ${name} | …\``,
    });
  }
  const stream = await (await context.world()).stream(configured, set.root);
  if (dryRun) return { snapshot, info, into: undefined, hint: undefined };
  if (live && !(await context.terminal.confirm(`Replace ${into} with ${name} of ${snapshot.id}?`)))
    throw new StrongroomError('not-confirmed', 'nothing was replaced', { hint: 'answer yes, or add --yes' });
  const options: LoadOptions = {
    signal: context.signal,
    ...(into === undefined ? {} : { into }),
    ...(live ? { isLive: true } : {}),
  };
  const loaded = await stream.load(readStream(vault, snapshot, contents, info), options);
  return { snapshot, info, into: loaded.into, hint: loaded.hint };
}
