// A mail by SMTP. The library is loaded when there is one to send.

import { isLoopback } from './http.ts';
import { factLines, type Message, sentence } from './message.ts';
import { NotSent, unreachable } from './not-sent.ts';

export interface Smtp {
  readonly kind: 'smtp';
  readonly host: string;
  /** 587, 465 for implicit TLS and 25 for none, unless given. */
  readonly port?: number;
  /** `starttls` is insisted on: a server that does not offer it gets neither password nor mail. */
  readonly tls: 'starttls' | 'implicit' | 'none';
  readonly from: string;
  readonly to: readonly string[];
  readonly user?: string;
  readonly password?: string;
  readonly insecure: boolean;
}

const PORTS = { starttls: 587, implicit: 465, none: 25 } as const;
/** A server that says nothing holds nobody up for longer, milliseconds; the caller's signal may end it before. */
const PATIENCE_MS = 10_000;

export async function sendMail(target: Smtp, message: Message, signal: AbortSignal): Promise<void> {
  const { host, tls, port = PORTS[tls], from, to, user, password, insecure } = target;
  if (tls === 'none' && !insecure && !isLoopback(host)) {
    throw new NotSent('it would be sent without TLS, and `insecure: true` is not set', false);
  }
  const { createTransport } = await import('nodemailer');
  const transport = createTransport({
    host,
    port,
    secure: tls === 'implicit',
    requireTLS: tls === 'starttls',
    ignoreTLS: tls === 'none',
    ...(user === undefined ? {} : { auth: { user, pass: password ?? '' } }),
    connectionTimeout: PATIENCE_MS,
    greetingTimeout: PATIENCE_MS,
    socketTimeout: PATIENCE_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const line = sentence(message);
  try {
    await transport.sendMail({
      from,
      to: [...to],
      subject: `strongroom: ${line}`.slice(0, 200),
      text: `${[line, '', ...factLines(message)].join('\n')}\n`,
      date: message.time,
      xMailer: false,
      // So that nobody's absence is answered to it (RFC 3834).
      headers: { 'Auto-Submitted': 'auto-generated' },
      signal,
    });
  } catch (error) {
    throw notSent(error);
  }
}

/** Of what the server says only the number counts: it may repeat addresses, and what we sent. */
function notSent(error: unknown): NotSent {
  const { code, responseCode: answer } = error as {
    readonly code?: unknown;
    readonly responseCode?: unknown;
  };
  const said = typeof answer === 'number' ? `it answered ${answer}` : undefined;
  if (code === 'EAUTH' || code === 'ENOAUTH') {
    return new NotSent(
      `it does not accept the user and the password${said ? ` (${answer})` : ''}`,
      false,
      error,
    );
  }
  if (said !== undefined) return new NotSent(said, Number(answer) < 500, error);
  return unreachable(error);
}
