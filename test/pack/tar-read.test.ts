import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Entry } from '../../src/pack/entry.ts';
import { readTar, SMALL_FILE_BYTES, type TarSink } from '../../src/pack/tar-read.ts';
import { tarEnd, tarHeader, tarPadding } from '../../src/pack/tar-write.ts';
import { archives, chunked, chunkSizes, dir, file, link, type Packed, tarOf } from './arbitraries.ts';

const OBJECT = { object: 'files.tar.gz' };
const DIFFERS = expect.objectContaining({ name: 'IntegrityError', code: 'archive-differs' });

/** Keeps what it is given, and in which order it was called. */
function keeping() {
  const kept: Packed[] = [];
  const calls: string[] = [];
  const sink: TarSink = {
    small(entry, content) {
      calls.push(`small ${entry.path}`);
      kept.push({ entry, content });
    },
    async open(entry) {
      calls.push(`open ${entry.path}`);
      const chunks: Buffer[] = [];
      return {
        write(chunk) {
          chunks.push(chunk);
        },
        async close() {
          calls.push(`close ${entry.path}`);
          kept.push({ entry, content: Buffer.concat(chunks) });
        },
        async abort() {
          calls.push(`abort ${entry.path}`);
        },
      };
    },
  };
  return { kept, calls, sink };
}

async function read(tar: Uint8Array, expected: readonly Packed[], sizes?: readonly number[]) {
  const { kept, calls, sink } = keeping();
  await readTar(chunked(tar, sizes), entriesOf(expected), sink, OBJECT);
  return { kept, calls };
}

function entriesOf(archive: readonly Packed[]): Entry[] {
  return archive.map(({ entry }) => entry);
}

const A = file('a', 'content of a');
const B = file('b', 'content of b');
const D = dir('d');
const L = link('l', 'a');
const BIG = file('big', Buffer.alloc(SMALL_FILE_BYTES + 700, 'big'));

describe('reading a tar that is as expected', () => {
  it('hands over every entry, however it is cut into chunks', async () => {
    await fc.assert(
      fc.asyncProperty(archives, chunkSizes, async (archive, sizes) => {
        expect((await read(tarOf(archive), archive, sizes)).kept).toEqual(archive);
      }),
    );
  });

  it('streams large files, between small ones', async () => {
    const { kept, calls } = await read(tarOf([A, BIG, B]), [A, BIG, B]);
    expect(calls).toEqual(['small a', 'open big', 'close big', 'small b']);
    expect(kept[1]!.content.equals(BIG.content)).toBe(true);
  });

  it('hands a file of exactly the limit over whole', async () => {
    const limit = file('limit', Buffer.alloc(SMALL_FILE_BYTES));
    expect((await read(tarOf([limit]), [limit])).calls).toEqual(['small limit']);
  });

  it('waits for the sink', async () => {
    let busy = false;
    const sink: TarSink = {
      async small() {
        expect(busy).toBe(false);
        busy = true;
        await new Promise((resolve) => setImmediate(resolve));
        busy = false;
      },
      open: () => Promise.reject(new Error('no large files here')),
    };
    await readTar(chunked(tarOf([A, D, L, B])), entriesOf([A, D, L, B]), sink, OBJECT);
    expect(busy).toBe(false);
  });
});

