// Answers of Redis, in whatever pieces they come: what is read of them is the same, and what has no end is left.

import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { askRedis } from '../../../src/capture/streams/resp.ts';

let directory: string;
let server: Server | undefined;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'resp-'));
});
afterEach(() => server?.close());
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** What is asked of a server that answers with these bytes, so many at a time, and then hangs up or waits. */
async function asked(answer: Buffer, size: number, hangsUp = true, signal = new AbortController().signal) {
  const socket = join(directory, 's');
  server?.close();
  rmSync(socket, { force: true });
  server = createServer((connection) => {
    connection.setNoDelay(true);
    connection.on('error', () => {});
    connection.once('data', async () => {
      for (let at = 0; at < answer.length && !connection.destroyed; at += size) {
        connection.write(answer.subarray(at, at + size));
        await turn();
      }
      if (hangsUp) connection.end();
    });
  });
  await new Promise<void>((resolve) => server?.listen(socket, resolve));
  return await askRedis(socket, 'ASK', signal);
}

describe('an answer', () => {
  it.each([
    ['+OK\r\n', 'OK'],
    [':-12\r\n', '-12'],
    ['-ERR no\r\n', { error: 'ERR no' }],
    ['$5\r\na\r\nbc\r\n', 'a\r\nbc'],
    ['$0\r\n\r\n', ''],
    ['$-1\r\n', null],
    ['*-1\r\n', null],
    ['*0\r\n', []],
    ['*3\r\n:1\r\n*2\r\n$2\r\né\r\n$-1\r\n-ERR x\r\n', ['1', ['é', null], { error: 'ERR x' }]],
    [`${'*1\r\n'.repeat(20)}:1\r\n`, 'deep'],
    ['%1\r\n+a\r\n+b\r\n', { error: 'no answer that is known' }],
  ])('is read as it is: %j', async (text, reply) => {
    for (const size of [1, 2, 3, 1000]) {
      const found = await asked(Buffer.from(text), size);
      if (reply === 'deep') expect(JSON.stringify(found)).toContain('no answer that is known');
      else expect(found).toEqual(reply);
    }
  });

  it('is left when it is long, be it said before or not', async () => {
    const long = Buffer.concat([Buffer.from('$99999999\r\n'), Buffer.alloc(400_000, 'x')]);
    expect(await asked(long, 65_536, false)).toBeUndefined();
    expect(await asked(Buffer.alloc(400_000, 'x'), 65_536, false)).toBeUndefined();
    const many = Buffer.concat([Buffer.from('*99999999\r\n'), Buffer.from(':1\r\n'.repeat(100_000))]);
    expect(await asked(many, 65_536, false)).toBeUndefined();
  });

  it('is no answer when half of it came, or none did', async () => {
    await expect(asked(Buffer.from('$5\r\nab'), 3)).rejects.toThrow('hung up');
    await expect(asked(Buffer.alloc(0), 1)).rejects.toThrow('hung up');
  });

  it('is not waited for after an end', async () => {
    const signal = AbortSignal.timeout(50);
    await expect(asked(Buffer.from('$5\r\nab'), 3, false, signal)).rejects.toMatchObject({
      name: 'TimeoutError',
    });
    await expect(askRedis(join(directory, 's'), 'ASK', AbortSignal.abort())).rejects.toThrow();
  });
});
