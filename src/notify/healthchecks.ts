// Pings in the manner of healthchecks.io: a service that raises the alarm when the next one does not come in time.
// https://healthchecks.io/docs/http_api/

import { post, urlOf } from './http.ts';
import { type Message, sentence } from './message.ts';

export interface Healthchecks {
  readonly kind: 'healthchecks';
  readonly url: string;
  readonly insecure: boolean;
}

/** The bare URL is success, as every such service has it; `rid` ties the end of a run to its start. */
export async function pingHealthchecks(
  { url: text, insecure }: Healthchecks,
  message: Message,
  signal: AbortSignal,
): Promise<void> {
  const url = urlOf(text, insecure);
  url.pathname = url.pathname.replace(/\/$/, '') + endpoint(message);
  url.searchParams.set('rid', message.run);
  await post({ url, body: sentence(message) }, signal);
}

function endpoint({ event, exitCode, ok }: Message): string {
  if (event === 'start') return '/start';
  // Noted, without a change to the state of the check.
  if (event === 'test') return '/log';
  if (ok) return '';
  const isStatus = exitCode !== undefined && exitCode > 0 && exitCode < 256;
  return isStatus ? `/${exitCode}` : '/fail';
}
