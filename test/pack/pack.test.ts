import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { collect, type Source, sourcesFromMemory } from '../../src/pack/collect.ts';
import type { Entry } from '../../src/pack/entry.ts';
import { encodeName } from '../../src/pack/names.ts';
import { type PackOptions, type PackResult, packSources } from '../../src/pack/pack.ts';
import { tarEnd, tarHeader, tarPadding } from '../../src/pack/tar-write.ts';
import { segments } from './arbitraries.ts';
import { asNobody, emptyDirectory, openDescriptors, type Tree, tree } from './tree.ts';

const MIB = 2 ** 20;

async function found(root: string): Promise<Source[]> {
  const { sources, problems } = await collect({ root, include: [], exclude: [] });
  expect(problems).toEqual([]);
  return sources;
}

interface Packed extends PackResult {
  tar: Buffer;
  chunks: number[];
}

async function pack(
  sources: Source[],
  options?: PackOptions,
  onChunk?: (count: number) => void,
): Promise<Packed> {
  const chunks: Buffer[] = [];
  const { stream, result } = packSources(sources, options);
  for await (const chunk of stream) {
    chunks.push(Buffer.from(chunk));
    onChunk?.(chunks.length);
  }
  return { ...result(), tar: Buffer.concat(chunks), chunks: chunks.map(({ length }) => length) };
}

const sha256 = (content: Uint8Array) => createHash('sha256').update(content).digest('hex');

/** What the tar must be, byte for byte, if these are its entries and this is their content. */
function expectedTar(entries: readonly Entry[], contentOf: (path: string) => Buffer): Buffer {
  const pieces = entries.flatMap((entry) => {
    const content = entry.type === 'file' ? contentOf(entry.path) : Buffer.alloc(0);
    expect(content.length).toBe(entry.size);
    expect(entry.sha256).toBe(entry.type === 'file' ? sha256(content) : undefined);
    return [tarHeader(entry), content, Buffer.alloc(tarPadding(content.length))];
  });
  return Buffer.concat([...pieces, tarEnd()]);
}

/** The names that GNU tar lists: C strings, octal for all that is not printable ASCII. */
function listed(tar: Buffer): Buffer[] {
  const env = { ...process.env, LC_ALL: 'C' };
  const lines = execFileSync('tar', ['-tf', '-', '--quoting-style=c'], {
    input: tar,
    env,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const escapes: Record<string, string> = { n: '\n', t: '\t', r: '\r', a: '\x07', b: '\b', f: '\f', v: '\v' };
  return lines
    .toString('latin1')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) =>
      Buffer.from(
        line
          .slice(1, -1)
          .replace(/\\([0-7]{3}|.)/g, (_match, code: string) =>
            code.length === 3 ? String.fromCharCode(Number.parseInt(code, 8)) : (escapes[code] ?? code),
          ),
        'latin1',
      ),
    );
}

