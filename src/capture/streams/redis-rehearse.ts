// A dump of Redis in a server of its own, for a drill: on a socket that nobody else can reach, without a port, and gone
// with the drill. It obeys commands that read, and no script.
import { randomBytes } from 'node:crypto';
import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { InterruptedError, UsageError } from '../../errors.ts';
import {
  type Loaded,
  type LoadOptions,
  type Rehearsal,
  type RehearseOptions,
  StreamError,
} from '../stream.ts';
import { answerOf, askable, once, type Refusals, runIn } from './rehearse.ts';
import { askRedis, type Reply } from './resp.ts';
import { scratchName } from './scratch.ts';
import { runTool, type ToolOptions, toolText } from './tool.ts';
import { whichOf } from './which.ts';

/** Milliseconds between two looks whether it is ready. */
const PAUSE = 20;
/** The longest that Node can wait: the server stays as long as the drill does. */
const LONGEST = 2 ** 31 - 1;
/** Bytes of a socket's path that every system takes (sun_path, macOS has the shortest). */
const PATH = 103;
const NAME = 40;
/** What is kept of its log, in bytes. */
const LOG = 16 * 1024;
/** Milliseconds that loading may take at most, and a query: a function in the dump may keep the server busy for ever. */
const LOADING = 10 * 60_000;
const ASKING = 60_000;
const MIB = 2 ** 20;
/**
 * Strings in a dump are packed, up to 88 times: so many times its bytes a dump may take in memory, and so much however
 * small it is, of which a server without any data needs a part.
 */
const UNFOLDED = 16;
const LEAST = 512 * MIB;

/**
 * Runs a program until somebody ends it, or the drill is gone and with it the other end of stdin, be it killed. What is
 * in the background reads nothing from stdin, hence the other descriptor. It gets so many KiB of memory, where the
 * system can hold it to them: Redis itself counts nothing while it loads. A core would be the dump on a disk.
 */
const BOUND = `ulimit -c 0
ulimit -v "$1" 2>/dev/null || :
shift
exec 3<&0
"$@" 3<&- & server=$!
(cat <&3; kill -9 $server) >/dev/null 2>&1 & watcher=$!
wait $server; status=$?
kill -9 $watcher
exit $status`;

const REFUSALS: Refusals = [
  [/^NOPERM/, 'it is no command that only reads'],
  [/^ERR unknown command/, 'there is no such command'],
  [/^ERR wrong number of arguments/, 'it has too many arguments, or too few'],
  [/^WRONGTYPE/, 'the key is of another type'],
];

