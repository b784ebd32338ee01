import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/cli/config.ts';
import { configText, reachedBy } from '../../../src/commands/init/config-text.ts';
import type { Proposal } from '../../../src/commands/init/propose.ts';

const pin = { vault: '01jc', generation: 1, revision: 1, recipient: 'age1qq', authority: 'SHA256:abc' };
const arn = 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab';
const nothing: Proposal = { discover: [], outside: [], missing: [], databases: [] };
const read = async (env: Record<string, string>, kms: string[] = [], proposal = nothing) =>
  await parseConfig(
    configText({ location: 's3://acme-backups/shop', pin, set: 'shop', s3: reachedBy(env), kms, proposal }),
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

  it('follow what was found in the directory, and take nothing beyond it until somebody says so', async () => {
    const proposal: Proposal = {
      discover: ['compose', 'dotenv'],
      outside: ['/secure/it\'s "quoted".pem'],
      missing: [],
      databases: [],
    };
    const set = (await read({}, [], proposal)).sets.get('shop');
    expect(set).toMatchObject({ include: ['.'], discover: ['compose', 'dotenv'], outside: [] });
    expect((await read({})).sets.get('shop')).toMatchObject({ include: [], discover: undefined });
  });

  it('hold examples that a person can take the comment off', async () => {
    const proposal: Proposal = { ...nothing, discover: ['compose'], outside: ['/secure/site.pem'] };
    for (const chosen of [nothing, proposal]) {
      const text = configText({
        location: '/mnt/vault',
        pin,
        set: 'shop',
        s3: {},
        kms: [],
        proposal: chosen,
      });
      const uncommented = text.replace(
        /^( {4})# ((?:include|outside|streams|objectives|restore):)/gm,
        '$1$2',
      );
      const set = (await parseConfig(uncommented, '/srv/shop/strongroom.yaml', '/home/me')).sets.get('shop');
      expect(set?.objectives.rpo).toBe(86_400_000);
      expect(set?.streams).toMatchObject([{ name: 'db', type: 'postgres' }]);
    }
  });

  it('propose a stream for each SQLite database that was found, with a name of its own', async () => {
    const databases = ['data/users.db', 'old/users.db', 'Our "Shop".sqlite3', '….db'];
    const text = configText({
      location: '/mnt/vault',
      pin,
      set: 'shop',
      s3: {},
      kms: [],
      proposal: { ...nothing, databases },
    });
    expect(text).toContain('SQLite databases here');
    const config = await parseConfig(
      text.replace(/^( {4})# (streams:)/m, '$1$2'),
      '/srv/shop/strongroom.yaml',
      '/home/me',
    );
    const streams = config.sets.get('shop')?.streams ?? [];
    expect(streams.map(({ name, type, settings }) => [name, type, settings.file])).toEqual([
      ['users', 'sqlite', 'data/users.db'],
      ['users-2', 'sqlite', 'old/users.db'],
      ['our-shop', 'sqlite', 'Our "Shop".sqlite3'],
      ['db', 'sqlite', '….db'],
    ]);
  });
});
