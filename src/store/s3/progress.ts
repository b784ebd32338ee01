// Owns what keeps a listing from going on for ever: pages must lead on, whatever a service that lies or is broken says.

import { createHash } from 'node:crypto';
import { StoreError } from '../../errors.ts';
import type { Caller } from './caller.ts';
import { BAD_REPLY_HINT } from './words.ts';

/** Pages in a row without a new name. Others' keys below our prefix are passed over, so there may be some. */
const MAX_IDLE_PAGES = 1000;

export interface Progress {
  /** @throws StoreError `bad-reply` for a name that does not come after the last one, in byte order */
  name(name: string): void;
  /**
   * @param marker says where the next page begins
   * @throws StoreError `bad-reply` for one that is missing, or was there before, or after too many pages for nothing
   */
  page(marker: string | undefined): void;
}

/**
 * Watches over one listing.
 *
 * @param action `ListObjectsV2` and the like
 * @param mayRepeat whether the same name may come several times in a row, as versions do
 * @param after the name after which the listing begins
 */
export function watchProgress(
  { bucket, prefix }: Caller,
  { action, name: below }: { readonly action: string; readonly name: string },
  { mayRepeat = false, after = '' } = {},
): Progress {
  let last = after;
  let idle = 0;
  // Digests: a marker may be as long as a reply.
  const seen = new Set<string>();
  const bad = (how: string): StoreError => {
    const object = `s3://${bucket.Bucket}/${prefix}${below}`;
    const message = `${action} of ${object} failed: the pages of its reply ${how}`;
    return new StoreError('bad-reply', message, { object, hint: BAD_REPLY_HINT });
  };
  return {
    name(name) {
      if (name < last || (name === last && !mayRepeat)) throw bad('are out of order');
      if (name !== last) idle = 0;
      last = name;
    },
    page(marker) {
      if (!marker) throw bad('break off');
      const digest = createHash('sha256').update(marker).digest('base64');
      if (seen.has(digest) || ++idle > MAX_IDLE_PAGES) throw bad('lead nowhere');
      seen.add(digest);
    },
  };
}
