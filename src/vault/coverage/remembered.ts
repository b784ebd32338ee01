// A disk that is asked once: discovery and the look for secrets go through the same files, one after the other.
import type { Disk, Head } from '../../capture/discover/disk.ts';

/** Beginnings of files that are kept, in bytes. What comes later is read again. */
const MAX_KEPT = 64 * 2 ** 20;

/** @param disk which is asked; what it throws is thrown each time */
export function rememberedDisk(disk: Disk): Disk {
  const listings = new Map<string, ReturnType<Disk['list']>>();
  const heads = new Map<string, Head>();
  let kept = 0;
  return {
    ...disk,
    list(path) {
      const listing = listings.get(path) ?? disk.list(path);
      listings.set(path, listing);
      return listing;
    },
    read(path, atMost) {
      const known = heads.get(path);
      if (known && (known.bytes.length === known.size || known.bytes.length >= atMost))
        return { bytes: known.bytes.subarray(0, atMost), size: known.size };
      const head = disk.read(path, atMost);
      if (head && kept + head.bytes.length <= MAX_KEPT) {
        kept += head.bytes.length;
        heads.set(path, head);
      }
      return head;
    },
  };
}
