// Streams in a snapshot: the output of programs goes with the files, one that fails makes the snapshot incomplete and
// is never handed out as if it were whole.
import { createHash, randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Stream, StreamError } from '../../../src/capture/stream.ts';
import { InterruptedError, StoreError } from '../../../src/errors.ts';
import { readSnapshotContents } from '../../../src/vault/artifact-read.ts';
import { type BackupOptions, backup } from '../../../src/vault/backup/backup.ts';
import { planBackup } from '../../../src/vault/backup/plan.ts';
import { chooseStream, readStream } from '../../../src/vault/read-stream.ts';
import { readSnapshots, type Snapshot } from '../../../src/vault/snapshots.ts';
import { verify } from '../../../src/vault/verify/verify.ts';
import { namesOf } from '../../support/forge.ts';
import { reencryptVault, rotateVault } from '../../support/rotation.ts';
import {
  client,
  makeVault,
  openLocked,
  openUnlocked,
  scratch,
  type TestVault,
  tick,
} from '../../support/vault.ts';
import { watched } from '../stores.ts';

let vault: TestVault;
beforeEach(async () => {
  vault = await makeVault();
});

interface Told extends Stream {
  /** Whether its program is gone. */
  readonly isOver: boolean;
}

/** A program that prints these, and then fails or not. */
function program(
  chunks: readonly (string | Buffer)[],
  options: { name?: string; fails?: string; note?: string } = {},
): Told {
  const state = { isOver: false };
  return {
    name: options.name ?? 'db',
    type: 'command',
    facts: { database: 'shop' },
    get isOver() {
      return state.isOver;
    },
    async *dump({ onNotes, signal } = {}) {
      try {
        for (const chunk of chunks) {
          if (signal?.aborted) throw new InterruptedError('interrupted', 'interrupted');
          yield Buffer.from(chunk);
        }
        if (options.note) onNotes?.(options.note);
        if (options.fails) {
          throw new StreamError(options.fails, 'the dump of db failed (exit code 1)', {
            hint: 'see what it said',
            stderr: 'server closed the connection\nunexpectedly',
          });
        }
      } finally {
        state.isOver = true;
      }
    },
    load: () => Promise.reject(new Error('not here')),
  };
}

async function backUp(streams: readonly Stream[], options: Partial<BackupOptions> = {}, store = vault.store) {
  tick(vault.clock);
  return await backup(client({ ...vault, store }, vault.memory), {
    set: 'app',
    sources: { memory: { '.env': 'TOKEN=1\n' } },
    host: vault.host,
    pin: vault.pin,
    streams,
    ...options,
  });
}

async function newest(): Promise<Snapshot> {
  return (await readSnapshots(await openLocked(vault))).snapshots.at(-1)!;
}

