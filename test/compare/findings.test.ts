import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { MAX_FINDINGS, watchFindings } from '../../src/compare/findings.ts';
import type { FileFinding } from '../../src/vault/documents/findings.ts';
import { type Certified, convertKey, makeCertificate } from '../support/certificates.ts';

type Files = Readonly<Record<string, string | Buffer>>;

async function noticed(files: Files): Promise<FileFinding[]> {
  const watch = watchFindings();
  for (const [path, content] of Object.entries(files)) {
    // The buffer is used for the next file, so nothing of it may be kept.
    const borrowed = Buffer.from(content);
    watch.look(path, borrowed);
    borrowed.fill('x');
  }
  const found = await watch.settle();
  expect(watch.leftOut()).toEqual([]);
  return found;
}

const only = async (kind: FileFinding['kind'], files: Files) =>
  (await noticed(files)).filter((finding) => finding.kind === kind);

let at: string;
let site: Certified;
let other: Certified;
let rsa: Certified;
let ed: Certified;
let authority: Certified;
let leaf: Certified;
let nameless: Certified;
let soon: Certified;
let encrypted: string;
let oldEncrypted: string;
let publicKey: string;

beforeAll(() => {
  at = mkdtempSync(join(tmpdir(), 'strongroom-test-'));
  site = makeCertificate(at, {});
  other = makeCertificate(at, { subject: '/CN=other.example' });
  rsa = makeCertificate(at, { subject: '/O=Shop/CN=rsa.example', kind: 'rsa', days: -3 });
  ed = makeCertificate(at, { subject: '/CN=ed.example', kind: 'ed25519' });
  authority = makeCertificate(at, { subject: '/CN=Shop CA', isAuthority: true, days: 3000 });
  leaf = makeCertificate(at, { subject: '/CN=leaf.example', by: authority });
  nameless = makeCertificate(at, { subject: '/', names: ['a.example', 'b.example'] });
  soon = makeCertificate(at, { subject: '/CN=soon.example', days: 5 });
  encrypted = convertKey(at, site.key, ['pkcs8', '-topk8', '-passout', 'pass:hunter22']);
  oldEncrypted = convertKey(at, site.key, ['ec', '-aes128', '-passout', 'pass:hunter22']);
  publicKey = convertKey(at, other.key, ['pkey', '-pubout']);
  rmSync(at, { recursive: true });
});

