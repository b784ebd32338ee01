// One backup in several places: what is written to the vault is written to its replicas too, the same bytes under the same
// names. What a replica does never fails the backup, and holds it up for a while at most; then it is out of it, and why is
// kept.
import { ConflictError, StoreError, StrongroomError } from '../../errors.ts';
import type { Store } from '../../store/store.ts';
import { SNAPSHOTS } from '../layout.ts';

/** A further place that a vault's backups go to. */
export interface Replica {
  readonly location: string;
  readonly store: Store;
  /** Milliseconds that a run waits for it beyond the vault's own time; {@link PATIENCE_MS} unless given. */
  readonly patience?: number;
  /** Why it has no more part in this run; undefined while all goes well. */
  failure: StrongroomError | undefined;
  /** Why what is written there may not open there yet. It goes there all the same. */
  behind?: StrongroomError;
}

/** Beyond it, and beyond as long again as the vault's own writes took, no replica is waited for. */
export const PATIENCE_MS = 5 * 60_000;
const CLEAN_UP_MS = 3000;
/** How long one that was told to stop may take to do so. */
const STOP_MS = 3000;

/** A replica, and what was sent there of the snapshot that is being written. */
interface Sending {
  readonly replica: Replica;
  /** What we created there, oldest first, and what may have come through. Never what stood there before. */
  readonly mine: Set<string>;
  readonly waiting: Stopwatch;
}

/**
 * The vault's own store, whose `create` and `remove` reach the replicas too; one for each run, as it knows how long was
 * waited. All else is asked of the vault's own alone. A record goes to the vault first: where that has none, no replica may.
 */
export function everywhere(first: Store, replicas: readonly Replica[]): Store {
  const sendings: Sending[] = replicas.map((replica) => {
    return { replica, mine: new Set<string>(), waiting: stopwatch() };
  });
  const live = () => sendings.filter(({ replica }) => replica.failure === undefined);
  const own = stopwatch();
  /** Somebody else's: never removed by us. */
  const theirs = new Set<string>();
  const createFirst: Store['create'] = async (name, bytes, options) => {
    own.begin();
    try {
      const outcome = await first.create(name, bytes, options);
      if (outcome === 'exists') theirs.add(name);
      return outcome;
    } finally {
      own.end();
    }
  };
  /** Begins to send to all, and gives what waits for them: that begins when the vault's own write is over. */
  const send = (name: string, bytes: Uint8Array, signal: AbortSignal | undefined) => {
    const underWay = live().map((sending) => {
      const stop = new AbortController();
      const all = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
      return { sending, stop, done: sendTo(sending, name, bytes, all) };
    });
    return () =>
      Promise.all(
        underWay.map(({ sending, stop, done }) => {
          const { patience = PATIENCE_MS } = sending.replica;
          return waitFor(sending, done, stop, Math.max(patience, own.elapsed()));
        }),
      );
  };
  return {
    location: first.location,
    ...(first.remote === undefined ? {} : { remote: first.remote }),
    ...(first.history ? { history: first.history } : {}),
    ...(first.holds ? { holds: first.holds } : {}),
    list: (prefix, options) => first.list(prefix, options),
    get: (name, options) => first.get(name, options),
    async create(name, bytes, options = {}) {
      const { signal } = options;
      if (name.startsWith(SNAPSHOTS)) {
        const outcome = await createFirst(name, bytes, options);
        if (outcome === 'created') await send(name, bytes, signal)();
        return outcome;
      }
      const wait = send(name, bytes, signal);
      // The bytes are the caller's again once this returns, however it ends.
      return await createFirst(name, bytes, options).finally(wait);
    },
    async remove(names, options) {
      const cleaning = live().map(({ replica, mine }) => {
        const gone = names.filter((name) => mine.delete(name));
        return clean(replica.store, gone);
      });
      const ours = names.filter((name) => !theirs.has(name));
      await first.remove(ours, options).finally(() => Promise.all(cleaning));
    },
  };
}

/** Never throws for what a replica does: its `failure` says it. */
async function sendTo(
  { replica, mine }: Sending,
  name: string,
  bytes: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  const { store, location } = replica;
  const isRecord = name.startsWith(SNAPSHOTS);
  mine.add(name);
  try {
    if ((await store.create(name, bytes, { signal })) === 'exists') {
      mine.delete(name);
      // A copy that runs just now brings the record, once that stands at the vault; and it brings these bytes.
      const there = await store.get(name, { maxBytes: bytes.length, signal }).catch(orNothing);
      if (!there?.equals(bytes)) throw taken(name, location);
    }
    // From here on the snapshot stands there.
    if (isRecord) mine.clear();
  } catch (error) {
    if (!(error instanceof StrongroomError)) throw error;
    if (replica.failure) return;
    replica.failure = error;
    // Once the record stands at the vault a copy may be bringing it to the replica, to what was sent there: what is left
    // there without one is only room that it takes.
    if (!isRecord && !isAway(error)) await clean(store, [...mine].reverse());
    mine.clear();
  }
}

/** Waits for what is sent to one replica, as long as that may take; then it is told to stop, and has no more part. */
async function waitFor(
  { replica, waiting }: Sending,
  done: Promise<void>,
  stop: AbortController,
  patience: number,
): Promise<void> {
  waiting.begin();
  let timer: NodeJS.Timeout | undefined;
  const isOver = new Promise<void>((resolve) => {
    const giveUp = () => {
      replica.failure ??= slow(replica.location, patience);
      stop.abort();
      timer = setTimeout(resolve, STOP_MS);
    };
    timer = setTimeout(giveUp, Math.max(0, patience - waiting.elapsed()));
  });
  await Promise.race([done, isOver]).finally(() => {
    clearTimeout(timer);
    waiting.end();
  });
}

interface Stopwatch {
  begin(): void;
  end(): void;
  /** Milliseconds in which at least one thing was under way. */
  elapsed(): number;
}

function stopwatch(): Stopwatch {
  let [underWay, since, before] = [0, 0, 0];
  const current = () => (underWay > 0 ? performance.now() - since : 0);
  return {
    begin() {
      if (underWay++ === 0) since = performance.now();
    },
    end() {
      before += underWay === 1 ? current() : 0;
      underWay--;
    },
    elapsed: () => before + current(),
  };
}

/** Without a record it is only room that it takes. */
async function clean(store: Store, names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  await store.remove(names, { signal: AbortSignal.timeout(CLEAN_UP_MS) }).catch(() => {});
}

function orNothing(error: unknown): null {
  if (error instanceof StrongroomError) return null;
  throw error;
}

function isAway(error: StrongroomError): boolean {
  return error instanceof StoreError && error.code === 'store-unreachable';
}

function slow(location: string, patience: number): StoreError {
  const seconds = Math.round(patience / 1000);
  return new StoreError(
    'replica-slow',
    `the replica at ${location} took ${seconds} seconds longer than the vault`,
    {
      object: location,
      hint: `run \`strongroom copy --to ${location}\`, which takes its time; \`patience\` under replicas says how long a backup waits`,
    },
  );
}

function taken(name: string, location: string): ConflictError {
  return new ConflictError('object-exists', `${name} exists already at ${location}`, {
    object: name,
    hint: 'nothing but this backup knows that name: find out who can write there',
  });
}