describe('a packed tree', () => {
  const content = fc.oneof(
    fc.constant(''),
    fc.string({ maxLength: 100 }),
    fc.uint8Array({ minLength: 500, maxLength: 1500 }).map((bytes) => Buffer.from(bytes)),
  );
  const names = segments.filter((name) => name !== '@outside');
  const { trees } = fc.letrec<{ trees: Record<string, unknown> }>((tie) => ({
    trees: fc.dictionary(
      names,
      fc.oneof(
        { weight: 4, arbitrary: content },
        { weight: 1, arbitrary: names.map((link) => ({ link })) },
        { weight: 2, arbitrary: tie('trees') },
      ),
      { maxKeys: 6 },
    ),
  }));

  function flat(nested: Record<string, unknown>, prefix = ''): Tree {
    const entries = Object.entries(nested).map(([name, what]): Tree => {
      const path = prefix + name;
      if (typeof what === 'string' || Buffer.isBuffer(what)) return { [path]: what };
      if (typeof (what as { link?: unknown }).link === 'string') return { [path]: what as { link: string } };
      return { [path]: null, ...flat(what as Record<string, unknown>, `${path}/`) };
    });
    return Object.assign({}, ...entries);
  }

  it('is that tree to GNU tar, whatever its names, and to us byte for byte', async () => {
    await fc.assert(
      fc.asyncProperty(trees, async (nested) => {
        const files = flat(nested);
        const root = tree(files);
        const { sources } = await collect({ root, include: [], exclude: [] });
        const { tar, entries, problems, bytes } = await pack(sources);
        expect(problems).toEqual([]);
        const contentOf = (path: string) => Buffer.from(files[path] as string | Buffer);
        expect(tar.equals(expectedTar(entries, contentOf))).toBe(true);
        expect(bytes).toBe(entries.reduce((sum, { size }) => sum + size, 0));
        const expected = Object.entries(files).map(([path, what]) =>
          encodeName(what === null ? `${path}/` : path),
        );
        const order = (a: Buffer, b: Buffer) => Buffer.compare(a, b);
        expect(listed(tar).sort(order)).toEqual(expected.sort(order));
      }),
      { numRuns: 25 },
    );
  }, 30_000);

  it('comes out of GNU tar as it was', async () => {
    const root = tree({
      'd/a': 'hello',
      'd/link': { link: '../b' },
      b: Buffer.alloc(100_000, 7),
      empty: '',
      'e/f': null,
    });
    chmodSync(join(root, 'd/a'), 0o600);
    chmodSync(join(root, 'd'), 0o750);
    utimesSync(join(root, 'b'), 1_000_000_000, 1_000_000_000);
    const { tar } = await pack(await found(root));
    const target = emptyDirectory();
    execFileSync('tar', ['-xpf', '-', '-C', target], { input: tar });
    expect(readFileSync(join(target, 'd/a'), 'utf8')).toBe('hello');
    expect(readFileSync(join(target, 'b')).equals(Buffer.alloc(100_000, 7))).toBe(true);
    expect(readlinkSync(join(target, 'd/link'))).toBe('../b');
    expect(lstatSync(join(target, 'd/a')).mode & 0o7777).toBe(0o600);
    expect(lstatSync(join(target, 'd')).mode & 0o7777).toBe(0o750);
    expect(lstatSync(join(target, 'b')).mtimeMs).toBe(1_000_000_000_000);
    expect(readdirSync(join(target, 'e/f'))).toEqual([]);
  });

  it('is the same each time', async () => {
    const root = tree({ a: 'x', b: Buffer.alloc(3 * MIB, 1), 'c/d': { link: '../a' } });
    const [{ tar, ...first }, { tar: again, ...second }] = [
      await pack(await found(root)),
      await pack(await found(root)),
    ];
    expect(second).toEqual(first);
    expect(again.equals(tar)).toBe(true);
  });

  it('holds files of any size, in chunks of at most 1 MiB', async () => {
    const sizes = [
      0,
      1,
      511,
      512,
      513,
      64 * 1024 - 1,
      64 * 1024,
      64 * 1024 + 1,
      MIB - 512,
      MIB - 1,
      MIB,
      MIB + 1,
      2 * MIB,
    ];
    sizes.push(16 * MIB, 16 * MIB + 1, 17 * MIB + 511);
    const files = Object.fromEntries(
      sizes.map((size, index) => [`${String(index).padStart(2, '0')}`, Buffer.alloc(size, `${size} `)]),
    );
    const root = tree(files);
    const { tar, entries, chunks } = await pack(await found(root));
    expect(entries.map(({ size }) => size)).toEqual(sizes);
    expect(tar.equals(expectedTar(entries, (path) => files[path]!))).toBe(true);
    expect(Math.max(...chunks)).toBe(MIB);
  });

  it('is no more chunks than it has megabytes, however many files', async () => {
    const root = tree(Object.fromEntries(Array.from({ length: 3000 }, (_, index) => [`${index}`, 'tiny'])));
    await sleep(15);
    const sources = await found(root);
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    const { chunks, entries } = await pack(sources);
    clearInterval(timer);
    expect(entries).toHaveLength(3000);
    expect(chunks.length).toBeLessThanOrEqual(5);
    expect(turns).toBeGreaterThan(0);
  });

  it.skipIf(process.platform !== 'linux')('holds all of a file that does not tell its size', async () => {
    const path = `/proc/${process.pid}/limits`;
    const { sources } = await collect({ root: '/', include: [path], exclude: [] });
    const { tar, entries, bytes } = await pack(sources);
    expect(tar.equals(expectedTar(entries, () => readFileSync(path)))).toBe(true);
    expect(bytes).toBe(readFileSync(path).length);
  });

  it('may come from memory', async () => {
    const sources = sourcesFromMemory(
      { 'state/a.json': { a: 1 }, big: Buffer.alloc(3 * MIB, 'ab'), empty: '' },
      0,
    );
    const { tar, entries, bytes } = await pack([...sources]);
    const bytesOf = (path: string) => Buffer.from(sources.find((source) => source.path === path)!.bytes!);
    expect(tar.equals(expectedTar(entries, bytesOf))).toBe(true);
    expect(entries.map(({ path, mode }) => [path, mode])).toEqual([
      ['big', 0o600],
      ['empty', 0o600],
      ['state', 0o700],
      ['state/a.json', 0o600],
    ]);
    expect(bytes).toBe(3 * MIB + '{\n  "a": 1\n}\n'.length);
  });
});

