// A small HTTP server that says whatever a test makes it say, where no real service and no broken network would: and a
// store that takes it for S3. The credentials are nobody's.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished, vi } from 'vitest';
import type { S3Options } from '../../../src/store/s3/options.ts';
import { s3Store } from '../../../src/store/s3/s3.ts';
import type { Store } from '../../../src/store/store.ts';

export interface Request {
  /** From 1. */
  readonly number: number;
  readonly method: string;
  /** Without the bucket and the vault's prefix; empty for a listing. */
  readonly name: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

export interface Liar {
  readonly store: Store;
  readonly asked: readonly Request[];
}

/** @param answer ends the reply, or leaves it open */
export async function startLiar(
  answer: (request: Request, reply: ServerResponse) => void,
  settings: S3Options = {},
): Promise<Liar> {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'nobody');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'nothing');
  const asked: Request[] = [];
  const server = createServer(async (incoming, reply) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const { pathname, searchParams: query } = new URL(incoming.url ?? '', 'http://liar');
    const name = pathname.replace(/^\/bucket\/(?:vault\/)?/, '');
    const { method = '', headers } = incoming;
    const request = { number: asked.length + 1, method, name, query, headers, body: Buffer.concat(chunks) };
    asked.push(request);
    answer(request, reply);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    vi.unstubAllEnvs();
    server.closeAllConnections();
    server.close();
  });
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { store: s3Store('s3://bucket/vault', { endpoint, deadline: 5, ...settings }), asked };
}

/** Ends a reply with a refusal by name. */
export function refuse(reply: ServerResponse, status: number, code: string): void {
  reply.writeHead(status).end(`<Error><Code>${code}</Code><Message>said by the liar</Message></Error>`);
}

/** What a listing page says besides its keys, as XML. */
export function page(keys: readonly string[], more = ''): string {
  const contents = keys.map((key) => `<Contents><Key>${key}</Key><Size>3</Size></Contents>`).join('');
  return `<ListBucketResult>${more}${contents}</ListBucketResult>`;
}

/** The same of versions. */
export function versionPage(keys: readonly string[], more = ''): string {
  const versions = keys.map(
    (key) => `<Version><Key>${key}</Key><VersionId>1</VersionId><Size>3</Size></Version>`,
  );
  return `<ListVersionsResult>${more}${versions.join('')}</ListVersionsResult>`;
}
