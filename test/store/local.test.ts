import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { openStore } from '../../src/store/index.ts';
import type { Store } from '../../src/store/store.ts';
import { describeStore } from '../contract/store.ts';
import {
  bundleStores,
  canMount,
  isRoot,
  localFixture,
  mount,
  runNode,
  temporaryDirectory,
} from './directory.ts';

describeStore('local directory', localFixture());

const record = 'snapshots/app/1.json';
const notAnObject = { name: 'IntegrityError', code: 'not-an-object', exitCode: 13 };

/** A vault with one record, and a directory beside it that has nothing to do with it. */
async function vault(): Promise<{ store: Store; directory: string; outside: string }> {
  const above = temporaryDirectory();
  const directory = join(above, 'vault');
  const outside = join(above, 'outside');
  mkdirSync(outside);
  writeFileSync(join(outside, '1.json'), 'not yours');
  const store = await openStore(directory, { create: true });
  await store.create(record, Buffer.from('one'));
  return { store, directory, outside };
}

async function names(store: Store, prefix = ''): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of store.list(prefix)) found.push(name);
  return found;
}

describe('the directory of a vault', () => {
  it('may be missing: then it is empty, and is not made by a backup', async () => {
    const directory = join(temporaryDirectory(), 'disk/vault');
    const store = await openStore(directory);
    expect(await names(store)).toEqual([]);
    expect(await names(store, 'snapshots/app/')).toEqual([]);
    expect(await store.get(record)).toBeNull();
    await store.remove([record]);
    await expect(store.create(record, Buffer.from('x'))).rejects.toMatchObject({
      code: 'store-unreachable',
      message: `there is no directory ${directory}`,
      exitCode: 14,
    });
    expect(existsSync(join(directory, '..'))).toBe(false);
  });

  it('may be reached through a link of the user’s own', async () => {
    const { directory } = await vault();
    const link = `${directory}-link`;
    symlinkSync(directory, link);
    const store = await openStore(link);
    await store.create('vault/1.json', Buffer.from('v'));
    expect(await names(store)).toEqual([record, 'vault/1.json']);
    expect(readFileSync(join(directory, 'vault/1.json'), 'utf8')).toBe('v');
    await store.remove(['vault/1.json']);
    expect(await store.get('vault/1.json')).toBeNull();
  });

  it('is said to be none when it is a file', async () => {
    const file = join(temporaryDirectory(), 'file');
    writeFileSync(file, 'x');
    const store = await openStore(file, { create: true });
    const refused = { code: 'store-unreachable', object: expect.any(String) };
    await expect(names(store)).rejects.toMatchObject(refused);
    await expect(names(store, 'vault/')).rejects.toMatchObject(refused);
    await expect(store.get('RECOVERY.md')).rejects.toMatchObject(refused);
    await expect(store.get('vault/1.json')).rejects.toMatchObject(refused);
    await expect(store.create('vault/1.json', Buffer.from('x'))).rejects.toMatchObject(refused);
    await expect(store.remove(['vault/1.json'])).rejects.toMatchObject(refused);
    expect(readFileSync(file, 'utf8')).toBe('x');
  });

  it('is owner-only, with everything in it, when the umask is 000 and when it is 077', async () => {
    const bundle = bundleStores();
    for (const umask of [0o000, 0o077]) {
      const root = join(temporaryDirectory(), 'made/vault');
      const ended = await runNode(
        `process.umask(${umask});
         const { openStore } = await import(process.argv[1]);
         const store = await openStore(process.argv[2], { create: true });
         await store.create('data/app/x/files.00000', Buffer.alloc(300000));`,
        [bundle, root],
      );
      expect(ended).toMatchObject({ stderr: '', signal: null });
      for (const path of ['..', '.', 'tmp', 'data', 'data/app', 'data/app/x']) {
        expect(statSync(join(root, path)).mode & 0o7777, path).toBe(0o700);
      }
      expect(statSync(join(root, 'data/app/x/files.00000')).mode & 0o7777).toBe(0o600);
    }
  });

  it('that the user made keeps the mode that the user gave it', async () => {
    const directory = temporaryDirectory();
    chmodSync(directory, 0o750);
    await (await openStore(directory)).create('a', Buffer.from('a'));
    expect(statSync(directory).mode & 0o7777).toBe(0o750);
  });

  it('lists only what has the name of an object', async () => {
    const { store, directory } = await vault();
    for (const name of [
      '.DS_Store',
      'a b',
      'tmp/0123456789abcdef01234567',
      'snapshots/app/.1.json.swp',
      'ä',
      'x~',
    ]) {
      writeFileSync(join(directory, name), 'x');
    }
    mkdirSync(join(directory, '.snapshot/hourly'), { recursive: true });
    writeFileSync(join(directory, '.snapshot/hourly/1.json'), 'x');
    mkdirSync(join(directory, 'empty/deep'), { recursive: true });
    writeFileSync(Buffer.concat([Buffer.from(`${directory}/`), Buffer.from([0xff, 0xfe])]), 'x');
    expect(await names(store)).toEqual([record]);
    expect(await names(store, 'tmp/')).toEqual([]);
  });

  it('gives times that whoever may write the file cannot choose', async () => {
    const { store, directory } = await vault();
    for (const date of [new Date('2001-01-01'), new Date('2099-01-01')]) {
      utimesSync(join(directory, record), date, date);
      for await (const { modified } of store.list('')) {
        expect(Math.abs(modified.getTime() - Date.now())).toBeLessThan(60_000);
      }
    }
  });

  it('keeps no descriptor open, whether calls end well or badly', async () => {
    const { store, directory } = await vault();
    symlinkSync('/dev/zero', join(directory, 'zero'));
    symlinkSync('/', join(directory, 'linked'));
    const open = () => (existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : 0);
    const before = open();
    for (let round = 0; round < 20; round++) {
      const attempts = [
        store.create(`data/${round}/1`, Buffer.alloc(10)),
        store.create(record, Buffer.alloc(10)),
        store.create('linked/x', Buffer.alloc(10)),
        store.create('snapshots/app', Buffer.alloc(10)),
        store.create('stopped', Buffer.alloc(10), { signal: AbortSignal.timeout(0) }),
        store.get('zero'),
        store.get('linked/etc'),
        store.get(record, { maxBytes: 1 }),
        store.remove([`data/${round}/1`, 'linked/x']),
        names(store, 'linked/'),
      ];
      await Promise.allSettled(attempts);
      for await (const _ of store.list('')) break;
    }
    expect(open()).toBeLessThanOrEqual(before + 1);
  });
});

