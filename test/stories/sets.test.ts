// What goes into a snapshot: paths on the command line, the sets of strongroom.yaml, several at once; and what is
// said when not all of it could be had.

import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { type Machine, machines, type RunOptions } from '../support/program.ts';

const machine = machines();
let web: Machine;
let vault: string;
let opens: RunOptions;

beforeEach(async () => {
  web = machine('web-1');
  vault = join(web.directory, 'vault');
  const me = await web.identity();
  opens = { env: { STRONGROOM_IDENTITY_FILE: me.file } };
  await web.ok(['init', '--location', vault, '--name', 'shop', '--recipient', me.recipient]);
});

/** Replaces the sets of strongroom.yaml. */
function configure(sets: string): void {
  const path = join(web.work, 'strongroom.yaml');
  const text = readFileSync(path, 'utf8').replace(/^sets:[\s\S]*/m, `sets:\n${sets}`);
  rmSync(path);
  writeFileSync(path, text, { mode: 0o644 });
}

const paths = async (selector: string, ...args: string[]) =>
  (await web.ok(['show', selector, ...args, '--json'], opens))
    .lines()
    .filter((m) => m.message_type === 'entry')
    .map((m) => m.path as string);
const snapshots = async () =>
  (await web.ok(['list', '--json']))
    .lines()
    .filter((m) => m.message_type === 'snapshot')
    .map((m) => m.set as string);

it('paths on the command line make a set of their own, named after the directory or as asked', async () => {
  web.write('.env', 'A=1\n');
  web.write('certs/a.key', 'x');
  web.write('certs/a.log', 'x');
  web.write('notes.txt', 'x');
  await web.ok(['backup', '.env', 'certs', '--exclude', '**/*.log']);
  expect(await paths('latest', '--set', 'work')).toEqual(['.env', 'certs', 'certs/a.key', 'strongroom.yaml']);
  await web.ok(['backup', '.env', '--set', 'env-only']);
  expect(await paths('latest', '--set', 'env-only')).toEqual(['.env', 'strongroom.yaml']);
  expect(await snapshots()).toEqual(expect.arrayContaining(['work', 'env-only']));
});

it('the sets of the configuration take what they say, wherever it lies, and always the configuration', async () => {
  const outside = join(web.directory, 'secure');
  mkdirSync(outside, { mode: 0o700 });
  writeFileSync(join(outside, 'tls.pem'), 'pem\n', { mode: 0o600 });
  writeFileSync(join(outside, 'tls.txt'), 'txt\n', { mode: 0o600 });
  web.write('.env', 'A=1\n');
  web.write('.env.prod', 'A=2\n');
  web.write('dumps/db.sql', 'sql\n');
  web.write('dumps/db.log', 'log\n');
  configure(`  app:
    root: .
    include: [".env*", "${outside}/*.pem"]
    exclude: [".env.prod"]
  dumps:
    root: dumps
    exclude: ["*.log"]
`);
  const made = await web.ok(['backup', '--json']);
  expect(
    made
      .lines()
      .filter((m) => m.message_type === 'snapshot')
      .map((m) => m.set),
  ).toEqual(['app', 'dumps']);
  expect(made.summary()).toMatchObject({ sets: 2, complete: true });
  const app = await paths('latest', '--set', 'app');
  expect(app).toEqual(expect.arrayContaining(['.env', 'strongroom.yaml', `@outside${outside}/tls.pem`]));
  expect(app.filter((path) => /prod|txt|dumps/.test(path))).toEqual([]);
  expect(await paths('latest', '--set', 'dumps')).toEqual(
    expect.arrayContaining(['db.sql', `@outside${web.work}/strongroom.yaml`]),
  );

  await web.ok(['backup', '--set', 'dumps']);
  expect((await snapshots()).sort()).toEqual(['app', 'dumps', 'dumps']);

  // All of them come back side by side, what lay outside below @outside.
  await web.ok(['restore', '--target', 'out'], opens);
  expect(readdirSync(join(web.work, 'out')).sort()).toEqual(['app', 'dumps']);
  expect(readFileSync(join(web.work, 'out/dumps/db.sql'), 'utf8')).toBe('sql\n');
  expect(readFileSync(join(web.work, 'out/app/@outside', outside, 'tls.pem'), 'utf8')).toBe('pem\n');
  // In place it goes back to where it was.
  rmSync(join(outside, 'tls.pem'));
  await web.ok(['restore', 'latest', '--set', 'app', '--in-place'], opens);
  expect(readFileSync(join(outside, 'tls.pem'), 'utf8')).toBe('pem\n');
  const none = await web.run(['backup', '--set', 'nothing', '--json']);
  expect([none.code, none.failure().code]).toEqual([10, 'no-set']);
});

