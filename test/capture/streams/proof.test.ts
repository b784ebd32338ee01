// Proofs while a dump passes by: what is not whole never ends well, and nobody is left waiting.

import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { endingIn, notEmpty, provenBy } from '../../../src/capture/streams/proof.ts';
import { bytesOf, inChunks, whole } from '../../contract/stream.ts';

const dump = Buffer.from(Array.from({ length: 500_000 }, (_, i) => (i * 31) % 253));

it('an empty dump is none', async () => {
  await expect(bytesOf(notEmpty(inChunks(Buffer.alloc(0)), 'db', 'tool'))).rejects.toMatchObject({
    code: 'stream-empty',
    message: 'stream db: tool printed nothing',
  });
  expect(await bytesOf(notEmpty(inChunks(dump), 'db', 'tool'))).toBe(dump.length);
});

it('a dump must end as it should, in chunks of any size, wherever it is cut', async () => {
  const text = Buffer.from(`${'insert;\n'.repeat(300)}-- done\n`);
  const end = (bytes: Buffer, size: number) =>
    whole(endingIn(/\n-- done\n$/, inChunks(bytes, size), 'db', 'tool')).catch((error) => error.code);
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 3000 }), fc.nat(text.length - 1), async (size, cut) => {
      expect(await end(text, size)).toEqual(text);
      expect(await end(text.subarray(0, cut), size)).toBe('stream-unfinished');
    }),
    { numRuns: 50 },
  );
});

it('whoever proves gets all of it, and sets the pace', async () => {
  let proven = 0;
  let ahead = 0;
  const slow = async (copy: AsyncIterable<Buffer>) => {
    for await (const chunk of copy) {
      await sleep(1);
      proven += chunk.length;
    }
  };
  let passed = 0;
  for await (const chunk of provenBy(slow, inChunks(dump, 10_000))) {
    passed += chunk.length;
    ahead = Math.max(ahead, passed - proven);
  }
  expect([passed, proven]).toEqual([dump.length, dump.length]);
  // What lies in streams between them: more with Node 22, whose buffers are larger.
  expect(ahead).toBeLessThan(400_000);
});

it('a proof that fails ends the dump, early or late', async () => {
  const failing = (after: number) => async (copy: AsyncIterable<Buffer>) => {
    let seen = 0;
    for await (const chunk of copy) {
      seen += chunk.length;
      if (seen > after) throw new Error('not whole');
    }
    if (after >= dump.length) throw new Error('not whole');
  };
  for (const after of [0, dump.length / 2, dump.length]) {
    await expect(bytesOf(provenBy(failing(after), inChunks(dump, 1000)))).rejects.toThrow('not whole');
  }
});

it('a proof that needs no more lets the rest pass', async () => {
  const content = async (copy: AsyncIterable<Buffer>) => {
    for await (const _ of copy) break;
  };
  expect(await bytesOf(provenBy(content, inChunks(dump, 1000)))).toBe(dump.length);
});

it('a dump that fails, and a reader who stops, end the proof', async () => {
  for (const stops of [true, false]) {
    let isEnded = false;
    const proof = async (copy: AsyncIterable<Buffer>, signal: AbortSignal) => {
      try {
        for await (const _ of copy) signal.throwIfAborted();
      } finally {
        isEnded = true;
      }
    };
    async function* torn(): AsyncGenerator<Buffer> {
      yield* inChunks(dump, 1000);
      throw new Error('the tool died');
    }
    const reading = async () => {
      for await (const _ of provenBy(proof, torn())) if (stops) return 'stopped';
      return 'whole';
    };
    expect(await reading().catch((error) => error.message)).toBe(stops ? 'stopped' : 'the tool died');
    expect(isEnded).toBe(true);
  }
});
