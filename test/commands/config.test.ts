import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bundleProgram, type Program } from '../cli/program.ts';

let program: Program;
let project: string;
beforeAll(async () => {
  program = await bundleProgram();
  project = join(program.directory, 'shop');
  mkdirSync(project);
  write('strongroom.yaml', 'location: ./vault\nsets:\n  app: { include: [.env], objectives: { rpo: 6h } }\n');
});
afterAll(() => program.remove());

function write(name: string, text: string): void {
  writeFileSync(join(project, name), text);
  chmodSync(join(project, name), 0o644);
}

const run = (args: string[], env: Record<string, string> = {}) => {
  const { code, stdout, stderr } = program.run(['config', ...args], {
    cwd: project,
    env: { XDG_STATE_HOME: '/x', ...env },
  });
  return {
    code,
    stdout: stdout.replaceAll(program.directory, ''),
    stderr: stderr.replaceAll(program.directory, ''),
  };
};

test('a sound file is called sound', () => {
  expect(run(['validate'])).toEqual({
    code: 0,
    stdout: '/shop/strongroom.yaml is sound: 1 set (app)\n',
    stderr: '',
  });
  expect(run(['validate', '--quiet'])).toEqual({ code: 0, stdout: '', stderr: '' });
  expect(run(['validate', '--json']).stdout).toBe(
    '{"message_type":"summary","file":"/shop/strongroom.yaml","sets":["app"]}\n',
  );
});

test('a prune that would never remove anything is said', () => {
  const said = (set: string) => {
    write('strongroom.prune.yaml', `location: ./vault\nsets:\n  app: ${set}\n`);
    const { code, stderr } = run(['validate', '--env', 'prune', '--quiet']);
    expect(code).toBe(0);
    return stderr;
  };
  expect(said('{ prune: after-backup }')).toContain(
    'nothing of the set app is ever pruned: prune: after-backup',
  );
  expect(said('{ retention: { minimum: 2 } }')).toContain('its retention has no rule of what to keep');
  expect(said('{ prune: after-backup, retention: { daily: 7 } }')).toBe('');
  expect(said('{}')).toBe('');
});

test('a place that no store would take is no sound setting', () => {
  write('strongroom.bucket.yaml', 'location: s3://Acme_Backups/shop\n');
  expect(run(['validate', '--env', 'bucket'])).toMatchObject({ code: 2, stdout: '' });
  write('strongroom.bucket.yaml', 'location: s3://acme-backups/shop\ns3: { sse: AES256, kmsKeyId: x }\n');
  expect(run(['validate', '--env', 'bucket']).stderr).toContain('s3.kmsKeyId');
  write('strongroom.bucket.yaml', 'location: gs://acme-backups/shop\n');
  expect(run(['validate', '--env', 'bucket']).stderr).toContain("'gs:' locations are not supported");
  write('strongroom.bucket.yaml', 'location: s3://acme-backups/shop\n');
  expect(run(['validate', '--env', 'bucket'])).toMatchObject({ code: 0, stderr: '' });
});

test('the settings of a bucket, and what a restore needs, are shown', () => {
  write(
    'strongroom.all.yaml',
    'location: s3://acme-backups/shop\ns3: { region: eu-central-1, objectLock: { mode: governance, days: 3 } }\nsets:\n  app: { restore: { owner: "1:2", modes: { "bin/*": "0755" } } }\nobjectives: { rto: 4h }\n',
  );
  const { stdout } = run(['show', '--env', 'all', '--json']);
  const rows = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const values = Object.fromEntries(rows.map(({ setting, value }) => [setting, value]));
  expect(values).toMatchObject({
    's3.region': 'eu-central-1',
    's3.objectLock': 'mode governance, days 3',
    'objectives.rto': '14400 s',
    'sets.app.restore.owner': '1:2',
    'sets.app.restore.modes': 'bin/* 0755',
  });
});

