// What a command may use of the world around it: the port that the command line (src/cli) fills in. Types only,
// so that a command can be run in a test with parts of the test's own.

import type { Discoverer } from '../capture/discover/reference.ts';
import type { Stream } from '../capture/stream.ts';
import { UsageError } from '../errors.ts';
import type { Methods } from '../keys/index.ts';
import type { ReceiverConfig } from '../notify/receiver.ts';
import type { SigningKey } from '../sign/key.ts';
import type { S3Options } from '../store/s3/options.ts';
import type { Store } from '../store/store.ts';
import type { ClientMemory, RecordCache } from '../vault/client.ts';
import type { BucketPort } from '../vault/doctor/bucket-port.ts';
import type { Answer } from '../vault/doctor/check.ts';
import type { KmsKeyState } from '../vault/doctor/key-checks.ts';
import type { Objectives } from '../vault/drill/result.ts';
import type { DrillSettings, WholeDrillSettings } from '../vault/drill/settings.ts';
import type { RetentionPolicy } from '../vault/prune/retention.ts';
import type { Fields, JsonValue, Shown } from './command.ts';

export interface Context {
  readonly options: GlobalOptions;
  /**
   * Flags over environment over file, resolved once; the file is looked for and read at the first call.
   * @throws UsageError when the file is unsafe, is no YAML, or holds what the schema does not
   */
  settings(): Promise<Settings>;
  readonly secrets: Secrets;
  readonly terminal: Terminal;
  readonly progress: Progress;
  /** Fires once, at the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
  /** Raw stdout for `cat`. A reader that has gone ends the command in silence. */
  readonly stdout: ByteWriter;
  /** Streams one message of the result while the work goes on. */
  emit(message: Streamed): void;
  /**
   * Says on stderr that something is not as it should be, though the work goes on. `--quiet` drops it on success, but
   * for an `error`: damage, or traces of an attack.
   */
  warn(
    code: string,
    message: string,
    details?: { readonly hint?: string; readonly object?: string; readonly severity?: 'warning' | 'error' },
  ): void;
  /** Says on stderr what is worth knowing, such as which snapshot `--at` chose. Under `--quiet` it is dropped. */
  notice(message: string): void;
  now(): Date;
  readonly cwd: string;
  /** The environment without any secret: those were taken out at the start. */
  readonly env: Environment;
  readonly paths: Paths;
  /** The umask that the program was started with, for commands that it runs on somebody's behalf. */
  readonly umask?: number;
  /** How this program was started: Node and the program, absolute; for what is to start it again. */
  readonly program?: readonly string[];
  /** The adapters, loaded at the first call. */
  world(): Promise<World>;
  /** The schema of strongroom.yaml, for `config schema`. */
  configSchema(): Promise<JsonValue>;
}

/** What only the composition root (src/cli/world.ts) may pick. It grows with the commands. */
export interface World {
  /**
   * @param location a directory, absolute, or `s3://bucket/prefix`
   * @param settings how to reach it
   * @param create whether the first write may make the place
   */
  openStore(location: string, settings: Settings, create?: boolean): Promise<Store>;
  /** An `s3://…` location taken apart; undefined for a directory. @throws UsageError `bad-location` */
  s3Place(location: string): Promise<S3Place | undefined>;
  /** How the bucket of an `s3://…` location is set up; undefined for a directory. @throws UsageError `bad-location` */
  bucket(location: string, settings: Settings): Promise<BucketPort | undefined>;
  /** How a KMS key is. @param arn of a key */
  kmsKeyState(arn: string): Promise<Answer<KmsKeyState>>;
  /** The local store of undo copies. */
  undoStore(): Promise<Store>;
  readonly memory: ClientMemory;
  readonly cache: RecordCache;
  /** Name under which this machine writes. */
  readonly hostName: string;
  /** Where this machine's signing key is kept. */
  readonly signingKeyPath: string;
  /** This machine's signing key; undefined when it has none and may not make one. */
  signingKey(make: boolean): Promise<SigningKey | undefined>;
  /** Ways to open a vault, each loaded when it is used. */
  readonly methods: Methods;
  /** A stream of a set, as configured. @param root of the set @throws UsageError `bad-setting` */
  stream(config: StreamConfig, root: string): Promise<Stream>;
}

