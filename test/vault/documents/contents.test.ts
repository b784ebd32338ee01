import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Entry } from '../../../src/pack/entry.ts';
import {
  type Contents,
  checkWishes,
  readContents,
  writeContents,
} from '../../../src/vault/documents/contents.ts';
import type { SnapshotRecord } from '../../../src/vault/documents/record.ts';
import { archives, dir, file, link } from '../../pack/arbitraries.ts';
import { changed, type Json, neverCrashes } from './damage.ts';

const object = 'data/app/x/1-0123456789/contents.json.gz.age';
const head = {
  vault: '0123456789abcdefghjkmnpqrs',
  set: 'app',
  id: '20261120T055812Z-7k3f9q',
  host: 'web-1',
  tool: 'strongroom 0.1.0',
  root: '/srv/app',
  sources: { include: ['.env', 'certs/**'], exclude: ['**/*.log'] },
  warnings: [{ kind: 'skipped', path: 'run.sock', reason: 'is a socket', incomplete: false }],
  findings: [],
  artifacts: [{ name: 'files.tar.gz.age', size: 5000, sha256: 'a'.repeat(64) }],
  streams: [],
};

function contentsOf(entries: readonly Entry[], more: Partial<Contents> = {}): Contents {
  return { ...head, bytes: entries.reduce((sum, e) => sum + e.size, 0), entries, ...more };
}

function recordOf({ vault, set, id, host, entries }: Contents): SnapshotRecord {
  return { vault, set, id, host, entries: entries.length } as unknown as SnapshotRecord;
}

const tree = [
  dir('certs'),
  file('certs/site.pem', 'PEM'),
  file('.env', 'TOKEN=1\n'),
  link('current', 'certs/site.pem'),
].map((p) => p.entry);
const contents = contentsOf(tree, {
  description: 'before the deploy',
  restore: { owner: { uid: 1000, gid: 100 }, modes: { 'certs/*': '0444' } },
});
const record = recordOf(contents);
const bytesOf = (written: Contents) =>
  Buffer.concat(Array.from(writeContents(written), (piece) => Buffer.from(piece)));
const json = JSON.parse(bytesOf(contents).toString()) as Json;
const read = (value: unknown) => readContents(Buffer.from(JSON.stringify(value)), record, object);

describe('wishes', () => {
  const modes = (count: number, glob = '*') =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [`${n}/${glob}`, '0444']));

  it.each<[string, Record<string, string>]>([
    ['over a thousand', modes(1001)],
    ['of over a thousand alternatives together', modes(400, '{a,b,c}')],
    ['of a glob that is too long', { ['*a'.repeat(600)]: '0444' }],
    ['of braces without end', { ['{a,b}'.repeat(100)]: '0444' }],
  ])('%s are refused, by who reads them and by who would write them', (_, globs) => {
    expect(() => read(changed(json, ['restore', 'modes'], globs))).toThrow(
      expect.objectContaining({ code: 'bad-document', message: expect.stringContaining('restore.modes') }),
    );
    expect(() => checkWishes({ modes: globs })).toThrow(
      expect.objectContaining({ code: 'bad-pattern', exitCode: 2 }),
    );
  });

  it('of a thousand globs are read', () => {
    const globs = modes(1000);
    checkWishes({ modes: globs });
    expect(read(changed(json, ['restore', 'modes'], globs)).restore?.modes).toEqual(globs);
  });
});

