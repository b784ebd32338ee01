// The disk of the machine that was backed up: seen as it was there, and never anything of this machine.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { disk } from '../../../src/capture/discover/disk.ts';
import type { Contents } from '../../../src/vault/documents/contents.ts';
import { restoredDisk, rootOf } from '../../../src/vault/drill/restored-disk.ts';
import type { RestoredTree } from '../../../src/vault/drill/target.ts';

let scratch: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'restored-'));
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

function tree(name: string, root: string, files: Readonly<Record<string, string>>): RestoredTree {
  const directory = join(scratch, name);
  mkdirSync(directory);
  for (const [path, content] of Object.entries(files)) {
    const at = join(directory, path);
    mkdirSync(dirname(at), { recursive: true });
    if (content.startsWith('-> ')) symlinkSync(content.slice(3), at);
    else writeFileSync(at, content);
  }
  return { set: name, host: 'web', directory, contents: { root } as Contents };
}

const textAt = (of: ReturnType<typeof restoredDisk>, path: string) => of.read(path, 100)?.bytes.toString();
const missing = expect.objectContaining({ code: 'ENOENT' });

function failureOf(look: () => unknown): unknown {
  try {
    return look();
  } catch (error) {
    return error;
  }
}

describe('what was restored', () => {
  it('is at the paths that it had there', () => {
    const app = tree('app', '/srv/app', { '.env': 'A', '@outside/etc/tls/site.pem': 'B' });
    const there = restoredDisk(app, [], disk);
    expect(textAt(there, '/srv/app/.env')).toBe('A');
    expect(textAt(there, '/etc/tls/site.pem')).toBe('B');
    for (const way of ['/', '/srv', '/srv/app', '/etc/tls'])
      expect(there.lstat(way).isDirectory()).toBe(true);
    expect(there.list('/srv/app').map(({ name }) => name)).toEqual(['.env']);
    expect(there.realpath('/srv/app')).toBe('/srv/app');
    expect(there.isReadable('/srv/app/.env')).toBe(true);
    expect(failureOf(() => there.lstat('/srv/app/no'))).toEqual(missing);
    expect(failureOf(() => there.read('/etc/passwd', 10))).toEqual(missing);
    expect(failureOf(() => there.isReadable('/etc/hostname'))).toEqual(missing);
  });

  it('of another set of the host is there to be referred to, and is not listed', () => {
    const app = tree('app', '/srv/app', { 'compose.yaml': 'C' });
    const secrets = tree('secrets', '/srv/app', { 'secrets/db': 'S' });
    const there = restoredDisk(app, [app, secrets], disk);
    expect(textAt(there, '/srv/app/secrets/db')).toBe('S');
    expect(there.list('/srv/app').map(({ name }) => name)).toEqual(['compose.yaml']);
  });

  it('leads nowhere else, though a host says that a directory is a link in another set', () => {
    const outside = join(scratch, 'this-machine');
    mkdirSync(outside);
    writeFileSync(join(outside, 'passwd'), 'root');
    const app = tree('app', '/srv/app', { 'conf/compose.yaml': 'C' });
    const evil = tree('evil', '/srv/app', { conf: `-> ${outside}` });
    const there = restoredDisk(app, [app, evil], disk);
    expect(failureOf(() => there.read('/srv/app/conf/passwd', 10))).toEqual(missing);
    expect(failureOf(() => there.lstat('/srv/app/conf/passwd'))).toEqual(missing);
    const alone = restoredDisk(evil, [evil], disk);
    expect(alone.lstat('/srv/app/conf').isSymbolicLink()).toBe(true);
    expect(failureOf(() => alone.read('/srv/app/conf/passwd', 10))).toEqual(missing);
  });

  it.each([
    ['/srv/app/', '/srv/app'],
    ['/srv/../etc', '/etc'],
    ['relative', '/'],
    ['/a\0b', '/'],
    ['', '/'],
  ])('had its root at a path, whatever a host writes: %j', (root, expected) => {
    expect(rootOf({ contents: { root } } as RestoredTree)).toBe(expected);
  });

  it('may have had the root of the machine as its root', () => {
    const all = tree('all', '/', { 'etc/app.env': 'A' });
    expect(textAt(restoredDisk(all, [], disk), '/etc/app.env')).toBe('A');
  });
});
