// Owns listing a bucket's objects: pages of a thousand, which follow each other only where nobody knows what to expect.

import { checkSignal, isObjectName, type StoredObject } from '../store.ts';
import type { Caller } from './caller.ts';
import { fetchPage, type Page } from './listing-page.ts';
import { watchProgress } from './progress.ts';
import { ListObjectsV2Command } from './sdk.ts';

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
    // Page by page: an object that came through two generators would cost twice the time.
    for await (const objects of listStretch(caller, prefix, stretch, begun[index]!, signal)) {
      for (const object of objects) {
        checkSignal(signal);
        yield object;
      }
    }
  }
}

async function* listStretch(
  caller: Caller,
  prefix: string,
  { after, until }: Stretch,
  first: Promise<Page>,
  signal: AbortSignal | undefined,
): AsyncGenerator<StoredObject[]> {
  const end = until === undefined ? undefined : caller.prefix + until;
  const below = caller.prefix + prefix;
  const progress = watchProgress(caller, { action: 'ListObjectsV2', name: prefix }, { after });
  let next: Promise<Page> | undefined = first;
  while (next) {
    const page: Page = await next;
    const { entries, isTruncated, token } = page;
    const isLast = !(token || isTruncated) || (end !== undefined && (entries.at(-1)?.key ?? '') >= end);
    if (!isLast) progress.page(token);
    // The next page comes while this one is looked at.
    next = isLast ? undefined : listPage(caller, prefix, { ContinuationToken: token! }, signal);
    next?.catch(() => {});
    const objects: StoredObject[] = [];
    for (const { key, size, modified, etag } of entries) {
      if (end !== undefined && key > end) {
        next = undefined;
        break;
      }
      const name = key.slice(caller.prefix.length);
      if (!key.startsWith(below) || !isObjectName(name)) continue;
      progress.name(name);
      objects.push(etag ? { name, size, modified, etag: `${etag}-${size}` } : { name, size, modified });
    }
    yield objects;
  }
}

function listPage(
  caller: Caller,
  prefix: string,
  from: { StartAfter?: string; ContinuationToken?: string },
  signal: AbortSignal | undefined,
): Promise<Page> {
  const input = { ...caller.bucket, Prefix: caller.prefix + prefix, MaxKeys: PAGE, ...from };
  const asked = { action: 'ListObjectsV2', name: prefix, permission: 's3:ListBucket', signal };
  return caller.call(asked, (abortSignal) =>
    fetchPage(caller.client, new ListObjectsV2Command(input), abortSignal),
  );
}
