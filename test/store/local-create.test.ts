import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { openStore } from '../../src/store/index.ts';
import type { Store } from '../../src/store/store.ts';
import { describeStore } from '../contract/store.ts';
import {
  bundleStores,
  canMount,
  localFixture,
  mount,
  runNode,
  temporaryDirectory,
  unmountLater,
} from './directory.ts';

let bundle: string;
beforeAll(() => {
  bundle = bundleStores();
});

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** What a store holds: the SHA-256 of every object. */
async function hashes(store: Store): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for await (const { name, size } of store.list('')) {
    const body = (await store.get(name))!;
    expect(body.length).toBe(size);
    found.set(name, sha256(body));
  }
  return found;
}

describe('a run that is killed', () => {
  // Writes an artifact, then its record, and counts what it asks of the file system; before one of these calls
  // it kills itself.
  const program = `
    import fs from 'node:fs';
    import { syncBuiltinESMExports } from 'node:module';
    const [bundle, root, killAt] = process.argv.slice(1);
    const calls = [];
    for (const name of Object.keys(fs).filter((key) => typeof fs[key] === 'function' && /^[a-z]/.test(key))) {
      const real = fs[name];
      fs[name] = Object.defineProperties((...args) => {
        if (calls.push(name) === Number(killAt)) {
          process.kill(process.pid, 'SIGKILL');
          for (;;);
        }
        return real(...args);
      }, Object.getOwnPropertyDescriptors(real));
    }
    syncBuiltinESMExports();
    const { openStore } = await import(bundle);
    const store = await openStore(root, { create: true });
    calls.length = 0;
    await store.create('data/app/x/files.00000', Buffer.alloc(300000, 1));
    await store.create('snapshots/app/x.json', Buffer.from('record'));
    fs.writeSync(1, JSON.stringify(calls));`;
  const whole = new Map([
    ['data/app/x/files.00000', Buffer.alloc(300_000, 1)],
    ['snapshots/app/x.json', Buffer.from('record')],
  ]);

  const wholeHashes = new Map([...whole].map(([name, body]) => [name, sha256(body)]));

  async function calls(): Promise<string[]> {
    const ended = await runNode(program, [bundle, join(temporaryDirectory(), 'vault'), '0']);
    expect(ended.stderr).toBe('');
    return JSON.parse(ended.stdout) as string[];
  }

  it('leaves each object whole or not there, before whichever call it dies, and the next run succeeds', async () => {
    const count = (await calls()).length;
    expect(count).toBeGreaterThan(20);
    const states = new Set<number>();
    async function dieBefore(call: number): Promise<void> {
      const root = join(temporaryDirectory(), 'vault');
      const ended = await runNode(program, [bundle, root, String(call)]);
      expect(ended.signal, `call ${call}: ${ended.stderr}`).toBe('SIGKILL');
      const store = await openStore(root, { create: true });
      const found = await hashes(store);
      // The record is never there without its data.
      expect([...found], `call ${call}`).toEqual([...wholeHashes].slice(0, found.size));
      states.add(found.size);
      for (const [name, body] of whole) {
        expect(await store.create(name, body)).toBe(found.has(name) ? 'exists' : 'created');
      }
      expect(await hashes(store)).toEqual(wholeHashes);
    }
    for (let call = 1; call <= count; call += 4) {
      const several = [call, call + 1, call + 2, call + 3].filter((each) => each <= count);
      await Promise.all(several.map(dieBefore));
    }
    expect(states).toEqual(new Set([0, 1, 2]));
  }, 60_000);

  it('has its bytes on disk before the name, and the name before it says so', async () => {
    const order = (await calls()).filter((name) => /^(write|fsync|linkSync|unlinkSync)$/.test(name));
    const first = order.slice(0, order.indexOf('linkSync', order.indexOf('linkSync') + 1) - 2);
    // Four directories were made (data, app, x and tmp, which needs no sync), below a root that was made too.
    expect(first).toEqual([
      'fsync',
      'write',
      'fsync',
      'linkSync',
      'unlinkSync',
      ...['fsync', 'fsync', 'fsync', 'fsync'],
    ]);
    expect(order.slice(first.length)).toEqual([
      ...['write', 'fsync', 'linkSync', 'unlinkSync'],
      ...['fsync', 'fsync', 'fsync'],
    ]);
  });

  it('leaves whole objects only, at whatever moment it is shot', async () => {
    const writer = `
      import { createHash, randomBytes } from 'node:crypto';
      const { openStore } = await import(process.argv[1]);
      const store = await openStore(process.argv[2], { create: true });
      console.log('writing');
      for (let round = 0; ; round++) {
        await Promise.all([1, 2, 3].map((each) => {
          const body = randomBytes(each * 700000);
          const hash = createHash('sha256').update(body).digest('hex');
          return store.create('data/' + round + '/' + each + '-' + hash, body);
        }));
      }`;
    let objects = 0;
    for (const killAfter of [25, 60, 110, 170]) {
      const root = join(temporaryDirectory(), 'vault');
      const ended = await runNode(writer, [bundle, root], { killAfter });
      expect(ended).toMatchObject({ signal: 'SIGKILL', stderr: '' });
      for (const [name, hash] of await hashes(await openStore(root))) {
        expect(name.split('-')[1]).toBe(hash);
        objects++;
      }
    }
    expect(objects).toBeGreaterThan(0);
  }, 30_000);
});

