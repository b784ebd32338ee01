// One POST to a receiver. It follows no redirect, since a message must not go where nobody sent it, and reads nothing
// of the answer but its status.

import { TOOL } from '../version.ts';
import { NotSent, unreachable } from './not-sent.ts';

export interface Post {
  /** Often a secret by itself. */
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * A receiver's URL.
 * @param insecure whether the person accepts that whoever is on the way reads and changes the message
 * @throws NotSent that does not quote it
 */
export function urlOf(text: string, insecure: boolean): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new NotSent('its URL is no https URL', false);
  // They would be sent as a login, and end up in logs.
  if (url.username !== '' || url.password !== '')
    throw new NotSent('its URL holds a user or a password', false);
  if (url.protocol === 'http:' && !insecure && !isLoopback(url.hostname)) {
    throw new NotSent('its URL is not https, and `insecure: true` is not set', false);
  }
  return url;
}

/** @param host as a URL has it, or a name */
export function isLoopback(host: string): boolean {
  return /^(?:(?:.+\.)?localhost|127(?:\.\d{1,3}){3}|\[?::1\]?)$/.test(host);
}

/** @throws NotSent unless it is answered with 2xx */
export async function post({ url, headers = {}, body }: Post, signal: AbortSignal): Promise<void> {
  const bytes = Buffer.from(body);
  const status = await statusOf(url, bytes, signal, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': bytes.length,
    'user-agent': TOOL.replace(' ', '/'),
    ...headers,
  }).catch((error: unknown) => {
    throw unreachable(error);
  });
  if (status >= 200 && status < 300) return;
  if (status >= 300 && status < 400) {
    throw new NotSent(
      `it answered ${status}: it is somewhere else now, and redirects are not followed`,
      false,
    );
  }
  throw new NotSent(`it answered ${status}`, status >= 500 || status === 408 || status === 429);
}

/** Node's own requests: to load `fetch` takes 150 ms of the processor, which is more than a small backup does. */
async function statusOf(
  url: URL,
  body: Buffer,
  signal: AbortSignal,
  headers: Readonly<Record<string, string | number>>,
): Promise<number> {
  const { request } = url.protocol === 'https:' ? await import('node:https') : await import('node:http');
  return await new Promise((resolve, reject) => {
    const asking = request(url, { method: 'POST', headers, signal, agent: false }, (answer) => {
      resolve(answer.statusCode ?? 0);
      // What else it says is not read, however long it goes on.
      answer.on('error', () => {});
      answer.destroy();
    });
    asking.on('error', reject);
    asking.end(body);
  });
}
