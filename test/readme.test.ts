// The documents for users, held against the program: commands, flags, variables, exit codes, paths and words that
// they name, the tour, and what the README says of the shell script that everybody writes.
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import manifest from '../package.json' with { type: 'json' };
import { parseConfig } from '../src/cli/config.ts';
import { globalFlags } from '../src/commands/global.ts';
import { everyCommand, kebab } from '../src/commands/index.ts';
import * as errors from '../src/errors.ts';
import { parseKeysFile } from '../src/keys/keys-file.ts';
import { machines, PASSPHRASE } from './support/program.ts';

const root = resolve(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const documents = [
  'README.md',
  'SECURITY.md',
  'CHANGELOG.md',
  'keys.example',
  'docs/configuration.md',
  'docs/dependencies.md',
  'docs/migrating.md',
  'examples/shop/README.md',
  'examples/shop/strongroom.example.yaml',
  ...['learner', 'portfolio', 'research-duckdb', 'trading-platform', 'trading-postgres'].flatMap((name) => [
    `examples/${name}/README.md`,
    `examples/${name}/strongroom.yaml`,
  ]),
];
const readme = read('README.md');
const machine = machines();
const temporary = mkdtempSync(join(tmpdir(), 'strongroom-readme-'));
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

/** The code of a document: blocks and spans, without output lines of a `console` block. */
function codeOf(text: string): string[] {
  const blocks = [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)].flatMap(([, kind, body = '']) =>
    kind === 'console' ? commandsOf(body) : body.split('\n'),
  );
  const spans = [...text.replace(/^```.*?^```$/gms, '').matchAll(/`([^`\n]+)`/g)].map(
    ([, span = '']) => span,
  );
  return [...blocks, ...spans];
}

function commandsOf(body: string): string[] {
  return body
    .split('\n')
    .filter((line) => line.startsWith('$ '))
    .map((line) => line.slice(2));
}

/** What links to the headings of a document end in, as GitHub makes them. */
function anchorsOf(text: string): string[] {
  const slugs = [...text.replace(/^```.*?^```$/gms, '').matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  );
  return slugs.map((slug, n) => {
    const before = slugs.slice(0, n).filter((other) => other === slug).length;
    return before === 0 ? slug : `${slug}-${before}`;
  });
}

function sources(directory: string): string[] {
  return readdirSync(join(root, directory), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'));
}

describe('what the documents name', () => {
  test.each(documents)('is a command with such flags: %s', async (path) => {
    for (const line of codeOf(read(path))) {
      // What follows `--` is another program's.
      const typed = /(?:^|\s)strongroom ((?:(?![|&#]).)+)/.exec(line)?.[1]?.replace(/\s--\s.*$/, '');
      const words = typed?.trim().split(/\s+/) ?? [];
      if (words.length === 0 || words[0] === 'COMMAND' || words[0]?.startsWith('--')) continue;
      const found = everyCommand()
        .filter(({ path: name }) => name.every((word, i) => words[i] === word))
        .sort((a, b) => b.path.length - a.path.length)[0];
      expect(found, `a command in: ${line}`).toBeDefined();
      const flags = Object.keys({ ...globalFlags, ...(await found?.row.load())?.flags }).map(
        (key) => `--${kebab(key)}`,
      );
      for (const word of words.filter((w) => w.startsWith('--'))) {
        expect(flags, `a flag in: ${line}`).toContain(word.replace(/[=,;].*$/, ''));
      }
    }
  });

  test('is every command there is', () => {
    for (const { path } of everyCommand()) expect(readme).toContain(`\`strongroom ${path.join(' ')}\``);
  });

  test.each(documents)('is a script of the manifest: %s', (path) => {
    for (const [, name = ''] of read(path).matchAll(/npm run ([a-z-]+)/g)) {
      expect(Object.keys(manifest.scripts)).toContain(name);
    }
  });

  test.each(documents)('is a file that is there: %s', (path) => {
    const text = read(path);
    const links = [...text.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)].map(([, link = '']) => link);
    for (const link of links.filter((l) => !l.includes('://'))) {
      expect(existsSync(resolve(root, dirname(path), link)), link).toBe(true);
    }
    for (const [, link = '', anchor = ''] of text.matchAll(/\]\(([^)#:]*)#([^)]*)\)/g)) {
      const target = link === '' ? text : readFileSync(resolve(root, dirname(path), link), 'utf8');
      expect(anchorsOf(target), `${link}#${anchor}`).toContain(anchor);
    }
    const named = [...text.matchAll(/`((?:src|test|scripts|docs|bench|examples)\/[^`\s]*)`/g)].map(
      ([, name = '']) => name,
    );
    for (const name of named) expect(existsSync(join(root, name)), name).toBe(true);
  });

  test('is each variable that the program reads, and no other', () => {
    const family = /^STRONGROOM_NEW_PASSPHRASE_.*|STRONGROOM_(?:TTY|LONG|REPORT|CCTV)$/;
    const inText = new Set(readme.match(/\bSTRONGROOM_[A-Z_]*[A-Z]\b/g));
    const inSource = new Set(
      sources('src').flatMap((text) => text.match(/\bSTRONGROOM_[A-Z_]*[A-Z]\b/g) ?? []),
    );
    for (const name of inSource) if (!family.test(name)) expect(inText).toContain(name);
    for (const name of inText) {
      const known = [...inSource].some(
        (source) => name.replace(/_(FILE|COMMAND|FD)$/, '') === source.replace(/_FILE$/, ''),
      );
      if (!family.test(name)) expect(known, name).toBe(true);
    }
  });

  test('is each exit code, and no other', () => {
    const table = [...readme.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code));
    const thrown = Object.values(errors).map((Kind) => new Kind('sample', 'sample').exitCode);
    // 0, 3, 4, 5 and 13 are also what a command's result can come to (src/commands/command.ts).
    expect(table.sort((a, b) => a - b)).toEqual([...new Set([0, 3, 4, 5, ...thrown])].sort((a, b) => a - b));
  });

  test('is each type of JSON line', () => {
    const section = /^## JSON$(.*?)^## /ms.exec(readme)?.[1] ?? '';
    const types = sources('src/commands').flatMap((text) =>
      [...text.matchAll(/\bline\('([a-z_]+)'/g)].map(([, type]) => type),
    );
    expect(types.length).toBeGreaterThan(10);
    for (const type of types) expect(section).toContain(`\`${type}\``);
  });
});

