import { randomBytes } from 'node:crypto';
import { deflateRawSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commentMember, MEMBER_DATA_BYTES, memberHeader, memberTrailer } from '../../src/pack/gzip-member.ts';
import { type GunzipOptions, gunzip } from '../../src/pack/gzip-read.ts';
import { gzip } from '../../src/pack/gzip-write.ts';
import { padme } from '../../src/pack/pad.ts';
import { readTar } from '../../src/pack/tar-read.ts';
import { chunked, chunkSizes, dir, drain, file, link, tarOf } from './arbitraries.ts';

const COMMENT = 'strongroom/1 vault=v set=app id=1 artifact=files.tar.gz';
const OPTIONS = { comment: COMMENT, object: 'files.tar.gz' };
const BAD = expect.objectContaining({ name: 'IntegrityError', code: 'bad-gzip' });

function compress(data: Uint8Array): Promise<Buffer> {
  return drain(gzip(chunked(data), { comment: COMMENT, pad: padme }));
}

function decompress(
  data: Uint8Array,
  options: Partial<GunzipOptions> = {},
  sizes?: readonly number[],
): Promise<Buffer> {
  return drain(gunzip(chunked(data, sizes), { ...OPTIONS, ...options }));
}

describe('decompressing', () => {
  it('gives back any bytes, however they are cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 20_000 }), chunkSizes, async (data, sizes) => {
        expect((await decompress(await compress(data), {}, sizes)).equals(data)).toBe(true);
      }),
    );
  });

  it('gives back many members, stored and compressed', async () => {
    const data = Buffer.concat([
      Buffer.alloc(3_000_000, 'abc'),
      randomBytes(3_000_000),
      Buffer.alloc(3_000_000),
    ]);
    expect((await decompress(await compress(data), { maxBytes: data.length })).equals(data)).toBe(true);
  });

  it('accepts a stream without padding', async () => {
    const bare = await drain(gzip(chunked(Buffer.from('x')), { comment: COMMENT }));
    expect((await decompress(bare)).toString()).toBe('x');
  });
});

describe('the comment', () => {
  it.each(['strongroom/1 vault=v set=app id=2 artifact=files.tar.gz', COMMENT.slice(0, -1), `${COMMENT}.`])(
    'is checked before anything is released or much is read: %s',
    async (comment) => {
      const compressed = await compress(randomBytes(3_000_000));
      let read = 0;
      async function* source() {
        for await (const chunk of chunked(compressed, [1000])) {
          read += chunk.length;
          yield chunk;
        }
      }
      const released = gunzip(source(), { ...OPTIONS, comment });
      await expect(released.next()).rejects.toMatchObject({ name: 'IntegrityError', code: 'wrong-artifact' });
      expect(read).toBe(1000);
    },
  );

  it('is missed in any other gzip file', async () => {
    await expect(decompress(gzipSync('x'))).rejects.toMatchObject({ code: 'wrong-artifact' });
    await expect(decompress(Buffer.from('not gzip at all'))).rejects.toMatchObject({
      code: 'wrong-artifact',
    });
  });
});

