// Replicas with settings of their own: another account, another key, other credentials; and one that answers slowly.

import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Machine, machines } from '../support/program.ts';

const machine = machines();
const LONG = process.env.STRONGROOM_LONG === '1';
const [OURS, THEIRS] = ['1', '4'].map(
  (digit) => `arn:aws:kms:eu-west-1:${digit.repeat(12)}:key/1234abcd-12ab-34cd-56ef-1234567890ab`,
);

/** A service that takes objects after a while, confirms their encryption, and shows none. @returns its URL and what was put */
async function service(delayMs = 0): Promise<{ url: string; puts: IncomingMessage[] }> {
  const puts: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    const answer = (status: number, headers: Record<string, string> = {}) => {
      response.writeHead(status, headers);
      response.end(status === 200 ? '' : '<Error><Code>AccessDenied</Code></Error>');
    };
    request.resume();
    request.on('end', () => {
      if (request.method !== 'PUT') return answer(403);
      puts.push(request);
      const sent = Object.entries(request.headers).filter(([name]) => /^x-amz-server-side/.test(name));
      const headers = { etag: '"x"', ...(Object.fromEntries(sent) as Record<string, string>) };
      setTimeout(() => answer(200, headers), delayMs);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, puts };
}

async function withVault(): Promise<{ web: Machine; vault: string }> {
  const web = machine('web-1');
  const vault = join(web.directory, 'vault');
  const { recipient } = await web.identity();
  web.write('.env', 'A=1\n');
  await web.ok(['init', '--name', 'shop', '--location', vault, '--recipient', recipient, '--yes']);
  return { web, vault };
}

const keys = { AWS_ACCESS_KEY_ID: 'AKIAOURS', AWS_SECRET_ACCESS_KEY: 'ours', AWS_REGION: 'eu-west-1' };

describe('a replica', () => {
  it('of another account is asked as its own settings say, and none of those of the vault go there', async () => {
    const { web, vault } = await withVault();
    const [ours, theirs] = [await service(), await service()];
    const credentials = web.write(
      '../aws-credentials',
      '[copies]\naws_access_key_id = AKIATHEIRS\naws_secret_access_key = theirs\n',
    );
    web.write(
      'strongroom.yaml',
      `location: ${vault}
s3: { endpoint: "${ours.url}", sse: "aws:kms", kmsKeyId: "${OURS}", expectedBucketOwner: "111111111111" }
sets: { app: { include: [.env] } }
replicas:
  - s3://acme-second/shop
  - location: s3://acme-copies/shop
    s3: { endpoint: "${theirs.url}", profile: copies, sse: "aws:kms", kmsKeyId: "${THEIRS}", expectedBucketOwner: "444444444444" }
`,
    );
    const env = { ...keys, AWS_SHARED_CREDENTIALS_FILE: credentials, AWS_CONFIG_FILE: '/dev/null' };
    await web.ok(['backup'], { env });
    const said = (puts: readonly IncomingMessage[]) => [
      ...new Set(
        puts.map(({ url = '', headers }) =>
          [
            url.split('/')[1],
            /Credential=([A-Z]+)/.exec(headers.authorization ?? '')?.[1],
            headers['x-amz-expected-bucket-owner'],
            headers['x-amz-server-side-encryption-aws-kms-key-id'],
          ].join(' '),
        ),
      ),
    ];
    expect(said(ours.puts)).toEqual([`acme-second AKIAOURS 111111111111 ${OURS}`]);
    expect(said(theirs.puts)).toEqual([`acme-copies AKIATHEIRS 444444444444 ${THEIRS}`]);
    expect([ours.puts.length, theirs.puts.length]).toEqual([3, 3]);
    // The same place, however it is named.
    theirs.puts.length = 0;
    await web.run(['copy', '--to', 's3://acme-copies/shop/'], { env });
    expect(said(theirs.puts)).toEqual([`acme-copies AKIATHEIRS 444444444444 ${THEIRS}`]);
  });

  it('that is slow holds a backup up for its patience, and that is said: exit 3', {
    timeout: 60_000,
  }, async () => {
    const { web, vault } = await withVault();
    const slow = await service(LONG ? 12_000 : 1500);
    web.write(
      'strongroom.yaml',
      `location: ${vault}
sets: { app: { include: [.env] } }
replicas: [{ location: "s3://acme-copies/shop", patience: 2s, s3: { endpoint: "${slow.url}" } }]
`,
    );
    const began = performance.now();
    const { stderr } = await web.ok(['backup'], { env: keys, code: 3 });
    expect(performance.now() - began).toBeLessThan(8000);
    expect(stderr).toContain('took 2 seconds longer than the vault');
    await web.ok(['verify', '--location', vault]);
  });
});
