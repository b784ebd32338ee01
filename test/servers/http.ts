// An HTTP server on loopback that writes down what it is sent, and answers as it is told.

import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export interface Received {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface HttpServer {
  readonly url: string;
  /** In the order in which they came. */
  readonly received: readonly Received[];
  /** Everything that was received, as text, to look for what should not be there. */
  everything(): string;
}

/** Answers a request; the first of several answers the first one, the last all that remain. */
export type Answer = number | 'hang' | 'reset' | ((request: Received, response: ServerResponse) => void);

/** Closed when the test ends. */
export async function httpServer(...answers: readonly Answer[]): Promise<HttpServer> {
  return await serve(answers);
}

/** As `httpServer`, with TLS; its name is localhost. @param tls a certificate for that name, and its key */
export async function httpsServer(
  tls: { readonly certificate: string; readonly key: string },
  ...answers: readonly Answer[]
): Promise<HttpServer> {
  return await serve(answers, tls);
}

async function serve(
  answers: readonly Answer[],
  tls?: { readonly certificate: string; readonly key: string },
): Promise<HttpServer> {
  const received: Received[] = [];
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on('error', () => {});
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const one = { method, path: url, headers, body: Buffer.concat(chunks).toString() };
      const answer = answers[Math.min(received.length, answers.length - 1)] ?? 200;
      received.push(one);
      if (answer === 'hang') return;
      if (answer === 'reset') request.socket.destroy();
      else if (typeof answer === 'function') answer(one, response);
      else response.writeHead(answer).end('what the server says is nobody’s business');
    });
  };
  const server = tls
    ? createTlsServer({ cert: tls.certificate, key: tls.key }, listener)
    : createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `${tls ? 'https://localhost' : 'http://127.0.0.1'}:${(server.address() as AddressInfo).port}`,
    received,
    everything: () => JSON.stringify(received),
  };
}
