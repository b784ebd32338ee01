// A topic of ntfy, for a phone: https://docs.ntfy.sh/publish/

import { post, urlOf } from './http.ts';
import { factLines, type Message, sentence } from './message.ts';

export interface Ntfy {
  readonly kind: 'ntfy';
  /** Of the topic: `https://ntfy.sh/TOPIC`. */
  readonly url: string;
  readonly token?: string;
  readonly insecure: boolean;
}

export async function publishNtfy(
  { url, token, insecure }: Ntfy,
  message: Message,
  signal: AbortSignal,
): Promise<void> {
  const { event, command, ok, host } = message;
  const isFine = ok || event === 'test';
  const headers = {
    // Headers are bytes: names are ASCII by their rules, and what is not would be refused.
    title: `strongroom: ${command} ${event === 'drill' ? (ok ? 'went well' : 'failed') : event}${host === undefined ? '' : ` on ${host}`}`,
    priority: isFine ? 'default' : event === 'failure' ? 'urgent' : 'high',
    tags: `${isFine ? 'white_check_mark' : 'rotating_light'},strongroom,${event}`,
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  // What is longer than 4096 bytes becomes a file to download.
  const body = [sentence(message), ...factLines(message)].join('\n').slice(0, 2000);
  await post({ url: urlOf(url, insecure), headers, body }, signal);
}
