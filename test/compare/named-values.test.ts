import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newMarker } from '../../src/compare/mark.ts';
import { type FileValues, namedValues } from '../../src/compare/named-values.ts';
import { scratch } from '../support/vault.ts';

const read = async (path: string, text: string | Buffer): Promise<FileValues> =>
  await namedValues(path, Buffer.from(text as string));

/** Names to values. */
async function values(path: string, text: string | Buffer): Promise<Record<string, string>> {
  const { values: found } = await read(path, text);
  return Object.fromEntries(found.map((v) => [v.name, v.reveal().toString()]));
}

/** Names of those that are likely secrets. */
async function likely(path: string, text: string): Promise<string[]> {
  const { values: found } = await read(path, text);
  return found.filter((v) => v.likely).map((v) => v.name);
}

describe('an environment file', () => {
  it.each<[string, string, Record<string, string>]>([
    ['bare values', 'A=1\nB = two words \n', { A: '1', B: 'two words' }],
    ['export', 'export A=1\nexport  B=2', { A: '1', B: '2' }],
    ['comments and blank lines', '# no\n\n  # no\nA=1 # no\nB=a#b\nC=# no\n', { A: '1', B: 'a#b', C: '' }],
    ['single quotes, literally', "A='$x \\n #y'\nB='it\\'s'", { A: '$x \\n #y', B: "it's" }],
    ['double quotes with escapes', 'A="x\\ny\\t\\"q\\" \\$z \\q" # no', { A: 'x\ny\t"q" $z \\q' }],
    ['several lines', 'A="1\n2=3\n4"\nB=\'5\n6\'\n', { A: '1\n2=3\n4', B: '5\n6' }],
    ['CRLF and a byte order mark', '\ufeffA=1\r\nB="2\r\n3"\r\n', { A: '1', B: '2\n3' }],
    ['one name twice', 'A=1\nA=2', { A: '1', 'A #2': '2' }],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: that is how it is written.
    ['interpolation, as it is written', 'A=${B:-x}', { A: '${B:-x}' }],
    ['an empty value, equals signs, a colon', 'A=\nB=a=b==\nC: d', { A: '', B: 'a=b==', C: 'd' }],
    [
      'names that the environment fills in',
      'A=1\nTOKEN\nexport B',
      { A: '1', '(other lines)': 'TOKEN\nexport B' },
    ],
    ['dots and dashes in names', 'a.b-c=1', { 'a.b-c': '1' }],
  ])('has %s', async (_, text, expected) => {
    for (const path of ['.env', 'a/.env.production', 'db.env', 'secrets/.ENV'])
      expect(await values(path, text)).toEqual(expected);
    expect((await read('.env', text)).format).toBe('dotenv');
  });

  it.each<[string, string]>([
    ['a line that names nothing', 'A=1\nhunter2 hunter3\n'],
    ['a quote that nothing closes', 'A="1\nB=2\n'],
    ['text after a quote', 'A="1"2\n'],
    ['a key without quotes, whose lines look like names', 'A=-----BEGIN PRIVATE KEY-----\nabc==\n'],
    ['a key in base64 over lines', `A=1\n${'QUJD'.repeat(16)}\nxyz==\n`],
  ])('with %s is one value, and likely secret', async (_, text) => {
    const found = await read('.env', text);
    expect(found.values.map(({ name, kind, likely }) => [name, kind, likely])).toEqual([
      ['(whole file)', 'file', true],
    ]);
    expect(found.reason).toMatch(/^(?:has|holds) /);
    expect(found.values[0]!.reveal().toString()).toBe(text);
  });

  it('is known by its content where its name tells nothing', async () => {
    expect(await values('secrets.txt', 'DB_HOST=x\n# c\nDB_PASSWORD=y\n')).toEqual({
      DB_HOST: 'x',
      DB_PASSWORD: 'y',
    });
    expect((await read('notes.txt', 'DB_HOST=x\nand so on\n')).format).toBe('whole');
  });
});