describe('what somebody else has put into the directory', () => {
  const plants: [kind: string, plant: (path: string) => unknown, possible: boolean][] = [
    ['a link to a device that never ends', (path) => symlinkSync('/dev/zero', path), true],
    ['a link to a file', (path) => symlinkSync('/etc/passwd', path), true],
    ['a link to nothing', (path) => symlinkSync('/nowhere', path), true],
    ['a named pipe that nobody writes to', (path) => run('mkfifo', path), true],
    ['a device', (path) => run('mknod', path, 'c', '1', '5'), isRoot],
    ['a socket', (path) => listen(path), true],
  ];

  for (const [kind, plant, possible] of plants) {
    it.skipIf(!possible)(`is listed but never opened: ${kind}`, async () => {
      const { store, directory } = await vault();
      const name = 'snapshots/app/0.json';
      const close = await plant(join(directory, name));
      try {
        expect(await names(store, 'snapshots/')).toEqual([name, record]);
        await expect(store.get(name)).rejects.toMatchObject({ ...notAnObject, object: name });
        await expect(store.get(name)).rejects.toThrow(`${name} in ${directory} should be a plain file`);
        expect(await store.create(name, Buffer.from('x'))).toBe('exists');
        await store.remove([name]);
        expect(await names(store)).toEqual([record]);
        expect(existsSync('/etc/passwd')).toBe(true);
      } finally {
        if (typeof close === 'function') close();
      }
    });
  }

  it('in place of a directory is not followed: reading', async () => {
    const { store, directory, outside } = await vault();
    symlinkSync(outside, join(directory, 'snapshots/other'));
    run('mkfifo', join(directory, 'snapshots/pipe'));
    // Shown as what they are not, so that nobody thinks there is nothing.
    expect(await names(store)).toEqual([record, 'snapshots/other', 'snapshots/pipe']);
    for (const planted of ['snapshots/other', 'snapshots/pipe']) {
      const refused = { ...notAnObject, object: planted };
      await expect(store.get(`${planted}/1.json`)).rejects.toMatchObject(refused);
      await expect(names(store, `${planted}/`)).rejects.toMatchObject(refused);
    }
  });

  it('in place of a directory is not followed: writing and removing', async () => {
    const { store, directory, outside } = await vault();
    symlinkSync(outside, join(directory, 'snapshots/other'));
    symlinkSync(outside, join(directory, 'data'));
    const refused = { ...notAnObject, object: 'snapshots/other' };
    await expect(store.create('snapshots/other/2.json', Buffer.from('x'))).rejects.toMatchObject(refused);
    await expect(store.remove(['snapshots/other/1.json'])).rejects.toMatchObject(refused);
    await expect(store.create('data/app/1', Buffer.from('x'))).rejects.toMatchObject(notAnObject);
    expect(readdirSync(outside)).toEqual(['1.json']);
    await store.remove(['snapshots/other', 'data']);
    expect(readdirSync(outside)).toEqual(['1.json']);
    expect(await names(store)).toEqual([record]);
  });

  it('in place of tmp/ is neither written to nor cleaned', async () => {
    const { directory, outside } = await vault();
    const old = join(outside, '0123456789abcdef01234567');
    writeFileSync(old, 'not yours');
    utimesSync(old, new Date(0), new Date(0));
    renameSync(join(directory, 'tmp'), join(directory, 'was-tmp'));
    symlinkSync(outside, join(directory, 'tmp'));
    const store = await openStore(directory);
    await expect(store.create('a', Buffer.from('a'))).rejects.toMatchObject({
      ...notAnObject,
      object: 'tmp',
    });
    expect(readdirSync(outside).sort()).toEqual(['0123456789abcdef01234567', '1.json']);
  });

  it('is refused unread when it is a sparse file of a terabyte', async () => {
    const { store, directory } = await vault();
    const name = 'data/huge';
    mkdirSync(join(directory, 'data'));
    writeFileSync(join(directory, name), '');
    truncateSync(join(directory, name), 2 ** 40);
    const refused = { code: 'object-too-large', object: name, exitCode: 13 };
    await expect(store.get(name)).rejects.toMatchObject(refused);
    await expect(store.get(name, { maxBytes: Number.MAX_SAFE_INTEGER })).rejects.toMatchObject(refused);
  });

  it('is an error when it shrinks while it is read', async () => {
    const { store, directory } = await vault();
    await store.create('data/large', Buffer.alloc(32 * 1024 * 1024, 1));
    const reading = store.get('data/large');
    truncateSync(join(directory, 'data/large'), 1000);
    await expect(reading).rejects.toMatchObject({ code: 'object-cut-short', object: 'data/large' });
  });

  it('is named when it is a directory where an object should be', async () => {
    const { store } = await vault();
    await expect(store.create('snapshots/app', Buffer.from('x'))).rejects.toMatchObject(notAnObject);
    await expect(store.create(`${record}/deeper`, Buffer.from('x'))).rejects.toMatchObject(notAnObject);
    expect(await names(store)).toEqual([record]);
  });
});

