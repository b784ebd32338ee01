import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_SCANNED_BYTES, secretsIn } from '../../../src/capture/secrets/scan.ts';

const UPPER = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const ALPHANUMERIC = `${UPPER}${UPPER.toLowerCase()}0123456789`;
const HEX = '0123456789abcdef';

/** Random text, made here: no token of any form is in the sources. */
function random(length: number, alphabet = ALPHANUMERIC): string {
  return Array.from(randomBytes(length), (byte) => alphabet[byte % alphabet.length]).join('');
}

const rules = (path: string, text: string | Buffer) =>
  secretsIn(path, () => Buffer.from(text)).map(({ rule, line }) =>
    line === undefined ? rule : `${rule} ${line}`,
  );

describe('a token of a known form', () => {
  // Forms as the rules of gitleaks publish them: prefix, alphabet, length.
  it.each<[rule: string, token: string]>([
    ['GitHub token', `ghp_${random(36)}`],
    ['GitHub token', `gho_${random(36)}`],
    ['GitHub token', `github_pat_${random(82)}`],
    ['GitLab token', `glpat-${random(20)}`],
    ['GitLab token', `glrt-${random(20)}`],
    ['AWS access key', `AKIA${random(16, `${UPPER}234567`)}`],
    ['Google API key', `AIza${random(35)}`],
    ['Slack token', `xoxb-${random(12, '123456789')}-${random(12, '123456789')}-${random(24)}`],
    ['Slack webhook', `https://hooks.slack.com/services/T${random(10)}/B${random(10)}/${random(24)}`],
    ['Stripe key', `sk_live_${random(30)}`],
    ['Stripe key', `rk_prod_${random(51)}`],
    ['Anthropic key', `sk-ant-api03-${random(93)}AA`],
    ['OpenAI key', `sk-proj-${random(58)}T3BlbkFJ${random(58)}`],
    ['SendGrid token', `SG.${random(22)}.${random(43)}`],
    ['npm token', `npm_${random(36)}`],
    ['PyPI token', `pypi-AgEIcHlwaS5vcmc${random(60)}`],
    ['RubyGems key', `rubygems_${random(48, HEX)}`],
    ['Docker token', `dckr_pat_${random(27)}`],
    ['Hugging Face token', `hf_${random(34, UPPER + UPPER.toLowerCase())}`],
    ['Vault token', `hvs.${random(95)}`],
    ['DigitalOcean token', `dop_v1_${random(64, HEX)}`],
    ['Databricks token', `dapi${random(32, HEX)}`],
    ['Doppler token', `dp.pt.${random(43)}`],
    ['Dynatrace token', `dt0c01.${random(24)}.${random(64)}`],
    ['Grafana token', `glsa_${random(32)}_${random(8, HEX)}`],
    ['Linear key', `lin_api_${random(40)}`],
    ['Postman key', `PMAK-${random(24, HEX)}-${random(34, HEX)}`],
    ['Pulumi token', `pul-${random(40, HEX)}`],
    ['Shopify token', `shpat_${random(32, HEX)}`],
    ['Twilio key', `SK${random(32, HEX)}`],
    ['Terraform Cloud token', `${random(14)}.atlasv1.${random(64)}`],
    ['Atlassian token', `ATATT3${random(186)}`],
    ['JSON web token', `eyJ${random(30)}.eyJ${random(60)}.${random(43)}`],
    ['Telegram token', `${random(9, '123456789')}:AA${random(33)}`],
    ['age key', `AGE-SECRET-KEY-1${random(58, 'QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L')}`],
    ['Azure key', `AccountKey=${random(86)}==`],
    ['password in a URL', `postgresql+psycopg2://shop:${random(9)}@db:5432/shop`],
    ['private key', `-----BEGIN RSA PRIVATE KEY-----\n${random(64)}\n-----END RSA PRIVATE KEY-----`],
  ])('%s is found in text, settings and programs', (rule, token) => {
    for (const [path, before, after] of [
      ['notes.md', 'see ', ' for more'],
      ['deploy.sh', 'export X="', '"'],
      ['app.js', "const x = '", "';"],
      ['values.yaml', 'x: ', ''],
    ]) {
      expect([path, rules(path!, `one\n${before}${token}${after}\n`)]).toEqual([path, [`${rule} 2`]]);
    }
  });

  it.each([
    'AKIAIOSFODNN7EXAMPLE',
    `ghp_${'x'.repeat(36)}`,
    'ghp_short',
    'sk_live_',
    'postgres://user:password@db/shop',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is what a compose file has.
    'postgres://shop:${DB_PASSWORD}@db/shop',
    'https://abc:xyz@example.com',
    '-----BEGIN CERTIFICATE-----\nMIIB\n',
    '-----BEGIN PUBLIC KEY-----\nMIIB\n',
    'says -----BEGIN PRIVATE KEY----- at its beginning',
    'h1:s8pnnxNVzjWyrvYdFUQq5llS1PX2zhPXmccZv99h7uQ=',
  ])('%j is none', (text) => {
    expect(rules('notes.txt', `see ${text} for more\n`)).toEqual([]);
  });
});

