import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type GzipOptions, gzip } from '../../src/pack/gzip-write.ts';
import { padme } from '../../src/pack/pad.ts';
import { chunked, chunkSizes, dir, drain, file, link, tarOf } from './arbitraries.ts';

const COMMENT = 'strongroom/1 vault=v set=app id=1 artifact=files.tar.gz';
const MIB = 1024 * 1024;

function compress(
  data: Uint8Array,
  options: Partial<GzipOptions> = {},
  sizes?: readonly number[],
): Promise<Buffer> {
  return drain(gzip(chunked(data, sizes), { comment: COMMENT, ...options }));
}

/** Text that shrinks, different in every line. */
function text(length: number): Buffer {
  let lines = '';
  for (let number = 0; lines.length < length; number += 1)
    lines += `KEY_${number}=value of ${number * 7919}\n`;
  return Buffer.from(lines.slice(0, length));
}

// Real text, some hundred kilobytes of it.
const SOURCE = readFileSync(fileURLToPath(import.meta.resolve('fast-check')));

// Several members of each kind, and a last one that is short.
const MIXED = Buffer.concat([text(1.5 * MIB), randomBytes(2.5 * MIB), text(MIB + 12_345)]);

describe('compressing', () => {
  it('makes what any gzip reader opens, with equal bytes however the input is cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 20_000 }), chunkSizes, async (data, sizes) => {
        const compressed = await compress(data, {}, sizes);
        expect(gunzipSync(compressed).equals(data)).toBe(true);
        expect(compressed.equals(await compress(data))).toBe(true);
      }),
    );
  });

  it.each([[[65_536]], [[MIB]], [[3 * MIB + 1]], [[100, 0, 2 * MIB, 7]], [[10_000_000]]])(
    'keeps members in order, from chunks of %j bytes',
    async (sizes) => {
      const compressed = await compress(MIXED, {}, sizes);
      expect(gunzipSync(compressed).equals(MIXED)).toBe(true);
      expect(digest(compressed)).toBe(digest(await compress(MIXED)));
    },
  );

  it('says first what it is, in an empty member', async () => {
    const compressed = await compress(Buffer.alloc(0));
    expect(compressed.toString('latin1', 10, 10 + COMMENT.length + 1)).toBe(`${COMMENT}\0`);
    expect(compressed.length).toBe(10 + COMMENT.length + 1 + 10);
    expect(gunzipSync(compressed).length).toBe(0);
  });

  it('says nothing about when and where it was made', async () => {
    const compressed = await compress(text(10));
    const data = 10 + COMMENT.length + 1 + 10;
    expect(compressed.subarray(0, 10)).toEqual(Buffer.from([0x1f, 0x8b, 8, 16, 0, 0, 0, 0, 0, 255]));
    expect(compressed.subarray(data, data + 10)).toEqual(Buffer.from([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255]));
  });

  it.each(['', 'a\0b', 'a\nb', 'é'])('refuses the comment %j', async (comment) => {
    await expect(compress(text(10), { comment })).rejects.toMatchObject({ code: 'bad-comment' });
  });

  it('shrinks text to the size that gzip makes of it, or nearly', async () => {
    const stock = spawnSync('gzip', ['-6c'], { input: SOURCE, maxBuffer: 64 * MIB }).stdout.length;
    expect((await compress(SOURCE)).length).toBeLessThan(stock * 1.08);
    expect((await compress(SOURCE, { level: 6 })).length).toBeLessThan(stock * 1.02);
  });

  it('stores what would not shrink, at next to no cost in size', async () => {
    const compressed = await compress(randomBytes(4 * MIB));
    expect(compressed.length).toBeLessThan(4 * MIB * 1.001);
    // The first block of the first data member: type 0, and as long as one can be. Deflate's own are shorter: it
    // gives up only after having tried.
    const block = 10 + COMMENT.length + 1 + 10 + 20;
    expect(compressed[block]! & 0b110).toBe(0);
    expect(compressed.readUInt16LE(block + 1)).toBe(0xffff);
  });

  it('compresses a member of which only a part is random', async () => {
    const half = Buffer.concat([randomBytes(MIB / 2), text(MIB / 2)]);
    expect((await compress(half)).length).toBeLessThan(MIB * 0.8);
  });

  it('stores everything at level 0', async () => {
    const data = text(MIB + 100);
    const compressed = await compress(data, { level: 0 });
    expect(compressed.length).toBeGreaterThan(data.length);
    expect(compressed.length).toBeLessThan(data.length * 1.001);
    expect(gunzipSync(compressed).equals(data)).toBe(true);
  });

  it('fills up with zeros to the padded size', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 5000 }), async (data) => {
        const bare = await compress(data);
        const padded = await compress(data, { pad: padme });
        expect(padded.length).toBe(padme(bare.length));
        expect(padded).toEqual(Buffer.concat([bare, Buffer.alloc(padded.length - bare.length)]));
      }),
    );
    const large = await compress(randomBytes(MIB), { pad: (size) => size + 200_000 });
    expect(large.subarray(-200_000).equals(Buffer.alloc(200_000))).toBe(true);
  });

  it('counts the bytes it takes', async () => {
    let taken = 0;
    const onBytes = (count: number) => {
      taken += count;
    };
    await compress(MIXED, { onBytes });
    expect(taken).toBe(MIXED.length);
  });
});