/** Why a server does not start with a dump, and what to do about it. */
const HINTS: readonly (readonly [RegExp, string])[] = [
  [/Can't handle RDB format version/, 'the dump is of a newer server: install that version, or a later one'],
  [/Bad directive/, 'it needs redis-server 6.2 or later, or Valkey'],
  [/module/i, 'it may need a module that this server does not have'],
];
const NO_MEMORY = /out of memory|\bOOM\b|failed allocating/i;

export interface RedisRehearseOptions extends RehearseOptions {
  readonly run: ToolOptions;
  /** Proves the dump, and makes a file of it. */
  readonly load: (dump: AsyncIterable<Buffer>, options: LoadOptions) => Promise<Loaded>;
}

/** @throws as `Stream.rehearse` */
export async function rehearseRedis(
  dump: AsyncIterable<Buffer>,
  { directory, signal, load, run: given }: RedisRehearseOptions,
): Promise<Rehearsal> {
  const { name } = given;
  const run: ToolOptions = { ...runIn(directory, given), signal, package: 'redis-server' };
  const program = await whichOf(['redis-server', 'valkey-server'], run.env);
  // What says that there is none.
  await toolText(program, ['--version'], run);
  const place = join(directory, scratchName(name, NAME, randomBytes(5)));
  const socket = join(place, 's');
  if (Buffer.byteLength(socket) > PATH) throw tooDeep(name);
  await mkdir(place, { mode: 0o700 });
  let server: Server | undefined;
  const drop = once(async () => {
    await server?.stop();
    await rm(place, { recursive: true, force: true });
  });
  try {
    const file = join(place, 'dump.rdb');
    await load(dump, { into: file, signal });
    server = startServer(program, place, { ...run, memory: memoryFor((await stat(file)).size) });
    await ready(server, socket, { ...run, timeout: Math.min(run.timeout, LOADING) });
    // It has it in memory now.
    await rm(file);
  } catch (error) {
    await drop();
    throw error;
  }
  const asking = { ...run, timeout: Math.min(run.timeout, ASKING) };
  return {
    into: `${program} on ${socket}`,
    query: async (text) => await answerOf(name, asked(socket, commandIn(name, text), asking), REFUSALS),
    drop,
  };
}

/** Bytes that a server may take with a dump. A drill must not have the system end what else runs here. */
function memoryFor(dump: number): number {
  return Math.floor(Math.min(Math.max(LEAST, UNFOLDED * dump), process.availableMemory() / 2));
}

interface Server {
  /** What it died of, once it has. */
  failure(): unknown;
  stop(): Promise<void>;
}

function startServer(
  program: string,
  place: string,
  { memory, ...run }: ToolOptions & { readonly memory: number },
): Server {
  const end = new AbortController();
  const signal = run.signal ? AbortSignal.any([run.signal, end.signal]) : end.signal;
  const words = [String(Math.floor(memory / 1024)), program, ...argumentsOf(place, memory)];
  const stdin = until(signal);
  let log: Buffer = Buffer.alloc(0);
  let failure: unknown;
  const reading = async () => {
    for await (const chunk of runTool('sh', ['-c', BOUND, 'sh', ...words], {
      ...run,
      cwd: place,
      timeout: LONGEST,
      signal,
      stdin,
    })) {
      log = Buffer.concat([log, chunk]).subarray(-LOG);
    }
    throw new StreamError('stream-failed', `stream ${run.name}: ${program} ended`);
  };
  const running = reading().catch((error: unknown) => {
    failure =
      error instanceof StreamError ? notStarted(run.name, program, memory, log.toString('latin1')) : error;
  });
  return {
    failure: () => failure,
    async stop() {
      end.abort();
      await running;
    },
  };
}

/** Its log may quote keys. */
function notStarted(name: string, program: string, memory: number, log: string): StreamError {
  const hint = NO_MEMORY.test(log)
    ? `it may need more than the ${Math.floor(memory / MIB)} MiB of memory that a drill gives it: load it by hand (strongroom restore --load)`
    : HINTS.find(([said]) => said.test(log))?.[1];
  const message = `stream ${name}: ${program} cannot be started with the dump`;
  return new StreamError('stream-failed', message, hint === undefined ? {} : { hint });
}

function argumentsOf(place: string, memory: number): string[] {
  return [
    ...['--port', '0', '--unixsocket', join(place, 's'), '--unixsocketperm', '700'],
    ...['--dir', place, '--dbfilename', 'dump.rdb', '--save', '', '--appendonly', 'no', '--daemonize', 'no'],
    // What is in it is looked through before it is believed: it may be made up to harm the server.
    ...['--sanitize-dump-payload', 'yes'],
    ...['--maxmemory', String(memory), '--maxmemory-policy', 'noeviction'],
    // It may come from one that has more than 16, and is refused otherwise.
    ...['--databases', '1024'],
    ...['--user', 'default', 'reset', 'on', 'nopass', '~*', '+@read', '+dbsize', '+info', '+ping'],
  ];
}

/** Nothing, until it is told to end. */
async function* until(signal: AbortSignal): AsyncGenerator<Buffer> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/** @throws StreamError stream-failed, stream-timeout; InterruptedError */
async function ready(server: Server, socket: string, run: ToolOptions): Promise<void> {
  const late = AbortSignal.timeout(run.timeout);
  for (;;) {
    if (server.failure() !== undefined) throw server.failure();
    const answer = await askRedis(socket, 'PING', limited(run, late)).catch(() => undefined);
    if (answer === 'PONG') return;
    if (run.signal?.aborted) throw new InterruptedError('interrupted', 'interrupted');
    if (late.aborted) throw tooLate(run.name, 'the server took too long to load the dump');
    await sleep(PAUSE);
  }
}

async function* asked(socket: string, command: string, run: ToolOptions): AsyncGenerator<Buffer> {
  const late = AbortSignal.timeout(run.timeout);
  const reply = await askRedis(socket, command, limited(run, late)).catch((cause: unknown) => {
    if (run.signal?.aborted) throw new InterruptedError('interrupted', 'interrupted');
    if (late.aborted) throw tooLate(run.name, 'a query took too long');
    throw new StreamError('stream-failed', `stream ${run.name}: the server of the drill is gone`, { cause });
  });
  if (isError(reply)) {
    throw new StreamError('stream-failed', `stream ${run.name}: a query failed`, { stderr: reply.error });
  }
  // What is too long is longer than any answer may be.
  if (reply === undefined)
    throw new StreamError('stream-answer', `stream ${run.name}: the answer to a query is longer than 64 KiB`);
  yield Buffer.from(`${rowsOf(reply)}\n`);
}

function limited({ signal }: ToolOptions, late: AbortSignal): AbortSignal {
  return signal ? AbortSignal.any([signal, late]) : late;
}

function tooLate(name: string, what: string): StreamError {
  return new StreamError('stream-timeout', `stream ${name}: ${what}`, {
    hint: 'give the stream a longer timeout; a drill takes ten minutes for a load at most, and one for a query',
  });
}

const isError = (reply: Reply | undefined): reply is { readonly error: string } =>
  typeof reply === 'object' && reply !== null && 'error' in reply;

/** A list in a list is a row; what is in that, and nothing, is as redis-cli has it. */
function rowsOf(reply: Reply): string {
  return Array.isArray(reply) ? reply.map((row: Reply) => columnsOf(row)).join('\n') : columnsOf(reply);
}

function columnsOf(reply: Reply): string {
  if (Array.isArray(reply)) return reply.map((column: Reply) => columnsOf(column)).join('\t');
  return typeof reply === 'string' ? reply : '';
}

/** @throws UsageError stream-not-askable */
function commandIn(name: string, text: string): string {
  const command = askable(name, text).trim();
  if (!/[\r\n]/.test(command)) return command;
  throw new UsageError('stream-not-askable', `stream ${name} takes one command, on one line`, {
    object: name,
    hint: 'such as DBSIZE, or EXISTS "a key"',
  });
}

function tooDeep(name: string): StreamError {
  return new StreamError('stream-failed', `stream ${name}: the path of its socket would be too long`, {
    hint: 'give the drill a scratch directory with a shorter name',
  });
}