describe('JSON', () => {
  it('names every value by its path, as it is written', async () => {
    const text =
      '\ufeff{"a":{"b":[1,{"c":"x\\u0041"}],"":null},"n":12345678901234567890.10,"t":true,"e":{},"a":"2"}';
    expect(await values('x.json', text)).toEqual({
      'a.b[0]': '1',
      'a.b[1].c': 'xA',
      'a.""': 'null',
      n: '12345678901234567890.10',
      t: 'true',
      a: '2',
    });
    expect(await values('no-name', '[{"a":"x"}]')).toEqual({ '[0].a': 'x' });
  });

  it.each([
    ['no JSON', '{"a":1,}', 'is no sound JSON'],
    ['too deep', `${'['.repeat(100)}1${']'.repeat(100)}`, 'is nested deeper than 64 levels'],
    ['too much', JSON.stringify(Array.from({ length: 10_001 }, (_, i) => i)), 'holds more than 10000 values'],
  ])('that is %s is one value', async (_, text, reason) => {
    expect(await read('x.json', text)).toMatchObject({
      format: 'whole',
      reason,
      values: [{ name: '(whole file)' }],
    });
  });

  it('holds what JSON.parse finds', async () => {
    const leaves = (value: unknown, name: string): [string, string][] =>
      typeof value !== 'object' || value === null
        ? [[name, typeof value === 'string' ? value : JSON.stringify(value)]]
        : Array.isArray(value)
          ? value.flatMap((v, i) => leaves(v, `${name}[${i}]`))
          : Object.entries(value).flatMap(([k, v]) => leaves(v, name === '' ? k : `${name}.${k}`));
    const key = fc.stringMatching(/^[a-z]{1,6}$/);
    const tree = fc.letrec((tie) => ({
      node: fc.oneof(
        { maxDepth: 4 },
        fc.oneof(fc.string({ unit: 'grapheme' }), fc.integer(), fc.boolean(), fc.constant(null)),
        fc.array(tie('node'), { maxLength: 4 }),
        fc.dictionary(key, tie('node'), { maxKeys: 4, noNullPrototype: true }),
      ),
    })).node;
    await fc.assert(
      fc.asyncProperty(fc.dictionary(key, tree, { minKeys: 1, noNullPrototype: true }), async (value) => {
        fc.pre(!('env' in value));
        const expected = leaves(value, '');
        const { values: found } = await read('x.json', JSON.stringify(value, null, 1));
        expect(found.map((v) => v.reveal().toString())).toEqual(expected.map(([, text]) => text));
      }),
    );
  });
});

