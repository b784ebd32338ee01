// Owns listing a bucket's objects: pages of a thousand, which follow each other only where nobody knows what to expect.

import { checkSignal, isObjectName, type StoredObject } from '../store.ts';
import type { Caller } from './caller.ts';
import { watchProgress } from './progress.ts';
import { ListObjectsV2Command, type ListObjectsV2CommandOutput } from './sdk.ts';

const PAGE = 1000;
/** Stretches of the listing that are asked for at once. */
const AT_ONCE = 8;

/** A stretch of names: those after `after`, up to and with `until`. */
interface Stretch {
  readonly after: string | undefined;
  readonly until: string | undefined;
}

/**
 * @param expected names that are probably there, ascending: they only say where to cut the listing into stretches
 * @yields ascending, and only what begins with the prefix, whatever the service says
 * @throws StoreError `bad-reply` for pages that are out of order or lead nowhere
 */
export async function* listObjects(
  caller: Caller,
  prefix: string,
  { signal, expected = [] }: { signal?: AbortSignal | undefined; expected?: readonly string[] | undefined },
): AsyncGenerator<StoredObject> {
  const cuts = expected.filter((_, index) => index % PAGE === PAGE - 1);
  const stretches: Stretch[] = [undefined, ...cuts].map((after, index) => ({ after, until: cuts[index] }));
  const firstPage = ({ after }: Stretch) => {
    const page = listPage(
      caller,
      prefix,
      after === undefined ? {} : { StartAfter: caller.prefix + after },
      signal,
    );
    // Nobody may be waiting for it yet, or ever, when an earlier one fails.
    page.catch(() => {});
    return page;
  };
  const begun = stretches.slice(0, AT_ONCE).map(firstPage);
  for (const [index, stretch] of stretches.entries()) {
    const ahead = stretches[index + AT_ONCE];
    if (ahead) begun.push(firstPage(ahead));
    yield* listStretch(caller, prefix, stretch, begun[index]!, signal);
  }
}

async function* listStretch(
  caller: Caller,
  prefix: string,
  { after, until }: Stretch,
  first: Promise<ListObjectsV2CommandOutput>,
  signal: AbortSignal | undefined,
): AsyncGenerator<StoredObject> {
  const end = until === undefined ? undefined : caller.prefix + until;
  const progress = watchProgress(caller, { action: 'ListObjectsV2', name: prefix }, { after });
  let next: Promise<ListObjectsV2CommandOutput> | undefined = first;
  while (next) {
    const page: ListObjectsV2CommandOutput = await next;
    const { Contents = [], IsTruncated, NextContinuationToken: token } = page;
    const isLast = !(token || IsTruncated) || (end !== undefined && (Contents.at(-1)?.Key ?? '') >= end);
    if (!isLast) progress.page(token);
    // The next page comes while this one is looked at.
    next = isLast ? undefined : listPage(caller, prefix, { ContinuationToken: token! }, signal);
    next?.catch(() => {});
    for (const { Key = '', Size = 0, LastModified, ETag } of Contents) {
      checkSignal(signal);
      if (end !== undefined && Key > end) return;
      const name = Key.slice(caller.prefix.length);
      if (!Key.startsWith(caller.prefix + prefix) || !isObjectName(name)) continue;
      progress.name(name);
      const etag = ETag ? { etag: `${ETag.replaceAll('"', '')}-${Size}` } : {};
      yield { name, size: Size, modified: LastModified ?? new Date(0), ...etag };
    }
  }
}

function listPage(
  caller: Caller,
  prefix: string,
  from: { StartAfter?: string; ContinuationToken?: string },
  signal: AbortSignal | undefined,
): Promise<ListObjectsV2CommandOutput> {
  const input = { ...caller.bucket, Prefix: caller.prefix + prefix, MaxKeys: PAGE, ...from };
  const asked = { action: 'ListObjectsV2', name: prefix, permission: 's3:ListBucket', signal };
  return caller.call(asked, (abortSignal) =>
    caller.client.send(new ListObjectsV2Command(input), { abortSignal }),
  );
}