test('what a drill tries is shown by name, and checked as a stream is', () => {
  const file = (settings: string) =>
    `sets:
  app:
    streams: { db: { postgres: { database: shop } }, cache: { redis: {} } }
    objectives: { drill: 7d }
    drill:
      streams: { db: { postgres: ${settings}, queries: [{ query: SELECT 1 }] }, cache: { skip: true } }
      commands: [{ name: smoke, run: [./smoke.sh, --token=hunter2] }]
`;
  write('strongroom.drill.yaml', file('{ database: scratch }'));
  expect(run(['validate', '--env', 'drill']).code).toBe(0);
  const { stdout } = run(['show', '--env', 'drill']);
  expect(stdout).not.toContain('hunter2');
  for (const row of [
    /^sets\.app\.objectives\.drill +604800 s /m,
    /^sets\.app\.drill\.streams\.db +loaded, 1 asked of it /m,
    /^sets\.app\.drill\.streams\.cache +skipped /m,
    /^sets\.app\.drill\.commands\.smoke +\.\/smoke\.sh /m,
  ])
    expect(stdout).toMatch(row);
  write('strongroom.drill.yaml', file('{ host: scratch.internal }'));
  expect(run(['validate', '--env', 'drill']).stderr).toContain('stream db names no database');
});

test('a mistake in the file is named with its line', () => {
  write('strongroom.typo.yaml', 'location: ./vault\nsets:\n  app: { inclued: [.env] }\n');
  expect(run(['validate', '--env', 'typo'])).toEqual({
    code: 2,
    stdout: '',
    stderr:
      'strongroom: error: /shop/strongroom.typo.yaml line 3: unknown key sets.app.inclued\nstrongroom: hint: did you mean include?\n',
  });
});

test('no file at all is an error', () => {
  const { code, stderr } = program.run(['config', 'validate'], { cwd: '/' });
  expect([code, stderr]).toEqual([
    2,
    'strongroom: error: there is no strongroom.yaml here or above\nstrongroom: hint: give --config FILE, or run `strongroom init` to make one\n',
  ]);
});

test('the settings in force are shown with where each came from, and no secret', () => {
  const env = { STRONGROOM_LOCATION: '/srv/vault', STRONGROOM_PASSPHRASE: 'hunter2' };
  const { stdout, code } = run(['show'], env);
  expect(code).toBe(0);
  expect(stdout.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
    ['SETTING', 'VALUE', 'FROM'],
    ['config', '/shop/strongroom.yaml', 'found here or above'],
    ['location', '/srv/vault', 'STRONGROOM_LOCATION'],
    ['sets.app.root', '/shop', '/shop/strongroom.yaml'],
    ['sets.app.include', '.env', '/shop/strongroom.yaml'],
    ['sets.app.objectives.rpo', '21600 s', '/shop/strongroom.yaml'],
    ['passphrase', 'given', 'STRONGROOM_PASSPHRASE…'],
    ['identities', 'not given', 'STRONGROOM_IDENTITY_FILE'],
    ['state', '/x/strongroom', 'this user'],
    [''],
  ]);
  const lines = run(['show', '--json', '--location', 'v'], env)
    .stdout.trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines[1]).toEqual({
    message_type: 'setting',
    setting: 'location',
    value: '/shop/v',
    from: '--location',
  });
  expect(lines.at(-1)).toEqual({ message_type: 'summary', settings: 8 });
});

test('the schema is printed as it is, for an editor', () => {
  const schema = JSON.parse(run(['schema']).stdout);
  expect(schema.title).toBe('strongroom.yaml');
  expect(JSON.parse(run(['schema', '--json']).stdout)).toEqual({ message_type: 'summary', schema });
});

test('the program says its version, and help for every command', () => {
  expect(program.run(['--version']).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  const { code, stdout } = program.run(['config', 'show', '--help']);
  expect([code, stdout.split('\n')[0]]).toEqual([0, 'Usage: strongroom config show [FLAGS]']);
});
