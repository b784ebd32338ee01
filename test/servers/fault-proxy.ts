// An HTTP proxy that stands before a real server and goes wrong as networks and services do, by a plan. It changes no
// header that is signed (Host stays as the client wrote it), and notes every request with what became of it.

import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';

/** What becomes of one request. */
export type Fault =
  | 'pass'
  /** The connection breaks before the server has heard of it. */
  | 'reset-before'
  /** The server does it, and its reply is lost. */
  | 'reset-after'
  /** The server does it, and something between says 500. */
  | '500-after'
  /** No answer ever comes; the server has not heard of it. */
  | 'stall'
  /** The server does it, and no answer ever comes. */
  | 'stall-after'
  /** Half of the reply's body, and then the connection breaks. */
  | 'truncate'
  /** Half of the reply's body, and then nothing more. */
  | 'stall-body'
  /** The server has not heard of it, and this comes back. */
  | Refusal;

export interface Refusal {
  readonly status: number;
  /** As the service names it: `SlowDown`. */
  readonly code: string;
}

export const SERVER_ERROR: Refusal = { status: 500, code: 'InternalError' };
export const SLOW_DOWN: Refusal = { status: 503, code: 'SlowDown' };
export const CONFLICT: Refusal = { status: 409, code: 'ConditionalRequestConflict' };

/** A request that came by. */
export interface Passed {
  /** From 1. */
  readonly number: number;
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** An operation of AWS JSON protocols: `TrentService.Decrypt`. */
  readonly target: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly fault: Fault;
  /** What the server said; undefined when it was not asked. */
  readonly status: number | undefined;
}

export type Plan = (request: Pick<Passed, 'number' | 'method' | 'path' | 'target' | 'headers'>) => Fault;

export interface FaultProxy {
  readonly endpoint: string;
  readonly log: readonly Passed[];
  /** Follows another plan from now on. */
  follow(plan: Plan): void;
  /** Forgets the log. */
  forget(): void;
  close(): Promise<void>;
}

/** @param target URL of the server behind it: `http://127.0.0.1:7480` */
export async function startFaultProxy(target: string, plan: Plan = () => 'pass'): Promise<FaultProxy> {
  const { hostname, port } = new URL(target);
  const agent = new Agent({ keepAlive: true });
  const log: Passed[] = [];
  let current = plan;
  let count = 0;

  async function serve(incoming: IncomingMessage, reply: ServerResponse): Promise<void> {
    const { method = '', url: path = '', headers } = incoming;
    const name = headers['x-amz-target'];
    const seen = {
      number: ++count,
      method,
      path,
      target: typeof name === 'string' ? name : undefined,
      headers,
    };
    const fault = current(seen);
    const note = (status: number | undefined) => log.push({ ...seen, fault, status });
    const body = await bytesOf(incoming);
    if (fault === 'reset-before' || fault === 'stall' || typeof fault === 'object') {
      note(undefined);
      if (fault === 'reset-before') incoming.socket.resetAndDestroy();
      else if (fault !== 'stall') refuse(reply, fault, seen.target !== undefined);
      return;
    }
    const answer = await ask(incoming, body);
    const whole = await bytesOf(answer);
    note(answer.statusCode);
    if (fault === 'reset-after') incoming.socket.resetAndDestroy();
    else if (fault === '500-after') refuse(reply, SERVER_ERROR, seen.target !== undefined);
    else if (fault !== 'stall-after') {
      const isWhole = fault === 'pass' || whole.length === 0;
      const { 'transfer-encoding': _, ...rest } = answer.headers;
      // A reply to HEAD has a length and no body.
      const length = method === 'HEAD' ? {} : { 'content-length': whole.length };
      reply.writeHead(answer.statusCode ?? 502, { ...rest, ...length });
      if (isWhole) reply.end(whole);
      else {
        reply.write(whole.subarray(0, whole.length >> 1), () => {
          if (fault === 'truncate') incoming.socket.destroy();
        });
      }
    }
  }

  function ask({ method, url, headers }: IncomingMessage, body: Buffer): Promise<IncomingMessage> {
    const { expect: _, ...rest } = headers;
    return new Promise((resolve, reject) => {
      const onward = request({ hostname, port, method, path: url, headers: rest, agent });
      onward.on('response', resolve);
      onward.on('error', reject);
      onward.end(body);
    });
  }

  const server = createServer((incoming, reply) => {
    incoming.on('error', () => {});
    // A client that went away, or a server that is down: the connection breaks for whoever is left.
    serve(incoming, reply).catch(() => incoming.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    log,
    follow(plan) {
      current = plan;
    },
    forget: () => void log.splice(0),
    async close() {
      agent.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A plan that one seed decides: so often each fault, otherwise `pass`. @param rate from 0 to 1, for all of them */
export function atRandom(seed: number, rate: number, faults: readonly Fault[]): Plan {
  const next = numbersFrom(seed);
  return () => (next() < rate ? faults[Math.floor(next() * faults.length)]! : 'pass');
}

/** Every way to go wrong that another attempt may mend. */
export const PASSING_FAULTS: readonly Fault[] = [
  'reset-before',
  'reset-after',
  '500-after',
  'stall',
  'stall-after',
  'truncate',
  'stall-body',
  SERVER_ERROR,
  SLOW_DOWN,
  CONFLICT,
];

/** Numbers from 0 to 1 that depend on the seed alone (mulberry32). */
export function numbersFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A port of this machine where nobody listens. */
export async function deadEndpoint(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  await new Promise<void>((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => resolve());
    socket.on('connect', () => reject(new Error(`somebody took port ${port}`)));
  });
  return `http://127.0.0.1:${port}`;
}

function refuse(reply: ServerResponse, { status, code }: Refusal, isJson: boolean): void {
  const said = 'said by the proxy';
  reply.writeHead(status, { 'content-type': isJson ? 'application/x-amz-json-1.1' : 'application/xml' });
  reply.end(
    isJson
      ? JSON.stringify({ __type: code, message: said })
      : `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${said}</Message></Error>`,
  );
}

async function bytesOf(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
