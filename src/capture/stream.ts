// The port of sources that are programs: a database dump, or what any command prints. One file each below streams/,
// and one line in streams/index.ts. Which settings a kind has, how it is dumped, proven and fed back is its own.
import type { Shape } from '../cli/config-shape.ts';
import { StrongroomError } from '../errors.ts';

/** A stream of a set, as configured. */
export interface Stream {
  /** Such as `db`. */
  readonly name: string;
  /** Such as `postgres`. */
  readonly type: string;
  /**
   * What whoever restores must know, on one line each: `{ database: 'shop', format: 'custom' }`. Kept in the encrypted
   * contents; no password, and no address with one. What only the dump tells, such as the server's version, is there
   * once it has ended.
   */
  readonly facts: Readonly<Record<string, string>>;
  /**
   * Runs the vendor's own tool and passes on what it prints. Ends normally only when the tool ended well and the dump
   * is proven whole; what was yielded before a failure is kept, marked incomplete.
   * @throws StreamError; InterruptedError. The child is gone by then, whoever stops reading too.
   */
  dump(options?: DumpOptions): AsyncGenerator<Buffer>;
  /**
   * Feeds a dump back.
   * @throws StreamError; UsageError `stream-not-loadable` where this kind cannot
   */
  load(dump: AsyncIterable<Buffer>, options: LoadOptions): Promise<Loaded>;
  /**
   * Loads a dump into a scratch database that can be asked, for a drill. Nothing that exists is touched; what fails or
   * is interrupted leaves nothing behind. Undefined where this kind, as it is set, cannot.
   * @throws StreamError, as `load`; InterruptedError
   */
  readonly rehearse?:
    | ((dump: AsyncIterable<Buffer>, options: RehearseOptions) => Promise<Rehearsal>)
    | undefined;
}

export interface DumpOptions {
  readonly signal?: AbortSignal;
  /** Told, scrubbed, what the tool said on stderr though it ended well. */
  readonly onNotes?: (text: string) => void;
}

export interface LoadOptions {
  readonly signal?: AbortSignal;
  /**
   * The database or file to load into: a new one unless `isLive`. Without it a scratch one is made, whose name tells
   * where it comes from.
   */
  readonly into?: string;
  /** Whether `into` may be there already, so that what it holds is replaced. */
  readonly isLive?: boolean;
}

export interface Loaded {
  /** Where it is now: `database shop_restored_7k3f9q`. */
  readonly into: string;
  /** How to use it, or to drop it: a command. */
  readonly hint?: string;
}

export interface RehearseOptions {
  /** Ends the load, and any query. */
  readonly signal?: AbortSignal | undefined;
  /** Absolute, there, and of this drill alone: where files go. */
  readonly directory: string;
}

/** A dump that was loaded for a drill. */
export interface Rehearsal {
  /** Where it is: `database shop_restored_7k3f9q`. */
  readonly into: string;
  /**
   * Asks it. What answers may hold what a hostile host dumped: text, to be shown to nobody as it is.
   * @param text a query in the language of its engine
   * @returns rows a line each, columns apart by tabs; without the newline at the end
   * @throws StreamError, `stream-answer` where that is more than 64 KiB, `stream-timeout` beyond the stream's own time
   * limit, `stream-failed` for what the engine refuses, without a value; UsageError `stream-not-askable`
   */
  query(text: string): Promise<string>;
  /**
   * Takes it all away. To be called in any case, after an interruption too; the second time does nothing.
   * @throws StreamError when something is left, and says what
   */
  drop(): Promise<void>;
}

/** Where the settings of a stream are read from. */
export interface StreamGround {
  /** Absolute: relative paths in settings start here (the set's root). */
  readonly root: string;
  /** For children, and for settings that name a variable. Holds none of strongroom's own secrets. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** A kind of stream: what `streams/index.ts` lists. */
export interface StreamKind {
  readonly type: string;
  /** The settings below its name in strongroom.yaml. */
  readonly shape: Shape & { readonly kind: 'object' };
  /** Files that such a stream stands for, as its settings have them: a copy of one that is in use would be torn. */
  readonly takes?: (settings: Readonly<Record<string, unknown>>) => readonly string[];
  /**
   * @param settings as `shape` has it
   * @throws UsageError `bad-setting` for settings that contradict each other; nothing is run or read yet
   */
  open(name: string, settings: Readonly<Record<string, unknown>>, ground: StreamGround): Stream;
}

/** What a dump or a load died of. After a dump the snapshot stands, and is incomplete. */
export class StreamError extends StrongroomError {
  /** The end of what the tool said on stderr, scrubbed; empty where it said nothing. */
  readonly stderr: string;

  /**
   * @param code `tool-missing`, `stream-failed`, `stream-empty`, `stream-unfinished`, `stream-timeout`,
   * `stream-locked`; `stream-secret` and `stream-address` for what a setting leads to
   * @param message names the stream and the tool, and holds nothing that the tool said
   */
  constructor(
    code: string,
    message: string,
    details: { hint?: string; stderr?: string; cause?: unknown } = {},
  ) {
    super(code, message, details);
    this.stderr = details.stderr ?? '';
  }
}
