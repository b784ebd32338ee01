import { describe, expect, it } from 'vitest';
import { checkConfirmed, encryptionFields } from '../../../src/store/s3/encryption.ts';

const ARN = 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab';
const OTHER = ARN.replace('1234abcd', '00000000');

describe('encryption by the service', () => {
  it('is asked for as the settings say', () => {
    expect(encryptionFields({})).toEqual({});
    expect(encryptionFields({ sse: 'none' })).toEqual({});
    expect(encryptionFields({ sse: 'AES256' })).toEqual({ ServerSideEncryption: 'AES256' });
    expect(encryptionFields({ sse: 'aws:kms:dsse', kmsKeyId: ARN, kmsContext: { app: 'shop' } })).toEqual({
      ServerSideEncryption: 'aws:kms:dsse',
      SSEKMSKeyId: ARN,
      SSEKMSEncryptionContext: Buffer.from('{"app":"shop"}').toString('base64'),
    });
  });

  it.each([
    [{ kmsKeyId: ARN }],
    [{ sse: 'AES256', kmsKeyId: ARN } as const],
    [{ sse: 'none', kmsContext: { app: 'shop' } } as const],
  ])('%j goes not together', (settings) => {
    expect(() => encryptionFields(settings)).toThrow(
      expect.objectContaining({ code: 'bad-setting', exitCode: 2, hint: expect.stringContaining('sse') }),
    );
  });

  it.each(['alias/backup', ARN.replace(/key\/.*/, 'alias/backup')])(
    'takes no alias, since no reply could tell whether it was the right key: %s',
    (kmsKeyId) => {
      expect(() => encryptionFields({ sse: 'aws:kms', kmsKeyId })).toThrow(
        expect.objectContaining({
          code: 'bad-setting',
          exitCode: 2,
          message: expect.stringContaining('s3.kmsKeyId'),
          hint: expect.stringContaining('ARN'),
        }),
      );
    },
  );

  describe('is confirmed', () => {
    const kms = { sse: 'aws:kms', kmsKeyId: ARN } as const;
    it.each([
      ['nothing was asked for', {}, {}],
      ['it says what was asked for', { sse: 'AES256' } as const, { ServerSideEncryption: 'AES256' }],
      [
        'a key of its own choice',
        { sse: 'aws:kms' } as const,
        { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: ARN },
      ],
      ['the key that was asked for', kms, { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: ARN }],
      [
        'an id is answered with its ARN',
        { ...kms, kmsKeyId: '1234abcd-12ab-34cd-56ef-1234567890ab' },
        { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: ARN },
      ],
    ])('when %s', (_, settings, reply) => {
      expect(() => checkConfirmed(encryptionFields(settings), reply, 's3://b/x')).not.toThrow();
    });

    it.each([
      ['it says nothing', { sse: 'AES256' } as const, {}],
      ['it says something weaker', kms, { ServerSideEncryption: 'AES256' }],
      [
        'it names one layer and not two',
        { ...kms, sse: 'aws:kms:dsse' } as const,
        { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: ARN },
      ],
      ['it names no key', kms, { ServerSideEncryption: 'aws:kms' }],
      ['it names another key', kms, { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: OTHER }],
      [
        'it names another key than the id',
        { ...kms, kmsKeyId: '1234abcd-12ab-34cd-56ef-1234567890ab' },
        { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: OTHER },
      ],
    ])('not when %s', (_, settings, reply) => {
      expect(() => checkConfirmed(encryptionFields(settings), reply, 's3://b/x')).toThrow(
        expect.objectContaining({
          code: 'sse-not-confirmed',
          exitCode: 14,
          message: expect.stringContaining('s3://b/x'),
          hint: expect.stringContaining('s3.sse'),
        }),
      );
    });
  });
});
