import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/cli/config.ts';
import { configText, reachedBy } from '../../../src/commands/init/config-text.ts';

const pin = { vault: '01jc', generation: 1, revision: 1, recipient: 'age1qq', authority: 'SHA256:abc' };
const arn = 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab';
const read = async (env: Record<string, string>, kms: string[] = []) =>
  await parseConfig(
    configText({ location: 's3://acme-backups/shop', pin, set: 'shop', s3: reachedBy(env), kms }),
    '/srv/shop/strongroom.yaml',
    '/home/me',
  );

describe('the settings that init writes', () => {
  it('say how the bucket was reached, since a timer has another environment', async () => {
    const env = { AWS_ENDPOINT_URL: 'https://s3.example.com', AWS_REGION: 'eu-central-1' };
    const config = await read(env, [arn]);
    expect(config).toMatchObject({ location: 's3://acme-backups/shop', pin, kms: [arn] });
    expect(config.s3).toEqual({ endpoint: 'https://s3.example.com', region: 'eu-central-1' });
    const both = { ...env, AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:7480' };
    expect((await read(both)).s3).toMatchObject({ endpoint: 'http://127.0.0.1:7480' });
  });

  it('hold no name and password, and nothing that the next command would refuse', async () => {
    for (const url of [
      'https://me:secret@s3.example.com',
      'https://s3.example.com/below',
      '',
      's3.example.com',
    ]) {
      expect((await read({ AWS_ENDPOINT_URL: url })).s3, url).toEqual({});
    }
  });
});
