import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Desk, deskWithVault } from './desk.ts';

let at: Desk;
beforeEach(async () => {
  at = await deskWithVault();
});

/** A report without ids, ages and what depends on the length of paths. */
const tidy = (text: string): string =>
  text.replace(/ID-\d of (\S+) by (\S+), (?:just now|\d+ minutes? ago)/g, 'SNAPSHOT of $1 by $2');

async function twoSnapshots(): Promise<void> {
  at.write(
    'app/.env',
    'DB_PASSWORD=first-one\nAPI_KEY=stays-here\nOLD_TOKEN=a-long-token\nLOG=debug\nGONE=1\n',
  );
  at.write('app/k8s/secret.yaml', 'apiVersion: v1\nkind: Secret\nmetadata: {name: db}\ndata: {dsn: eA==}\n');
  at.write('app/k8s/chart.yaml', 'password: one\n');
  at.write('app/old/notes.txt', 'some notes that move\n');
  at.write('app/run.sh', '#!/bin/sh\n', 0o700);
  await at.ok('backup --set app app');
  at.write(
    'app/.env',
    'DB_PASSWORD=second-one\nAPI_KEY=stays-here\nNEW_TOKEN=a-long-token\nLOG=info\nCOPY_SECRET=second-one\n',
  );
  at.write('app/k8s/secret.yaml', 'apiVersion: v1\nkind: Secret\nmetadata: {name: db}\ndata: {dsn: eQ==}\n');
  at.write('app/k8s/chart.yaml', 'password: {{ .Values.password }}\n');
  at.write('app/new/notes.txt', 'some notes that move\n');
  rmSync(`${at.work}/app/old`, { recursive: true });
  chmodSync(`${at.work}/app/run.sh`, 0o755);
}