describe('a store that may not be written', () => {
  let bundle: string;
  beforeAll(() => {
    bundle = bundleStores();
  });

  it.skipIf(!canMount)('reads from a read-only mount, and says that it cannot write there', async () => {
    const above = temporaryDirectory();
    expect(mount(above, '-t', 'tmpfs', 'none')).toBe(true);
    const store = await openStore(join(above, 'vault'), { create: true });
    await store.create(record, Buffer.from('one'));
    expect(mount(above, '-o', 'remount,ro')).toBe(true);
    expect(await store.get(record)).toEqual(Buffer.from('one'));
    expect(await names(store)).toEqual([record]);
    const denied = { name: 'StoreError', code: 'store-denied', exitCode: 14, hint: expect.any(String) };
    await expect(store.create('a', Buffer.from('a'))).rejects.toMatchObject({
      ...denied,
      message: `cannot create a in ${above}/vault: the file system is read-only (EROFS)`,
    });
    await expect(store.remove([record])).rejects.toMatchObject(denied);
    const new_ = await openStore(join(above, 'other'), { create: true });
    await expect(new_.create('a', Buffer.from('a'))).rejects.toMatchObject(denied);
  });

  it('says so when the directory belongs to somebody else', async () => {
    const { directory } = await vault();
    chmodSync(join(directory, '..'), 0o755);
    chmodSync(directory, 0o555);
    // As nobody when we are root, for root is denied nothing.
    const ended = await runNode(
      `const { openStore } = await import(process.argv[1]);
       const store = await openStore(process.argv[2]);
       const codes = [];
       const note = (error) => codes.push([error.code, error.exitCode]);
       await store.create('a', Buffer.from('a')).catch(note);
       ${isRoot ? `await store.get('${record}').catch(note);` : ''}
       ${isRoot ? `await store.list('snapshots/').next().catch(note);` : ''}
       await store.remove(['a']).catch(note);
       console.log(JSON.stringify(codes));`,
      [bundle, directory],
      isRoot ? { uid: 65534 } : {},
    );
    // So that it can be cleared away.
    chmodSync(directory, 0o755);
    expect(ended.stderr).toBe('');
    const codes = JSON.parse(ended.stdout) as unknown[];
    expect(codes).toEqual(Array(isRoot ? 3 : 1).fill(['store-denied', 14]));
  });
});

function run(program: string, ...args: string[]): void {
  expect(spawnSync(program, args)).toMatchObject({ status: 0 });
}

function listen(path: string): Promise<() => void> {
  const server = createServer();
  return new Promise((resolve) => server.listen(path, () => resolve(() => server.close())));
}
