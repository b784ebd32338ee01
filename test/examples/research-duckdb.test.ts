// Research databases from their first backup to the day when one is lost, by the files and the README of
// examples/research-duckdb with a real DuckDB: each promise of the script that it takes the place of.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/cli/config.ts';
import { planPrune } from '../../src/vault/prune/plan.ts';
import { readSnapshots } from '../../src/vault/snapshots.ts';
import { type Example, exampleOn } from '../support/examples.ts';
import { type Machine, machines, PASSPHRASE } from '../support/program.ts';
import { clockSet, shippedLibrary } from '../support/shipped.ts';
import { ROOT } from '../support/sources.ts';
import { clockAt, makeVault, openLocked, tick } from '../support/vault.ts';

const machine = machines();
const library = shippedLibrary();
const DAY = 86_400_000;
const NAMES = ['results', 'audit_trail', 'tca'];

const api = createRequire(import.meta.url).resolve('@duckdb/node-api');
/** As `npm install @duckdb/node-api` beside strongroom. */
const NODE_PATH = dirname(dirname(dirname(dirname(api))));

/** Opens a database for writing and does what it is told; with DIGEST tells what is in it, with STAYS keeps it open. */
const WRITER = `
const { DuckDBInstance } = require(${JSON.stringify(api)});
const [file, ...statements] = process.argv.slice(1);
(async () => {
  const instance = await DuckDBInstance.create(file);
  const connection = await instance.connect();
  const run = async (sql) => (await connection.runAndReadAll(sql)).getRowsJson();
  for (const sql of statements) for (const row of await run(sql)) console.log(row.join('|'));
  if (process.env.DIGEST) for (const [table] of await run('SELECT table_name FROM duckdb_tables() ORDER BY 1'))
    console.log(table, ...(await run('SELECT count(*), md5(string_agg(t::VARCHAR, chr(10) ORDER BY id)) FROM ' + table + ' t')));
  if (!process.env.STAYS) { connection.closeSync(); instance.closeSync(); process.exit(0); }
  console.log('ready');
  for await (const sql of require('node:readline').createInterface({ input: process.stdin })) { await run(sql); console.log('ready'); }
})().catch((error) => { console.error(error.message); process.exit(1); });`;

let quant: Machine;
let research: Example;
let env: Record<string, string>;
let vault: string;

const at = (name: string) => join(quant.work, 'data', name);
const sql = (file: string, ...statements: string[]): string =>
  execFileSync(process.execPath, ['-e', WRITER, at(file), ...statements], {
    encoding: 'utf8',
    cwd: quant.work,
  }).trim();

/** Rows and a digest of each table of a database. */
const rowsOf = (file: string): string[] =>
  execFileSync(process.execPath, ['-e', WRITER, at(file)], {
    encoding: 'utf8',
    env: { ...process.env, DIGEST: '1' },
  })
    .trim()
    .split('\n');

/** Some weeks of research. */
function makeDatabases(): void {
  const rows = (table: string, more = '') =>
    `CREATE TABLE ${table} AS SELECT n AS id, 'größe ' || n AS note, n * 1.5 AS pnl, TIMESTAMP '2026-11-20' + to_minutes(n) AS at FROM range(2000) r(n) ${more}`;
  sql(
    'results.duckdb',
    ...['results', 'portfolio_trades', 'portfolio_positions', 'portfolio_equity'].map((t) => rows(t)),
  );
  sql('audit_trail.duckdb', rows('audit_trail'));
  sql('tca.duckdb', rows('tca'));
}

const snapshots = async (...args: string[]) =>
  (await quant.ok(['list', '--json', ...args])).lines().filter((l) => l.message_type === 'snapshot');
const backUp = async (code = 0, ...args: string[]) =>
  (await quant.ok(['backup', '--json', ...args], { code, env })).lines();