describe('certificates', () => {
  it('are all kept, with whose they are and when they expire, the first to expire first', async () => {
    const found = await noticed({
      'a/fullchain.pem': leaf.certificate + authority.certificate,
      'b.crt': rsa.certificate,
      'c.cer': soon.certificate,
      'notes.txt': 'nothing',
    });
    expect(found.map(({ kind, path, name }) => [kind, path, name])).toEqual([
      ['certificate', 'b.crt', 'O=Shop, CN=rsa.example'],
      ['certificate', 'c.cer', 'CN=soon.example'],
      ['certificate', 'a/fullchain.pem', 'CN=leaf.example'],
      ['certificate', 'a/fullchain.pem', 'CN=Shop CA'],
    ]);
    const days = found.map(({ expires }) => Math.floor((Date.parse(expires!) - Date.now()) / 86_400_000));
    expect(days).toEqual([-3, 5, 365, 3000]);
  });

  it('without a name are called by what they are for', async () => {
    const [found] = await noticed({ 'a.pem': nameless.certificate });
    expect(found!.name).toBe('DNS:a.example, DNS:b.example');
  });

  it.each<[string, (pem: string) => string]>([
    ['site.txt', (pem) => `subject=CN = shop.example\n${pem}`],
    ['site.crlf.pem', (pem) => pem.replaceAll('\n', '\r\n')],
    ['values.yaml', (pem) => `tls:\n  cert: |\n${pem.replace(/^/gm, '    ')}\n`],
    ['app.json', (pem) => JSON.stringify({ cert: pem })],
    ['.env', (pem) => `CERT="${pem.replaceAll('\n', '\\n')}"\n`],
    ['secret.yaml', (pem) => `kind: Secret\ndata:\n  tls.crt: ${Buffer.from(pem).toString('base64')}\n`],
    ['trusted.pem', (pem) => `-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n${pem}`],
    ['cut.pem', (pem) => `-----BEGIN CERTIFICATE-----\nMIIB\n${pem}-----BEGIN CERTIFICATE-----\nMIIB`],
  ])('are found in %s', async (path, write) => {
    const found = await noticed({ [path]: write(site.certificate) });
    expect(found.map(({ name }) => name)).toEqual(['CN=shop.example']);
  });

  it('are not looked for in what is too large, and a bad one is none', async () => {
    expect(await noticed({ 'a.pem': site.certificate + ' '.repeat(256 * 1024) })).toEqual([]);
    expect(await noticed({ 'a.pem': site.certificate.replace(/M/g, 'N') })).toEqual([]);
    expect(await noticed({ 'a.pem': '', b: '-----BEGIN CERTIFICATE-----' })).toEqual([]);
  });

  it('are at most so many, and it is said', async () => {
    const watch = watchFindings();
    const many = Buffer.from(site.certificate.repeat(200));
    for (let i = 0; i < 200; i++) watch.look(`${i}.pem`, many);
    const found = await watch.settle();
    expect(found).toHaveLength(MAX_FINDINGS);
    expect(watch.leftOut()).toEqual([
      'not every certificate and key was looked at: there are too many',
      'not everything that was noticed in the files is kept: there is too much of it',
    ]);
  });
});