describe('stock tools', () => {
  it.each([
    ['gzip -dc', ['-dc']],
    ['gzip -t', ['-t']],
  ])('%s is content, padding and all', async (_, options) => {
    const input = await compress(MIXED, { pad: padme });
    expect(input.subarray(-1000).equals(Buffer.alloc(1000))).toBe(true);
    const { status, stderr, stdout } = spawnSync('gzip', options, { input, maxBuffer: 64 * MIB });
    expect({ status, stderr: stderr.toString() }).toEqual({ status: 0, stderr: '' });
    if (options[0] === '-dc') expect(digest(stdout)).toBe(digest(MIXED));
  });

  it('tar lists the archive inside', async () => {
    const tar = tarOf([dir('d'), file('d/.env', 'A=1\n'), link('d/link', '.env')]);
    const input = await compress(tar, { pad: padme });
    const { status, stderr, stdout } = spawnSync('tar', ['-tzf', '-'], { input, encoding: 'utf8' });
    expect({ status, stderr, stdout }).toEqual({ status: 0, stderr: '', stdout: 'd/\nd/.env\nd/link\n' });
  });
});

describe('the source of a compression', () => {
  function endless() {
    const state = { pulled: 0, closed: false };
    async function* source() {
      try {
        for (;;) {
          state.pulled += MIB;
          yield Buffer.alloc(MIB, state.pulled % 251);
        }
      } finally {
        state.closed = true;
      }
    }
    return { state, source: source() };
  }

  it('is read only a little ahead, and closed when nobody wants more', async () => {
    const { state, source } = endless();
    let pieces = 0;
    for await (const _ of gzip(source, { comment: COMMENT })) {
      pieces += 1;
      if (pieces === 10) break;
    }
    // Ten pieces are the comment and three members, of three pieces each.
    expect(state.pulled).toBeLessThanOrEqual(10 * MIB);
    expect(state.closed).toBe(true);
  });

  it('passes its failure on', async () => {
    async function* source() {
      yield text(3 * MIB);
      throw new RangeError('pg_dump died');
    }
    await expect(drain(gzip(source(), { comment: COMMENT }))).rejects.toThrow('pg_dump died');
  });

  it('is closed when the signal fires', async () => {
    const { state, source } = endless();
    const control = new AbortController();
    const compressing = gzip(source, { comment: COMMENT, signal: control.signal });
    await compressing.next();
    await compressing.next();
    control.abort();
    await expect(drain(compressing)).rejects.toMatchObject({ code: 'interrupted' });
    expect(state.closed).toBe(true);
  });
});

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
