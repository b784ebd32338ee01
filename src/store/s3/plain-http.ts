// Owns one mistake: plain HTTP to a port that speaks TLS. Servers only close such a connection, as they do when they are not
// well, which would be tried again until the time is up.

import { connect } from 'node:tls';
import { facts } from './failure.ts';

export interface Place {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number | undefined;
}

const PROBE_MS = 2000;

/**
 * @param error of a call there, where nothing has answered yet
 * @returns the error, or what it comes from
 */
export async function explained(error: unknown, place: Place): Promise<unknown> {
  if (place.protocol !== 'http:' || facts(error).network !== 'ECONNRESET') return error;
  if (!(await speaksTls(place))) return error;
  // As OpenSSL calls it on the other side.
  return Object.assign(new Error('plain HTTP to a TLS port', { cause: error }), {
    code: 'ERR_SSL_HTTP_REQUEST',
  });
}

/** Nothing is sent but the greeting, so it does not matter who it is. */
function speaksTls({ hostname, port = 80 }: Place): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port, rejectUnauthorized: false, timeout: PROBE_MS });
    const end = (answer: boolean) => () => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('secureConnect', end(true)).once('timeout', end(false)).once('error', end(false));
    socket.once('close', end(false));
  });
}