describe('a private key is said not to match', () => {
  const wrong = async (files: Files) =>
    (await only('key-mismatch', files)).map(({ path, otherPath, otherName }) => [path, otherPath, otherName]);

  it.each<[string, string]>([
    ['certs/site.key', 'certs/site.crt'],
    ['certs/site.key', 'certs/site.pem'],
    ['certs/site.key', 'certs/site.cer'],
    ['tls.key', 'tls.crt'],
    ['live/privkey.pem', 'live/cert.pem'],
    ['live/privkey.pem', 'live/fullchain.pem'],
    ['archive/privkey3.pem', 'archive/cert3.pem'],
    ['db/server-key.pem', 'db/server-cert.pem'],
    // The only ones of their directory.
    ['certs/a.key', 'certs/b.crt'],
  ])('%s and %s', async (key, certificate) => {
    expect(await wrong({ [key]: other.key, [certificate]: site.certificate })).toEqual([
      [key, certificate, 'CN=shop.example'],
    ]);
    expect(await wrong({ [key]: site.key, [certificate]: site.certificate })).toEqual([]);
  });

  it('of any kind of key', async () => {
    for (const pair of [rsa, ed, leaf]) {
      const certificate = { 'a.crt': pair.certificate + authority.certificate };
      expect(await wrong({ ...certificate, 'a.key': pair.key })).toEqual([]);
      expect(await wrong({ ...certificate, 'a.key': site.key })).toHaveLength(1);
    }
  });

  it('in one file', async () => {
    const chain = leaf.certificate + authority.certificate;
    expect(await wrong({ 'haproxy.pem': chain + leaf.key })).toEqual([]);
    expect(await wrong({ 'haproxy.pem': site.key + chain })).toEqual([
      ['haproxy.pem', 'haproxy.pem', 'CN=leaf.example'],
    ]);
    const secret = (key: string) =>
      `kind: Secret\ndata:\n  tls.crt: ${btoa(leaf.certificate)}\n  tls.key: ${btoa(key)}\n`;
    expect(await wrong({ 'tls.yaml': secret(leaf.key) })).toEqual([]);
    expect(await wrong({ 'tls.yaml': secret(site.key) })).toEqual([
      ['tls.yaml', 'tls.yaml', 'CN=leaf.example'],
    ]);
    expect(await wrong({ 'all.yaml': `${secret(leaf.key)}---\n${secret(site.key)}` })).toEqual([]);
  });

  it.each<[string, () => Files]>([
    ['it is encrypted', () => ({ 'a.key': encrypted, 'a.crt': other.certificate })],
    ['it is encrypted in the old way', () => ({ 'a.key': oldEncrypted, 'a.crt': other.certificate })],
    ['it is alone', () => ({ 'a.key': site.key })],
    [
      'its certificate is one of those beside it',
      () => ({
        'cert.pem': other.certificate,
        'privkey.pem': site.key,
        'fullchain.pem': site.certificate,
      }),
    ],
    [
      'there is more than one of another name',
      () => ({
        'a.crt': site.certificate,
        'b.crt': leaf.certificate,
        'c.key': other.key,
      }),
    ],
    ['there is another key', () => ({ 'a.crt': site.certificate, 'b.key': other.key, 'c.key': encrypted })],
    [
      'the certificate is in another directory',
      () => ({ 'x/a.crt': site.certificate, 'y/a.key': other.key }),
    ],
    ['only authorities are beside it', () => ({ 'ca.crt': authority.certificate, 'a.key': site.key })],
    [
      'its public half is beside it',
      () => ({
        'a.crt': site.certificate,
        'b.key': other.key,
        'b.pub': publicKey,
      }),
    ],
    ['it signs tokens', () => ({ 'a.crt': site.certificate, 'jwt.key': other.key })],
    [
      'it is beside a pair, in a configuration',
      () => ({
        'app.json': JSON.stringify({ tls: leaf, jwt: other.key }),
      }),
    ],
    [
      'it is in a configuration of its own',
      () => ({
        'app.json': JSON.stringify({ jwt: other.key }),
        'a.crt': site.certificate,
      }),
    ],
    [
      'it is damaged',
      () => ({
        'a.crt': site.certificate,
        'a.key': '-----BEGIN PRIVATE KEY-----\nQUJD\n-----END PRIVATE KEY-----\n',
      }),
    ],
  ])('but not where %s', async (_, files) => {
    expect(await wrong(files())).toEqual([]);
  });
});