describe('YAML', () => {
  it('has anchors, merge keys, several documents and values as written', async () => {
    const text = `
base: &base { user: app, password: "p w", port: 0755 }
web:
  <<: *base
  user: web
list: [*base, yes, ~]
block: |
  one
  two
---
a: !vault |
  $ANSIBLE
`;
    expect(await values('x.yaml', text)).toEqual({
      'base.user (document 1)': 'app',
      'base.password (document 1)': 'p w',
      'base.port (document 1)': '0755',
      'web.user (document 1)': 'web',
      'web.password (document 1)': 'p w',
      'web.port (document 1)': '0755',
      'list[0].user (document 1)': 'app',
      'list[0].password (document 1)': 'p w',
      'list[0].port (document 1)': '0755',
      'list[1] (document 1)': 'yes',
      'list[2] (document 1)': '~',
      'block (document 1)': 'one\ntwo\n',
      'a (document 2)': '$ANSIBLE\n',
    });
  });

  it('has Kubernetes Secrets decoded, and says which object each value is of', async () => {
    const text = `
apiVersion: v1
kind: Secret
metadata: { name: db, namespace: shop }
type: Opaque
data: { password: aHVudGVyMg==, broken: "not base64!" }
stringData: { dsn: postgres }
---
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: ConfigMap
  metadata: { name: app }
  data: { LEVEL: debug }
- apiVersion: apps/v1
  kind: Deployment
  metadata: { name: "no name: a value" }
  spec: { env: [{ name: DB_PASSWORD, value: x }, { name: T, valueFrom: { secretKeyRef: { key: k } } }, { value: y }] }
`;
    const found = await values('k.yml', text);
    expect(found).toMatchObject({
      'data.password (Secret shop/db)': 'hunter2',
      'data.broken (Secret shop/db)': 'not base64!',
      'stringData.dsn (Secret shop/db)': 'postgres',
      'data.LEVEL (ConfigMap app)': 'debug',
      'spec.env.DB_PASSWORD (Deployment)': 'x',
      'spec.env.T.valueFrom.secretKeyRef.key (Deployment)': 'k',
      'spec.env[2].value (Deployment)': 'y',
    });
    expect(await likely('k.yml', text)).toEqual([
      'data.password (Secret shop/db)',
      'data.broken (Secret shop/db)',
      'stringData.dsn (Secret shop/db)',
      'spec.env.DB_PASSWORD (Deployment)',
    ]);
    const json = '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"},"data":{"b":"Yw=="}}';
    expect(await values('s.json', json)).toMatchObject({ 'data.b (Secret a)': 'c' });
  });

  it('names the variables of a compose file, in a list as in a map', async () => {
    const as = (text: string) => values('compose.yaml', `services: { web: { environment: ${text} } }`);
    const expected = { 'services.web.environment.TOKEN': 'x=y' };
    expect(await as('["TOKEN=x=y"]')).toEqual(expected);
    expect(await as('{ TOKEN: x=y }')).toEqual(expected);
  });

  it.each([
    ['a template', 'a: {{ .Values.x }}\n  b: {{- if }}\n', /^is no sound YAML$/],
    ['a template that happens to be YAML', 'a: {{ .Values.x }}\n', /^has a key that is no text$/],
    ['an alias of nothing', 'a: *b', /^(?:is no sound YAML|refers to what it does not hold)$/],
    ['an alias of itself', 'a: &a [*a]', /^refers to what it does not hold$/],
    ['nested too deeply', `${'['.repeat(80)}${']'.repeat(80)}`, /^is nested deeper than 64 levels$/],
    ['over 1 MiB', `a: ${'x'.repeat(2 ** 20)}`, /^is too large/],
    [
      'a bomb of aliases',
      `a: &a [x,x,x,x,x,x,x,x,x,x]\n${[...'bcdefghij'].map((n, i) => `${n}: &${n} [${`*${'abcdefghij'[i]},`.repeat(10)}]`).join('\n')}`,
      /^(?:holds more than|unfolds)/,
    ],
    [
      'a bomb of empty aliases',
      `a: &a []\n${[...'bcdefghij'].map((n, i) => `${n}: &${n} [${`*${'abcdefghij'[i]},`.repeat(10)}]`).join('\n')}`,
      /^unfolds/,
    ],
    ['a long value many times', `a: &a ${'x'.repeat(90_000)}\nb: [${'*a,'.repeat(9000)}]`, /^unfolds/],
    [
      'merges of merges',
      `m0: &m0 {${Array.from({ length: 400 }, (_, i) => `k${i}: 1`)}}\n${Array.from({ length: 200 }, (_, i) => `m${i + 1}: &m${i + 1} {<<: *m${i}}`).join('\n')}`,
      /^(?:holds more than|unfolds)/,
    ],
  ])('that is %s is one value', async (_, text, reason) => {
    const start = performance.now();
    const found = await read('x.yaml', text);
    expect(found).toMatchObject({ format: 'whole', values: [{ name: '(whole file)' }] });
    expect(found.reason).toMatch(reason);
    expect(performance.now() - start).toBeLessThan(3000);
  });

  it('that is one word is one value', async () => {
    expect(await values('password.yaml', 'hunter2')).toEqual({ '(whole file)': 'hunter2' });
  });
});