describe('an assigned secret', () => {
  it.each<[path: string, line: string]>([
    ['app.ini', 'db_password = Tr0ub4dor&3'],
    ['app.yaml', 'password: "s3cr3t-horse"'],
    ['app.json', `{ "client_secret": "${random(40)}" }`],
    ['app.properties', `spring.datasource.password=hunter2horse`],
    ['app.toml', `api_key = '${random(32)}'`],
    ['app.conf', `aws_secret_access_key=${random(40)}`],
    ['.npmrc', `//registry.npmjs.org/:_authToken=${random(36)}`],
    ['settings.py', `SECRET_KEY = '${random(50)}'`],
    ['config.js', `  apiKey: "${random(32)}",`],
    ['Makefile', `DEPLOY_TOKEN := ${random(32)}`],
  ])('in %s is found: %s', (path, line) => {
    expect(rules(path, `${line}\n`)).toEqual(['assigned secret 1']);
  });

  it.each<[path: string, line: string]>([
    ['app.yaml', 'password: change-me'],
    ['app.yaml', 'passwordFile: /run/secrets/db'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is what a compose file has.
    ['app.yaml', 'password: ${DB_PASSWORD}'],
    ['app.yaml', 'password: "{{ .Values.password }}"'],
    ['app.yaml', 'secretName: shop-tls'],
    ['app.yaml', 'tokenUrl: https://login.example.org/token'],
    ['app.yaml', 'tokenExpiry: 3600s-each-time'],
    ['app.yaml', 'max_tokens: 4096000000'],
    ['app.yaml', 'publicKey: c2VjcmV0cGFzc3dvcmQxMjM0NTY3OA=='],
    ['app.yaml', 'tokenizer: bert-base-uncased-v2'],
    ['en.json', '"password": "Your password, please"'],
    ['locales/de.json', '"password": "Passw0rt-eingeben"'],
    ['app.js', 'const password = form.password.value;'],
    ['app.js', "const TOKEN_HEADER = 'x-shop-token-2';"],
    ['app.ts', 'getSecret(token: string, key: Buffer): Promise<string>'],
    ['app.py', "PASSWORD = os.environ['DB_PASSWORD_1']"],
    ['readme.md', 'password: Tr0ub4dor&3'],
    ['values.example.yaml', 'password: Tr0ub4dor&3'],
    ['main.tf', 'password = var.db_password_1'],
    ['app.yaml', 'monkey: c2VjcmV0cGFzc3dvcmQxMjM0NTY3OA=='],
  ])('in %s is none: %s', (path, line) => {
    expect(rules(path, `${line}\n`)).toEqual([]);
  });
});

describe('a file', () => {
  it.each<[path: string, text: string | Buffer, found: string[]]>([
    ['.env', 'A=1\n', ['environment file']],
    ['deploy/prod.env', '', ['environment file']],
    ['.env.example', `TOKEN=${random(8)}\n`, []],
    ['ssh/id_ed25519', 'x', ['file that holds a credential']],
    ['ssh/id_ed25519.pub', `ssh-ed25519 ${random(68)} me\n`, []],
    ['tls/store.p12', Buffer.from([0x30, 0]), ['key store']],
    ['.pgpass', '', ['file that holds a credential']],
    ['secrets/db.txt', 'hunter2horse\n', ['file named as a secret 1']],
    ['db_password.txt', 'hunter2horse\n', ['file named as a secret 1']],
    ['seed.txt', `${random(40)}\n`, ['random word 1']],
    ['REVISION', `${random(40, HEX)}\n`, []],
    ['VERSION', '2026.11.20-1\n', []],
    ['package-lock.json', `"integrity": "sha512-${random(86)}=="\n`, []],
    ['go.sum', `golang.org/x/oauth2 v0.15.0 h1:${random(43)}=\n`, []],
    ['SHA256SUMS', `${random(64, HEX)}  a.tgz\n`, []],
    ['app.min.js', `var token="${random(40)}"\n`, []],
    ['vendor/x/config.yaml', `token: ${random(40)}\n`, []],
    ['logo.png', Buffer.from(`token=${random(40)}`), []],
    ['image.raw', Buffer.from(`\0token=${random(40)}`), []],
    ['known_hosts', `web ssh-ed25519 ${random(68)}\n`, []],
    ['shop.yaml', 'kind: Secret\nstringData:\n  dsn: x\n', ['Kubernetes Secret 1']],
    ['sealed.yaml', 'kind: SealedSecret\nspec: {}\n', []],
    ['refs.yaml', 'kind: Deployment\nsecretKeyRef: { name: db, key: password }\n', []],
  ])('%s is judged by its name and what it holds', (path, text, found) => {
    expect(rules(path, text)).toEqual(found);
  });

  it('that is large or cannot be read is not looked into', () => {
    const token = `ghp_${random(36)}\n`;
    expect(rules('a.txt', token.padEnd(MAX_SCANNED_BYTES, '\n'))).toEqual(['GitHub token 1']);
    expect(rules('a.txt', token.padEnd(MAX_SCANNED_BYTES + 1, '\n'))).toEqual([]);
    expect(secretsIn('a.txt', () => undefined)).toEqual([]);
  });

  it('with many is shown by its first five lines', () => {
    const lines = Array.from({ length: 50 }, () => `x ghp_${random(36)}`).join('\n');
    expect(rules('a.txt', lines)).toEqual([1, 2, 3, 4, 5].map((n) => `GitHub token ${n}`));
  });
});

it('no value is in what is found, and nothing that a file holds makes it slow', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      'password',
      'token',
      '_KEY',
      '=',
      ': ',
      '"',
      "'",
      '://',
      '@',
      '-----BEGIN ',
      ' PRIVATE KEY-----\n',
      '\n',
      ' ',
    ),
    fc.string({ unit: 'binary', maxLength: 30 }),
    fc.string({ minLength: 1, maxLength: 3 }).map((text) => text.repeat(500)),
  );
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 30 }),
      fc.constantFrom('a.env', 'a.yaml', 'a.js', 'a.md', 'a'),
      (pieces, path) => {
        const value = random(24);
        const text = `${pieces.join('')}\nAPI_TOKEN=${value}\n`;
        const began = performance.now();
        const found = secretsIn(path, () => Buffer.from(text));
        expect(performance.now() - began).toBeLessThan(500);
        expect(JSON.stringify(found)).not.toContain(value);
      },
    ),
  );
});
