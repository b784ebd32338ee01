// Somebody backs up a deployment in which things are amiss, and asks what was noticed: the real program, certificates
// made by openssl, and a search of all that was written and said for what must not be in it.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { makeCertificate } from '../support/certificates.ts';
import { machines } from '../support/program.ts';
import { scratch } from '../support/vault.ts';

const machine = machines();
const PASSWORD = 'correct-horse-Battery-9';

function everyFileBelow(directory: string): string[] {
  return readdirSync(directory).flatMap((name) => {
    const path = join(directory, name);
    return statSync(path).isDirectory() ? everyFileBelow(path) : [path];
  });
}

it('what was noticed while backing up is shown to whoever can open the vault, and to nobody else', async () => {
  const web = machine('web-1');
  const vault = join(web.directory, 'vault');
  const me = await web.identity();
  const opens = { env: { STRONGROOM_IDENTITY_FILE: me.file } };
  await web.ok(['init', '--location', vault, '--name', 'shop', '--recipient', me.recipient]);

  const site = makeCertificate(scratch(), { subject: '/CN=shop.example', days: 12 });
  const old = makeCertificate(scratch(), { subject: '/CN=old.example', days: -3, kind: 'rsa' });
  const other = makeCertificate(scratch(), { kind: 'ed25519', days: 400 });
  web.write('certs/site/fullchain.pem', site.certificate + other.certificate);
  web.write('certs/site/privkey.pem', site.key);
  web.write('certs/old.crt', old.certificate);
  web.write('certs/old.key', other.key);
  web.write(
    '.env.production',
    `DATABASE_URL=postgres://shop:${PASSWORD}@db/shop\nAPI_URL=https://api.example/v1\n`,
  );
  web.write('deploy/staging/.env', `DB_PASSWORD=${PASSWORD}\nAPI_URL=https://api.example/v1\n`);
  const said = [await web.ok(['backup', '.', '--set', 'app', '--json'])];

  said.push(await web.ok(['show', '--findings'], opens));
  const lines = said[1]!.stdout.split('\n').slice(1);
  expect(lines.map((line) => line.replace(/ \(\d{4}-\d\d-\d\d\)/, ''))).toEqual([
    '! certs/old.crt: CN=old.example expired 2 days ago',
    '! certs/old.key: this private key does not belong to the certificate certs/old.crt (CN=old.example)',
    '- certs/site/fullchain.pem: CN=shop.example expires in 12 days',
    '- .env.production: DATABASE_URL is the same as DB_PASSWORD in deploy/staging/.env',
    '1 certificate is good for more than 30 days',
    '',
  ]);

  said.push(await web.ok(['show', '--findings', '--json'], opens));
  expect(said[2]!.lines().map(({ kind, days_left }) => [kind, days_left])).toEqual([
    ['certificate', -3],
    ['key-mismatch', undefined],
    ['certificate', 12],
    ['same-value', undefined],
    ['certificate', 400],
    [undefined, undefined],
  ]);
  said.push(await web.ok(['show'], opens));
  expect(said[3]!.stdout).toMatch(/^4 findings: strongroom show \S+ --findings$/m);

  // Without a key nothing of it can be had, and nowhere is a value.
  expect((await web.run(['show', '--findings'])).code).toBe(12);
  for (const { stdout, stderr } of said) expect(stdout + stderr).not.toContain(PASSWORD);
  const stored = everyFileBelow(vault);
  expect(stored.length).toBeGreaterThan(5);
  for (const path of stored) {
    const text = readFileSync(path, 'latin1');
    for (const word of [PASSWORD, 'shop.example', 'DATABASE_URL', 'key-mismatch'])
      expect(text.includes(word), path).toBe(false);
  }
});

it('a set without any of it has no findings', async () => {
  const web = machine('web-2');
  const me = await web.identity();
  const opens = { env: { STRONGROOM_IDENTITY_FILE: me.file } };
  await web.ok([
    'init',
    '--location',
    join(web.directory, 'vault'),
    '--name',
    'shop',
    '--recipient',
    me.recipient,
  ]);
  web.write('.env', `DB_PASSWORD=${PASSWORD}\n`);
  await web.ok(['backup', '.', '--set', 'app']);
  const said = await web.ok(['show', '--findings'], opens);
  expect(said.stdout.split('\n').slice(1)).toEqual(['nothing is amiss in the files', '']);
  expect((await web.ok(['show', '--json'], opens)).summary()).toMatchObject({ findings: 0, streams: 0 });
});