test.each(['README.md', 'keys.example'])(
  '%s speaks of vaults, snapshots and keys, not of the format inside',
  (path) => {
    // Our own words for what is inside belong to docs/format.md. `recipient` is allowed as age's own word and flag,
    // "in part" and "recorded" are plain English, and `part` is a JSON line of drill.
    const text = read(path)
      .replace(/--recipient|age recipients?/g, '')
      .replace(/in part|recorded|`part`/g, '')
      .replace(/--as-recorded/g, '');
    const found = text.match(
      /\b(?:authority|generations?|slots?|records?|artifacts?|parts?|ledgers?|recipients?|stanzas?)\b/gi,
    );
    expect(found ?? []).toEqual([]);
  },
);

describe('examples of settings', () => {
  const blocks = [...read('docs/configuration.md').matchAll(/^```yaml\n(.*?)^```$/gms)].map(
    ([, body = '']) => body,
  );

  test('are sound: docs/configuration.md', async () => {
    expect(blocks).toHaveLength(1);
    const config = await parseConfig(blocks[0] ?? '', '/srv/shop/strongroom.yaml', '/root');
    expect([...config.sets.keys()]).toEqual(['app', 'certificates']);
  });

  test('are sound: examples/shop/strongroom.example.yaml', async () => {
    const config = await parseConfig(
      read('examples/shop/strongroom.example.yaml'),
      '/srv/shop/strongroom.yaml',
      '/root',
    );
    expect([...config.sets.keys()]).toEqual(['compose', 'kubernetes']);
  });

  test('are sound: keys.example, with its examples switched on too', () => {
    const text = read('keys.example');
    expect(parseKeysFile(text, 'keys.example')).toEqual([{ method: 'passphrase' }]);
    const switchedOn = text.replace(/^# (?=age1[0-9a-z]{58}\b|ssh-ed25519 |arn:aws:)/gm, '');
    expect(parseKeysFile(switchedOn, 'keys.example').map(({ method, name }) => [method, name])).toEqual([
      ['passphrase', undefined],
      ['age', 'alice'],
      ['age', 'recovery'],
      ['ssh', 'bob@laptop'],
      ['kms', 'kms-eu'],
      ['kms', undefined],
    ]);
  });
});

describe('the example shop', () => {
  const shop = join(temporary, 'made');

  test('holds all that its compose file and kustomizations refer to, once its secrets are made', () => {
    cpSync(join(root, 'examples/shop'), shop, { recursive: true });
    const env = { ...process.env, NO_COLOR: '1' };
    execFileSync(process.execPath, ['make-secrets.mjs'], { cwd: shop, env });
    const compose = parse(readFileSync(join(shop, 'compose.yaml'), 'utf8'));
    const files = [
      ...Object.values<{ file: string }>(compose.secrets),
      ...Object.values<{ file: string }>(compose.configs),
    ];
    const wanted = [...files.map(({ file }) => file), compose.services.app.env_file[0].path];
    for (const directory of ['kubernetes/base', 'kubernetes/overlays/production']) {
      const {
        resources,
        patches = [],
        secretGenerator = [],
        configMapGenerator = [],
      } = parse(readFileSync(join(shop, directory, 'kustomization.yaml'), 'utf8'));
      const generated = [...secretGenerator, ...configMapGenerator].flatMap(({ envs = [], files = [] }) => [
        ...envs,
        ...files,
      ]);
      for (const name of [...resources, ...patches.map((p: { path: string }) => p.path), ...generated]) {
        wanted.push(join(directory, name));
      }
    }
    expect(wanted.length).toBeGreaterThan(12);
    for (const name of wanted) expect(existsSync(join(shop, name)), name).toBe(true);
    expect(statSync(join(shop, 'certs/site.key')).mode & 0o777).toBe(0o600);
  });

  test('makes a certificate that OpenSSL and Node take, and refuses to make it again', async () => {
    const { X509Certificate, createPrivateKey } = await import('node:crypto');
    const certificate = new X509Certificate(readFileSync(join(shop, 'certs/site.crt')));
    expect(certificate.checkHost('shop.example.com')).toBe('shop.example.com');
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.checkPrivateKey(createPrivateKey(readFileSync(join(shop, 'certs/site.key'))))).toBe(
      true,
    );
    const again = spawnSync(process.execPath, ['make-secrets.mjs'], { cwd: shop, encoding: 'utf8' });
    expect(again.status).not.toBe(0);
    expect(again.stderr).toContain('EEXIST');
  });

  test('is committed without a secret', () => {
    const ignored = read('examples/shop/.gitignore').split('\n');
    expect(ignored).toEqual(expect.arrayContaining(['.env', 'secrets/', 'certs/', 'deploy/']));
    const files = readdirSync(join(root, 'examples'), { recursive: true, withFileTypes: true }).filter((e) =>
      e.isFile(),
    );
    const tracked = spawnSync('git', ['ls-files', '-z', 'examples'], { cwd: root, encoding: 'utf8' });
    const names =
      tracked.status === 0 && tracked.stdout !== '' ? new Set(tracked.stdout.split('\0')) : undefined;
    for (const { parentPath, name } of files) {
      const path = join(parentPath, name);
      if (names && !names.has(path.slice(root.length + 1))) continue;
      expect(readFileSync(path, 'utf8'), path).not.toMatch(
        /-----BEGIN [A-Z ]*PRIVATE KEY-----\n|AGE-SECRET-KEY-1/,
      );
    }
  });
});

