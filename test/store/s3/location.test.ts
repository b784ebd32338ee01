import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseS3Location } from '../../../src/store/s3/location.ts';

describe('an S3 location', () => {
  it.each([
    ['s3://acme-backups', 'acme-backups', '', 's3://acme-backups'],
    ['s3://acme-backups/', 'acme-backups', '', 's3://acme-backups'],
    ['s3://acme-backups/shop', 'acme-backups', 'shop/', 's3://acme-backups/shop'],
    ['s3://acme-backups//a/b//', 'acme-backups', 'a/b/', 's3://acme-backups/a/b'],
    ['s3://my.bucket_1/Env=Prod/v1.2', 'my.bucket_1', 'Env=Prod/v1.2/', 's3://my.bucket_1/Env=Prod/v1.2'],
  ])('%s is a bucket and a prefix, written in one way', (location, bucket, prefix, text) => {
    expect(parseS3Location(location)).toEqual({ bucket, prefix, text });
  });

  it.each([
    's3://',
    's3:///shop',
    's3://ab',
    's3://Bucket',
    's3://-bucket',
    's3://user:secret@bucket/x',
    's3://bucket:443/x',
    's3://bucket?versionId=1',
    's3://bucket/../other',
    's3://bucket/a/./b',
    's3://bucket/a?x=y',
    's3://bucket/a#b',
    's3://bucket/a%2fb',
    's3://bucket/ä',
    's3://bucket/a\nb',
    's3://bucket/a\\b',
    `s3://bucket/${'x'.repeat(501)}`,
    's3:/bucket',
    'bucket/prefix',
  ])('%j is none', (location) => {
    expect(() => parseS3Location(location)).toThrow(
      expect.objectContaining({ code: 'bad-location', exitCode: 2 }),
    );
  });

  it('comes to the same when it is read from its own text, and stays in its bucket', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-ascii', maxLength: 60 }), (path) => {
        const location = `s3://bucket/${path}`;
        let parsed: ReturnType<typeof parseS3Location>;
        try {
          parsed = parseS3Location(location);
        } catch {
          return;
        }
        expect(parseS3Location(parsed.text)).toEqual(parsed);
        expect(parsed.bucket).toBe('bucket');
        expect(parsed.prefix).not.toMatch(/^\/|\/\/|(?:^|\/)\.\.?\//);
      }),
    );
  });
});
