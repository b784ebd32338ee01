import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { decrypt, decryptBytes, encrypt, encryptBytes } from '../../src/crypt/age.ts';
import { generateIdentity, recipientOf } from '../../src/crypt/identity.ts';
import { ScryptIdentity, ScryptRecipient } from '../../src/crypt/scrypt.ts';
import { payloadSize } from '../../src/crypt/stream.ts';
import { IntegrityError, InterruptedError, StrongroomError } from '../../src/errors.ts';
import { collect, drain, EDGE_SIZES, inPieces, pieceSizes, sample } from './streams.ts';

let identity: string;
let recipient: string;

beforeAll(async () => {
  identity = await generateIdentity('x25519');
  recipient = await recipientOf(identity);
});

describe('a file', () => {
  it.each(EDGE_SIZES)('of %i bytes comes back as it was', async (size) => {
    const file = await encryptBytes(sample(size), [recipient]);
    expect((await decryptBytes(file, [identity])).equals(sample(size))).toBe(true);
    const headerSize = file.indexOf('\n', file.indexOf('\n---') + 1) + 1;
    expect(file).toHaveLength(headerSize + payloadSize(size));
  });

  it('comes back as it was, however it is cut on the way', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ max: 150_000, min: 0 }),
        pieceSizes,
        pieceSizes,
        async (size, there, back) => {
          const file = await collect(encrypt(inPieces(sample(size), there), [recipient]));
          const plain = await collect(decrypt(inPieces(file, back), [identity]));
          expect(plain.equals(sample(size))).toBe(true);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('comes back from a passphrase', async () => {
    const file = await encryptBytes(sample(100), [new ScryptRecipient('a passphrase', 4)]);
    expect(await decryptBytes(file, [new ScryptIdentity('a passphrase')])).toEqual(sample(100));
  });
});

describe('a small file', () => {
  let file: Buffer;
  beforeAll(async () => {
    file = await encryptBytes(Buffer.from('SECRET=1'), [recipient]);
  });

  it('with any byte changed is refused, and nothing of it is released', async () => {
    for (let at = 0; at < file.length; at++) {
      for (const mask of [0x01, 0x20, 0x80, 0xff]) {
        const damaged = Buffer.from(file);
        damaged[at]! ^= mask;
        const { released, code } = await drain(decrypt(inPieces(damaged), [identity]));
        expect(code, `byte ${at}`).toBeDefined();
        expect(released).toHaveLength(0);
      }
    }
  });

  it('cut anywhere is refused as damaged', async () => {
    for (let length = 0; length < file.length; length++) {
      await expect(decryptBytes(file.subarray(0, length), [identity])).rejects.toBeInstanceOf(IntegrityError);
    }
  });

  it('with a byte added or left out anywhere is refused', async () => {
    for (let at = 0; at <= file.length; at++) {
      const longer = Buffer.concat([file.subarray(0, at), Buffer.from('A'), file.subarray(at)]);
      await expect(decryptBytes(longer, [identity]), `added at ${at}`).rejects.toBeInstanceOf(
        StrongroomError,
      );
      if (at === file.length) continue;
      const shorter = Buffer.concat([file.subarray(0, at), file.subarray(at + 1)]);
      await expect(decryptBytes(shorter, [identity]), `left out at ${at}`).rejects.toBeInstanceOf(
        StrongroomError,
      );
    }
  });

  it('is named in the failure', async () => {
    const cut = decryptBytes(file.subarray(0, -1), [identity], { object: 'keys/1/main.age' });
    await expect(cut).rejects.toMatchObject({ object: 'keys/1/main.age' });
  });
});

describe('the source', () => {
  function endless() {
    const state = { closed: 0 };
    async function* source() {
      try {
        for (;;) yield sample(70_000);
      } finally {
        state.closed++;
      }
    }
    return { state, source: source() };
  }

  it('is closed when the reader stops early', async () => {
    const { state, source } = endless();
    for await (const _ of decrypt(encrypt(source, [recipient]), [identity])) break;
    expect(state.closed).toBe(1);
  });

  it('is closed when it cannot be read', async () => {
    const { state, source } = endless();
    await expect(collect(decrypt(source, [identity]))).rejects.toMatchObject({ code: 'not-an-age-file' });
    expect(state.closed).toBe(1);
  });

  it('hands its own failure on as it is', async () => {
    const failure = new Error('pg_dump died');
    // biome-ignore lint/correctness/useYield: it fails before it could
    async function* source(): AsyncGenerator<Uint8Array> {
      throw failure;
    }
    await expect(collect(encrypt(source(), [recipient]))).rejects.toBe(failure);
    await expect(collect(decrypt(source(), [identity]))).rejects.toBe(failure);
  });

  it.each(['encrypting', 'decrypting'])('is closed when the signal fires while %s', async (doing) => {
    const controller = new AbortController();
    const { signal } = controller;
    const { state, source } = endless();
    const stream =
      doing === 'encrypting'
        ? encrypt(source, [recipient], { signal })
        : decrypt(encrypt(source, [recipient]), [identity], { signal });
    let pieces = 0;
    const run = (async () => {
      for await (const _ of stream) {
        if (++pieces === 5) controller.abort();
        if (pieces > 10) return;
      }
    })();
    await expect(run).rejects.toBeInstanceOf(InterruptedError);
    expect(state.closed).toBe(1);
  });
});