/** Where a vault is in a bucket; its prefix is empty or ends in a slash. */
export interface S3Place {
  readonly bucket: string;
  readonly prefix: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** The flags that every command has, apart from those that `Settings` holds. */
export interface GlobalOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly yes: boolean;
  /** `--config` as it was given; for commands that make the file. */
  readonly config: string | undefined;
}

/** A message that is shown before the result is there. */
export interface Streamed {
  readonly type: string;
  readonly fields: Fields;
  /** The same for people; nothing is shown to them without it. */
  readonly human?: readonly Shown[];
  /** Further lines for people. */
  readonly more?: readonly string[];
}

export interface ByteWriter {
  /** Resolves when the next chunk may come. */
  write(chunk: Uint8Array): Promise<void>;
}

/** Everything that flags, environment and file said, with where each came from. */
export interface Settings {
  /** Absolute directory or `s3://…`. */
  readonly location: string | undefined;
  /** The value of `--env`: the deployment's environment, such as `prod`. */
  readonly env: string | undefined;
  /** Absolute path of the config file in use. */
  readonly configFile: string | undefined;
  readonly config: Config | undefined;
  /** `location`, `configFile`, `env`, `pin` and `sets` to where each came from: `--location`, a variable, a file. */
  readonly origins: ReadonlyMap<string, string>;
}

/** strongroom.yaml, checked: durations in milliseconds, paths absolute. */
export interface Config {
  readonly location: string | undefined;
  readonly pin: PinSetting | undefined;
  readonly sets: ReadonlyMap<string, SetConfig>;
  /** What is promised about all of it together. */
  readonly objectives: Objectives;
  readonly drill: WholeDrillSettings;
  readonly s3: S3Options;
  /** ARNs of the KMS keys that this user trusts. */
  readonly kms: readonly string[];
  /** Further places that each backup is written to. */
  readonly replicas: readonly ReplicaConfig[];
  /** Whom to tell how it went, in the file's order. */
  readonly notify?: readonly ReceiverConfig[];
}

export interface ReplicaConfig {
  /** An absolute directory, or `s3://…`. */
  readonly location: string;
  /** Its own settings, and none of the vault's; those of the vault where there are none. */
  readonly s3?: S3Options;
  /** How long a run of backups waits for it beyond the vault's own time, in milliseconds. */
  readonly patience?: number;
}

/** The pin as written in the file; the vault's code judges the text. */
export interface PinSetting {
  readonly vault: string;
  readonly generation: number;
  readonly revision: number;
  readonly recipient: string;
  readonly authority: string;
}

export interface SetConfig {
  readonly name: string;
  /** Absolute directory. */
  readonly root: string;
  /** Globs, relative to the root or absolute; empty when the file gives none. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** Kinds of files whose references are followed; undefined when the file gives none. */
  readonly discover: readonly Discoverer[] | undefined;
  /** Globs of what references may lead to beyond the root. */
  readonly outside: readonly string[];
  readonly streams: readonly StreamConfig[];
  readonly compress: 'none' | 'gzip';
  readonly retention: RetentionConfig | undefined;
  /** Whether the retention is applied after each backup of the set. */
  readonly pruneAfterBackup?: boolean;
  readonly objectives: Objectives;
  readonly drill: DrillSettings;
  readonly restore: RestoreConfig;
}

/** A stream as the file has it. */
export interface StreamConfig {
  readonly name: string;
  /** Its kind, such as `postgres`. */
  readonly type: string;
  readonly settings: Readonly<Record<string, unknown>>;
  /** Files that it stands for, relative to the root or absolute. */
  readonly takes: readonly string[];
}

/** How many snapshots to keep of each kind, in the file's own names; `within` in milliseconds. */
export type RetentionConfig = RetentionPolicy;

export interface RestoreConfig {
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
  /** Globs to modes, in the file's order. */
  readonly modes: readonly { readonly glob: string; readonly mode: number }[];
}