describe('reading a tar that is not as expected', () => {
  it('notices any changed byte', async () => {
    const archive = [A, D, L, file('long'.repeat(40), '')];
    const tar = tarOf(archive);
    for (let position = 0; position < tar.length; position += 1) {
      const changed = Buffer.from(tar);
      changed[position]! ^= 1 << (position % 8);
      await expect(read(changed, archive), `byte ${position}`).rejects.toEqual(DIFFERS);
    }
  });

  it('notices an end that comes early, anywhere, and anything after the end', async () => {
    const tar = tarOf([A, D, L]);
    for (let length = 0; length < tar.length; length += 1) {
      await expect(read(tar.subarray(0, length), [A, D, L]), `length ${length}`).rejects.toEqual(DIFFERS);
    }
    await expect(read(Buffer.concat([tar, Buffer.alloc(1)]), [A, D, L])).rejects.toEqual(DIFFERS);
    await expect(read(Buffer.concat([tar, tar]), [A, D, L])).rejects.toEqual(DIFFERS);
  });

  it.each<[string, Packed[]]>([
    ['an extra entry at the end', [A, D, B, L]],
    ['an extra entry in front', [L, A, D, B]],
    ['a missing entry', [A, B]],
    ['a missing last entry', [A, D]],
    ['nothing at all', []],
    ['an entry twice', [A, A, D, B]],
    ['another order', [D, A, B]],
    ['another content of the same size', [A, D, file('b', 'CONTENT of b')]],
    ['another mode', [A, D, file('b', 'content of b', { mode: 0o777 })]],
    ['another owner', [A, D, file('b', 'content of b', { uid: 0 })]],
    ['another group', [A, D, file('b', 'content of b', { gid: 0 })]],
    ['another time', [A, D, file('b', 'content of b', { mtime: 0 })]],
    ['another type', [A, link('d', 'b'), B]],
  ])('refuses %s', async (_, archive) => {
    await expect(read(tarOf(archive), [A, D, B])).rejects.toEqual(DIFFERS);
  });

  it('refuses another link target', async () => {
    await expect(read(tarOf([link('l', 'b')]), [L])).rejects.toEqual(DIFFERS);
  });

  it('takes no notice of milliseconds, which a tar does not hold', async () => {
    const exact = file('a', 'x', { mtime: 1_700_000_000_999 });
    const whole = file('a', 'x', { mtime: 1_700_000_000_000 });
    expect((await read(tarOf([whole]), [exact])).calls).toEqual(['small a']);
  });

  it('names the entry without letting it speak to the terminal', async () => {
    const hostile = file('\x1b[2J\u202e', 'x');
    await expect(read(tarOf([]), [hostile])).rejects.toThrow(
      "files.tar.gz: entry '\\x1b[2J\\u202e' is missing",
    );
  });

  it('hands over nothing that is unproven', async () => {
    const { calls, sink } = keeping();
    const forged = tarOf([A, { ...B, content: Buffer.from('CONTENT of b') }]);
    await expect(readTar(chunked(forged), entriesOf([A, B]), sink, OBJECT)).rejects.toEqual(DIFFERS);
    expect(calls).toEqual(['small a']);
  });

  it.each([
    ['content', SMALL_FILE_BYTES],
    ['padding', BIG.content.length + 1],
  ])('never closes a large file with a changed byte in its %s', async (_, offset) => {
    const { calls, sink } = keeping();
    const forged = tarOf([BIG]);
    forged[512 + offset]! ^= 1;
    await expect(readTar(chunked(forged), entriesOf([BIG]), sink, OBJECT)).rejects.toEqual(DIFFERS);
    expect(calls).toEqual(['open big', 'abort big']);
  });

  it('drops a large file that is cut short', async () => {
    const { calls, sink } = keeping();
    const short = tarOf([BIG]).subarray(0, SMALL_FILE_BYTES);
    await expect(readTar(chunked(short), entriesOf([BIG]), sink, OBJECT)).rejects.toEqual(DIFFERS);
    expect(calls).toEqual(['open big', 'abort big']);
  });

  it('refuses a file whose hash is not recorded', async () => {
    const { sha256: _, ...bare } = A.entry;
    await expect(read(tarOf([A]), [{ ...A, entry: bare }])).rejects.toEqual(DIFFERS);
  });

  it('refuses an expected entry that is itself impossible', async () => {
    const hostile = { ...A, entry: { ...A.entry, path: '../a' } };
    await expect(read(tarOf([A]), [hostile])).rejects.toMatchObject({ code: 'bad-path' });
  });
});

/** One entry's header with some bytes overwritten and its checksum made good again. */
function patched(entry: Entry, offset: number, bytes: string | Buffer): Buffer {
  const header = tarHeader(entry);
  Buffer.from(bytes as string, 'latin1').copy(header, offset);
  header.write('        ', 148, 'latin1');
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')} \0`, 148, 'latin1');
  return header;
}

/** An entry of an extension type, in front of the header it speaks about. */
function extension(type: string, body: string): Buffer {
  const content = Buffer.from(body, 'latin1');
  const header = patched({ ...A.entry, path: 'ext', size: content.length }, 156, type);
  return Buffer.concat([header, content, Buffer.alloc(tarPadding(content.length))]);
}

