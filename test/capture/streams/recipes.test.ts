// The examples of docs/streams.md: settings that their kinds take, and those run that can be run here.

import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { Stream, StreamGround } from '../../../src/capture/stream.ts';
import { command } from '../../../src/capture/streams/command.ts';
import { duckdb } from '../../../src/capture/streams/duckdb.ts';
import { mysql } from '../../../src/capture/streams/mysql.ts';
import { postgres } from '../../../src/capture/streams/postgres.ts';
import { redis } from '../../../src/capture/streams/redis.ts';
import { sqlite } from '../../../src/capture/streams/sqlite.ts';
import { whole } from '../../contract/stream.ts';
import { ROOT } from '../../support/sources.ts';

type Settings = Readonly<Record<string, unknown>>;

const page = readFileSync(join(ROOT, 'docs/streams.md'), 'utf8');
const kinds = [postgres, mysql, redis, sqlite, duckdb, command];

/** Every stream of the page by its name, the last of a name. */
const streams = [...page.matchAll(/^```yaml\n(.*?)^```/gms)].flatMap(([, text = '']) => {
  const block = parse(text) as Settings;
  const sets = Object.values((block.sets ?? {}) as Record<string, { streams?: Settings }>);
  const found = block.sets ? sets.map((set) => set.streams ?? {}) : [block];
  return found.flatMap((all) =>
    Object.entries(all).flatMap(([name, of]) =>
      Object.entries(of as Record<string, Settings>).map(([type, settings]) => ({ name, type, settings })),
    ),
  );
});

let root = '';
let ground: StreamGround;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'recipes-'));
  mkdirSync(join(root, 'bin'));
  mkdirSync(join(root, 'data'));
  ground = { root, env: { ...process.env, PATH: `${join(root, 'bin')}:${process.env.PATH}` } };
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

function open(name: string, type: string): Stream {
  const { settings } = streams.findLast((stream) => stream.name === name && stream.type === type) ?? {};
  return kinds.find((kind) => kind.type === type)!.open(name, settings ?? {}, ground);
}

const put = (program: string, script: string): void => {
  writeFileSync(join(root, 'bin', program), `#!/bin/sh\n${script}\n`);
  chmodSync(join(root, 'bin', program), 0o755);
};

describe('each stream of the page', () => {
  it('is of a kind that there is, and has its settings only', () => {
    expect(streams.length).toBeGreaterThan(12);
    for (const { name, type, settings } of streams) {
      const kind = kinds.find((known) => known.type === type);
      expect(kind?.type, name).toBe(type);
      expect(Object.keys(kind?.shape.fields ?? {}), name).toEqual(
        expect.arrayContaining(Object.keys(settings)),
      );
      expect(kind?.open(name, settings, ground).name).toBe(name);
    }
  });

  it('is of every kind', () => {
    for (const { type } of kinds) expect(streams.map((stream) => stream.type)).toContain(type);
  });

  it('has settings that the page tells of', () => {
    for (const { type, shape } of kinds) {
      const section = new RegExp(`^## ${type}$.*?(?=^##? )`, 'ms').exec(page)?.[0] ?? '';
      const told = Object.keys(shape.fields).filter(
        (field) => field !== 'timeout' && !section.includes(`\`${field}\``),
      );
      expect(told, type).toEqual([]);
    }
  });
});

describe('a recipe', () => {
  it('for SQLite as SQL dumps and loads', async () => {
    execFileSync('sqlite3', [
      join(root, 'data/users.db'),
      'CREATE TABLE t(a);',
      "INSERT INTO t VALUES ('x');",
    ]);
    const stream = open('users', 'command');
    await stream.load(stream.dump(), { into: 'again.db' });
    expect(execFileSync('sqlite3', [join(root, 'again.db'), 'SELECT a FROM t;'], { encoding: 'utf8' })).toBe(
      'x\n',
    );
  });

  it('for SQLite as SQL is drilled, with files in the directory of the drill alone', async () => {
    execFileSync('sqlite3', [
      join(root, 'data/ledger.db'),
      "CREATE TABLE t(a); INSERT INTO t VALUES ('x'), ('y');",
    ]);
    const directory = join(root, 'drill');
    mkdirSync(directory);
    const before = readdirSync(root);
    const { dump, rehearse } = open('ledger', 'command');
    const rehearsal = await rehearse?.(dump(), { directory });
    expect(await rehearsal?.query('SELECT count(*) FROM t;')).toBe('2');
    expect(readdirSync(directory)).toHaveLength(1);
    await rehearsal?.drop();
    expect(readdirSync(directory)).toEqual([]);
    expect(readdirSync(root)).toEqual(before);
  });

  it('for etcd leaves nothing in memory, be it well or not', async () => {
    const memory = join(root, 'shm');
    mkdirSync(memory);
    const { settings = {} } = streams.find((stream) => stream.name === 'etcd') ?? {};
    const run = (settings.run as string[]).map((word) => word.replace('/dev/shm', memory));
    const etcd = command.open('etcd', { ...settings, run }, ground);
    put('etcdctl', 'test "$1 $2" = "snapshot save" && head -c 50000 /dev/zero > "$3"');
    put('etcdutl', 'test -s "$3" && echo sound');
    expect(await whole(etcd.dump())).toHaveLength(50_000);
    put('etcdutl', 'echo damaged >&2; exit 1');
    await expect(whole(etcd.dump())).rejects.toThrow('sh failed with status 1');
    put('etcdctl', 'echo half > "$3"; sleep 20');
    await expect(whole(etcd.dump({ signal: AbortSignal.timeout(300) }))).rejects.toThrow('interrupted');
    expect(readdirSync(memory)).toEqual([]);
  });

  it.each([
    ['secrets', 'kubectl', `echo '{"kind":"List","items":[{}]}'`, `echo '{"kind":"List","items":[]}'`],
    ['vault', 'vault', 'tar -cz -C /etc hostname > "$5"', 'head -c 5000 /dev/urandom > "$5"'],
    ['ldap', 'slapcat', 'echo "dn: dc=example"', 'echo nothing'],
  ])('for %s finds fault with what is not whole', async (name, program, sound, broken) => {
    writeFileSync(join(root, 'token'), 'x', { mode: 0o600 });
    const { settings } = streams.findLast((stream) => stream.name === name) ?? {};
    const given = { ...settings, ...(settings?.env ? { env: { VAULT_TOKEN: { file: 'token' } } } : {}) };
    const stream = command.open(name, given, ground);
    if (name === 'secrets')
      put(
        'jq',
        'exec node -e \'const l = JSON.parse(require("node:fs").readFileSync(0)); process.exit(l.kind === "List" && l.items.length > 0 ? 0 : 1)\'',
      );
    put(program, sound);
    expect((await whole(stream.dump())).length).toBeGreaterThan(0);
    put(program, broken);
    await expect(whole(stream.dump())).rejects.toMatchObject({ code: 'stream-unfinished' });
  });
});