describe('TOML and INI', () => {
  it('TOML has tables, arrays, numbers of any size and dates', async () => {
    const text =
      'a = 1\nbig = 9223372036854775807\n[db]\npassword = """x\ny"""\nat = 2026-11-20T05:58:12Z\n[[s]]\nk = "1"\n[[s]]\nk = "2"\n';
    expect(await values('x.toml', text)).toEqual({
      a: '1',
      big: '9223372036854775807',
      'db.password': 'x\ny',
      'db.at': '2026-11-20T05:58:12.000Z',
      's[0].k': '1',
      's[1].k': '2',
    });
    expect(await read('x.toml', 'a = = canary')).toMatchObject({
      format: 'whole',
      reason: 'is no sound TOML',
    });
  });

  it('INI has sections, both separators, comments, quotes and lines of its own', async () => {
    const text =
      '; c\n[client]\nuser = app\npassword: "p;w" ; c\n\ttoken = x\n  more = of token\nskip-name-resolve\n[b c]\nk=v # c\n';
    expect(await values('my.cnf', text)).toEqual({
      'client.user': 'app',
      'client.password': 'p;w',
      'b c.k': 'v',
      '(other lines)': '\ttoken = x\n  more = of token\nskip-name-resolve',
    });
    expect(await values('.gitconfig', '[user]\n\ttoken = x\n\tname = y\n')).toEqual({
      'user.token': 'x',
      'user.name': 'y',
    });
    expect(await values('credentials', '[default]\naws_secret_access_key = x\n')).toEqual({
      'default.aws_secret_access_key': 'x',
    });
    expect((await read('x.ini', 'just a word')).reason).toBe('names no value');
  });
});

describe('PEM', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const spki = publicKey.export({ type: 'spki', format: 'pem' }).toString();

  it('shows a key by the public half, and compares all of it', async () => {
    const { values: found } = await read('tls.key', `Bag Attributes\n${pkcs8}${spki}`);
    expect(found.map(({ name, kind, likely }) => [name, kind, likely])).toEqual([
      ['private key', 'private-key', true],
      ['public key', 'public-key', false],
      ['(other lines)', 'rest', false],
    ]);
    expect(found[0]!.facts).toEqual({ public_key: expect.stringMatching(/^SHA256:[\w+/]{43}$/) });
    expect(found[1]!.facts).toEqual(found[0]!.facts);
    // Other line ends are no other key.
    const again = await read('other', pkcs8.replaceAll('\n', '\r\n'));
    expect(again.values[0]!.reveal()).toEqual(found[0]!.reveal());
  });

  it('shows what a certificate says, which is public, and the fingerprint of its key', async () => {
    const at = scratch();
    const [key, cert] = [join(at, 'key'), join(at, 'cert')];
    const subject = ['-subj', '/O=Shop/CN=shop.example', '-days', '30'];
    execFileSync(
      'openssl',
      ['req', '-x509', '-newkey', 'ed25519', '-nodes', '-keyout', key, '-out', cert, ...subject],
      { stdio: 'ignore' },
    );
    const { values: found } = await read('tls.pem', `${readFileSync(cert)}${readFileSync(key)}`);
    expect(found.map(({ name, likely }) => [name, likely])).toEqual([
      ['certificate', false],
      ['private key', true],
    ]);
    expect(found[0]!.facts).toEqual({
      subject: 'O=Shop, CN=shop.example',
      issuer: 'O=Shop, CN=shop.example',
      expires: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      public_key: found[1]!.facts!.public_key,
    });
  });

  it('shows an OpenSSH key by the fingerprint that ssh-keygen shows, encrypted or not', async () => {
    for (const phrase of ['', 'a phrase']) {
      const file = join(scratch(), 'id');
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', phrase, '-f', file]);
      const [, expected] = execFileSync('ssh-keygen', ['-lf', file], { encoding: 'utf8' }).split(' ');
      const { values: found } = await read('id_ed25519', readFileSync(file));
      expect(found[0]).toMatchObject({ name: 'private key', facts: { public_key: expected } });
    }
  });

  it('numbers what is there twice, and says nothing of what it does not know', async () => {
    const odd = '-----BEGIN HUNTER2-----\nQQ==\n-----END HUNTER2-----\n';
    const { values: found } = await read(
      'a.crt',
      `${odd}${odd}-----BEGIN RSA PRIVATE KEY-----\nQQ==\n-----END RSA PRIVATE KEY-----`,
    );
    expect(found.map(({ name, facts }) => [name, facts])).toEqual([
      ['block', undefined],
      ['block #2', undefined],
      ['private key', undefined],
    ]);
    expect(await read('a.pem', '-----BEGIN CERTIFICATE-----\nabc')).toMatchObject({
      format: 'whole',
      reason: 'holds a block that does not end',
    });
  });
});