describe('contents', () => {
  it('are read back as they were written', () => {
    expect(readContents(bytesOf(contents), record, object)).toEqual(contents);
  });

  it('are read back whatever the entries are: names that are no UTF-8, set-id bits, times before 1970', () => {
    fc.assert(
      fc.property(archives, (archive) => {
        const entries = archive
          .map((packed) => packed.entry)
          .filter((e) => !archive.some((other) => e.path.startsWith(`${other.entry.path}/`)));
        const written = contentsOf(entries);
        expect(readContents(bytesOf(written), recordOf(written), object)).toEqual(written);
      }),
    );
  });

  it('have an entry a line, for grep, and a nonce that is never the same', () => {
    const [one, two] = [bytesOf(contents).toString(), bytesOf(contents).toString()];
    expect(one.split('\n').filter((line) => /^\{.*"path":".*\},?$/.test(line))).toHaveLength(4);
    expect(one).toMatch(/^\{"path":"certs\/site.pem".*"mode":"0644".*\},$/m);
    const nonces = [one, two].map((text) => (JSON.parse(text) as { nonce: string }).nonce);
    for (const nonce of nonces) expect(Buffer.from(nonce, 'base64')).toHaveLength(32);
    expect(nonces[0]).not.toBe(nonces[1]);
  });

  it('of nothing are contents too', () => {
    const empty = contentsOf([]);
    expect(readContents(bytesOf(empty), recordOf(empty), object)).toEqual(empty);
  });

  it('keep that a file was torn', () => {
    const torn = contentsOf([{ ...tree[2]!, torn: true }]);
    expect(readContents(bytesOf(torn), recordOf(torn), object).entries[0]).toMatchObject({
      torn: true,
    });
  });
});

describe('what a listed host says in contents is not believed', () => {
  const entry = (change: Json) =>
    changed(json, ['entries', 1], { ...(json.entries as Json[])[1], ...change });

  it.each<[string, string, unknown]>([
    ['of another vault', 'contents-differ', { ...json, vault: '0'.repeat(26) }],
    ['of another set', 'contents-differ', { ...json, set: 'db' }],
    ['of another snapshot', 'contents-differ', { ...json, id: '20261120T055812Z-aaaaaa' }],
    ['of another host', 'contents-differ', { ...json, host: 'web-2' }],
    [
      'with an entry too few',
      'contents-differ',
      { ...json, entries: (json.entries as Json[]).slice(0, 2), bytes: 3 },
    ],
    ['of another format', 'bad-document', { ...json, format: 2 }],
    ['of another type', 'bad-document', { ...json, type: 'record' }],
    ['with fewer bytes than the entries have: what a reader plans by', 'bad-document', { ...json, bytes: 1 }],
    ['with an absolute path', 'bad-path', entry({ path: '/etc/passwd' })],
    ['with a path that climbs', 'bad-path', entry({ path: '../../etc/passwd' })],
    ['with a dot in its path', 'bad-path', entry({ path: 'certs/./x' })],
    ['with an empty path', 'bad-path', entry({ path: '' })],
    ['with a NUL in its path', 'bad-path', entry({ path: 'a\0b' })],
    ['with a name of 256 bytes', 'bad-path', entry({ path: 'x'.repeat(256) })],
    ['with a name that no file can have', 'bad-name', entry({ path: '\ud800' })],
    ['with a path twice', 'bad-entry', entry({ path: '.env' })],
    ['with a file below a file', 'bad-entry', entry({ path: '.env/x' })],
    ['with a file below a link', 'bad-entry', entry({ path: 'current/x' })],
    ['with a file far below a link', 'bad-entry', entry({ path: 'current/x/y/z' })],
    ['with a device', 'bad-document', entry({ type: 'device' })],
    ['with a mode in decimal', 'bad-document', entry({ mode: 420 })],
    ['with more than a mode', 'bad-document', entry({ mode: '100644' })],
    ['with a negative owner', 'bad-document', entry({ uid: -1 })],
    ['with half a byte', 'bad-document', entry({ size: 0.5 })],
    ['without a hash', 'bad-document', entry({ sha256: undefined })],
    ['with a link to nowhere', 'bad-document', entry({ path: 'link', type: 'symlink', target: '' })],
    ['with a NUL in a link', 'bad-document', entry({ path: 'link', type: 'symlink', target: 'a\0' })],
    ['with an entry that is none', 'bad-document', changed(json, ['entries', 0], null)],
    ['with no list of entries', 'bad-document', { ...json, entries: {} }],
    [
      'with a mode that is no mode for a glob',
      'bad-document',
      changed(json, ['restore', 'modes', 'certs/*'], '0999'),
    ],
    ['with a warning that is none', 'bad-document', changed(json, ['warnings', 0, 'incomplete'], 'no')],
  ])('%s: %s', (_, code, value) => {
    expect(() => read(value)).toThrow(expect.objectContaining({ code, exitCode: 13 }));
  });

  it('when it says something twice', () => {
    const text = bytesOf(contents).toString().replace('"root"', '"root":"/","root"');
    expect(() => readContents(Buffer.from(text), record, object)).toThrow(
      expect.objectContaining({ code: 'bad-document' }),
    );
  });

  it('when it is no JSON, and nothing of it is repeated', () => {
    expect(() => readContents(Buffer.from('SECRET=1'), record, object)).toThrow(
      expect.objectContaining({ code: 'bad-document', message: expect.not.stringContaining('SECRET') }),
    );
  });

  it('may hold more than this version knows', () => {
    expect(read({ ...json, later: true })).toEqual(contents);
  });

  it('anything in any place is read or refused, and never crashes a reader', () => {
    neverCrashes(json, '', read);
  });
});
