// Our reading of a page of a listing against the SDK's: where ours says something, it is what the SDK would have said.

import { ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Page, pageOf, parsePage } from '../../../src/store/s3/listing-page.ts';

let reply = '';
const client = new S3Client({
  region: 'us-east-1',
  credentials: { accessKeyId: 'nobody', secretAccessKey: 'nothing' },
  maxAttempts: 1,
  requestHandler: {
    handle: async () => ({ response: { statusCode: 200, headers: {}, body: Buffer.from(reply) } }),
  } as never,
});

/** As the SDK reads it; undefined for what it does not understand. */
async function bySdk(text: string): Promise<Page | undefined> {
  reply = text;
  const asked = client.send(new ListObjectsV2Command({ Bucket: 'bucket' }));
  return await asked.then(pageOf, () => undefined);
}

interface Entry {
  readonly key: string;
  readonly time: string;
  readonly etag: string;
  readonly size: number;
  readonly more: readonly string[];
}

const contents = ({ key, time, etag, size, more: [before = '', after = ''] }: Entry): string =>
  `<Contents><Key>${key}</Key><LastModified>${time}</LastModified><ETag>&quot;${etag}&quot;</ETag>${before}` +
  `<Size>${size}</Size>${after}</Contents>`;
const pageText = (entries: readonly Entry[], head = '<IsTruncated>false</IsTruncated>'): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">` +
  `<Name>bucket</Name><Prefix/><MaxKeys>1000</MaxKeys>${head}${entries.map(contents).join('')}</ListBucketResult>`;

const one: Entry = {
  key: 'vault/snapshots/app/1.json',
  time: '2026-11-20T14:11:05.102Z',
  etag: 'd6b2a8bf6cb011f023bc929b7bc1dda6-2',
  size: 1386,
  more: ['', '<StorageClass>STANDARD</StorageClass>'],
};
const LOCKED = '<ChecksumAlgorithm>SHA256</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType>';

const name = fc.stringMatching(/^[A-Za-z0-9._=@+-][A-Za-z0-9._=@+ /-]{0,30}[A-Za-z0-9._-]$/);
const entry: fc.Arbitrary<Entry> = fc.record({
  key: name,
  time: fc
    .date({ min: new Date('2000-01-01'), max: new Date('2100-01-01'), noInvalidDate: true })
    .map((date) => date.toISOString()),
  etag: fc.stringMatching(/^[0-9a-f]{32}(?:-[0-9]{1,4})?$/),
  size: fc.nat({ max: 2 ** 40 }),
  more: fc.constantFrom(
    ['', '<StorageClass>STANDARD</StorageClass><Type>Normal</Type>'],
    [LOCKED, '<StorageClass>GLACIER</StorageClass>'],
    ['', ''],
  ),
});

describe('a page of a listing', () => {
  it('as services write it is read without the SDK, and as the SDK reads it', async () => {
    const head = fc.oneof(
      fc.constant('<IsTruncated>false</IsTruncated><KeyCount>3</KeyCount>'),
      name.map((t) => `<NextContinuationToken>${t}</NextContinuationToken><IsTruncated>true</IsTruncated>`),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { maxLength: 5 }), head, async (entries, fields) => {
        const text = pageText(entries, fields);
        const page = parsePage(text);
        expect(page).toBeDefined();
        expect(page).toEqual(await bySdk(text));
      }),
    );
  });

  it('with anything odd in it is read as the SDK reads it, or left to the SDK', async () => {
    const odd = fc.constantFrom(
      ...[
        '&amp;',
        '&#65;',
        '&lt;Key&gt;',
        '&x;',
        '&',
        '<',
        '>',
        '"',
        '\n',
        '\r',
        ' ',
        '\t',
        'é',
        '\u0000',
        '',
      ],
      ...[
        '<Key>b</Key>',
        '<Size>1</Size>',
        '<Size>-1</Size>',
        '<ETag>x</ETag>',
        '<IsTruncated>true</IsTruncated>',
      ],
      ...[
        '<Contents></Contents>',
        '<Contents/>',
        '</Contents>',
        '<Owner><ID>a</ID></Owner>',
        '<!-- a -->',
        '9',
        '0',
      ],
      ...[
        '<![CDATA[a]]>',
        '<?b?>',
        '<__proto__>a</__proto__>',
        '<constructor>a</constructor>',
        '<Prefix>a</Prefix>',
      ],
      ...[
        '<NextContinuationToken/>',
        '<NextContinuationToken>a b</NextContinuationToken>',
        '</ListBucketResult>',
      ],
    );
    const at = fc.nat({ max: 1200 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(entry, { minLength: 1, maxLength: 3 }),
        fc.array(fc.tuple(at, fc.nat({ max: 12 }), odd), { minLength: 1, maxLength: 3 }),
        async (entries, changes) => {
          let text = pageText(entries);
          for (const [where, gone, put] of changes) {
            const from = where % text.length;
            text = text.slice(0, from) + put + text.slice(from + gone);
          }
          const page = parsePage(text);
          if (page) expect(page).toEqual(await bySdk(text));
        },
      ),
      { numRuns: 1000 },
    );
  });

  it.each([
    ['a key that XML has to write in another way', pageText([{ ...one, key: 'vault/a&amp;b' }])],
    ['a day that there is not', pageText([{ ...one, time: '2026-02-30T00:00:00Z' }])],
    ['a key twice in one object', pageText([{ ...one, more: ['<Key>vault/b</Key>'] }])],
    ['a size twice in one object', pageText([{ ...one, more: ['', '<Size>1</Size>'] }])],
    ['two tokens', pageText([one], '<IsTruncated>true</IsTruncated>'.repeat(2))],
    ['no word on whether there is more', pageText([one], '')],
    ['an owner', pageText([{ ...one, more: ['', '<Owner><ID>a</ID></Owner>'] }])],
    ['an error', '<Error><Code>AccessDenied</Code></Error>'],
    ['something behind it', `${pageText([one])}<a/>`],
    ['an end too soon', pageText([one]).slice(0, -1)],
    ['nothing', ''],
  ])('with %s is left to the SDK', (_, text) => {
    expect(parsePage(text)).toBeUndefined();
  });

  it.each([
    ['a text without end', (n: number) => `<ListBucketResult><Prefix>${'a'.repeat(n)}`],
    ['a head without end', (n: number) => `<?xml ${'a'.repeat(n)}`],
    ['a tag without end', (n: number) => `<ListBucketResult><${'a'.repeat(n)}`],
    ['spaces', (n: number) => `<?xml ?>${' '.repeat(n)}`],
    ['tags that are not closed', (n: number) => `<ListBucketResult>${'<a>'.repeat(n / 3)}`],
    [
      'an object that never ends',
      (n: number) => pageText([{ ...one, more: ['', '<A>a</A>'.repeat(n / 8)] }]).slice(0, -40),
    ],
  ])('of %s is given up in a time that does not grow faster than it', (_, text) => {
    for (const size of [100_000, 4_000_000, 40_000_000]) {
      const long = text(size);
      const before = performance.now();
      expect(parsePage(long)).toBeUndefined();
      expect(performance.now() - before).toBeLessThan(1000);
    }
  });
});
