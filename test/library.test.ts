// The library as its users meet it: the example atop src/index.ts, run from the source and from what ships; values
// from memory and back; a signal; and silence.

import { execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { registry } from '../src/commands/index.ts';
import * as library from '../src/index.ts';
import { ROOT } from './support/sources.ts';
import { scratch } from './support/vault.ts';

const words = 'staple orbit velvet canyon marble thirteen';
const portfolio = { cash: 1200.5, positions: [{ symbol: 'ACME', quantity: 40 }] };

/** The example of the comment, as code: with its places below `base`, and what it loads as its value. */
function example(base: string): string {
  const code = readFileSync(join(ROOT, 'src/index.ts'), 'utf8')
    .split('\n')
    .filter((line) => /^\/\/( {3}|$)/.test(line))
    .map((line) => line.slice(5))
    .join('\n');
  expect(code).toContain('loadFiles');
  return `${code.replaceAll("'/srv/", `'${base}/srv/`).replaceAll("'/var/", `'${base}/var/`)}\nreturn files;`;
}

/** What the example uses of the library. */
const used = (code: string): string[] =>
  Object.keys(library).filter((name) => new RegExp(`\\b${name}\\(`).test(code));

describe('the example', () => {
  it('works as it stands, from the source', async () => {
    const code = example(scratch());
    const names = used(code);
    expect(names).toEqual(
      expect.arrayContaining(['vaultAt', 'initVault', 'backup', 'unlock', 'chooseSnapshot', 'loadFiles']),
    );
    const AsyncFunction = (async () => {}).constructor as new (
      ...parts: string[]
    ) => (...values: unknown[]) => Promise<Map<string, Buffer>>;
    const parts: Readonly<Record<string, unknown>> = { ...library };
    const run = new AsyncFunction(...names, 'words', 'portfolio', code);
    const files = await run(...names.map((name) => parts[name]), words, portfolio);
    expect(JSON.parse(files.get('portfolio.json')!.toString())).toEqual(portfolio);
  });

  describe('from what ships', () => {
    let base: string;
    // The project's own build, over its own source, in a place of its own.
    beforeAll(() => {
      base = mkdtempSync(join(tmpdir(), 'strongroom-test-'));
      const project = join(base, 'project');
      mkdirSync(join(project, 'scripts'), { recursive: true });
      for (const name of ['package.json', 'scripts/build.mjs'])
        copyFileSync(join(ROOT, name), join(project, name));
      for (const name of ['src', 'node_modules']) symlinkSync(join(ROOT, name), join(project, name));
      execFileSync(process.execPath, ['scripts/build.mjs', '--no-types'], { cwd: project, stdio: 'pipe' });
      mkdirSync(join(base, 'node_modules'));
      symlinkSync(project, join(base, 'node_modules/strongroom'));
    });
    afterAll(() => rmSync(base, { recursive: true, force: true }));

    function run(code: string): { status: number | null; stdout: string; stderr: string } {
      const file = join(base, 'app.mjs');
      writeFileSync(file, code);
      const env = { PATH: process.env.PATH ?? '' };
      return spawnSync(process.execPath, [file], { cwd: base, encoding: 'utf8', env });
    }

    it('works too, prints nothing, and lets the process end', () => {
      const code = example(base);
      const app = `import { ${used(code).join(', ')} } from 'strongroom';
const [words, portfolio] = ${JSON.stringify([words, portfolio])};
const files = await (async () => {\n${code}\n})();
process.stdout.write(files.get('portfolio.json'));`;
      const { status, stdout, stderr } = run(app);
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(JSON.parse(stdout)).toEqual(portfolio);
    });

    it('gives what the source gives, and errors with codes that programs can tell', () => {
      const { stdout, stderr } = run(`import * as library from 'strongroom';
const { vaultAt, openVault, NotFoundError } = library;
const error = await openVault(await vaultAt(${JSON.stringify(join(base, 'nowhere'))})).catch((e) => e);
console.log(JSON.stringify([Object.keys(library).sort(), error instanceof NotFoundError, error.code, error.exitCode]));`);
      expect(stderr).toBe('');
      expect(JSON.parse(stdout)).toEqual([Object.keys(library).sort(), true, 'no-vault', 10]);
    });
  });
});

describe('a backup from memory', () => {
  const {
    backup,
    chooseSnapshot,
    generateSigningKey,
    initVault,
    loadFiles,
    memoryStore,
    newPassphraseKey,
    noMemory,
    passphraseCredential,
    readSnapshots,
    unlock,
  } = library;

  async function made(signal?: AbortSignal) {
    const context = {
      store: memoryStore(),
      memory: noMemory(),
      now: () => new Date(),
      ...(signal ? { signal } : {}),
    };
    const key = generateSigningKey();
    const host = { name: 'app-1', publicKey: key.publicKey };
    const { pin } = await initVault({ ...context, signal: undefined } as never, {
      name: 'shop',
      keys: [newPassphraseKey('passphrase', words, 10)],
      host,
    });
    return { context, pin, host: { name: 'app-1', key } };
  }

  it('holds bytes, text and values, and gives them back as they were', async () => {
    const { context, pin, host } = await made();
    const bytes = Buffer.from([0, 255, 10, 13]);
    const memory = {
      'a.bin': bytes,
      'b/text.txt': 'grüße\n',
      'c.json': portfolio,
      'd.json': null,
      'e.json': [1, 2],
      'f.json': true,
      'empty.txt': '',
    };
    const result = await backup(context, { set: 'state', sources: { memory }, host, pin });
    expect(result).toMatchObject({ set: 'state', complete: true, files: 7, problems: [] });
    const vault = await unlock(context, {
      pin,
      credentials: async () => [passphraseCredential(async () => words)],
    });
    const files = await loadFiles(
      vault,
      chooseSnapshot(await readSnapshots(vault), { set: 'state' }).snapshot,
    );
    expect(files.get('a.bin')!.equals(bytes)).toBe(true);
    expect(files.get('b/text.txt')!.toString()).toBe('grüße\n');
    for (const [name, value] of [
      ['c.json', portfolio],
      ['d.json', null],
      ['e.json', [1, 2]],
      ['f.json', true],
    ] as const) {
      expect(JSON.parse(files.get(name)!.toString())).toEqual(value);
    }
    expect(files.get('empty.txt')).toHaveLength(0);
    expect([...files.keys()]).toEqual([
      'a.bin',
      'b/text.txt',
      'c.json',
      'd.json',
      'e.json',
      'empty.txt',
      'f.json',
    ]);
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['no JSON', { a: 10n }, 'not-json'],
    ['nothing', { a: undefined }, 'not-json'],
    ['a function', { a: () => 1 }, 'not-json'],
    [
      'a circle',
      {
        a: (() => {
          const circle: Record<string, unknown> = {};
          circle.self = circle;
          return circle;
        })(),
      },
      'not-json',
    ],
    ['a path that climbs', { '../a': 'x' }, 'bad-path'],
    ['a path that is absolute', { '/etc/a': 'x' }, 'bad-path'],
    ['a file and a directory of one name', { a: 'x', 'a/b': 'y' }, 'path-conflict'],
  ])('of %s is refused, and nothing is written', async (_, memory, code) => {
    const { context, pin, host } = await made();
    await expect(backup(context, { set: 'state', sources: { memory }, host, pin })).rejects.toMatchObject({
      code,
    });
    for await (const { name } of context.store.list('')) expect(name).not.toMatch(/^(?:data|snapshots)/);
  });

  it('stops at a signal and leaves nothing', async () => {
    const stop = new AbortController();
    const { context, pin, host } = await made(stop.signal);
    const sources = {
      memory: Object.fromEntries(
        Array.from({ length: 50 }, (_, i) => [`file-${i}`, Buffer.alloc(200_000, i)]),
      ),
    };
    const onProgress = () => stop.abort();
    await expect(backup(context, { set: 'state', sources, host, pin, onProgress })).rejects.toMatchObject({
      code: 'interrupted',
      exitCode: 130,
    });
    const left: string[] = [];
    for await (const { name } of context.store.list('')) left.push(name);
    expect(left.filter((name) => /^(?:data|snapshots)/.test(name))).toEqual([]);
    const { signal, ...free } = context;
    const vault = await library.openVault(free, { pin });
    await expect(readSnapshots({ ...vault, signal: signal! })).rejects.toMatchObject({
      code: 'interrupted',
    });
  });
});

/** What each command does with a vault. What is of a machine or of paper is the program's alone. */
const VERBS: Readonly<Record<string, readonly (keyof typeof library)[] | 'program'>> = {
  init: ['initVault'],
  backup: ['planBackup', 'backup'],
  list: ['readSnapshots', 'chooseListed'],
  show: ['readSnapshotContents'],
  cat: ['cat', 'chooseStream', 'readStream'],
  restore: [
    'planRestore',
    'applyRestore',
    'recoverPlacement',
    'findUndo',
    'dropUndo',
    'loadFiles',
    'openStream',
  ],
  diff: ['diff', 'snapshotSide', 'liveSide', 'revealValues'],
  verify: ['verify', 'verifySnapshot', 'verifyPlaces', 'compareTree'],
  coverage: ['coverage', 'discover'],
  health: ['readHealth', 'isHealthy'],
  drill: ['planDrill', 'runDrill', 'writeEvidence', 'readDrills'],
  doctor: 'program',
  prune: ['planPrune', 'applyPrune', 'judgeRetention'],
  guard: ['withSnapshot'],
  copy: ['planCopyTo', 'copyAsPlanned'],
  delete: ['planDelete', 'applyDelete', 'findLeftovers'],
  keep: ['planKeep', 'planRelease', 'applyKeep'],
  keys: ['changeKeys', 'tryKey', 'planRotation', 'rotate', 'planReencryption', 'reencrypt', 'findExposure'],
  hosts: ['enrollHost', 'planHostRemoval', 'removeHost'],
  history: ['historyGroups', 'readValueHistory'],
  trust: ['openVault', 'unlock', 'parsePin', 'pinOf'],
  recovery: 'program',
  schedule: 'program',
  notify: 'program',
  policy: 'program',
  config: 'program',
  completion: 'program',
};

describe('the library', () => {
  it('has the verb of each command but for what README says is of the program alone', () => {
    const rows = registry.flatMap((group) => group.rows.map(({ name }) => name));
    expect(Object.keys(VERBS).sort()).toEqual([...rows].sort());
    const all: Readonly<Record<string, unknown>> = library;
    for (const [command, verbs] of Object.entries(VERBS))
      for (const verb of verbs === 'program' ? [] : verbs)
        expect([command, typeof all[verb]]).toEqual([command, 'function']);
    const own = Object.keys(VERBS).filter((name) => VERBS[name] === 'program');
    const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
    const section = readme.slice(readme.indexOf('\n## Library\n'), readme.indexOf('\n## Speed\n'));
    for (const name of own) expect(section).toContain(`\`${name}\``);
  });

  it('compares snapshots, checks one, and copies', async () => {
    const directory = scratch();
    const context = await library.vaultAt(join(directory, 'vault'), { create: true });
    const key = library.generateSigningKey();
    const host = { name: 'app-1', key };
    const { pin } = await library.initVault(context, {
      name: 'shop',
      keys: [library.newPassphraseKey('passphrase', words, 10)],
      host: { name: 'app-1', publicKey: key.publicKey },
    });
    for (const token of ['first-token', 'other-token'])
      await library.backup(context, {
        set: 'state',
        sources: { memory: { '.env': `API_TOKEN=${token}\n` } },
        host,
        pin,
      });
    const credentials = async () => [library.passphraseCredential(async () => words)];
    const vault = await library.unlock(context, { pin, credentials });
    const { snapshots } = await library.readSnapshots(vault);
    const [before, after] = [snapshots[0]!, snapshots[1]!];
    const found = await library.diff(
      await library.snapshotSide(vault, before),
      await library.snapshotSide(vault, after),
    );
    expect(found.files[0]?.values?.changes.map(({ name, change }) => [name, change])).toEqual([
      ['API_TOKEN', 'changed'],
    ]);

    const there = await library.vaultAt(join(directory, 'copy'), { create: true });
    const result = await library.copyAsPlanned(await library.planCopyTo(vault, there.store));
    expect(result.copied).toHaveLength(2);
    const copy = await library.openVault(there, { pin });
    expect((await library.verify(copy)).findings).toEqual([]);
    expect((await library.verifySnapshot(vault, after, vault)).findings).toEqual([]);
  });

  it('exports functions, errors and types under names, and nothing else', () => {
    expect(Object.keys(library)).not.toContain('default');
    for (const value of Object.values(library)) expect(typeof value).toBe('function');
  });

  it('makes nothing where nothing is to be remembered', async () => {
    const directory = scratch();
    const context = await library.vaultAt(join(directory, 'vault'));
    await expect(library.openVault(context)).rejects.toMatchObject({ code: 'no-vault' });
    expect(readdirSync(directory)).toEqual([]);
  });

  it.each(['', 'ftp://x', '~/vault'])('refuses the location %j', async (location) => {
    await expect(library.vaultAt(location)).rejects.toMatchObject({ code: 'unknown-location', exitCode: 2 });
  });

  it('takes a bucket with its settings, and opens nothing there yet', async () => {
    const { store } = await library.vaultAt('s3://bucket/prefix/', { s3: { region: 'eu-central-1' } });
    expect(store.location).toBe('s3://bucket/prefix');
    await expect(library.vaultAt('s3://b')).rejects.toMatchObject({ code: 'bad-location' });
    await expect(library.vaultAt('s3://bucket', { s3: { kmsKeyId: 'x' } })).rejects.toMatchObject({
      code: 'bad-setting',
    });
  });
});