beforeAll(async () => {
  quant = machine('quant-1');
  vault = join(quant.directory, 'mnt/backup/openquant');
  for (const place of ['mnt/backup', 'srv', 'work/data'])
    mkdirSync(join(quant.directory, place), { recursive: true });
  research = exampleOn(quant, 'research-duckdb', {
    '/mnt/backup': join(quant.directory, 'mnt/backup'),
    '/srv': join(quant.directory, 'srv'),
  });
  for (const file of ['strongroom.yaml', 'backups.mjs']) research.copy(file);
  makeDatabases();
  const file = quant.passphrase();
  env = { NODE_PATH, STRONGROOM_PASSPHRASE_FILE: file, STRONGROOM_NEW_PASSPHRASE_FILE: file };
});

describe('research databases', () => {
  it('are set up as the README says', async () => {
    expect((await research.follow('Set-up', env)).stderr).toBe('');
    await quant.ok(['config', 'validate']);
    expect(await snapshots()).toMatchObject([{ set: 'research', complete: true }]);
    // A second way in, which costs less time than the passphrase.
    const me = await quant.identity();
    await quant.ok(['keys', 'add', '--recipient', me.recipient, '--name', 'me'], { env });
    env = { NODE_PATH, STRONGROOM_IDENTITY_FILE: me.file };
  });

  it('are backed up under a name, listed, kept, and each run is in the log', async () => {
    const ran = await research.follow('Back up', env);
    expect(ran.stdout).toContain('@my_backup');
    expect(ran.stdout).toContain('Nothing is wrong.');
    const log = readFileSync(at('backup.log'), 'utf8').trim().split('\n');
    expect(log.map((line) => JSON.parse(line)).map(({ command, event }) => `${command} ${event}`)).toEqual(
      expect.arrayContaining(['backup success', 'health success']),
    );
    const shown = (await quant.ok(['show', '@my_backup', '--json'], { env })).lines();
    const streams = shown.filter((l) => l.message_type === 'stream');
    expect(streams.map(({ name, type, complete }) => [name, type, complete]).sort()).toEqual(
      NAMES.toSorted().map((name) => [name, 'duckdb', true]),
    );
    await quant.ok(['keep', '--release', '@my_backup', '--yes']);
  });

  it('are restored beside, over the live one, and elsewhere; nothing is replaced unasked', async () => {
    const before = rowsOf('results.duckdb');
    sql('results.duckdb', 'DELETE FROM portfolio_trades', 'DROP TABLE results');
    const changed = rowsOf('results.duckdb');
    const asked = ['restore', 'latest', '--load', 'results', '--into', 'results.duckdb'];
    expect(await quant.run(asked, { env })).toMatchObject({ code: 11 });
    expect(rowsOf('results.duckdb')).toEqual(changed);
    await research.follow('Restore', env);
    for (const file of ['results_then.duckdb', 'results.duckdb', '../../srv/restored/results.duckdb'])
      expect(rowsOf(file), file).toEqual(before);
  });

  it('come back all, and what was there is kept aside', async () => {
    const before = NAMES.map((name) => rowsOf(`${name}.duckdb`));
    writeFileSync(at('results.duckdb'), 'not a database any more');
    rmSync(at('tca.duckdb'));
    await research.follow('Restore all, and keep what was there', env);
    expect(NAMES.map((name) => rowsOf(`${name}.duckdb`))).toEqual(before);
    const aside = readdirSync(join(quant.work, 'data')).filter((name) => name.includes('.bak.'));
    expect(aside.map((name) => name.replace(/\d{8}_\d{6}$/, ''))).toEqual([
      'audit_trail.duckdb.bak.',
      'results.duckdb.bak.',
    ]);
    expect(readFileSync(at(aside[1]!), 'utf8')).toBe('not a database any more');
    for (const name of aside) rmSync(at(name));
  });

  it('are one table of a snapshot, too', async () => {
    const [before = ''] = rowsOf('results.duckdb').filter((row) => row.startsWith('portfolio_trades'));
    sql(
      'results.duckdb',
      'UPDATE portfolio_trades SET pnl = 0',
      'INSERT INTO results SELECT 5000, NULL, NULL, NULL',
    );
    const statements = research
      .blocks('One table', 'sql')[0]!
      .split('\n')
      .filter((line) => line !== '');
    sql('results.duckdb', ...statements);
    expect(rowsOf('results.duckdb')).toContain(before);
    // The others are as they were.
    expect(sql('results.duckdb', 'SELECT count(*) FROM results')).toBe('2001');
  });

  it('are verified, and from one that is damaged nothing is restored', async () => {
    const [lines = ''] = research.blocks('Verify');
    expect((await research.follow('Verify', env)).stdout).toContain('sound');
    const newest = String((await snapshots()).at(-1)?.id);
    const below = join(vault, 'data/research', newest);
    const [directory = ''] = readdirSync(below);
    const path = join(
      below,
      directory,
      readdirSync(join(below, directory)).find((name) => name.includes('results'))!,
    );
    const bytes = readFileSync(path);
    bytes[bytes.length >> 1]! ^= 1;
    chmodSync(path, 0o600);
    writeFileSync(path, bytes);

    for (const line of lines.trim().split('\n')) expect((await research.sh(line, env)).code, line).toBe(13);
    const live = rowsOf('results.duckdb');
    const restore = (choice: string, into: string, ...more: string[]) =>
      quant.run(['restore', choice, '--load', 'results', '--into', into, '--yes', ...more], { env });
    expect(await restore('latest', 'results.duckdb', '--live')).toMatchObject({ code: 13 });
    expect(rowsOf('results.duckdb')).toEqual(live);
    expect(await restore('latest~1', 'older.duckdb')).toMatchObject({ code: 0 });
    expect(sql('older.duckdb', 'SELECT count(*) FROM results')).toBe('2000');
    await quant.ok(['delete', newest, '--yes']);
  });

  it('are drilled every Sunday where the key is, and an empty table is found', async () => {
    const desk = machine('desk');
    mkdirSync(join(desk.work, 'data'));
    desk.write('strongroom.yaml', readFileSync(join(quant.work, 'strongroom.yaml')), 0o644);
    const there = exampleOn(desk, 'research-duckdb', {});
    const [block = ''] = there.blocks('Drill');
    const ran = await there.sh(block.replace('schedule install', 'schedule print'), env);
    expect(ran, ran.stderr).toMatchObject({ code: 0 });
    expect(ran.stdout).toContain('OnCalendar=Sun *-*-* 04:00:00');
    expect(readdirSync(join(desk.work, 'data')).filter((name) => name.endsWith('.duckdb'))).toEqual([]);

    sql('results.duckdb', 'CREATE TABLE kept AS FROM results', 'DELETE FROM results');
    await backUp();
    const found = await there.sh('strongroom drill', env);
    expect(found.code).toBe(5);
    expect(found.stdout + found.stderr).toContain('expected >0, and it is 0');
    sql('results.duckdb', 'INSERT INTO results FROM kept', 'DROP TABLE kept');
    await backUp();
    expect(await there.sh('strongroom drill', env)).toMatchObject({ code: 0 });
  });

  it('are as before when a schema change fails', async () => {
    const before = rowsOf('results.duckdb');
    const change = [
      'ALTER TABLE results DROP pnl',
      'DELETE FROM portfolio_equity',
      'SELECT * FROM not_there',
    ];
    const words = [process.execPath, '-e', WRITER, at('results.duckdb'), ...change];
    const quoted = words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
    quant.write('change-schema', `#!/bin/sh\nexec ${quoted}\n`, 0o700);
    const ran = await research.follow('Before a schema change', env);
    expect(ran.stderr).toContain('not_there');
    expect(rowsOf('results.duckdb')).toEqual(before);
  });

  it('run by themselves every night, and say nothing when all is well', async () => {
    const [install = ''] = research.blocks('Schedule');
    const { stdout: units } = await research.sh(install.replace('schedule install', 'schedule print'), env);
    expect(units).toContain('OnCalendar=*-*-* 02:00:00');
    for (const [, line = ''] of units.matchAll(/^ExecStart=:(.*)$/gm))
      expect(await research.sh(line, { NODE_PATH })).toEqual({ code: 0, stdout: '', stderr: '' });
  });
});