test('the tour and the recovery of the README run as they stand there', async () => {
  const m = machine('web-1');
  const bin = join(m.directory, 'bin');
  mkdirSync(bin);
  const [node, main] = m.argv([]);
  writeFileSync(join(bin, 'strongroom'), `#!/bin/sh\nexec "${node}" "${main}" "$@" --yes\n`, { mode: 0o755 });
  const shop = join(m.directory, 'srv/shop');
  const backup = join(m.directory, 'mnt/backup');
  mkdirSync(backup, { recursive: true });
  cpSync(join(temporary, 'made'), shop, { recursive: true });
  const section = (title: string) => new RegExp(`^## ${title}$(.*?)^## `, 'ms').exec(readme)?.[1] ?? '';
  const consoles = [
    ...(section('One minute') + section('3 a.m., on a fresh machine')).matchAll(/^```console\n(.*?)^```$/gms),
  ];
  const lines = consoles.flatMap(([, body = '']) => commandsOf(body));
  expect(lines.length).toBeGreaterThan(6);
  const script = lines
    .join('\n')
    .replaceAll('/srv/shop', shop)
    .replaceAll('/mnt/backup', backup)
    .replace(/^strongroom restore latest \.env/m, 'echo broken > .env\n$&');
  const env = m.env({
    PATH: `${bin}:${process.env.PATH}`,
    STRONGROOM_PASSPHRASE_FILE: m.passphrase(PASSPHRASE),
  });
  const { status, stdout, stderr } = spawnSync('sh', ['-eu', '-c', script], {
    cwd: m.work,
    env,
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  expect(stdout).toContain('The vault shop is sound.');
  expect(readFileSync(join(shop, '.env'), 'utf8')).toBe('broken\n');
  expect(readFileSync(`${shop}-restored/.env`, 'utf8')).toBe(
    readFileSync(join(temporary, 'made/.env'), 'utf8'),
  );
});

describe.skipIf(spawnSync('openssl', ['version']).status !== 0)('the shell script of the README', () => {
  const directory = join(temporary, 'script');
  const encrypt = 'openssl enc -aes-256-cbc -pbkdf2 -pass file:secure/backup.key';
  const sh = (script: string) =>
    spawnSync('bash', ['-c', `umask 022; ${script}`], { cwd: directory, encoding: 'utf8' });
  mkdirSync(join(directory, 'secure'), { recursive: true });
  writeFileSync(join(directory, 'secure/backup.key'), 'a passphrase\n');
  writeFileSync(join(directory, '.env'), 'DB_PASSWORD=correct-horse\nPAY_LIMIT=1000\n', { mode: 0o644 });

  test('succeeds, with 64 bytes, when its source is missing', () => {
    expect(sh(`tar -czf - not-there | ${encrypt} -out missing.enc`).status).toBe(0);
    expect(statSync(join(directory, 'missing.enc')).size).toBe(64);
  });

  test('decrypts what was changed without a word', () => {
    sh(`tar -cf - .env | ${encrypt} -out plain.enc`);
    const bytes = readFileSync(join(directory, 'plain.enc'));
    // In CBC a change of one block changes the same place of the next: tar's header takes 512 bytes, the salt 16.
    const place = 16 + 512 + 'DB_PASSWORD=correct-horse\nPAY_LIMIT='.length;
    bytes[place - 16]! ^= '1'.charCodeAt(0) ^ '9'.charCodeAt(0);
    writeFileSync(join(directory, 'changed.enc'), bytes);
    const { status, stdout } = sh(
      `set -o pipefail; ${encrypt} -d -in changed.enc | tar -xOf - .env | tail -c 15`,
    );
    expect(status).toBe(0);
    expect(stdout).toContain('=9000');
  });

  test('has written files before gzip notices that something was changed', () => {
    writeFileSync(join(directory, 'dump.sql'), randomBytes(512 * 1024));
    sh(`tar -czf - .env dump.sql | ${encrypt} -out zipped.enc && mkdir -p out`);
    const bytes = readFileSync(join(directory, 'zipped.enc'));
    bytes[bytes.length - 1000]! ^= 1;
    writeFileSync(join(directory, 'zipped.enc'), bytes);
    expect(sh(`${encrypt} -d -in zipped.enc | tar -xz -C out`).status).not.toBe(0);
    expect(existsSync(join(directory, 'out/.env'))).toBe(true);
  });

  test('packs its own key, and leaves archive and files readable for everybody', () => {
    sh(
      `tar -czf - .env secure/*.key | ${encrypt} -out all.enc; mkdir -p back; ${encrypt} -d -in all.enc | tar -xz -C back`,
    );
    expect(existsSync(join(directory, 'back/secure/backup.key'))).toBe(true);
    expect(statSync(join(directory, 'all.enc')).mode & 0o777).toBe(0o644);
    expect(statSync(join(directory, 'back/.env')).mode & 0o777).toBe(0o644);
  });
});