describe('an inspector', () => {
  it('sees each file of up to 1 MiB whole, before a byte of it is out', async () => {
    const seen: Record<string, number> = {};
    let out = 0;
    const small = Buffer.alloc(64 * 1024, 's');
    const files: Tree = {
      big: Buffer.alloc(MIB + 1),
      middle: Buffer.alloc(MIB, 'm'),
      small,
      empty: '',
      link: { link: 'small' },
    };
    for (let index = 0; index < 40; index++) files[`n${index}`] = small;
    const sources = [
      ...(await found(tree(files))),
      ...sourcesFromMemory({ memory: 'x', vast: Buffer.alloc(MIB + 1) }, 0),
    ];
    const { tar } = await pack(
      sources,
      {
        inspect: (path, content) => {
          seen[path] = content.length;
          if (path.startsWith('n') || path === 'small') expect(content.equals(small)).toBe(true);
        },
      },
      (count) => {
        out = count;
      },
    );
    expect(out).toBeGreaterThan(1);
    const expected = Object.keys(files).filter((path) => path !== 'big' && path !== 'link');
    expect(Object.keys(seen).sort()).toEqual([...expected, 'memory'].sort());
    expect(seen).toMatchObject({ empty: 0, memory: 1, small: small.length, middle: MIB });
    expect(tar.includes('ssss')).toBe(true);
  });

  it('may refuse: then nothing of that file is out, and the descriptor is closed', async () => {
    const root = tree({ a: 'fine', b: 'AGE-SECRET-KEY-1', c: '' });
    const before = openDescriptors();
    const refusal = new Error('refused');
    const chunks: Buffer[] = [];
    const { stream } = packSources(await found(root), {
      inspect: (_path, content) => {
        if (content.includes('SECRET')) throw refusal;
      },
    });
    await expect(
      (async () => {
        for await (const chunk of stream) chunks.push(chunk);
      })(),
    ).rejects.toBe(refusal);
    expect(Buffer.concat(chunks).includes('SECRET')).toBe(false);
    expect(openDescriptors()).toBe(before);
  });
});