async function read(name: string, takesIncomplete = false): Promise<Buffer> {
  const unlocked = await openUnlocked(vault);
  const snapshot = await newest();
  const contents = await readSnapshotContents(unlocked, snapshot);
  const chunks: Buffer[] = [];
  for await (const chunk of readStream(
    unlocked,
    snapshot,
    contents,
    chooseStream(contents, name, takesIncomplete),
  ))
    chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('a stream', () => {
  it('goes with the files and comes back byte for byte, with what must be known to load it', async () => {
    const result = await backUp([program(['CREATE TABLE ', 'trades;\n'])]);
    const sha256 = createHash('sha256').update('CREATE TABLE trades;\n').digest('hex');
    expect(result).toMatchObject({
      complete: true,
      files: 1,
      bytes: 8,
      problems: [],
      streams: [
        { name: 'db', type: 'command', facts: { database: 'shop' }, bytes: 21, sha256, complete: true },
      ],
    });
    expect((await read('db')).toString()).toBe('CREATE TABLE trades;\n');
    expect((await newest()).artifacts.map((a) => a.name)).toEqual([
      'files.tar.gz.age',
      'stream-db.gz.age',
      'contents.json.gz.age',
    ]);
    const { findings } = await verify(await openLocked(vault), { unlocked: await openUnlocked(vault) });
    expect(findings).toEqual([]);
  });

  it('may be larger than what is stored at once', async () => {
    const pieces = Array.from({ length: 34 }, () => randomBytes(2 ** 20));
    await backUp([program(pieces), program(['small'], { name: 'cache' })]);
    expect((await read('db')).equals(Buffer.concat(pieces))).toBe(true);
    expect((await read('cache')).toString()).toBe('small');
    const stream = (await newest()).artifacts.find((a) => a.name === 'stream-db.gz.age');
    expect(stream?.parts.length).toBe(3);
  }, 30_000);

  it('stays readable when all is encrypted anew to a new key', async () => {
    await backUp([program(['rows'])]);
    const rotation = await rotateVault(vault, await openUnlocked(vault));
    await reencryptVault(rotation.vault);
    expect((await newest()).generation).toBe(2);
    expect((await read('db')).toString()).toBe('rows');
  });

  it('is never skipped as unchanged: that cannot be told without running it', async () => {
    await backUp([program(['rows'])]);
    expect(await backUp([program(['rows'])], { skipUnchangedWithin: 1e9 })).toMatchObject({
      unchanged: false,
    });
  });

  it('may be all that a set has', async () => {
    const sources = { root: scratch(), include: [], exclude: [], discover: [] };
    expect(await planBackup(sources, new Date())).toMatchObject({ sources: [], problems: [] });
    expect(await backUp([program(['rows'])], { sources })).toMatchObject({ complete: true, files: 0 });
  });
});

describe('a stream that is not as its snapshot lists', () => {
  it.each([
    ['longer', -1],
    ['shorter', 1],
  ])(
    'is refused, and no byte more of it is handed out: %s',
    async (_, more) => {
      await backUp([program(Array.from({ length: 40 }, () => randomBytes(2 ** 20)))]);
      const unlocked = await openUnlocked(vault);
      const snapshot = await newest();
      const contents = await readSnapshotContents(unlocked, snapshot);
      const info = chooseStream(contents, 'db');
      const bytes = more < 0 ? 10 : info.bytes + more;
      let seen = 0;
      const reading = async () => {
        for await (const chunk of readStream(unlocked, snapshot, contents, { ...info, bytes }))
          seen += chunk.length;
      };
      await expect(reading()).rejects.toMatchObject({ code: 'stream-differs', exitCode: 13 });
      expect(seen).toBeLessThanOrEqual(bytes);
    },
    30_000,
  );
});

describe('a program that fails', () => {
  it('makes the snapshot incomplete; what it printed is kept, and is not handed out unasked', async () => {
    const result = await backUp([
      program(['half of it'], { fails: 'stream-failed' }),
      program(['whole'], { name: 'cache' }),
    ]);
    expect(result).toMatchObject({
      complete: false,
      problems: [
        {
          kind: 'stream',
          path: 'stream db',
          reason:
            'the dump of db failed (exit code 1); see what it said; it said: server closed the connection | unexpectedly',
          incomplete: true,
        },
      ],
      streams: [
        { name: 'db', complete: false },
        { name: 'cache', complete: true },
      ],
    });
    expect(await newest()).toMatchObject({ complete: false });
    await expect(read('db')).rejects.toMatchObject({ code: 'stream-incomplete' });
    expect((await read('db', true)).toString()).toBe('half of it');
    expect((await read('cache')).toString()).toBe('whole');
    const contents = await readSnapshotContents(await openUnlocked(vault), await newest());
    expect(contents.warnings).toMatchObject([{ kind: 'stream', path: 'stream db', incomplete: true }]);
  });

  it('before its first byte leaves a warning and no stream', async () => {
    const result = await backUp([program([], { fails: 'tool-missing' })]);
    expect(result).toMatchObject({ complete: false, streams: [] });
    expect((await newest()).artifacts.map((a) => a.name)).toEqual([
      'files.tar.gz.age',
      'contents.json.gz.age',
    ]);
    await expect(read('db')).rejects.toMatchObject({ code: 'no-stream', hint: 'it holds none' });
  });

  it('leaves snapshots before it alone', async () => {
    const before = await backUp([program(['good'])]);
    await backUp([program(['bad'], { fails: 'stream-failed' })]);
    const { snapshots } = await readSnapshots(await openLocked(vault));
    expect(snapshots.find((s) => s.id === before.snapshot)).toMatchObject({ complete: true });
    const { findings } = await verify(await openLocked(vault), { unlocked: await openUnlocked(vault) });
    expect(findings.filter((f) => f.severity === 'error')).toEqual([]);
  });
});

it('what a program says although it ends well is kept as a warning', async () => {
  const result = await backUp([program(['rows'], { note: 'there are circular foreign-key constraints\n' })]);
  expect(result).toMatchObject({
    complete: true,
    problems: [{ kind: 'stream', reason: 'there are circular foreign-key constraints', incomplete: false }],
  });
});

describe('a backup that cannot go on', () => {
  it.each(['first', 'second'])(
    'stops the program and leaves nothing (%s stored piece)',
    async (which) => {
      const before = await namesOf(vault.store);
      let pieces = 0;
      const store = watched(vault.store, ({ verb, name }) => {
        if (verb !== 'create' || !name.includes('/stream-db')) return;
        pieces += 1;
        if (pieces >= (which === 'first' ? 1 : 2)) throw new StoreError('store-full', 'the disk is full');
      });
      const dump = program(Array.from({ length: 60 }, () => randomBytes(2 ** 20)));
      await expect(backUp([dump], {}, store)).rejects.toMatchObject({ code: 'store-full' });
      expect(dump.isOver).toBe(true);
      expect(await namesOf(vault.store)).toEqual(before);
    },
    30_000,
  );

  it('because it was interrupted, likewise', async () => {
    const before = await namesOf(vault.store);
    const abort = new AbortController();
    const dump = program(Array.from({ length: 40 }, () => randomBytes(2 ** 20)));
    const context = { ...client(vault, vault.memory), signal: abort.signal };
    const backingUp = backup(context, {
      set: 'app',
      sources: { memory: {} },
      host: vault.host,
      pin: vault.pin,
      streams: [dump],
      onStream: ({ bytes }) => {
        if (bytes > 5 * 2 ** 20) abort.abort();
      },
    });
    await expect(backingUp).rejects.toMatchObject({ exitCode: 130 });
    expect(dump.isOver).toBe(true);
    expect(await namesOf(vault.store)).toEqual(before);
  }, 30_000);
});
