// Incoming webhooks of Slack, and of what takes the same: Mattermost, Rocket.Chat, Discord (its URL with /slack).
// https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/

import { post, urlOf } from './http.ts';
import { factLines, type Message, sentence } from './message.ts';

export interface Slack {
  readonly kind: 'slack';
  readonly url: string;
  readonly insecure: boolean;
}

export async function tellSlack(
  { url, insecure }: Slack,
  message: Message,
  signal: AbortSignal,
): Promise<void> {
  const sign = message.event === 'test' ? '' : message.ok ? ':white_check_mark: ' : ':rotating_light: ';
  const text = sign + [sentence(message), ...factLines(message)].map(escaped).join('\n');
  const headers = { 'content-type': 'application/json' };
  await post({ url: urlOf(url, insecure), headers, body: JSON.stringify({ text }) }, signal);
}

/** The three characters that could make a link or a mention. */
function escaped(line: string): string {
  return line.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
