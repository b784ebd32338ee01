// The beginning of a dump of PostgreSQL, which tells its format and the server it is from; and its end, where that is text.
import { textAfter } from './head-facts.ts';

/** What each format ends in. The line after it, since August 2025, ends what psql may not do. */
export const TRAILERS = {
  plain: /^-- PostgreSQL database dump complete\n--\s*(?:^\\unrestrict \w+\s*)?$(?![\s\S])/m,
  globals: /^-- PostgreSQL database cluster dump complete\n--\s*(?:^\\unrestrict \w+\s*)?$(?![\s\S])/m,
};

/** Text that begins with the server's version. @param head the first bytes of a dump */
export function postgresVersion(head: Buffer): string | undefined {
  return isCustom(head) ? serverText(head) : textAfter(/^-- Dumped from database version /m, head);
}

/** Whether a dump is in the custom format. @param head its first five bytes at least */
export function isCustom(head: Buffer): boolean {
  return head.subarray(0, 5).toString('latin1') === 'PGDMP';
}

/** The custom format's header (pg_backup_archiver.c, ReadHead): magic, versions, sizes, compression, time, texts. */
function serverText(head: Buffer): string | undefined {
  const [major = 0, minor = 0] = head.subarray(5, 7);
  const size = head[8] ?? 0;
  let at = 11;
  const integer = (): number => {
    const value = size === 4 && at + 5 <= head.length ? head.readInt32LE(at + 1) : Number.NaN;
    at += 1 + size;
    return value;
  };
  // From 1.15 on the kind of compression is one byte.
  if (major === 1 && minor >= 15) at += 1;
  else integer();
  for (let part = 0; part < 7; part++) integer();
  const text = (): string => {
    const length = integer();
    const value = length >= 0 ? head.toString('latin1', at, at + length) : '';
    at += Math.max(length, 0);
    return value;
  };
  text();
  const version = text();
  return at <= head.length ? `${version} ` : undefined;
}