describe('a file that changes between finding and reading', () => {
  it('is taken as it is now, when it is still a file', async () => {
    const root = tree({ longer: 'a', shorter: 'aaaa', renamed: 'old' });
    const sources = await found(root);
    appendFileSync(join(root, 'longer'), 'bc');
    truncateSync(join(root, 'shorter'), 1);
    writeFileSync(join(root, 'new'), 'newer');
    renameSync(join(root, 'new'), join(root, 'renamed'));
    const { entries, problems } = await pack(sources);
    expect(problems).toEqual([]);
    expect(entries.map(({ path, size, torn }) => [path, size, torn])).toEqual([
      ['longer', 3, undefined],
      ['renamed', 5, undefined],
      ['shorter', 1, undefined],
    ]);
  });

  it('never leaks another file when a link takes its place, or that of a directory above', async () => {
    const root = tree({
      'set/a': 'x',
      'set/d/b': 'y',
      'set/e/f/c': 'z',
      'other/b': 'LEAKED',
      'other/f/c': 'LEAKED',
    });
    const sources = await found(join(root, 'set'));
    rmSync(join(root, 'set/a'));
    symlinkSync('../other/b', join(root, 'set/a'));
    for (const name of ['d', 'e']) {
      rmSync(join(root, 'set', name), { recursive: true });
      symlinkSync('../other', join(root, 'set', name));
    }
    const { tar, entries, problems } = await pack(sources);
    expect(tar.includes('LEAKED')).toBe(false);
    expect(entries.map(({ path }) => path)).toEqual(['d', 'e', 'e/f']);
    expect(problems.map(({ path, kind, incomplete }) => [path, kind, incomplete])).toEqual([
      ['a', 'changed', true],
      ['d/b', 'changed', true],
      ['e/f/c', 'changed', true],
    ]);
  });

  it('does not hang the backup when a pipe takes its place', async () => {
    const root = tree({ a: 'x', b: 'y' });
    const sources = await found(root);
    rmSync(join(root, 'a'));
    execFileSync('mkfifo', [join(root, 'a')]);
    const { entries, problems } = await pack(sources);
    expect(entries.map(({ path }) => path)).toEqual(['b']);
    expect(problems).toMatchObject([{ kind: 'changed', path: 'a', incomplete: true }]);
  });

  it('is missing when it has gone', async () => {
    const root = tree({ 'd/a': 'x', b: 'y' });
    const sources = await found(root);
    rmSync(join(root, 'd'), { recursive: true });
    const { entries, problems } = await pack(sources);
    expect(entries.map(({ path }) => path)).toEqual(['b', 'd']);
    expect(problems).toMatchObject([{ kind: 'missing', path: 'd/a', incomplete: true }]);
  });
});

describe('a file that may not be read', () => {
  it('is a problem and no entry; the others are there', async () => {
    const root = tree({ a: '1', locked: '2', 'z/locked': Buffer.alloc(100_000) });
    chmodSync(join(root, 'locked'), 0);
    chmodSync(join(root, 'z/locked'), 0);
    const { entries, problems } = await asNobody(root, async () => pack(await found(root)));
    expect(entries.map(({ path }) => path)).toEqual(['a', 'z']);
    expect(problems).toEqual([
      { kind: 'unreadable', path: 'locked', reason: 'permission denied', incomplete: true },
      { kind: 'unreadable', path: 'z/locked', reason: 'permission denied', incomplete: true },
    ]);
  });
});