/** Secrets, read or asked for when a command calls, never before; each source is read once. */
export interface Secrets {
  /** Whether the environment names a source for the passphrase, so that nobody need be asked. */
  readonly passphraseGiven: boolean;
  readonly newPassphraseGiven: boolean;
  readonly sshPassphraseGiven: boolean;
  readonly identitiesGiven: boolean;
  /**
   * The passphrase that opens the vault, from its one source or by a hidden prompt.
   * @param prompt such as `Passphrase for vault shop`
   * @param again what was typed before is wrong: ask anew
   * @throws UnlockError no-terminal, UsageError for a source that is unsafe, empty or named twice
   */
  passphrase(prompt: string, again?: boolean): Promise<string>;
  /**
   * A passphrase to be set, from STRONGROOM_NEW_PASSPHRASE…; a prompt asks twice, and an empty answer gives an empty
   * string, for the caller to make one up.
   * @param first this is a vault's first passphrase, so STRONGROOM_PASSPHRASE… will do as well
   * @throws UsageError no-terminal, passphrase-mismatch, and as `passphrase`
   */
  newPassphrase(prompt: string, first?: boolean): Promise<string>;
  /**
   * The passphrase of an SSH key file, from STRONGROOM_SSH_PASSPHRASE… or by a hidden prompt.
   * @throws as `passphrase`
   */
  sshPassphrase(prompt: string): Promise<string>;
  /**
   * The identity files and SSH keys of STRONGROOM_IDENTITY_FILE, in order; empty when it is not set.
   * @throws UsageError bad-ssh-key for a .pub file, and as `file`
   */
  identities(): Promise<readonly SecretText[]>;
  /** The host's signing key from STRONGROOM_SIGNING_KEY or _FILE, if given that way. */
  signingKey(): Promise<SecretText | undefined>;
  /**
   * Any other secret file, under the same rules. @param path absolute, or relative to the working directory
   * @param until ends the wait for a pipe, besides an interrupt; InterruptedError then
   * @throws UsageError secret-file-readable, secret-file, secret-empty, secret-too-large, secret-not-text
   */
  file(path: string, until?: AbortSignal): Promise<SecretText>;
  /** What is piped into the program. @throws UsageError secret-empty, secret-too-large, secret-not-text */
  standardInput(): Promise<SecretText>;
}

export interface SecretText {
  /** Where it came from, for messages: a path, or the name of a variable. */
  readonly source: string;
  /** Absolute path when it is a file. */
  readonly path: string | undefined;
  readonly text: string;
}

/** The person at the terminal, if there is one. */
export interface Terminal {
  readonly interactive: boolean;
  /** Asks yes or no; no is the default. `--yes` answers it. @throws UsageError no-terminal */
  confirm(question: string): Promise<boolean>;
  /** As `confirm`, for what only a person may answer: whom to trust. `--yes` does not. @throws UsageError no-terminal */
  confirmTyped(question: string): Promise<boolean>;
  /** Asks for a line that is not echoed. @throws UnlockError no-terminal, InterruptedError on Ctrl-C */
  askHidden(prompt: string): Promise<string>;
  /**
   * Asks for a line that is long to type: shown while it is typed, and wiped from the screen afterwards.
   * @throws UnlockError no-terminal, InterruptedError on Ctrl-C
   */
  askWiped(prompt: string): Promise<string>;
  /** Writes lines to the terminal itself, past stdout and stderr: a passphrase that is shown once. */
  tell(lines: readonly Shown[]): void;
}

export interface ProgressState {
  /** What is going on, a participle: `reading`, `restoring`. */
  readonly phase: string;
  readonly done: number;
  readonly total?: number;
  /** `bytes` are shown as sizes, anything else as a number and this word. */
  readonly unit: string;
}

/** One line on a terminal; nothing anywhere else. */
export interface Progress {
  update(state: ProgressState): void;
  /** Erases the line. */
  clear(): void;
}

/** Directories of this user, absolute; not made until something is written. */
export interface Paths {
  readonly config: string;
  readonly state: string;
  readonly cache: string;
  readonly data: string;
}

/**
 * The vault's location, which nearly every command needs.
 * @throws UsageError no-location
 */
export function locationOf(settings: Settings): string {
  if (settings.location !== undefined) return settings.location;
  throw new UsageError('no-location', 'no vault was named', {
    hint: 'give --location DIR, set STRONGROOM_LOCATION, or run this where a strongroom.yaml is; `strongroom init` makes one, and a vault',
  });
}