describe('any other file is one value', () => {
  it.each<[string, string | Buffer, boolean]>([
    ['notes.txt', 'nothing here', false],
    ['secrets/db', 'hunter2', true],
    ['db_password.txt', 'hunter2', true],
    ['app/token', 'x', true],
    ['store.p12', Buffer.of(0, 1, 2), true],
    ['run/rotate-keys.sh', 'echo 1', false],
    ['random', 'k3Jx9Qm2Vb7Lw4Tz8Rp6', true],
    ['latin1', Buffer.of(0xe9), false],
    ['big.json', Buffer.alloc(4 * 2 ** 20 + 1, 'x'), false],
    ['id_rsa', '', true],
  ])('%s', async (path, content, isLikely) => {
    const found = await read(path, content);
    expect(found.format).toBe('whole');
    expect(found.values.map(({ name, kind, likely }) => [name, kind, likely])).toEqual([
      ['(whole file)', 'file', isLikely],
    ]);
    expect(found.values[0]!.reveal().equals(Buffer.from(content))).toBe(true);
  });
});

describe('a likely secret', () => {
  it.each<[string, string, string[]]>([
    [
      'strongroom.yaml',
      'sets: { shop: { streams: { db: { postgres: { password: { dotenv: .env, key: DB_PASSWORD } } } } } }',
      [],
    ],
    [
      'compose.yaml',
      'services: { api: { secrets: [db_password], environment: { DB_PASSWORD: hunter2hunter2 } } }',
      ['services.api.environment.DB_PASSWORD'],
    ],
    [
      'kustomization.yaml',
      'secretGenerator: [{ name: shop-secret, envs: [secrets.env], files: [tls.key], literals: [TOKEN=k3Jx9Qm2Vb7] }]',
      ['secretGenerator[0].literals[0]'],
    ],
  ])('is no place or name of one: %s', async (path, text, expected) => {
    expect(await likely(path, text)).toEqual(expected);
  });

  it.each<[string, string, boolean]>([
    ['DB_PASSWORD', 'x', true],
    ['DBPASSWD', 'x', true],
    ['apiKey', 'x', true],
    ['API_KEY', 'x', true],
    ['clientSecret', 'x', true],
    ['SENTRY_DSN', 'x', true],
    ['SESSION_COOKIE', 'x', true],
    ['DB_PASSWORD', '', false],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: that is how it is written.
    ['DB_PASSWORD', '${DB_PASSWORD}', false],
    ['USE_TOKEN', 'true', false],
    ['DB_PASSWORD_FILE', '/run/secrets/db', false],
    ['PUBLIC_KEY', 'abc', false],
    ['MONKEY', 'banana', false],
    ['PASSENGERS', '3', false],
    ['LOG_LEVEL', 'debug', false],
    ['DATABASE_URL', 'postgres://app:hunter2@db/shop', true],
    ['DATABASE_URL', 'postgres://db/shop', false],
    ['X', 'ghp_abcdefghijklmnopqrstuvwx', true],
    ['X', 'd41d8cd98f00b204e9800998ecf8427e', true],
    ['X', 'sha256:d41d8cd98f00b204e9800998ecf8427e', false],
    ['X', 'registry.example.com/shop/web-1', false],
    ['X', '/var/lib/app/data-2026-11', false],
    ['X', 'a-long-word-with-dashes', false],
  ])('%s=%s: %s', async (name, value, expected) => {
    expect(await likely('.env', `${name}='${value}'\n`)).toEqual(expected ? [name] : []);
  });
});

