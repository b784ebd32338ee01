import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { recordCache } from '../../src/host/record-cache.ts';
import type { CachedRecord } from '../../src/vault/client.ts';
import { scratch } from '../support/vault.ts';

const vault = '0123456789abcdefghjkmnpqrs';
const place = '/srv/vault';
const cached = (n: number): CachedRecord => ({
  object: `snapshots/app/${n}.json`,
  etag: `etag-${n}`,
  sha256: String(n).repeat(64).slice(0, 64),
  signer: 'ssh-ed25519 AAAA',
  record: JSON.stringify({ n, label: 'tab\tand\nnewline', tags: { where: 'Zürich' }, nested: { deep: {} } }),
  artifacts: JSON.stringify([['files.tar.gz.age', [[n, 'a\ttab']]]]),
});

let directory: string;
beforeEach(() => {
  directory = join(scratch(), 'cache');
});

/** The one file of the cache. */
const file = () => join(directory, 'records', readdirSync(join(directory, 'records'))[0]!);

async function add(...added: CachedRecord[]): Promise<void> {
  const cache = recordCache(directory);
  await cache.save(vault, place, await cache.load(vault, place), added);
}

const load = async () => [...(await recordCache(directory).load(vault, place)).values()];

describe('the cache of records', () => {
  it('gives back what was put in, by vault and place', async () => {
    expect(await load()).toEqual([]);
    await add(cached(1), cached(2));
    await add(cached(3));
    expect(await load()).toEqual([cached(1), cached(2), cached(3)]);
    expect((await recordCache(directory).load(vault, '/srv/copy')).size).toBe(0);
    expect((await recordCache(directory).load('z'.repeat(26), place)).size).toBe(0);
  });

  it('gives back as many as there are', async () => {
    const many = Array.from({ length: 1203 }, (_, n) => cached(n));
    await add(...many);
    await add(...many.slice(0, 601).map((one) => ({ ...one, etag: 'newer' })));
    expect((await load()).map(({ object, etag }) => [object, etag])).toEqual(
      many.map(({ object, etag }, n) => [object, n < 601 ? 'newer' : etag]),
    );
  });

  it('takes the later word on an object', async () => {
    await add(cached(1));
    await add({ ...cached(1), etag: 'newer' });
    expect(await load()).toEqual([{ ...cached(1), etag: 'newer' }]);
  });

  it('is private, and names nobody’s place in the clear', async () => {
    await add(cached(1));
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    expect(statSync(join(directory, 'records')).mode & 0o777).toBe(0o700);
    expect(file()).not.toContain('srv');
  });

  it('with a line that was cut short anywhere loses that line and nothing else', async () => {
    await add(cached(1), cached(2));
    const size = statSync(file()).size;
    const last = readFileSync(file(), 'utf8').trimEnd().split('\n').at(-1)!.length;
    for (let cut = 1; cut <= last + 1; cut++) {
      truncateSync(file(), size - cut);
      expect(await load(), `cut by ${cut}`).toEqual([cached(1)]);
    }
  });

  it('goes on after a line that was cut short', async () => {
    await add(cached(1), cached(2));
    truncateSync(file(), statSync(file()).size - 20);
    await add(cached(3));
    await add(cached(4));
    const found = await load();
    expect(found).toContainEqual(cached(1));
    expect(found).toContainEqual(cached(4));
    expect(found).not.toContainEqual(cached(2));
  });

  it.each([
    'garbage\n',
    '\n\n',
    '\t\t\t\t\n',
    'a\tb\tc\td\n',
    'a\tb\tc\td\t{}\n',
    'a\tb\tc\td\t{}\t[]\textra]\n',
    '\0\0\n',
  ])('passes over a line such as %j', async (line) => {
    await add(cached(1));
    appendFileSync(file(), line);
    await add(cached(2));
    expect(await load()).toEqual([cached(1), cached(2)]);
  });

  it('of another version is not read, and made anew', async () => {
    await add(cached(1));
    writeFileSync(
      file(),
      readFileSync(file(), 'utf8').replace(/^strongroom records 2 \S+/, 'strongroom records 2 9.9.9'),
    );
    expect(await load()).toEqual([]);
    await add(cached(2));
    expect(await load()).toEqual([cached(2)]);
  });

  it('that others could have written is not read', async () => {
    await add(cached(1));
    for (const mode of [0o620, 0o602, 0o666]) {
      chmodSync(file(), mode);
      expect(await load(), mode.toString(8)).toEqual([]);
    }
    chmodSync(file(), 0o644);
    expect(await load()).toEqual([cached(1)]);
  });

  it('that cannot be written or read is no reason to fail', async () => {
    mkdirSync(join(directory, '..'), { recursive: true });
    writeFileSync(directory, 'a file in the way');
    await add(cached(1));
    expect(await load()).toEqual([]);
    expect(existsSync(join(directory, 'records'))).toBe(false);
  });
});
