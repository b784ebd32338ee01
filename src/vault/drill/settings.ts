// What the configuration asks of a drill, beyond what every drill looks at. Plain data.

/** A query on a loaded dump, and what its answer has to be. */
export interface DrillQuery {
  readonly query: string;
  /** As expect.ts reads it. Undefined: it has to run, and to answer with at least one row. */
  readonly expect: string | undefined;
}

/** How the dump of a stream is tried. */
export interface DrillStream {
  /** Of a scratch server, in place of the stream's own settings; of the same kind. */
  readonly settings?: { readonly type: string; readonly settings: Readonly<Record<string, unknown>> };
  /** Not loaded. */
  readonly skip: boolean;
  readonly queries: readonly DrillQuery[];
}

export interface DrillCommand {
  /** As names of sets and streams are. */
  readonly name: string;
  /** A program and its arguments; no shell. */
  readonly run: readonly string[];
  readonly timeoutMs: number;
}

/** `drill` of a set. */
export interface DrillSettings {
  readonly streams: ReadonlyMap<string, DrillStream>;
  readonly commands: readonly DrillCommand[];
  /** To be ticked by a person. */
  readonly manual: readonly string[];
}

/** `drill` at the top of the configuration. */
export interface WholeDrillSettings {
  readonly manual: readonly string[];
  /** The directory that the scratch is made in, absolute; undefined: memory where there is enough. */
  readonly scratch?: string;
}

/** Of a set whose configuration says nothing of drills. */
export const NO_DRILL_SETTINGS: DrillSettings = { streams: new Map(), commands: [], manual: [] };