describe('damage', () => {
  const small = tarOf([dir('d'), file('d/.env', 'SECRET=1\n'), link('l', 'd')]);

  it('is noticed in any bit, unless what comes out is the same', async () => {
    const compressed = await compress(small);
    for (let position = 0; position < compressed.length; position += 1) {
      for (let bit = 0; bit < 8; bit += 1) {
        const changed = Buffer.from(compressed);
        changed[position]! ^= 1 << bit;
        const result = await decompress(changed).catch((error: unknown) => error);
        if (result instanceof Buffer) expect(result.equals(small), `byte ${position}`).toBe(true);
        else expect(result, `byte ${position}`).toMatchObject({ name: 'IntegrityError' });
      }
    }
  });

  it('is noticed when a stream ends within the comment or a member', async () => {
    const compressed = await drain(gzip(chunked(small), { comment: COMMENT }));
    const first = commentMember(COMMENT).length;
    for (let length = 0; length < compressed.length; length += 1) {
      if (length === first) continue;
      await expect(decompress(compressed.subarray(0, length)), `length ${length}`).rejects.toEqual(BAD);
    }
  });

  it('never lets a changed archive through as a whole', async () => {
    const archive = [dir('d'), file('d/.env', 'SECRET=1\n'), link('l', 'd')];
    const entries = archive.map(({ entry }) => entry);
    const compressed = await compress(small);
    await fc.assert(
      fc.asyncProperty(
        fc.nat(compressed.length - 1),
        fc.integer({ min: 1, max: 255 }),
        async (position, change) => {
          const changed = Buffer.from(compressed);
          changed[position]! ^= change;
          const contents: string[] = [];
          const sink = {
            small: (_: unknown, content: Buffer) => void contents.push(content.toString()),
            open: () => Promise.reject(new Error('no large files here')),
          };
          const reading = readTar(gunzip(chunked(changed), OPTIONS), entries, sink, OPTIONS);
          const outcome = await reading.catch((error: unknown) => error);
          if (outcome === undefined) expect(contents).toEqual(['', 'SECRET=1\n', '']);
          else expect(outcome).toMatchObject({ name: 'IntegrityError' });
        },
      ),
    );
  });
});

/** A data member that holds `data`, or claims to. */
function member(data: Buffer, claims: { length?: number; deflated?: Buffer; trailer?: Buffer } = {}): Buffer {
  const { deflated = deflateRawSync(data), trailer = memberTrailer(data) } = claims;
  return Buffer.concat([memberHeader(claims.length ?? 20 + deflated.length + 8), deflated, trailer]);
}

function trailer(crc: Buffer, length: number): Buffer {
  const bytes = Buffer.alloc(8);
  crc.copy(bytes, 0, 0, 4);
  bytes.writeUInt32LE(length, 4);
  return bytes;
}

function withByte(bytes: Buffer, position: number, value: number): Buffer {
  const changed = Buffer.from(bytes);
  changed[position] = value;
  return changed;
}