describe('what killed runs have left in tmp/', () => {
  it('goes when it is more than a day old; what is younger, or not ours, stays', async () => {
    const root = temporaryDirectory();
    const outside = join(temporaryDirectory(), 'file');
    writeFileSync(outside, 'x');
    mkdirSync(join(root, 'tmp'));
    const hours = (count: number) => new Date(Date.now() - count * 3_600_000);
    const plant = (name: string, age: number) => {
      writeFileSync(join(root, 'tmp', name), 'x');
      utimesSync(join(root, 'tmp', name), hours(age), hours(age));
    };
    plant('a'.repeat(24), 25);
    plant('b'.repeat(24), 23);
    plant('notes.txt', 100);
    symlinkSync(outside, join(root, 'tmp', 'c'.repeat(24)));
    const store = await openStore(root);
    expect(await hashes(store)).toEqual(new Map());
    expect(readdirSync(join(root, 'tmp'))).toHaveLength(4);
    await store.create('a', Buffer.from('a'));
    expect(readdirSync(join(root, 'tmp')).sort()).toEqual(['b'.repeat(24), 'c'.repeat(24), 'notes.txt']);
    expect(existsSync(outside)).toBe(true);
  });
});

describe('a full disk', () => {
  it.skipIf(!canMount)(
    'is said, leaves nothing of the object, and is no obstacle to a smaller one',
    async () => {
      const root = temporaryDirectory();
      expect(mount(root, '-t', 'tmpfs', '-o', 'size=1m', 'none')).toBe(true);
      const store = await openStore(root);
      expect(await store.create('data/1', Buffer.alloc(700_000, 1))).toBe('created');
      await expect(store.create('data/app/2', Buffer.alloc(700_000, 2))).rejects.toMatchObject({
        name: 'StoreError',
        code: 'store-full',
        exitCode: 14,
        object: 'data/app/2',
        message: `cannot create data/app/2 in ${root}: no space left (ENOSPC)`,
        hint: expect.stringContaining('delete old snapshots'),
      });
      expect(readdirSync(join(root, 'tmp'))).toEqual([]);
      expect(await hashes(store)).toEqual(new Map([['data/1', sha256(Buffer.alloc(700_000, 1))]]));
      expect(await store.create('data/app/2', Buffer.alloc(100_000, 2))).toBe('created');
    },
  );
});

// A tmp/ on a mount of its own makes link() fail with EXDEV, on any Linux and with any file system below.
if (canMount) {
  const separateTmp = localFixture((root) => {
    mount(root, '-t', 'tmpfs', 'none');
    mount(join(root, 'tmp'), '-t', 'tmpfs', 'none');
  });
  describeStore('local directory without hard links', separateTmp);
}

describe('a directory without hard links', () => {
  const withoutLinks = () => {
    const root = temporaryDirectory();
    expect(mount(join(root, 'tmp'), '-t', 'tmpfs', 'none')).toBe(true);
    return root;
  };

  it.skipIf(!canMount)('gets its objects in place, and keeps no other file', async () => {
    const root = withoutLinks();
    const store = await openStore(root);
    expect(await store.create('data/1', Buffer.from('one'))).toBe('created');
    expect(await store.create('data/1', Buffer.from('two'))).toBe('exists');
    expect(readdirSync(join(root, 'tmp'))).toEqual([]);
    expect(await hashes(store)).toEqual(new Map([['data/1', sha256(Buffer.from('one'))]]));
  });

  it.skipIf(!canMount)('loses what could not be written whole', async () => {
    const root = temporaryDirectory();
    expect(mount(root, '-t', 'tmpfs', '-o', 'size=1m', 'none')).toBe(true);
    expect(mount(join(root, 'tmp'), '-t', 'tmpfs', 'none')).toBe(true);
    const store = await openStore(root);
    await expect(store.create('data/1', Buffer.alloc(2_000_000))).rejects.toMatchObject({
      code: 'store-full',
    });
    expect(await hashes(store)).toEqual(new Map());
    expect(await store.create('data/1', Buffer.from('small'))).toBe('created');
  });

  const disk = canMount ? exfatDisk() : undefined;
  it.skipIf(disk === undefined)(
    'may be a real exFAT disk',
    async () => {
      const store = await openStore(join(disk!, 'vault'), { create: true });
      const large = randomBytes(5_000_000);
      expect(await store.create('data/app/x/1', large)).toBe('created');
      expect(await store.create('data/app/x/1', Buffer.from('two'))).toBe('exists');
      expect(await store.create('vault/1.json', Buffer.from('one'))).toBe('created');
      expect([...(await hashes(store))]).toEqual([
        ['data/app/x/1', sha256(large)],
        ['vault/1.json', sha256(Buffer.from('one'))],
      ]);
      await store.remove(['data/app/x/1']);
      expect([...(await hashes(store)).keys()]).toEqual(['vault/1.json']);
    },
    20_000,
  );
});

/** A new exFAT disk, by exfat-fuse and exfatprogs; undefined where these are not installed. */
function exfatDisk(): string | undefined {
  const directory = join(temporaryDirectory(), 'disk');
  const image = `${directory}.img`;
  mkdirSync(directory);
  writeFileSync(image, '');
  truncateSync(image, 40_000_000);
  if (spawnSync('mkfs.exfat', [image]).status !== 0) return undefined;
  const device = spawnSync('losetup', ['--find', '--show', image], { encoding: 'utf8' }).stdout.trim();
  const mounted = spawnSync('mount.exfat-fuse', [device, directory]).status === 0;
  // Takes effect when the disk is unmounted.
  spawnSync('losetup', ['--detach', device]);
  if (!mounted) return undefined;
  unmountLater(directory);
  return directory;
}
