// The package as others get it: packed from a clean copy, installed into an empty folder, run, imported, type-checked.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import manifest from '../package.json' with { type: 'json' };

const root = resolve(import.meta.dirname, '..');
const directory = mkdtempSync(join(tmpdir(), 'strongroom-package-'));
const folder = join(directory, 'empty');
const installed = join(folder, 'node_modules/strongroom');
let packed: string[] = [];

/** Runs a program; throws with what it said when it fails. */
function run(
  cwd: string,
  command: string,
  args: readonly string[],
  env: Record<string, string> = {},
): string {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd,
    env: { ...process.env, npm_config_update_notifier: 'false', ...env },
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${status}\n${stdout}${stderr}`);
  return stdout;
}

/** A machine of its own with one file in `app`, where the installed program is run. */
function machine(name: string) {
  const home = join(directory, name);
  mkdirSync(join(home, 'app'), { recursive: true });
  writeFileSync(join(home, 'app/.env'), 'A=1\n');
  writeFileSync(join(home, 'passphrase'), 'violet anchor puzzle harvest lantern\n', { mode: 0o600 });
  const own = {
    HOME: home,
    XDG_STATE_HOME: join(home, 'state'),
    XDG_DATA_HOME: join(home, 'data'),
    XDG_CACHE_HOME: join(home, 'cache'),
    STRONGROOM_PASSPHRASE_FILE: join(home, 'passphrase'),
    STRONGROOM_HOST: 'pack',
  };
  const program = join(folder, 'node_modules/.bin/strongroom');
  return {
    home,
    strongroom: (args: readonly string[], env: Record<string, string> = {}) =>
      run(join(home, 'app'), program, args, { ...own, ...env }),
  };
}

beforeAll(() => {
  const copy = join(directory, 'copy');
  const parts = [
    'src',
    'scripts',
    'docs',
    'package.json',
    'tsconfig.json',
    'tsconfig.types.json',
    'keys.example',
  ];
  for (const part of [...parts, 'README.md', 'LICENSE', 'SECURITY.md', 'CHANGELOG.md', 'test', 'examples']) {
    cpSync(join(root, part), join(copy, part), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  run(copy, 'npm', ['pack', '--silent', '--pack-destination', directory]);
  const tarball = join(directory, `strongroom-${manifest.version}.tgz`);
  packed = execFileSync('tar', ['-tzf', tarball], { encoding: 'utf8' }).trim().split('\n').sort();
  mkdirSync(folder);
  run(folder, 'npm', [
    'install',
    '--ignore-scripts',
    '--prefer-offline',
    '--no-audit',
    '--no-fund',
    '--silent',
    tarball,
  ]);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test('the package holds what is needed, and nothing of the workshop', () => {
  const wanted = [
    'LICENSE',
    'README.md',
    'SECURITY.md',
    'CHANGELOG.md',
    'keys.example',
    'docs/format.md',
    'dist/THIRD-PARTY.txt',
  ];
  for (const name of wanted) expect(packed).toContain(`package/${name}`);
  const strange = packed.filter(
    (name) => !/^package\/(dist|docs)\//.test(name) && !/^package\/[^/]+$/.test(name),
  );
  expect(strange).toEqual([]);
  expect(packed.filter((name) => /\.test\.|\.map$|tsconfig|node_modules/.test(name))).toEqual([]);
});

test('every package in the bundle has its licence told', () => {
  const text = readFileSync(join(installed, 'dist/THIRD-PARTY.txt'), 'utf8');
  for (const [name, version] of Object.entries(manifest.dependencies))
    expect(text).toContain(`${name} ${version} (`);
});

test('the program runs from where npm put it: vault, backup, restore', () => {
  const { home, strongroom } = machine('home');
  expect(strongroom(['--version']).trim()).toContain(manifest.version);
  strongroom(['init', '--passphrase', '--quiet']);
  strongroom(['backup', '--quiet']);
  strongroom(['restore', 'latest', '--set', 'app', '--target', '../out', '--quiet']);
  expect(readFileSync(join(home, 'out/.env'), 'utf8')).toBe('A=1\n');
  expect(statSync(join(home, 'out/.env')).mode & 0o777).toBe(0o600);
});

// Half of a short run is V8 reading code. This keeps what a feature adds out of the runs that have no use for it.
test('a backup reads only what it uses of the program, in few files', () => {
  const { home, strongroom } = machine('start');
  const list = join(home, 'read.txt');
  const hook = join(home, 'hook.cjs');
  const names = 'Object.keys(require.cache).join("\\n")';
  writeFileSync(
    hook,
    `process.on('exit', () => require('fs').writeFileSync(${JSON.stringify(list)}, ${names}));`,
  );
  const env = { NODE_OPTIONS: `--require=${hook}`, STRONGROOM_LOCATION: join(home, 'vault') };
  strongroom(['init', '--passphrase', '--quiet'], env);
  rmSync(join(home, 'app/strongroom.yaml'));
  strongroom(['backup', '.', '--set', 'app', '--quiet'], env);
  const files = readFileSync(list, 'utf8')
    .split('\n')
    .filter((file) => file.includes('/dist/'));
  const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0);
  expect(files.length).toBeGreaterThan(1);
  expect(files.length).toBeLessThanOrEqual(5);
  expect(bytes).toBeGreaterThan(100_000);
  expect(bytes).toBeLessThan(450_000);
});

test('the library example runs, and a second run says what is in its way', () => {
  cpSync(join(root, 'examples/library.mjs'), join(folder, 'library.mjs'));
  const out = run(folder, process.execPath, ['library.mjs', join(directory, 'library')]);
  expect(out).toMatch(/backed up 2 files as \d{8}T\d{6}Z-/);
  expect(out).toContain("symbol: 'ACME'");
  const again = spawnSync(process.execPath, ['library.mjs', join(directory, 'library')], {
    cwd: folder,
    encoding: 'utf8',
  });
  expect(again.status).not.toBe(0);
  expect(again.stderr).toContain('there is already something at');
});

test('its types are complete for a strict project, and known to it', () => {
  cpSync(join(root, 'node_modules/@types/node'), join(folder, 'node_modules/@types/node'), {
    recursive: true,
  });
  cpSync(join(root, 'node_modules/undici-types'), join(folder, 'node_modules/undici-types'), {
    recursive: true,
  });
  writeFileSync(
    join(folder, 'consumer.mts'),
    `import { type BackupResult, backup, StrongroomError, vaultAt, type VaultContext } from 'strongroom';
const context: VaultContext = await vaultAt('/nowhere');
export const code: number = new StrongroomError('a', 'b').exitCode;
export type Result = Awaited<ReturnType<typeof backup>> extends BackupResult ? 'known' : never;
export const known: Result = 'known';
// @ts-expect-error a set is a name
await backup(context, { set: 1 });
`,
  );
  const settings = {
    target: 'es2023',
    lib: ['es2024'],
    module: 'nodenext',
    strict: true,
    noEmit: true,
    types: ['node'],
  };
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: settings, files: ['consumer.mts'] }),
  );
  expect(existsSync(join(installed, manifest.types))).toBe(true);
  run(folder, process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', '.']);
});