describe('hostile headers', () => {
  const rest = Buffer.concat([A.content, Buffer.alloc(tarPadding(A.content.length)), tarEnd()]);
  const whole = tarHeader(A.entry);

  it.each<[string, Buffer]>([
    ['a negative size', patched(A.entry, 124, Buffer.alloc(12, 0xff))],
    [
      'the right size in base-256',
      patched(A.entry, 124, Buffer.concat([Buffer.of(0x80), Buffer.alloc(10), Buffer.of(12)])),
    ],
    ['the right size in other octal digits', patched(A.entry, 124, '00000000014\0')],
    ['an enormous size', patched(A.entry, 124, '77777777777\0')],
    ['a hard link', patched(A.entry, 156, '1')],
    ['a hard link to a file elsewhere', patched(A.entry, 156, '1/etc/passwd')],
    ['a character device', patched(A.entry, 156, '3')],
    ['a block device', patched(A.entry, 156, '4')],
    ['a FIFO', patched(A.entry, 156, '6')],
    ['a contiguous file', patched(A.entry, 156, '7')],
    ['an old type of file', patched(A.entry, 156, '\0')],
    ['a sparse file', patched(A.entry, 156, 'S')],
    ['a link target on a file', patched(A.entry, 157, 'b')],
    ['a name prefix', patched(A.entry, 345, 'etc')],
    ['a user name', patched(A.entry, 265, 'root')],
    ['device numbers', patched(A.entry, 329, '0000001\0')],
    ['the GNU magic', patched(A.entry, 257, 'ustar  \0')],
    ['no magic', patched(A.entry, 257, '\0\0\0\0\0\0\0\0')],
    ['something after the end of the name', patched(A.entry, 2, 'x')],
    ['a GNU long name', Buffer.concat([extension('L', '/etc/passwd\0'), whole])],
    ['a GNU long link', Buffer.concat([extension('K', '/etc/passwd\0'), whole])],
    ['a GNU volume label', Buffer.concat([extension('V', ''), whole])],
    ['a global PAX header', Buffer.concat([extension('g', '20 path=/etc/passwd\n'), whole])],
    ['a PAX path', Buffer.concat([extension('x', '20 path=/etc/passwd\n'), whole])],
    ['a PAX path that is the same', Buffer.concat([extension('x', '10 path=a\n'), whole])],
    ['a PAX size', Buffer.concat([extension('x', '10 size=1\n'), whole])],
    ['a PAX record of no concern', Buffer.concat([extension('x', '13 comment=x\n'), whole])],
    ['an empty PAX header', Buffer.concat([extension('x', ''), whole])],
    ['a zero block in front', Buffer.concat([Buffer.alloc(512), whole])],
  ])('are refused: %s', async (_, header) => {
    await expect(read(Buffer.concat([header, rest]), [A])).rejects.toEqual(DIFFERS);
  });

  it('differ from a sound one in nothing else', async () => {
    const sound = patched(A.entry, 156, '0');
    expect((await read(Buffer.concat([sound, rest]), [A])).calls).toEqual(['small a']);
  });
});

describe('the source', () => {
  it('is closed when the archive differs', async () => {
    let closed = false;
    async function* source() {
      try {
        yield* chunked(tarOf([B, A]), [100]);
      } finally {
        closed = true;
      }
    }
    await expect(readTar(source(), entriesOf([A, B]), keeping().sink, OBJECT)).rejects.toEqual(DIFFERS);
    expect(closed).toBe(true);
  });

  it('passes its own failure on, and a large file under way is dropped', async () => {
    const { calls, sink } = keeping();
    async function* source() {
      yield tarOf([BIG]).subarray(0, SMALL_FILE_BYTES);
      throw new RangeError('the disk is gone');
    }
    await expect(readTar(source(), entriesOf([BIG]), sink, OBJECT)).rejects.toThrow('the disk is gone');
    expect(calls).toEqual(['open big', 'abort big']);
  });

  it('is left alone once the signal fires', async () => {
    const { calls, sink } = keeping();
    const control = new AbortController();
    const stopping: TarSink = {
      small: () => control.abort(),
      open: sink.open,
    };
    const options = { ...OBJECT, signal: control.signal };
    const reading = readTar(chunked(tarOf([A, BIG])), entriesOf([A, BIG]), stopping, options);
    await expect(reading).rejects.toMatchObject({ code: 'interrupted' });
    expect(calls).toEqual([]);
  });
});
