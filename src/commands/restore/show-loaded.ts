// How `restore --load` says what became of a stream.
import type { Fields, Out } from '../command.ts';
import type { LoadedStream } from './load.ts';

export function showLoaded({ snapshot, info, into, hint }: LoadedStream, out: Out): void {
  const what = `${info.name} of ${snapshot.id} (${info.type}, ${out.size(info.bytes)})`;
  if (into === undefined) {
    out.note(`would load ${what}`);
    return;
  }
  out.note(`loaded ${what} into ${into}`);
  if (hint !== undefined) out.line(hint);
}

export function loadedFields({ snapshot, info, into, hint }: LoadedStream): Fields {
  return {
    snapshot: snapshot.id,
    set: snapshot.set,
    host: snapshot.host,
    stream: info.name,
    type: info.type,
    bytes: info.bytes,
    into,
    hint,
    dry_run: into === undefined,
  };
}
