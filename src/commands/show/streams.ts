// The streams of a snapshot as `show` lists them: what was dumped, from where, and whether it is whole.
import type { StreamInfo } from '../../vault/documents/streams.ts';
import type { Fields, Out } from '../command.ts';

/** A host that was taken over may say more of a stream than a person reads. */
const MAX_FACTS = 8;
const MAX_TEXT = 80;

const clipped = (text: string): string => (text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text);

/** `stream db: postgres, database shop, format custom, 12.3 MiB`. */
export function showStreams(streams: readonly StreamInfo[], out: Out): void {
  for (const { name, type, facts, bytes, complete } of streams) {
    const told = Object.entries(facts)
      .slice(0, MAX_FACTS)
      .map(([fact, text]) => clipped(`${fact} ${text}`));
    const what = `stream ${name}: ${[type, ...told, out.size(bytes)].join(', ')}`;
    if (complete) out.line(what);
    else out.line(`${what}, `, out.styled('red', 'incomplete'));
  }
}

/** For programs. */
export function streamFields({ name, type, facts, bytes, sha256, seconds, complete }: StreamInfo): Fields {
  return { name, type, facts: { ...facts }, bytes, sha256, seconds, complete };
}