it('a source that is missing makes the snapshot incomplete, and it is never the latest', async () => {
  web.write('.env', 'A=1\n');
  const good = (await web.ok(['backup', '.env', '--set', 'app', '--json'])).summary().snapshot;
  const ran = await web.ok(['backup', '.env', 'gone.key', '--set', 'app', '--json'], { code: 3 });
  expect(ran.summary()).toMatchObject({ complete: false });
  expect(ran.lines()).toContainEqual(
    expect.objectContaining({ message_type: 'warning', path: 'gone.key', kind: 'missing', incomplete: true }),
  );
  const bad = ran.summary().snapshot;
  const restored = await web.ok(['restore', 'latest', '--set', 'app', '--target', 'out', '--json'], opens);
  expect(restored.summary().snapshot).toBe(good);
  expect(restored.warnings()).toContainEqual(expect.objectContaining({ code: 'passed-over', object: bad }));
  // By its name it can be had.
  await web.ok(['restore', bad, '--target', 'bad'], opens);
  expect(readFileSync(join(web.work, 'bad/.env'), 'utf8')).toBe('A=1\n');
});

it('a source that cannot be read makes the snapshot incomplete, and is named', async () => {
  web.write('.env', 'A=1\n');
  chmodSync(web.write('locked.key', 'x'), 0);
  // Root can read everything, so then somebody else backs up.
  const under =
    process.getuid?.() === 0 ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--'] : [];
  if (under.length > 0) {
    spawnSync('chown', ['-R', '65534:65534', web.directory]);
    chmodSync(dirname(web.directory), 0o711);
  }
  const ran = await web.ok(['backup', '--set', 'app', '.', '--json'], { under, code: 3 });
  expect(ran.lines()).toContainEqual(
    expect.objectContaining({
      message_type: 'warning',
      kind: 'unreadable',
      path: 'locked.key',
      incomplete: true,
    }),
  );
  expect(ran.summary()).toMatchObject({ complete: false });
});

it('one set that fails does not keep the others from being backed up', async () => {
  web.write('.env', 'A=1\n');
  configure('  app:\n    root: .\n    include: [".env"]\n  gone:\n    root: ./gone\n');
  const ran = await web.ok(['backup', '--json'], { code: 3 });
  expect(ran.lines()).toContainEqual(expect.objectContaining({ message_type: 'error', set: 'gone' }));
  expect(await snapshots()).toEqual(['app']);
});

it('--skip-unchanged makes no snapshot when nothing changed, and one when anything did', async () => {
  web.write('.env', 'A=1\n');
  const backup = async (...args: string[]) =>
    (await web.ok(['backup', '--skip-unchanged', '--json', ...args])).summary();
  const first = await backup();
  expect(first.unchanged).toBe(false);
  expect(await backup()).toMatchObject({ unchanged: true, snapshot: first.snapshot, stored: 0 });
  // Only touched.
  web.write('.env', 'A=1\n');
  expect((await backup()).unchanged).toBe(true);
  // As long, and other bytes; then another mode; then another selection.
  web.write('.env', 'A=2\n');
  expect((await backup()).unchanged).toBe(false);
  chmodSync(join(web.work, '.env'), 0o640);
  expect((await backup()).unchanged).toBe(false);
  expect((await backup()).unchanged).toBe(true);
  web.write('more', '');
  expect((await backup()).unchanged).toBe(false);
  expect((await backup('--exclude', 'more')).unchanged).toBe(false);
  // The mark tells nothing of a secret to whoever reads it.
  const [mark = ''] = readdirSync(join(web.state, 'vaults'));
  expect(readFileSync(join(web.state, 'vaults', mark), 'utf8')).not.toMatch(/A=[12]/);
});

it('a vault inside what it backs up is left out of itself', async () => {
  const inside = machine('web-1');
  const me = await inside.identity();
  inside.write('.env', 'A=1\n');
  await inside.ok(['init', '--location', 'backup', '--name', 'shop', '--recipient', me.recipient]);
  await inside.ok(['backup']);
  const shown = await inside.ok(['show', '--json'], { env: { STRONGROOM_IDENTITY_FILE: me.file } });
  const entries = shown
    .lines()
    .filter((m) => m.message_type === 'entry')
    .map((m) => m.path as string);
  expect(entries.filter((path) => path.startsWith('backup'))).toEqual([]);
  expect(entries).toContain('.env');
  expect(existsSync(join(inside.work, 'backup/RECOVERY.md'))).toBe(true);
});

it('what a deployment needs beside 0600 comes from the snapshot, also on a fresh machine', async () => {
  web.write('secrets/db', 'x\n');
  configure('  app:\n    root: .\n    restore: { modes: { "secrets/*": "0444" } }\n');
  await web.ok(['backup']);
  const fresh = machine('fresh');
  fresh.write(
    'strongroom.yaml',
    readFileSync(join(web.work, 'strongroom.yaml'), 'utf8').replace(/^sets:[\s\S]*/m, ''),
  );
  await fresh.ok(['restore', 'latest', '--set', 'app', '--target', 'out'], opens);
  expect(statSync(join(fresh.work, 'out/secrets/db')).mode & 0o777).toBe(0o444);
  expect(statSync(join(fresh.work, 'out/strongroom.yaml')).mode & 0o777).toBe(0o600);
});
