// What every kind of stream must do, whatever tool it runs. A kind's own test file calls describeStream and adds only
// what is its own.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Rehearsal, type Stream, StreamError } from '../../src/capture/stream.ts';
import { InterruptedError } from '../../src/errors.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface StreamFixture {
  /**
   * A source of 1 MiB or more, so that it waits for whoever reads it.
   * @param env over what it has otherwise
   * @param settings likewise
   */
  open(env?: Environment, settings?: Readonly<Record<string, unknown>>): Stream;
  /** One whose tool fails, or that cannot be reached: a wrong password, say. */
  failing(): Stream;
  /** Text that must be seen nowhere. */
  readonly secrets: readonly string[];
  readonly rehearsal: RehearsalFixture;
}

/** What a dump of `open()` is asked when it is loaded for a drill. */
export interface RehearsalFixture {
  /** A query, and what answers it. */
  readonly asks: readonly [query: string, answer: string];
  /** Ones that fail, and what may be said of it. Each holds one of the secrets. */
  readonly refused: readonly (readonly [query: string, why: RegExp])[];
  /** One whose answer is longer than 64 KiB. */
  readonly long: string;
  /** One that does not end. */
  readonly endless: string;
  /** All that there is, beside what a drill makes. */
  state(): Promise<string>;
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

    describe('in a drill', () => {
      let directory: string;
      let dump: Buffer;
      let state: string;
      let running: ReturnType<typeof children>;
      beforeAll(async () => {
        dump = await whole(fixture.open().dump());
      });
      beforeEach(async () => {
        directory = mkdtempSync(join(tmpdir(), 'drill-'));
        state = await fixture.rehearsal.state();
        running = children();
      });
      afterEach(() => rmSync(directory, { recursive: true, force: true }));

      const rehearse = (
        stream: Stream,
        bytes: AsyncIterable<Buffer> = inChunks(dump),
        signal?: AbortSignal,
      ): Promise<Rehearsal> => {
        if (!stream.rehearse) throw new Error(`no ${type} can be rehearsed`);
        return stream.rehearse(bytes, { directory, signal });
      };
      const failure = async (work: Promise<unknown>): Promise<StreamError> => {
        const error = await work.then(
          () => new Error('it did not fail'),
          (cause: unknown) => cause,
        );
        expect(error).toBeInstanceOf(StreamError);
        expectNoSecret(textOf(error as StreamError));
        return error as StreamError;
      };
      const expectNothingLeft = async (): Promise<void> => {
        expect(started(running)).toEqual([]);
        expect(readdirSync(directory)).toEqual([]);
        expect(await fixture.rehearsal.state()).toBe(state);
      };

      it('answers a query, and is gone when it is dropped, be it twice', async () => {
        const [query, answer] = fixture.rehearsal.asks;
        const rehearsal = await rehearse(fixture.open());
        try {
          expect(await rehearsal.query(query)).toBe(answer);
          expect(await rehearsal.query(query)).toBe(answer);
          expectNoSecret(inspect(rehearsal, { depth: 9 }));
          expect(rehearsal.into).toMatch(/^[^\n]+$/);
        } finally {
          await Promise.all([rehearsal.drop(), rehearsal.drop()]);
          await rehearsal.drop();
        }
        await expect(rehearsal.query(query)).rejects.toThrow(StreamError);
        await expectNothingLeft();
      });

      it('can be two at a time', async () => {
        const [query, answer] = fixture.rehearsal.asks;
        const [one, two] = await Promise.all([rehearse(fixture.open()), rehearse(fixture.open())]);
        await one.drop();
        expect(await two.query(query)).toBe(answer);
        await two.drop();
        await expectNothingLeft();
      });

      it('says that a query failed, and quotes nothing', async () => {
        const rehearsal = await rehearse(fixture.open());
        try {
          for (const [query, why] of fixture.rehearsal.refused) {
            expect(fixture.secrets.some((secret) => query.includes(secret))).toBe(true);
            const error = await failure(rehearsal.query(query));
            expect(error.code, query).toBe('stream-failed');
            expect(error.message).toMatch(why);
            expect(error.message).toMatch(/^stream \w+: /);
            expect(error.stderr).toBe('');
            expectNoSecret(inspect(error, { depth: 9 }));
          }
          for (const nothing of ['', ' \n']) {
            await expect(rehearsal.query(nothing)).rejects.toMatchObject({ code: 'stream-not-askable' });
          }
        } finally {
          await rehearsal.drop();
        }
        await expectNothingLeft();
      });

      it('takes no answer that is long, and waits for none for ever', async () => {
        const rehearsal = await rehearse(fixture.open({}, { timeout: '5s' }));
        try {
          expect((await failure(rehearsal.query(fixture.rehearsal.long))).code).toBe('stream-answer');
          expect((await failure(rehearsal.query(fixture.rehearsal.endless))).code).toBe('stream-timeout');
        } finally {
          await rehearsal.drop();
        }
        await expectNothingLeft();
      });

      it('is interrupted while it is loaded, and leaves nothing', async () => {
        await expect(rehearse(fixture.open(), inChunks(dump), AbortSignal.abort())).rejects.toThrow(
          InterruptedError,
        );
        await expectNothingLeft();
        const controller = new AbortController();
        async function* half(): AsyncGenerator<Buffer> {
          yield* inChunks(dump.subarray(0, dump.length / 2));
          controller.abort();
          yield* inChunks(dump.subarray(dump.length / 2));
        }
        await expect(rehearse(fixture.open(), half(), controller.signal)).rejects.toThrow(InterruptedError);
        await expectNothingLeft();
      });

      it('is interrupted at any moment, and leaves nothing', async () => {
        for (const ms of [3, 20, 50, 90, 150, 300]) {
          const signal = AbortSignal.timeout(ms);
          const ended = await rehearse(fixture.open(), inChunks(dump), signal).catch(
            (cause: unknown) => cause,
          );
          if (ended instanceof Error) expect(ended, String(ms)).toBeInstanceOf(InterruptedError);
          else await (ended as Rehearsal).drop();
          await expectNothingLeft();
        }
      });

      it('is interrupted while it is asked, shows no secret meanwhile, and can be dropped', async () => {
        const controller = new AbortController();
        const rehearsal = await rehearse(fixture.open(), inChunks(dump), controller.signal);
        const asked = rehearsal.query(fixture.rehearsal.endless);
        const commands = started(running).join('\n');
        setTimeout(() => controller.abort(), 200);
        await expect(asked).rejects.toThrow(InterruptedError);
        await rehearsal.drop();
        expectNoSecret(commands);
        expect(commands).not.toContain(fixture.rehearsal.endless);
        await expectNothingLeft();
      });

      it('leaves nothing of a dump that is not whole', async () => {
        for (const end of [0, dump.length / 2, dump.length - 300, dump.length - 3].map(Math.floor)) {
          const cut = rehearse(fixture.open(), inChunks(dump.subarray(0, end)));
          expect((await failure(cut)).code, String(end)).toMatch(/^stream-(?:unfinished|failed|empty)$/);
          await expectNothingLeft();
        }
        async function* broken(): AsyncGenerator<Buffer> {
          yield* inChunks(dump.subarray(0, dump.length / 2));
          throw new Error('what it is read from broke');
        }
        await expect(rehearse(fixture.open(), broken())).rejects.toThrow('what it is read from broke');
        await expectNothingLeft();
      });

      it('says which tool is missing, and leaves nothing', async () => {
        expect((await failure(rehearse(fixture.open({ PATH: nothing })))).code).toBe('tool-missing');
        await expectNothingLeft();
      });
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
