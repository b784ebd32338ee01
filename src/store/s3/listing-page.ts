// Owns reading one page of ListObjectsV2. The SDK reads XML of any shape and takes ten times as long as strongroom needs
// for the rest; so the shape that services write is read here, and whatever differs from it is left to the SDK.

import { collectReply } from './body.ts';
import type { ListObjectsV2Command, ListObjectsV2CommandOutput, S3Client } from './sdk.ts';

/** One object as the service names it. */
export interface PageEntry {
  readonly key: string;
  readonly size: number;
  readonly modified: Date;
  /** Without its quotes. */
  readonly etag: string | undefined;
}

export interface Page {
  readonly entries: readonly PageEntry[];
  readonly isTruncated: boolean;
  /** Says where the next page begins. */
  readonly token: string | undefined;
}

// Printable ASCII, and nothing that XML writes in another way: no name of strongroom's needs more.
const TEXT = "[ -%'-;=?-~]*";
const QUOTE = '(?:"|&quot;|&#34;)';
const TIME = '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(?:\\.\\d{3})?Z';
const others = (group: number) => `(?:<((?!Key>|LastModified>|ETag>|Size>)[A-Za-z]+)>${TEXT}</\\${group}>)*`;

const HEAD = /^(?:<\?xml [ -;=?-~]*\?>\s*)?<ListBucketResult(?: xmlns="[!#-;=?-~]*")?>/;
const TAIL = /<\/ListBucketResult>\s*$/y;
const CONTENTS = new RegExp(
  `<Contents><Key>(${TEXT})</Key><LastModified>(${TIME})</LastModified><ETag>${QUOTE}([A-Za-z0-9-]+)${QUOTE}</ETag>` +
    `${others(4)}<Size>(\\d{1,15})</Size>${others(6)}</Contents>`,
  'y',
);
// What was asked for may be repeated, and may be empty.
const FIELD = new RegExp(`<((?!Contents>)[A-Za-z]+)>(${TEXT})</\\1>|<(Prefix|StartAfter|Delimiter)/>`, 'y');
/** A page of a thousand keys has less; what is longer could exhaust the stack of a pattern. */
const MAX_LENGTH = 4 * 1024 * 1024;

/**
 * Asks for a page.
 * @throws whatever the SDK throws
 */
export async function fetchPage(
  client: S3Client,
  command: ListObjectsV2Command,
  abortSignal: AbortSignal,
): Promise<Page> {
  let page: Page | undefined;
  command.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const response = result.response as {
        statusCode: number;
        body: AsyncIterable<Uint8Array> | Uint8Array;
      };
      if (response.statusCode !== 200 || response.body instanceof Uint8Array) return result;
      const bytes = await collectReply(response.body);
      page = parsePage(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString());
      response.body = page ? new Uint8Array() : bytes;
      return result;
    },
    // The last before the network: the SDK, which reads replies, finds nothing left to read.
    { step: 'deserialize', priority: 'low', name: 'strongroomPage' },
  );
  const output = await client.send(command, { abortSignal });
  return page ?? pageOf(output);
}

/**
 * @param text a page in the one shape that is read here
 * @returns what the SDK would have read; undefined for any other text, sound or not. Linear in its length
 */
export function parsePage(text: string): Page | undefined {
  let at = text.length > MAX_LENGTH ? undefined : HEAD.exec(text)?.[0].length;
  if (at === undefined) return undefined;
  const entries: PageEntry[] = [];
  const fields = new Map<string, string>();
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at!;
    const found = pattern.exec(text);
    if (found) at = pattern.lastIndex;
    return found;
  };
  for (;;) {
    const found = take(CONTENTS);
    if (found) {
      const [, key = '', time = '', etag, , size] = found;
      const modified = new Date(time);
      // 30 February would become a day in March; a time that cannot be is no number at all.
      if (modified.getUTCDate() !== Number(time.slice(8, 10))) return undefined;
      entries.push({ key, size: Number(size), modified, etag });
      continue;
    }
    const field = take(FIELD);
    if (!field) break;
    const [, full, value = '', empty = ''] = field;
    const name = full ?? empty;
    if (fields.has(name)) return undefined;
    fields.set(name, value);
  }
  const truncated = fields.get('IsTruncated');
  if (!take(TAIL) || (truncated !== 'true' && truncated !== 'false')) return undefined;
  return { entries, isTruncated: truncated === 'true', token: fields.get('NextContinuationToken') };
}

/** The same from what the SDK read. */
export function pageOf({
  Contents = [],
  IsTruncated = false,
  NextContinuationToken: token,
}: ListObjectsV2CommandOutput): Page {
  const entries = Contents.map(({ Key = '', Size = 0, LastModified = new Date(0), ETag }) => ({
    key: Key,
    size: Size,
    modified: LastModified,
    etag: ETag?.replaceAll('"', ''),
  }));
  return { entries, isTruncated: IsTruncated, token };
}
