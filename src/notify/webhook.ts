// A POST of the message as JSON to whatever listens there.

import { post, urlOf } from './http.ts';
import { fieldsOf, type Message } from './message.ts';

export interface Webhook {
  readonly kind: 'webhook';
  readonly url: string;
  /** Sent as `Authorization: Bearer …`. */
  readonly token?: string;
  readonly insecure: boolean;
}

export async function callWebhook(
  { url, token, insecure }: Webhook,
  message: Message,
  signal: AbortSignal,
): Promise<void> {
  const headers = {
    'content-type': 'application/json',
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  await post({ url: urlOf(url, insecure), headers, body: JSON.stringify(fieldsOf(message)) }, signal);
}