describe('a file that changes while it is read', () => {
  const size = 20 * MIB;

  async function packWhile(change: (path: string) => void): Promise<Packed & { root: string }> {
    const root = tree({ 'a/big': Buffer.alloc(size, 'old '), b: 'after' });
    await sleep(15);
    const sources = await found(root);
    const packed = await pack(sources, {}, (count) => count === 3 && change(join(root, 'a/big')));
    return { ...packed, root };
  }

  const fileBehind = (tar: Buffer) => execFileSync('tar', ['-xOf', '-', 'b'], { input: tar }).toString();

  it('and only grows is kept at its first size, with a warning', async () => {
    const { tar, entries, problems, tornLarge } = await packWhile((path) => appendFileSync(path, 'new'));
    expect(problems).toMatchObject([{ kind: 'grew', path: 'a/big', incomplete: false }]);
    expect(tornLarge).toEqual([]);
    const contentOf = (path: string) => (path === 'b' ? Buffer.from('after') : Buffer.alloc(size, 'old '));
    expect(tar.equals(expectedTar(entries, contentOf))).toBe(true);
    expect(entries[1]).not.toHaveProperty('torn');
  });

  it('and is cut short is filled up, so that the archive stays sound', async () => {
    const { tar, entries, problems, tornLarge } = await packWhile((path) => truncateSync(path, 10 * MIB));
    expect(problems).toMatchObject([{ kind: 'changed', path: 'a/big', incomplete: true }]);
    expect(tornLarge).toEqual(['a/big']);
    expect(entries[1]).toMatchObject({ path: 'a/big', size, torn: true });
    const kept = Buffer.concat([Buffer.alloc(10 * MIB, 'old '), Buffer.alloc(10 * MIB)]);
    expect(tar.equals(expectedTar(entries, (path) => (path === 'b' ? Buffer.from('after') : kept)))).toBe(
      true,
    );
    expect(fileBehind(tar)).toBe('after');
  });

  it('and is written over is torn, even if its size is the same', async () => {
    const { tar, entries, problems, tornLarge } = await packWhile((path) =>
      writeFileSync(path, Buffer.alloc(size, 'new ')),
    );
    expect(problems).toMatchObject([{ kind: 'changed', path: 'a/big', incomplete: true }]);
    expect(tornLarge).toEqual(['a/big']);
    const kept = tar.subarray(1024, 1024 + size);
    expect(entries[1]).toMatchObject({ size, torn: true, sha256: sha256(kept) });
    expect([kept.includes('old '), kept.includes('new ')]).toEqual([true, true]);
    expect(fileBehind(tar)).toBe('after');
  });

  // Another try where the machine is too busy to write in time: then the file is at rest when it is read.
  it('all the time is kept as it was last seen, and known to be torn', { retry: 10 }, async () => {
    const root = tree({ db: '', z: 'after' });
    const sources = await found(root);
    let time = 0;
    const timer = setInterval(() => writeFileSync(join(root, 'db'), `state ${time++}`.padEnd(1000)), 1);
    const { tar, entries, problems, tornLarge } = await pack(sources).finally(() => clearInterval(timer));
    expect(problems).toMatchObject([{ kind: 'changed', path: 'db', incomplete: true }]);
    expect(tornLarge).toEqual([]);
    expect(entries).toMatchObject([{ path: 'db', size: 1000, torn: true }, { path: 'z' }]);
    expect(tar.includes('state ')).toBe(true);
  });
});

describe('packing', () => {
  it('ends when it is asked to, and closes what is open', async () => {
    const root = tree({ big: Buffer.alloc(20 * MIB) });
    const sources = await found(root);
    const before = openDescriptors();
    const controller = new AbortController();
    const attempt = pack(
      sources,
      { signal: controller.signal },
      (count) => count === 2 && controller.abort(),
    );
    await expect(attempt).rejects.toMatchObject({ name: 'InterruptedError' });
    expect(openDescriptors()).toBe(before);
    for await (const _ of packSources(sources).stream) break;
    expect(openDescriptors()).toBe(before);
  });

  it('tells how far it is', async () => {
    const root = tree({ a: 'x', b: Buffer.alloc(3 * MIB), c: { link: 'a' } });
    const seen: { files: number; bytes: number }[] = [];
    await pack(await found(root), { onProgress: (done) => seen.push(done) });
    expect(seen.length).toBeGreaterThan(2);
    expect(seen.at(-1)).toEqual({ files: 2, bytes: 3 * MIB + 1 });
  });

  it('of nothing is an empty tar', async () => {
    expect(await pack([])).toMatchObject({ tar: tarEnd(), entries: [], problems: [], bytes: 0 });
  });
});
