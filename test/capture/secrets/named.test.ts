// biome-ignore-all lint/suspicious/noTemplateCurlyInString: Compose has variables of the same form
import { describe, expect, it } from 'vitest';
import { isSettings, namedSecrets } from '../../../src/capture/secrets/named.ts';

const lines = (path: string, text: string) => namedSecrets(path, text).map(({ line }) => line);

describe('settings hold a secret where one of its names has a literal value', () => {
  it.each<[path: string, text: string]>([
    ['app.yaml', 'password: correct-horse-battery'],
    ['a.toml', 'password="New-Toml-Loris"'],
    ['compose.yaml', '      POSTGRES_PASSWORD: summertime'],
    ['compose.yaml', '      - POSTGRES_PASSWORD=summertime'],
    ['compose.yaml', '    environment: { POSTGRES_PASSWORD: summertime }'],
    ['compose.yaml', '    environment: {A: b, "DB_PASS": "summertime"}'],
    ['app.ini', 'smtp_pass = 12345678 ; old'],
    ['app.json', '{"db":{"user":"x","password":"loris"}}'],
    ['app.properties', 'spring.datasource.password=loris'],
    ['.env', 'export DB_PWD=loris'],
    ['.env', 'DB_PASSWORD="correct horse battery"'],
    ['.env', 'DATABASE_URL=postgres://shop:loris@db/shop'],
    ['web.env', 'API_TOKEN=abc'],
    ['app.yml', '  pass: loris # of 2024'],
    ['config/default.json', '  "password": "loris"'],
  ])('%s: %s', (path, text) => {
    expect(isSettings(path)).toBe(true);
    expect(lines(path, `# password: comment\n\n${text}\n`)).toEqual([3]);
  });

  it.each<[path: string, text: string]>([
    ['config/common.env', 'LOG=info'],
    ['.env', 'DB_PASSWORD='],
    ['.env', 'DB_PASSWORD=${DB_PASSWORD}\nA_TOKEN=$TOKEN'],
    ['a.yaml', 'password: <password>'],
    ['a.yaml', 'password: changeme\ntoken: "{{ .Values.token }}"\nsecret: your-secret-here'],
    ['a.yaml', 'password: true\ntoken: null\nsecret: ~'],
    ['a.yaml', 'password: /run/secrets/db\npassword_file: db.txt\npasswordFile: db.txt'],
    ['a.yaml', 'token: &token\npassword: *password\nsecret: !vault |\ntls_private_key: |'],
    [
      'a.yaml',
      'max_tokens: 4096\ntoken_ttl: 3600\ntokens: 12\npassword_min_length: 12\nsecret_rotation: 30d',
    ],
    ['a.yaml', 'tokenizer: standard\ntoken_type: bearer\npassword_policy: strict\ncredentials: include'],
    [
      'a.yaml',
      'secretName: shop-db\nexistingSecret: shop-db\nsecretKeyRef: { name: shop, key: db-password }',
    ],
    ['.github/workflows/a.yml', 'secrets: inherit\nid-token: write\npersist-credentials: false'],
    ['a.yaml', 'token: ${{ secrets.TOKEN }}\nkey: db-password\nauth: basic\ncookie: session_id'],
    ['a.json', '{"dependencies":{"jsonwebtoken":"^9.0.0","csrf-token":"1.2.3"}}'],
    ['a.yaml', 'password: Enter your password'],
    ['values.yaml', 'passwordKey: db-pass\nexistingSecretPasswordKey: db-pass\nexistingSecret: shop-db'],
    ['a.yaml', 'secrets: [db, token]\nsecret: vault:secret/data/shop'],
    ['a.yaml', '# password: summertime\n  // token: summertime'],
  ])('and none: %s: %s', (path, text) => {
    expect(lines(path, text)).toEqual([]);
  });

  it.each([
    '.env.example',
    'app.sample.yaml',
    'config.template.json',
    'a.yaml.dist',
    'a.ts',
    'package-lock.json',
    'README.md',
  ])('%s is not looked into', (path) => {
    expect(isSettings(path)).toBe(false);
  });

  it('is told in no time, whatever repeats', () => {
    for (const piece of ['password', 'a:', '{a', '"a" ', 'token = ', 'pass=,', "x='"]) {
      const start = process.cpuUsage();
      const text = piece.repeat(Math.ceil(4000 / piece.length));
      namedSecrets('a.yaml', `${text.slice(0, 4000)}\n`.repeat(60));
      expect(process.cpuUsage(start).user, piece).toBeLessThan(1_500_000);
    }
  });
});