describe('no value shows', () => {
  const CANARY = 'cAnArY7x';
  const path = fc.constantFrom('.env', 'a.json', 'a.yaml', 'a.toml', 'a.ini', 'a.pem', 'a.txt', 'secrets/a');
  /** Pieces of every format, whole or torn, with the value among them. */
  const piece = fc.constantFrom(
    ...[
      'A=',
      'export B="',
      "'",
      '"',
      '{"a":',
      '"',
      '}',
      '[',
      ']',
      ': ',
      '\n',
      '\n  ',
      '- ',
      ',',
      ' = ',
      '[s]',
      '#',
      '<<: *a',
    ],
    ...[
      '&a ',
      '*',
      '|',
      '---\n',
      '-----BEGIN PRIVATE KEY-----\n',
      '-----END PRIVATE KEY-----\n',
      '\\',
      '${',
      '{{',
      '\0',
      '"""',
      '!!',
    ],
    ...['data: ', 'kind: Secret\napiVersion: v1\n', 'metadata: {name: ', 'env: [{name: A, value: '],
  );
  const document = fc.array(fc.oneof(piece, fc.constant(` ${CANARY} `), fc.constant(`"${CANARY}"`)), {
    maxLength: 30,
  });

  /** Whether the canary could be a name by the format's own rules: then it is one. */
  const asName = new RegExp(
    `${CANARY}["' ]*[=:\\]]|\\[ *["']? *${CANARY}|\\{[^}]*${CANARY}|${CANARY}[^\\n]*[=:]|\\? `,
  );

  it('in a name, a fact, a reason, JSON or a log, whatever the file', async () => {
    await fc.assert(
      fc.asyncProperty(path, document, async (where, pieces) => {
        const text = pieces.join('');
        fc.pre(!asName.test(text));
        const found = await read(where, text);
        expect(JSON.stringify(found)).not.toContain(CANARY);
        expect(inspect(found, { depth: 9 })).not.toContain(CANARY);
        // Nor is anything lost: some value holds it.
        const held = found.values.some((v) => v.reveal().includes(CANARY));
        if (found.format === 'whole') expect(held).toBe(text.includes(CANARY));
      }),
      { numRuns: 2000 },
    );
  });

  it('and no input makes it fail', async () => {
    await fc.assert(
      fc.asyncProperty(
        path,
        fc.oneof(
          fc.uint8Array({ maxLength: 200 }),
          fc.string({ unit: 'binary' }),
          document.map((d) => d.join('')),
        ),
        async (where, content) => {
          const { values: found } = await namedValues(where, Buffer.from(content as string));
          expect(new Set(found.map((v) => v.name)).size).toBe(found.length);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('and large hostile files take no time worth speaking of', async () => {
    const size = 2 ** 18;
    const hostile: [string, string][] = [
      ['.env', `A=${' '.repeat(size)}x`],
      ['.env', 'A="'.repeat(size / 3)],
      ['a.ini', `a=x${' '.repeat(size)}x`],
      ['a.ini', ` a${' '.repeat(size)}`],
      ['a.json', '['.repeat(size)],
      ['a.yaml', '['.repeat(size / 16)],
      ['a.yaml', '- '.repeat(size / 64)],
      ['a.yaml', '['.repeat(size - 1)],
      ['a.yaml', '&x '.repeat(size / 4)],
      ['a.yaml', 'a: &a\n'.repeat(size / 16)],
      ['a.toml', `a${'.a'.repeat(size / 4)}=1`],
      ['a.toml', `a=${'['.repeat(size / 4)}`],
      ['a.toml', '[[a]]\n'.repeat(size / 6)],
      ['a.pem', '-----BEGIN A-----\n'.repeat(size / 18)],
      ['x', `${'a-'.repeat(size / 2)}`],
      ['a.pem', '-----BEGIN PRIVATE KEY-----\nQ\n-----END PRIVATE KEY-----\n'.repeat(9000)],
      ['x', '\n'.repeat(size)],
      ['x', '://'.repeat(size / 3)],
    ];
    for (const [where, text] of hostile) {
      const start = performance.now();
      await read(where, text);
      expect([where, text.slice(0, 8), performance.now() - start < 3000]).toEqual([
        where,
        text.slice(0, 8),
        true,
      ]);
    }
  });
});

describe('marks', () => {
  it('are equal for equal values and within one marker only', () => {
    const [mark, other] = [newMarker(), newMarker()];
    expect(mark(Buffer.from('a'))).toEqual(mark(Buffer.from('a')));
    expect(mark(Buffer.from('a'))).not.toEqual(mark(Buffer.from('b')));
    expect(mark(Buffer.from('a'))).not.toEqual(other(Buffer.from('a')));
    expect(mark(Buffer.from('a'))).toHaveLength(16);
  });
});