describe('a database that a program has open', () => {
  let writer: ChildProcess;

  const ready = async () => {
    const [said] = await once(writer.stdout!, 'data');
    expect(String(said)).toContain('ready');
  };

  it('is not copied torn: the others are there, and latest is still the last whole one', async () => {
    const whole = (await snapshots()).at(-1)?.id;
    writer = spawn(process.execPath, ['-e', WRITER, at('results.duckdb')], {
      cwd: quant.work,
      env: { ...process.env, STAYS: '1' },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    await ready();
    const lines = await backUp(3);
    expect(lines.at(-1)).toMatchObject({ complete: false });
    const [warning] = lines.filter((l) => l.message_type === 'warning');
    expect(warning).toMatchObject({ path: 'stream results', incomplete: true });
    expect(warning?.reason).toContain('open for writing');
    const made = lines.at(-1)?.snapshot;
    for (const name of ['audit_trail', 'tca']) {
      await quant.ok(['restore', made, '--load', name, '--into', `${name}.partly`], { env });
      expect(rowsOf(`${name}.partly`)).toEqual(rowsOf(`${name}.duckdb`));
    }
    expect(
      await quant.run(['restore', made, '--load', 'results', '--into', 'none.duckdb'], { env }),
    ).not.toMatchObject({
      code: 0,
    });
    expect(existsSync(at('none.duckdb'))).toBe(false);
    expect((await quant.ok(['show', 'latest', '--json'], { env })).summary().snapshot).toBe(whole);
    expect(readFileSync(at('backup.log'), 'utf8')).toContain('"incomplete"');
  });

  it('is backed up from a copy that the program makes, while it goes on', async () => {
    mkdirSync(at('copies'));
    const statements = research
      .blocks('While a program has a database open', 'sql')[0]!
      .replaceAll('\n', ' ');
    writer.stdin!.write('BEGIN; INSERT INTO results SELECT 7000, NULL, NULL, NULL; COMMIT;\n');
    await ready();
    writer.stdin!.write(`${statements}\n`);
    await ready();
    renameSync(at('copies/results.new'), at('copies/results.duckdb'));
    const config = join(quant.work, 'strongroom.yaml');
    const text = readFileSync(config, 'utf8');
    writeFileSync(config, text.replace('file: results.duckdb', 'file: copies/results.duckdb'));
    try {
      const lines = await backUp();
      expect(lines.at(-1)).toMatchObject({ complete: true });
      await quant.ok(['restore', 'latest', '--load', 'results', '--into', 'from-copy.duckdb'], { env });
    } finally {
      writeFileSync(config, text);
      writer.stdin!.end();
      await once(writer, 'exit');
    }
    expect(rowsOf('from-copy.duckdb')).toEqual(rowsOf('results.duckdb'));
    expect(sql('from-copy.duckdb', 'SELECT count(*) FROM results WHERE id = 7000')).toBe('1');
  });
});

it('a program does the same, with the vault that the commands made', async () => {
  library(quant);
  sql('custom.duckdb', 'CREATE TABLE own AS SELECT 1 AS id');
  const [code = ''] = research.blocks('From a program', 'js');
  const given = `const stateDirectory = ${JSON.stringify(quant.state)};
const passphrase = async () => ${JSON.stringify(PASSPHRASE)};`;
  const said = 'console.log(JSON.stringify({ id, complete, valid, deleted, daily, custom }));';
  quant.write('application.mjs', `${given}\n${code}\n${said}\n`);
  const ran = await research.sh(`'${process.execPath}' application.mjs`, { NODE_PATH });
  expect(ran).toMatchObject({ code: 0, stderr: '' });
  const { id, ...result } = JSON.parse(ran.stdout.trim().split('\n').at(-1)!);
  expect(result).toMatchObject({
    complete: true,
    valid: true,
    deleted: 0,
    daily: { complete: true, problems: [] },
    custom: { complete: true },
  });
  expect(ran.stdout).toContain('my_backup - ');
  expect((await snapshots('--set', 'research')).map((s) => s.id)).toContain(id);
  expect(await snapshots('--set', 'custom')).toHaveLength(1);
  expect(rowsOf('results_again.duckdb')).toEqual(rowsOf('results.duckdb'));
  rmSync(at('custom.duckdb'));
});

describe('30 days, and at least five', () => {
  it('are kept by the backup itself, and by hand with other numbers', async () => {
    const other = machine('quant-2');
    const there = exampleOn(other, 'research-duckdb', { '/mnt/backup': other.directory });
    there.copy('strongroom.yaml');
    // One database will do.
    const config = join(other.work, 'strongroom.yaml');
    writeFileSync(config, readFileSync(config, 'utf8').replace(/^ +(?:audit_trail|tca): .*\n/gm, ''));
    mkdirSync(join(other.work, 'data'));
    const make = ['-e', WRITER, join(other.work, 'data/results.duckdb'), 'CREATE TABLE results (id INT)'];
    execFileSync(process.execPath, make);
    const file = other.passphrase();
    const own = { NODE_PATH, STRONGROOM_NEW_PASSPHRASE_FILE: file, STRONGROOM_PASSPHRASE_FILE: file };
    const lines = there.blocks('Set-up')[0]!;
    expect(await there.sh(lines, { ...own, ...clockSet(-100 * DAY) })).toMatchObject({ code: 0 });
    const ages = async () =>
      (await other.ok(['list', '--json']))
        .lines()
        .filter((l) => l.message_type === 'snapshot')
        .map(({ time }) => Math.round((Date.now() - Date.parse(time)) / DAY));
    for (const days of [50, 40, 20, 10])
      await other.ok(['backup'], { env: { NODE_PATH, ...clockSet(-days * DAY) } });
    // They are five.
    expect(await ages()).toEqual([100, 50, 40, 20, 10]);
    await other.ok(['backup'], { env: { NODE_PATH } });
    expect(await ages()).toEqual([50, 40, 20, 10, 0]);
    await there.follow('Clean up', own);
    expect(await ages()).toEqual([50, 40, 20, 10, 0]);
    await other.ok(['prune', '--keep-last', '1', '--keep-minimum', '2', '--yes']);
    expect(await ages()).toEqual([10, 0]);
    expect((await other.ok(['verify'])).stdout).toContain('sound');
  });

  it('hold for half a year of nights with a long outage', async () => {
    const text = readFileSync(join(ROOT, 'examples/research-duckdb/strongroom.yaml'), 'utf8');
    const { retention } = (await parseConfig(text, '/srv/strongroom.yaml', '/root')).sets.get('research')!;
    const clock = clockAt('2026-01-01T02:00:00Z');
    const made = await makeVault({ clock });
    const kept = async () => {
      const plan = await planPrune(await openLocked(made), () => retention);
      return plan.verdicts.filter(({ keep }) => keep).map(({ snapshot }) => Date.parse(snapshot.time));
    };
    const night = async () => {
      await made.backup({ 'results.txt': clock.now.toISOString() });
      tick(clock, DAY - 60_000);
    };
    for (let n = 0; n < 60; n++) await night();
    const before = await kept();
    const newest = before.at(-1)!;
    expect(before.map((time) => (newest - time) / DAY)).toEqual(Array.from({ length: 31 }, (_, n) => 30 - n));

    tick(clock, 100 * DAY);
    expect(await kept()).toEqual(before);
    for (let n = 0; n < 40; n++) {
      await night();
      expect((await kept()).length).toBeGreaterThanOrEqual(5);
    }
    // A month later nothing of before the outage is needed.
    expect((await kept())[0]).toBeGreaterThan(newest);
    expect((await readSnapshots(await openLocked(made))).snapshots).toHaveLength(100);
  });
});