describe('hostile members', () => {
  const data = Buffer.from('some data, some data, some data');
  const sound = member(data);
  const crc = memberTrailer(data);

  it.each<[string, Buffer[]]>([
    ['a member without its length', [gzipSync(data)]],
    ['a time in the header', [withByte(sound, 4, 1)]],
    ['a file name flag', [withByte(sound, 3, 0x0c)]],
    ['another extra field', [withByte(sound, 12, 0x42)]],
    ['a second comment', [sound, commentMember(COMMENT)]],
    ['a length beyond the end', [member(data, { length: 1000 })]],
    ['an enormous length', [member(data, { length: 0xffffffff })]],
    ['a length of nothing', [member(data, { length: 0 })]],
    ['a length of header and trailer alone', [member(data, { length: 28 })]],
    ['an empty member', [member(Buffer.alloc(0))]],
    ['another checksum', [member(data, { trailer: trailer(Buffer.alloc(4), data.length) })]],
    ['a data length too short', [member(data, { trailer: trailer(crc, data.length - 1) })]],
    ['a data length too long', [member(data, { trailer: trailer(crc, data.length + 1) })]],
    ['a data length above the limit', [member(Buffer.alloc(MEMBER_DATA_BYTES + 1))]],
    ['compressed data cut short', [member(data, { deflated: deflateRawSync(data).subarray(0, -1) })]],
    [
      'something behind the compressed data',
      [member(data, { deflated: Buffer.concat([deflateRawSync(data), data]) })],
    ],
    ['no compressed data', [member(data, { deflated: Buffer.alloc(30, 0xff) })]],
    ['something after the end', [sound, Buffer.from('x')]],
    ['something after some zeros', [sound, Buffer.alloc(100), Buffer.from('x')]],
    ['a member after the zeros', [sound, Buffer.alloc(100), sound]],
    ['a member after very many zeros', [sound, Buffer.alloc(1_000_000), sound]],
  ])('are refused: %s', async (_, members) => {
    await expect(decompress(Buffer.concat([commentMember(COMMENT), ...members]))).rejects.toEqual(BAD);
  });

  it('differ from these sound ones in nothing else', async () => {
    const whole = Buffer.concat([commentMember(COMMENT), sound, sound, Buffer.alloc(100)]);
    expect(await decompress(whole)).toEqual(Buffer.concat([data, data]));
  });

  it('cannot swell: a bomb in one member stops at what it announces', async () => {
    const bomb = deflateRawSync(Buffer.alloc(64 * MEMBER_DATA_BYTES));
    const lying = member(data, { deflated: bomb, trailer: trailer(crc, 1000) });
    const reading = decompress(Buffer.concat([commentMember(COMMENT), lying]));
    await expect(reading).rejects.toMatchObject({
      code: 'bad-gzip',
      cause: { code: 'ERR_BUFFER_TOO_LARGE' },
    });
  });

  it('cannot make the reader gather what they announce', async () => {
    let read = 0;
    async function* endless() {
      yield Buffer.concat([commentMember(COMMENT), memberHeader(2 ** 31)]);
      for (; read < 100_000_000; read += 100_000) yield Buffer.alloc(100_000);
    }
    await expect(drain(gunzip(endless(), OPTIONS))).rejects.toEqual(BAD);
    expect(read).toBe(0);
  });

  it('may hold exactly as much as is allowed', async () => {
    const whole = Buffer.concat([commentMember(COMMENT), sound, sound]);
    expect((await decompress(whole, { maxBytes: 2 * data.length })).length).toBe(2 * data.length);
    const reading = decompress(whole, { maxBytes: 2 * data.length - 1 });
    await expect(reading).rejects.toMatchObject({ code: 'too-large' });
  });

  it('cannot swell: a bomb of many members stops at the limit, before more is read', async () => {
    const zeros = member(Buffer.alloc(MEMBER_DATA_BYTES));
    let members = 0;
    async function* bomb() {
      yield commentMember(COMMENT);
      for (;;) {
        members += 1;
        yield zeros;
      }
    }
    let released = 0;
    const limit = 8 * MEMBER_DATA_BYTES + 1;
    const reading = (async () => {
      for await (const chunk of gunzip(bomb(), { ...OPTIONS, maxBytes: limit })) released += chunk.length;
    })();
    await expect(reading).rejects.toMatchObject({ name: 'IntegrityError', code: 'too-large' });
    expect(released).toBeLessThanOrEqual(limit);
    expect(members).toBe(9);
  });
});

describe('the source of a decompression', () => {
  async function closedAfter(
    use: (stream: AsyncGenerator<Buffer>) => Promise<unknown>,
    signal?: AbortSignal,
  ) {
    const compressed = await compress(randomBytes(12 * MEMBER_DATA_BYTES));
    let closed = false;
    async function* source() {
      try {
        yield* chunked(compressed);
      } finally {
        closed = true;
      }
    }
    await use(gunzip(source(), { ...OPTIONS, ...(signal && { signal }) }));
    return closed;
  }

  it('is closed when nobody wants more', async () => {
    const closed = await closedAfter(async (stream) => {
      for await (const _ of stream) break;
    });
    expect(closed).toBe(true);
  });

  it('is closed when the signal fires', async () => {
    const control = new AbortController();
    const closed = await closedAfter(async (stream) => {
      await stream.next();
      control.abort();
      await expect(drain(stream)).rejects.toMatchObject({ code: 'interrupted' });
    }, control.signal);
    expect(closed).toBe(true);
  });

  it('passes its failure on', async () => {
    const compressed = await compress(randomBytes(3_000_000));
    async function* source() {
      yield compressed.subarray(0, 2_000_000);
      throw new RangeError('the network is gone');
    }
    await expect(drain(gunzip(source(), OPTIONS))).rejects.toThrow('the network is gone');
  });
});