describe('diff', () => {
  it('does not call a database the same that it did not look into', async () => {
    const settings = readFileSync(join(at.work, 'strongroom.yaml'), 'utf8');
    at.write(
      'strongroom.yaml',
      `${settings}    include: [.env]\n    streams: { rows: { command: { run: [cat, ../rows] } } }\n`,
    );
    at.write('../rows', 'one\n');
    await at.ok('backup');
    at.write('../rows', 'one\ntwo\n');
    const said = await at.ok('diff latest live --exit-code');
    expect(tidy(said.out)).toBe(
      'No difference of files: SNAPSHOT of shop by web-1 and the files on disk. 1 stream was not compared: rows.\n',
    );
    expect((await at.ok('diff --json')).json().at(-1)).toMatchObject({ streams: 0, streams_not_compared: 1 });
    at.write('.env', 'TOKEN=2\n');
    expect((await at.ok('diff')).out).toMatch(
      /\n1 changed, .*the same\. 1 stream was not compared: rows\.\n$/,
    );
    // Of one path nobody asked for the database.
    expect((await at.ok('diff latest live .env --json')).json().at(-1)).toMatchObject({
      streams_not_compared: 0,
    });
    await at.ok('backup');
    expect((await at.ok('diff latest~1 latest --json')).json().at(-1)).toMatchObject({
      streams: 1,
      streams_not_compared: 0,
    });
  });

  it('says by name what changed on disk since the newest snapshot', async () => {
    await twoSnapshots();
    const said = await at.ok('diff latest live --set app');
    expect(said.err).toBe('');
    expect(tidy(said.out)).toMatchInlineSnapshot(`
      "SNAPSHOT of app by web-1 → the files on disk
      changed  app/.env (1 value the same)
               changed  DB_PASSWORD: same value as COPY_SECRET
               moved    NEW_TOKEN: was OLD_TOKEN
               changed  LOG
               added    COPY_SECRET: same value as DB_PASSWORD
               removed  GONE
      changed  app/k8s/chart.yaml (14 B → SIZE, has a key that is no text: compared as a whole)
      changed  app/k8s/secret.yaml (3 values the same)
               changed  data.dsn (Secret db)
      moved    app/old/notes.txt → app/new/notes.txt
      3 changed, 1 moved, 2 files the same
      "
    `);
  });

  it('says what changed between two snapshots, modes too', async () => {
    await twoSnapshots();
    await at.ok('backup --set app app');
    const said = await at.ok('diff latest~1 latest --set app');
    expect(said.out).toMatch(/^changed {2}app\/run\.sh \(mode 0700 → 0755\)$/m);
    expect(said.out).toMatch(/^4 changed, 1 moved, 1 file the same$/m);
    const back = await at.ok('diff latest latest~1 --set app');
    expect(back.out).toMatch(/moved {4}OLD_TOKEN: was NEW_TOKEN$/m);
    expect(back.out).toMatch(/^moved {4}app\/new\/notes\.txt → app\/old\/notes\.txt$/m);
  });

  it('ends with 4 where that is asked for and something differs, and with 0 otherwise', async () => {
    await twoSnapshots();
    await at.ok('diff --set app');
    await at.ok('diff --set app --exit-code', 4);
    await at.ok('backup --set app app');
    const same = await at.ok('diff --set app --exit-code');
    expect(tidy(same.out)).toBe('No difference: SNAPSHOT of app by web-1 and the files on disk.\n');
    expect((await at.ok('diff --set app --exit-code --quiet')).out).toBe('');
    await at.ok('diff latest~1 latest --set app --exit-code', 4);
  });

  it('is narrowed by paths', async () => {
    await twoSnapshots();
    const paths = async (line: string) =>
      (await at.ok(`${line} --set app --json`))
        .json()
        .flatMap((l) => (l.message_type === 'file' ? l.path : []));
    expect(await paths('diff latest live app/k8s')).toEqual(['app/k8s/chart.yaml', 'app/k8s/secret.yaml']);
    expect(await paths('diff latest live **/*.sh app/.env')).toEqual(['app/.env']);
    expect((await at.ok('diff latest live nowhere --set app', 10)).err).toContain('neither side holds');
  });

  it('as JSON has a line a file and a value, and what the two sides are', async () => {
    await twoSnapshots();
    const lines = (await at.ok('diff --set app --json')).json();
    expect(lines.slice(0, 4)).toMatchObject([
      {
        message_type: 'file',
        path: 'app/.env',
        change: 'changed',
        type: 'file',
        values_same: 1,
        values_changed: 5,
      },
      {
        message_type: 'value',
        path: 'app/.env',
        name: 'DB_PASSWORD',
        change: 'changed',
        kind: 'value',
        likely: true,
        same_as: { path: 'app/.env', name: 'COPY_SECRET' },
      },
      { name: 'NEW_TOKEN', change: 'moved', from: { path: 'app/.env', name: 'OLD_TOKEN' } },
      { name: 'LOG', change: 'changed', likely: false },
    ]);
    // It would tell how long a secret is.
    expect(lines[0]).not.toHaveProperty('bytes');
    expect(lines.find(({ path }) => path === 'app/k8s/chart.yaml')).toMatchObject({
      bytes_before: 14,
      bytes: 33,
      reason: 'has a key that is no text',
    });
    expect(lines.at(-1)).toMatchObject({
      message_type: 'summary',
      before: { set: 'app', host: 'web-1', complete: true },
      after: { live: true },
      files: { same: 2, added: 0, removed: 0, changed: 3, moved: 1, unknown: 0 },
      values: { same: 4, added: 1, removed: 1, changed: 3, moved: 1 },
      streams: 0,
      streams_not_compared: 0,
      mismatched_keys: 0,
      differences: 4,
    });
  });

  it('lists the names in new and removed files with --verbose', async () => {
    await twoSnapshots();
    at.write('app/fresh.env', 'ONE=1\nTWO_SECRET=something-new\n');
    const brief = await at.ok('diff latest live app/fresh.env --set app');
    expect(brief.out).toMatch(/^added {4}app\/fresh\.env \(.*, 2 names\)\n1 added/m);
    const full = await at.ok('diff latest live app/fresh.env --set app --verbose');
    expect(full.out).toMatch(/^ {9}added {4}ONE\n {9}added {4}TWO_SECRET$/m);
    expect(brief.out + full.out).not.toContain('something-new');
  });

  it('shows values that are asked for, and says so', async () => {
    await twoSnapshots();
    const said = await at.ok('diff --set app --show-values --quiet');
    expect(said.err).toContain('warning: secret values are in the output: whoever sees it can use them');
    expect(said.out).toMatch(/DB_PASSWORD: .*\n +- first-one\n +\+ second-one$/m);
    expect(said.out).toMatch(/GONE\n +- 1$/m);
    expect(said.out).toMatch(/data\.dsn \(Secret db\)\n +- x\n +\+ y$/m);
    expect(said.out).not.toContain('stays-here');
  });

  it('does not call removed what could not be read, and ends with 3', async () => {
    at.write('pipe', 'some content\n');
    await at.ok('backup --set odd pipe .env');
    rmSync(join(at.work, 'pipe'));
    execFileSync('mkfifo', [join(at.work, 'pipe')]);
    const said = await at.ok('diff latest live --set odd', 3);
    expect(said.err).toContain('pipe was not compared: is a named pipe');
    expect(said.out).toMatch(/^1 not compared, /m);
  });
});

describe('the files on disk', () => {
  it('are those of the configured set, whatever a snapshot says of its place', async () => {
    at.write('app/.env', 'A=1\n');
    await at.ok('backup --set app app');
    // Of no set that is configured, and taken elsewhere.
    at.write(join(at.base, 'elsewhere/a.txt'), 'some prose\n');
    const file = readFileSync(join(at.work, 'strongroom.yaml'), 'utf8');
    at.write('sub/strongroom.yaml', file);
    const settings = ['--config', join(at.work, 'sub/strongroom.yaml')];
    await at.ok(['backup', '--set', 'other', join(at.base, 'elsewhere'), '.env', ...settings]);
    const said = await at.ok(['diff', 'latest', 'live', '--set', 'other', ...settings], 2);
    expect(said.err).toContain('does not say where the files of the set other are');
    await at.ok(['diff', 'latest', 'live', '--set', 'app', ...settings]);
  });

  it('are of the only set that is configured where none is named', async () => {
    await at.ok('backup');
    await at.ok('backup --set other .env');
    at.write('.env', 'TOKEN=2\n');
    expect((await at.ok('diff')).out).toMatch(/^changed {2}\.env$/m);
    expect((await at.ok('diff latest~1 latest', 2)).err).toContain('--set');
  });

  it('are not compared with themselves', async () => {
    expect((await at.ok('diff live live', 2)).err).toContain('the same as themselves');
  });
});
