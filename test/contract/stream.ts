// What every kind of stream must do, whatever tool it runs. A kind's own test file calls describeStream and adds only
// what is its own.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Stream, StreamError } from '../../src/capture/stream.ts';
import { InterruptedError } from '../../src/errors.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface StreamFixture {
  /** A source of 1 MiB or more, so that it waits for whoever reads it. @param env over what it has otherwise */
  open(env?: Environment): Stream;
  /** One whose tool fails, or that cannot be reached: a wrong password, say. */
  failing(): Stream;
  /** Text that must be seen nowhere. */
  readonly secrets: readonly string[];
}

/** @param type as strongroom.yaml has it */
export function describeStream(type: string, make: () => Promise<StreamFixture>): void {
  describe(`the contract of streams: ${type}`, () => {
    let fixture: StreamFixture;
    let nothing: string;
    beforeAll(async () => {
      fixture = await make();
      nothing = mkdtempSync(join(tmpdir(), 'empty-'));
    });
    afterAll(() => rmSync(nothing, { recursive: true, force: true }));

    function expectNoSecret(text: string): void {
      for (const secret of fixture.secrets) expect(text).not.toContain(secret);
    }

    it('dumps, as often as it is asked, and says what it is', async () => {
      const stream = fixture.open();
      const notes: string[] = [];
      const once = await bytesOf(stream.dump({ onNotes: (text) => notes.push(text) }));
      expect(once).toBeGreaterThan(2 ** 20);
      expect(await bytesOf(stream.dump())).toBeGreaterThan(2 ** 20);
      expect(stream.type).toBe(type);
      for (const fact of Object.values(stream.facts)) expect(fact).toMatch(/^[^\n]{1,1000}$/);
      expectNoSecret(JSON.stringify([stream, stream.facts, notes]));
      expectNoSecret(inspect(stream, { depth: 9 }));
    });

    it('leaves nothing running when whoever reads stops', async () => {
      const before = children();
      for await (const chunk of fixture.open().dump()) {
        expect(chunk.length).toBeGreaterThan(0);
        break;
      }
      expect(started(before)).toEqual([]);
    });

    it('is interrupted, before it begins and half-way, and leaves nothing running', async () => {
      const before = children();
      await expect(bytesOf(fixture.open().dump({ signal: AbortSignal.abort() }))).rejects.toThrow(
        InterruptedError,
      );
      const controller = new AbortController();
      let read = 0;
      const reading = async () => {
        for await (const chunk of fixture.open().dump({ signal: controller.signal })) {
          read += chunk.length;
          controller.abort();
        }
      };
      await expect(reading()).rejects.toThrow(InterruptedError);
      expect(read).toBeGreaterThan(0);
      expect(started(before)).toEqual([]);
    });

    it('shows no secret to whoever lists the processes', async () => {
      const before = children();
      let commands = '';
      for await (const _ of fixture.open().dump()) {
        commands = started(before).join('\n');
        break;
      }
      expectNoSecret(commands);
    });

    it('says which tool is missing', async () => {
      const error = await failureOf(fixture.open({ PATH: nothing }));
      expect(error.code).toBe('tool-missing');
      expect(error.hint).toMatch(/PATH/);
      expectNoSecret(textOf(error));
    });

    it('fails with its name, and without a secret, when the tool does', async () => {
      const stream = fixture.failing();
      const before = children();
      const error = await failureOf(stream);
      expect(error.message).toContain(`stream ${stream.name}`);
      expectNoSecret(textOf(error));
      expect(started(before)).toEqual([]);
    });
  });
}

/** How many bytes a dump has. */
export async function bytesOf(dump: AsyncIterable<Buffer>): Promise<number> {
  let bytes = 0;
  for await (const chunk of dump) bytes += chunk.length;
  return bytes;
}

export async function whole(dump: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of dump) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** A dump of chunks of a size. */
export async function* inChunks(bytes: Buffer, size = 65_536): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** What a dump dies of. */
export async function failureOf(stream: Stream): Promise<StreamError> {
  const error = await bytesOf(stream.dump()).then(
    (bytes) => new Error(`ended well after ${bytes} bytes`),
    (cause: unknown) => cause,
  );
  expect(error).toBeInstanceOf(StreamError);
  return error as StreamError;
}

export const textOf = ({ message, hint = '', stderr, stack = '' }: StreamError): string =>
  [message, hint, stderr, stack].join('\n');

/** Children of this process that run, by their ids. */
export function children(): Map<number, string> {
  const found = new Map<number, string>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const [state, parent] = readFileSync(`/proc/${pid}/stat`, 'latin1')
        .replace(/^.*\) /s, '')
        .split(' ');
      if (Number(parent) !== process.pid || state === 'Z') continue;
      found.set(Number(pid), readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim());
    } catch {
      // It ended meanwhile.
    }
  }
  return found;
}

/** Command lines of children that there were not before. */
export function started(before: ReadonlyMap<number, string>): string[] {
  return [...children()].filter(([pid]) => !before.has(pid)).map(([, command]) => command);
}