describe('the same secret in two environments', () => {
  const PASSWORD = 'tulip-9-Harbour';
  const same = async (files: Files) =>
    (await only('same-value', files)).map(({ path, name, otherPath, otherName }) => [
      path,
      name,
      otherPath,
      otherName,
    ]);

  it('is found from format to format', async () => {
    const secret = `apiVersion: v1\nkind: Secret\nmetadata: { name: db }\ndata:\n  pw: ${btoa(PASSWORD)}\n`;
    const found = await same({
      '.env.production': `DB_PASSWORD=${PASSWORD}\n`,
      'k8s/staging/secret.yaml': secret,
      'config.test.json': JSON.stringify({ db: { password: PASSWORD } }),
      'qa/app.ini': `[db]\npassword = ${PASSWORD}\n`,
      'dev/app.toml': `[db]\npassword = "${PASSWORD}"\n`,
      'demo/db_password': `${PASSWORD}\n`,
      'ci/.env': `DATABASE_URL=postgres://app:${PASSWORD}@db.ci/app\n`,
    });
    expect(found.filter(([path]) => path === '.env.production')).toEqual([
      ['.env.production', 'DB_PASSWORD', 'k8s/staging/secret.yaml', 'data.pw (Secret db)'],
      ['.env.production', 'DB_PASSWORD', 'config.test.json', 'db.password'],
      ['.env.production', 'DB_PASSWORD', 'qa/app.ini', 'db.password'],
      ['.env.production', 'DB_PASSWORD', 'dev/app.toml', 'db.password'],
      ['.env.production', 'DB_PASSWORD', 'demo/db_password', undefined],
      ['.env.production', 'DB_PASSWORD', 'ci/.env', 'DATABASE_URL'],
    ]);
    // Everything with one password is said a few times only.
    expect(found.length).toBeLessThanOrEqual(20);
  });

  it.each<[string, string, string]>([
    ['a weak one', 'PASSWORD=changeme', 'PASSWORD=changeme'],
    ['a token under any name', 'X=ghp_abcdefghijklmnop1234', 'Y=ghp_abcdefghijklmnop1234'],
    ['the password of two databases', 'A=mysql://a:pa%24word1@x/a', 'B_PASS=pa$word1'],
    [
      'an address that is one',
      'WEBHOOK_URL=https://h.example/s/1a2B3c4D5e6F7g8H9i0J',
      'WEBHOOK_URL=https://h.example/s/1a2B3c4D5e6F7g8H9i0J',
    ],
  ])('%s counts', async (_, one, two) => {
    expect(await same({ '.env.prod': `${one}\n`, '.env.stage': `${two}\n` })).toHaveLength(1);
  });

  it.each<[string, string]>([
    ['a short one', 'PASSWORD=hunter2'],
    ['no secret', 'GREETING=good-morning'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is what stands in the file.
    ['a reference', 'PASSWORD=${DB_PASSWORD:?missing}'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is what stands in the file.
    ['a reference among others', 'PASSWORD=app-${DB_PASSWORD}'],
    ['a place in a vault', 'PASSWORD=op://infra/db/password'],
    ['a path', 'API_KEY=/run/secrets/api_key'],
    ['a place to fill in', 'PASSWORD=<your password>'],
    ['what is said of a secret', 'AUTH_ISSUER=https://login.example/realm\nJWT_ALGORITHM=HS256-and-more'],
    ['who logs in', 'AUTH_USERNAME=application'],
    ['an address without a password', 'AUTH_URL=https://login.example/oauth'],
    ['what is public', 'PUBLIC_KEY=age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg'],
  ])('%s does not', async (_, line) => {
    expect(await same({ '.env.prod': `${line}\n`, '.env.stage': `${line}\n` })).toEqual([]);
  });

  it('of Kubernetes and Compose, what only names a secret does not', async () => {
    const yaml = `services:
  app:
    secrets: [db_password_of_shop]
    environment: { DB_PASSWORD_FILE: /run/secrets/db_password_of_shop }
spec:
  env:
    - name: DB_PASSWORD
      valueFrom: { secretKeyRef: { name: database-secret, key: database-password } }
auth: { existingSecret: database-secret, secretKeys: { adminPasswordKey: postgres-password } }
tolerations: [{ key: node-role.example/control-plane }]
`;
    expect(await same({ 'compose.prod.yaml': yaml, 'compose.staging.yaml': yaml })).toEqual([]);
  });

  it('may be a private key', async () => {
    expect(await same({ 'certs/prod/tls.key': rsa.key, 'certs/staging/tls.key': rsa.key })).toEqual([
      ['certs/prod/tls.key', 'private key', 'certs/staging/tls.key', 'private key'],
    ]);
    const files = { 'certs/prod/tls.crt': rsa.certificate, 'certs/staging/tls.crt': rsa.certificate };
    expect(await same(files)).toEqual([]);
  });

  it('is not shown where it stands in the place of a name', async () => {
    const found = await same({
      '.env.prod': `THE_PASSWORD=correcthorse\n`,
      'qa/a.ini': '[correcthorse]\npassword = correcthorse\n',
      'ci/a.json': JSON.stringify({ correcthorse: { password: 'tulipsandroses' }, password: 'correcthorse' }),
      'dev/a.json': JSON.stringify({ password: 'tulipsandroses' }),
    });
    expect(found).toContainEqual(['.env.prod', 'THE_PASSWORD', 'qa/a.ini', '(a value)']);
    expect(found).toContainEqual(['ci/a.json', '(a value)', 'dev/a.json', 'password']);
    expect(JSON.stringify(found)).not.toMatch(/correct|tulips/);
  });

  it('within one environment, or in none, is nothing', async () => {
    const text = `DB_PASSWORD=${PASSWORD}\n`;
    expect(await same({ '.env.prod': text, 'production/.env': text, 'live.env': text })).toEqual([]);
    expect(await same({ '.env': text, '.env.prod': text, '.env.stage.example': text })).toEqual([]);
  });

  it('in a file that cannot be read as what it is, is nothing', async () => {
    const text = `password: ${PASSWORD}\n`;
    expect(await same({ 'a.prod.yaml': `${text}b: [\n`, 'a.stage.yaml': text })).toEqual([]);
  });

  it('is said once for two places, and of more files than memory should hold not at all', async () => {
    const watch = watchFindings();
    const text = `PASSWORD=${PASSWORD}\n`;
    for (let i = 0; i < 2100; i++) watch.look(`${i}/prod/.env`, Buffer.from(text));
    watch.look('staging/.env', Buffer.from(text));
    expect(await watch.settle()).toEqual([]);
    expect(watch.leftOut()).toEqual([
      'not every file was compared with those of other environments: there are too many',
    ]);
    const twice = await noticed({ '.env.qa': text, '.env.ci': `${text}${text.replace('P', 'THE_P')}` });
    expect(twice).toHaveLength(2);
  });
});

it('no value of a file is in what is noticed', async () => {
  const secret = fc
    .array(fc.constantFrom(...'abcdefghkmnpqrstuvwxyzABCDEFGHKMNPQRSTUVWXYZ23456789'), {
      minLength: 14,
      maxLength: 40,
    })
    .map((letters) => `${letters.join('')}1aB`)
    .chain((random) => fc.constantFrom(random, `${'open-'.repeat(3)}sesame`, 'changemeplease'));
  const write: readonly ((name: string, value: string) => [string, string])[] = [
    (name, value) => ['.env.X', `${name}=${value}\nURL=redis://u:${value}@h/0\n${value}\n`],
    (name, value) => ['X/a.json', JSON.stringify({ [name]: value, [value]: name, l: [value] })],
    (name, value) => ['a.X.yaml', `${name}: ${value}\n${value}: [${value}]\n`],
    (name, value) => [
      'X/s.yaml',
      `apiVersion: v1\nkind: Secret\ndata:\n  ${name}: ${btoa(value)}\n  ${value}: ${btoa(name)}\n`,
    ],
    (name, value) => ['X/a.ini', `[${value}]\n${name} = ${value}\n${value} = ${name}\n`],
    (name, value) => ['X/a.toml', `${name} = "${value}"\n[${value}]\n${name} = "${value}"\n`],
    (_, value) => ['X/password', value],
    (_, value) => [
      'X/a.key',
      `-----BEGIN PRIVATE KEY-----\n${value}\n-----END PRIVATE KEY-----\n${site.certificate}`,
    ],
  ];
  let told = 0;
  await fc.assert(
    fc.asyncProperty(
      secret,
      fc.constantFrom('password', 'DB_PASSWORD', 'api.token'),
      fc.array(fc.constantFrom(...write), { minLength: 2, maxLength: 4 }),
      async (value, name, writers) => {
        const files = writers.map((writer, i) => {
          const [path, text] = writer(name, value);
          return [path.replace('X', ['prod', 'staging', 'dev', 'qa'][i]!), text] as const;
        });
        const found = await noticed(Object.fromEntries(files));
        told += found.filter(({ kind }) => kind === 'same-value').length;
        const text = JSON.stringify(found);
        for (const form of [value, btoa(value), Buffer.from(value).toString('hex')])
          expect(text).not.toContain(form);
      },
    ),
    { numRuns: 200 },
  );
  expect(told).toBeGreaterThan(100);
});

describe('a hostile file', () => {
  const BLOCK = (label: string) => `-----BEGIN ${label}-----QUJD-----END ${label}-----\n`;
  const KIB = 256 * 1024;
  const fill = (text: string): string => text.repeat(Math.ceil(KIB / text.length)).slice(0, KIB);
  /** A DSA key, under any label, whose public half takes OpenSSL an hour. */
  const slow = (): string => {
    const der = (tag: number, ...inner: Buffer[]): Buffer => {
      const body = Buffer.concat(inner);
      const head = Buffer.from([tag, 0x82, body.length >> 8, body.length & 0xff]);
      return Buffer.concat([head, body]);
    };
    const number = der(2, Buffer.concat([Buffer.from([0x7f]), Buffer.alloc(3000, 0xab)]));
    const kind = Buffer.from('06072a8648ce380401', 'hex');
    const key = der(
      0x30,
      Buffer.from([2, 1, 0]),
      der(0x30, kind, der(0x30, number, number, number)),
      der(4, number),
    );
    return key.toString('base64');
  };

  it('takes no time worth speaking of', async () => {
    const files: Files = {
      'begins.pem': fill('-----BEGIN A '),
      'ends.pem': fill('-----END CERTIFICATE-----'),
      'open.pem': fill('-----BEGIN CERTIFICATE-----'),
      'nested.pem': fill('-----BEGIN A-----').slice(KIB / 2) + fill('-----END A-----').slice(KIB / 2),
      'certificates.pem': fill(BLOCK('CERTIFICATE')),
      'keys.pem': fill(BLOCK('PRIVATE KEY')),
      'hidden.yaml': fill('LS0tLS1CRUdJTi'),
      'hidden2.yaml': fill(`${btoa('-----BEGIN A-----')}=\n`),
      'backslashes.pem': `-----BEGIN A-----${fill('\\n').slice(99)}-----END A-----`,
      ...Object.fromEntries(
        ['${', '{{', 'a://a:', 'a://b:c@', '/a', '$(', '<', '='].flatMap((text, i) => [
          [`${i}.env`, `A_PASSWORD=${fill(text).slice(0, 60_000)}\n`],
          [
            `${i}.json`,
            JSON.stringify(
              Object.fromEntries(
                fill(text)
                  .slice(0, 50_000)
                  .match(/.{1,9000}/gs)!
                  .map((t, j) => [`password${j}`, t]),
              ),
            ),
          ],
        ]),
      ),
      ...Object.fromEntries(
        ['PRIVATE KEY', 'RSA PRIVATE KEY', 'EC PRIVATE KEY', 'DSA PRIVATE KEY'].map((label) => [
          `${label}.pem`,
          `-----BEGIN ${label}-----\n${slow()}\n-----END ${label}-----\n`,
        ]),
      ),
    };
    const slowOnes: [string, number][] = [];
    for (const [path, text] of Object.entries(files)) {
      const watch = watchFindings();
      const start = process.cpuUsage();
      for (let i = 0; i < 3; i++) watch.look(`${i}/${i % 2 ? 'prod' : 'qa'}/${path}`, Buffer.from(text));
      await watch.settle();
      const { user, system } = process.cpuUsage(start);
      if (user + system > 1_500_000) slowOnes.push([path, (user + system) / 1000]);
    }
    expect(slowOnes).toEqual([]);
  });

  it('of which there are very many is looked into only so often', async () => {
    const watch = watchFindings();
    const start = process.cpuUsage();
    for (let i = 0; i < 1000; i++) watch.look(`${i}.pem`, Buffer.from(BLOCK('PRIVATE KEY').repeat(100)));
    await watch.settle();
    const { user, system } = process.cpuUsage(start);
    expect(user + system).toBeLessThan(3_000_000);
    expect(watch.leftOut()).toHaveLength(1);
  });
});
