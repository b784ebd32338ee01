// Any program as a stream: what counts as a whole dump, where its secrets go, and how a dump is fed back. Real programs.

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DumpOptions, type Stream, StreamError } from '../../../src/capture/stream.ts';
import { command } from '../../../src/capture/streams/command.ts';
import { UsageError } from '../../../src/errors.ts';
import { describeStream, inChunks, whole } from '../../contract/stream.ts';

let root = '';
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'command-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const SECRET = 'tr0ub4dor-and-three';

const open = (settings: Record<string, unknown>, env: NodeJS.ProcessEnv = {}): Stream =>
  command.open('app', settings, { root, env: { PATH: process.env.PATH, ...env } });

const sh = (script: string, settings: Record<string, unknown> = {}, env?: NodeJS.ProcessEnv): Stream =>
  open({ run: ['sh', '-c', script], ...settings }, env);

const text = async (stream: Stream, options?: DumpOptions): Promise<string> =>
  (await whole(stream.dump(options))).toString();

async function failure(work: Promise<unknown>): Promise<StreamError> {
  const error = await work.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  expect(error).toBeInstanceOf(Error);
  return error as StreamError;
}

describeStream('command', async () => {
  const at = join(root, 'contract');
  mkdirSync(at);
  const settings = {
    env: { TOKEN: { env: 'TOKEN' } },
    // A database of a kind: a file, which is asked by a shell.
    load: ['sh', '-c', `cat > ${at}/{into} && test "$(tail -c 4 ${at}/{into})" = end.`],
    query: ['sh', '-c', `cd ${at} && test -f {into} && FILE={into} sh -eus`],
    drop: ['rm', '-f', `${at}/{into}`],
  };
  return {
    open: (env, more) =>
      sh(
        'head -c 3000000 /dev/zero; printf end.; : $TOKEN',
        { ...settings, ...more },
        { TOKEN: SECRET, ...env },
      ),
    failing: () => sh(`echo half; echo "no entry for $TOKEN" >&2; exit 3`, settings, { TOKEN: SECRET }),
    secrets: [SECRET],
    rehearsal: {
      asks: [
        'printf "%s\\t%s\\n" "$(wc -c < $FILE)" "$TOKEN"; echo "$TMPDIR" | wc -l',
        `3000004\t${SECRET}\n1`,
      ],
      refused: [[`echo ${SECRET} >&2; exit 3`, /a query failed$/]],
      long: 'cat "$FILE"',
      endless: 'sleep 600',
      state: async () => readdirSync(at).join(),
    },
  };
});

describe('a program', () => {
  it('is run as it is written: no shell reads its arguments', async () => {
    const stream = open({ run: ['printf', '%s|', '$HOME', '`id`', "it's; x", '*'] });
    expect(await text(stream)).toBe("$HOME|`id`|it's; x|*|");
    expect(stream.facts).toEqual({ program: 'printf' });
  });

  it('is run in the root of the set', async () => {
    writeFileSync(join(root, 'own.sh'), '#!/bin/sh\npwd -P\n', { mode: 0o755 });
    expect(await text(open({ run: ['./own.sh'] }))).toBe(`${root}\n`);
  });

  it('has its secrets from where they are kept', async () => {
    writeFileSync(join(root, 'token'), `${SECRET}\n`, { mode: 0o600 });
    writeFileSync(join(root, '.env'), "A='from dotenv'\n", { mode: 0o600 });
    const env = { A: { dotenv: '.env', key: 'A' }, B: { file: 'token' }, C: { env: 'GIVEN' } };
    const stream = sh(
      `printf '%s,' "$A" "$B" "$C" "$STRONGROOM_PASSPHRASE"`,
      { env },
      { GIVEN: 'given', STRONGROOM_PASSPHRASE: 'x' },
    );
    expect(await text(stream)).toBe(`from dotenv,${SECRET},given,,`);
  });

  it.each<[string, Record<string, unknown>, RegExp]>([
    ['a line for a shell', { run: 'pg_dump shop | gzip' }, /run of stream app is not a list/],
    ['nothing', { run: [] }, /run of stream app is not a list/],
    ['a line that checks', { run: ['true'], check: 'cat' }, /check of stream app is not a list/],
    ['a line that loads', { run: ['true'], load: 'cat' }, /load of stream app is not a list/],
    [
      'a secret of two places',
      { run: ['true'], env: { A: { env: 'A', file: 'a' } } },
      /A of stream app must name one place/,
    ],
  ])('cannot be %s', (_, settings, message) => {
    expect(() => open(settings)).toThrow(UsageError);
    expect(() => open(settings)).toThrow(message);
  });

  it('says how a shell is asked for', () => {
    try {
      open({ run: 'a | b' });
      expect.unreachable();
    } catch (error) {
      expect((error as UsageError).hint).toContain('[sh, -c,');
    }
  });
});

describe('a dump is complete', () => {
  it('of any bytes, by the status of the program alone', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 3000 }), async (bytes) => {
        writeFileSync(join(root, 'bytes'), bytes);
        const notes: string[] = [];
        const dump = await whole(
          open({ run: ['cat', 'bytes'] }).dump({ onNotes: (note) => notes.push(note) }),
        );
        expect(dump.equals(Buffer.from(bytes))).toBe(true);
        expect(notes).toEqual([]);
      }),
      { numRuns: 15 },
    );
  });

  it('and what the program said is passed on', async () => {
    const notes: string[] = [];
    expect(
      await text(sh('echo fine; echo "3 rows were skipped" >&2'), { onNotes: (note) => notes.push(note) }),
    ).toBe('fine\n');
    expect(notes).toEqual(['3 rows were skipped']);
  });

  it.each(['-- done', '-- dóne $^.*+?()[]{}|\\/', ')'])(
    'when it ends in its trailer: %s',
    async (trailer) => {
      for (const space of ['', '\n', ' \r\n\t\n']) {
        writeFileSync(join(root, 'dump'), `x\n${trailer}${space}`);
        expect(await text(open({ run: ['cat', 'dump'], trailer }))).toBe(`x\n${trailer}${space}`);
      }
    },
  );

  it('when a program that reads it finds it so, or needs not read it all', async () => {
    const stream = sh('seq 1 100000', { check: ['grep', '-qx', '100000'] });
    expect(await text(stream)).toHaveLength(588_895);
    expect(await text(sh('seq 1 100000', { check: ['head', '-n1'] }))).toHaveLength(588_895);
    expect(await text(sh('tar -cf - own.sh', { check: ['tar', '-tf', '-'] }))).toContain('own.sh');
  });
});

describe('a dump is not complete', () => {
  const cases: [string, string, Record<string, unknown>, string, RegExp][] = [
    ['when its program fails', 'echo half; exit 1', {}, 'stream-failed', /sh failed with status 1/],
    ['when it is killed', 'echo half; kill -9 $$', {}, 'stream-failed', /sh was ended by SIGKILL/],
    ['when there is nothing', 'true', {}, 'stream-empty', /sh printed nothing/],
    [
      'when it is too small',
      'echo x',
      { minimum: 100 },
      'stream-empty',
      /sh printed 2 bytes, and 100 is the least/,
    ],
    [
      'when it takes too long',
      'echo half; sleep 20',
      { timeout: '1s' },
      'stream-timeout',
      /sh took longer than 1 s/,
    ],
    [
      'without its trailer',
      'echo "-- done, no"',
      { trailer: '-- done' },
      'stream-unfinished',
      /printed has no end/,
    ],
    [
      'when a check finds fault',
      'seq 1 100000',
      { check: ['grep', '-qx', 'end'] },
      'stream-unfinished',
      /grep finds fault with the dump/,
    ],
    [
      'when a check reads nothing and fails',
      'head -c 3000000 /dev/zero',
      { check: ['false'] },
      'stream-unfinished',
      /false finds fault/,
    ],
    [
      'when a check is not there',
      'echo x',
      { check: ['no-such-program'] },
      'tool-missing',
      /no-such-program is not installed/,
    ],
  ];
  it.each(cases)('%s', async (_, script, settings, code, message) => {
    const error = await failure(text(sh(script, settings)));
    expect(error).toBeInstanceOf(StreamError);
    expect([error.code, error.exitCode]).toEqual([code, 1]);
    expect(error.message).toMatch(message);
  });

  it('and keeps its program’s secret to itself, whoever fails', async () => {
    const env = { TOKEN: { env: 'TOKEN' } };
    const print = 'echo "sent $TOKEN" >&2; exit 9';
    for (const stream of [
      sh(print, { env }, { TOKEN: SECRET }),
      sh('echo x', { env, check: ['sh', '-c', print] }, { TOKEN: SECRET }),
    ]) {
      const error = await failure(text(stream));
      expect(error.stderr).toContain('sent ***');
    }
  });

  it('when a secret cannot be had, and nothing is run', async () => {
    const stream = sh('touch ran; echo x', { env: { TOKEN: { env: 'TOKEN' } } });
    expect((await failure(text(stream))).code).toBe('stream-secret');
    expect(existsSync(join(root, 'ran'))).toBe(false);
  });
});

describe('a load', () => {
  const bytes = Buffer.from('a dump\n'.repeat(50_000));

  it('is what its program makes of it, at the place that was named', async () => {
    const stream = open({ run: ['true'], load: ['sh', '-c', 'cat > "$1"', 'sh', 'to-{into}.txt'] });
    for (const into of ['plain', "it's $& $1"]) {
      expect(await stream.load(inChunks(bytes), { into })).toEqual({ into });
      expect(readFileSync(join(root, `to-${into}.txt`)).equals(bytes)).toBe(true);
    }
  });

  it('has a new name where none was given', async () => {
    const stream = open({ run: ['true'], load: ['sh', '-c', 'cat > "$1"', 'sh', '{into}'] });
    const { into } = await stream.load(inChunks(bytes), {});
    expect(into).toMatch(/^app_restored_[0-9a-z]{5}$/);
    expect(readFileSync(join(root, into)).equals(bytes)).toBe(true);
  });

  it('that names no place is for what is live', async () => {
    const stream = open({ run: ['true'], load: ['sh', '-c', 'cat > live'] });
    expect((await failure(stream.load(inChunks(bytes), {}))).code).toBe('stream-not-loadable');
    expect(existsSync(join(root, 'live'))).toBe(false);
    await stream.load(inChunks(bytes), { isLive: true });
    expect(readFileSync(join(root, 'live')).equals(bytes)).toBe(true);
  });

  it.each<[string, Record<string, unknown>, Record<string, unknown>, string]>([
    ['there is no program for it', {}, { into: 'x' }, 'stream-not-loadable'],
    [
      'its program fails',
      { load: ['sh', '-c', 'cat > /dev/null; exit 4', '{into}'] },
      { into: 'x' },
      'stream-failed',
    ],
    ['a place would be taken for a flag', { load: ['touch', '{into}'] }, { into: '--help' }, 'bad-argument'],
  ])('fails when %s', async (_, settings, options, code) => {
    const stream = open({ run: ['true'], ...settings });
    expect((await failure(stream.load(inChunks(bytes), options))).code).toBe(code);
  });
});

describe('a drill of a program', () => {
  const rehearse = async (settings: Record<string, unknown>, bytes = 'dump') => {
    const stream = sh('echo dump', settings);
    return await stream.rehearse?.(inChunks(Buffer.from(bytes)), { directory: root });
  };

  it('is there where a program loads it into a place that another takes away', () => {
    const [load, drop] = [
      ['cp', '/dev/stdin', '{into}'],
      ['rm', '{into}'],
    ];
    for (const settings of [{}, { load }, { drop }, { load: ['cat'], drop }]) {
      expect(sh('echo dump', settings).rehearse, JSON.stringify(settings)).toBeUndefined();
    }
    expect(sh('echo dump', { load, drop }).rehearse).toBeDefined();
  });

  it.each(['query', 'drop'])('refuses a %s that does not say of what', (key) => {
    expect(() => sh('echo dump', { [key]: ['true'] })).toThrow(`${key} of stream app does not say of what`);
    expect(() => sh('echo dump', { [key]: 'rm {into}' })).toThrow(`${key} of stream app is not a list`);
  });

  it('takes away what a load that failed has made', async () => {
    const mark = join(root, 'half');
    const settings = {
      load: ['sh', '-c', `cat > ${mark}; echo {into} > ${mark}.name; exit 3`],
      drop: ['sh', '-c', `test {into} = "$(cat ${mark}.name)" && rm ${mark} ${mark}.name`],
    };
    await expect(rehearse(settings)).rejects.toMatchObject({ code: 'stream-failed' });
    expect(existsSync(mark)).toBe(false);
  });

  it('runs beside the scratch where the root of the set is not there', async () => {
    const away = command.open(
      'app',
      {
        run: ['true'],
        check: ['sh', '-c', 'cat > checked'],
        load: ['sh', '-c', 'cat > {into}'],
        query: ['cat', '{into}'],
        drop: ['rm', '{into}'],
      },
      { root: join(root, 'gone'), env: { PATH: process.env.PATH } },
    );
    const directory = mkdtempSync(join(root, 'drill-'));
    const rehearsal = await away.rehearse?.(inChunks(Buffer.from('a dump')), { directory });
    expect(readdirSync(directory).sort()).toEqual([rehearsal?.into, 'checked'].sort());
    expect(await rehearsal?.query('all')).toBe('a dump');
    await rehearsal?.drop();
    expect(readdirSync(directory)).toEqual(['checked']);
  });

  it.each<[string, Record<string, unknown>, string, string]>([
    ['nothing', {}, '', 'stream-empty stream app: the dump holds nothing'],
    ['less than the least', { minimum: 5 }, 'dump', 'stream-empty stream app: the dump holds 4 bytes, and 5'],
    ['what has no end', { trailer: 'end.' }, 'dump en', 'stream-unfinished stream app: the dump has no end'],
    [
      'what its check finds fault with',
      { check: ['grep', '-q', 'whole'] },
      'half a dump',
      'stream-unfinished stream app: grep finds fault with the dump',
    ],
  ])('takes %s for no dump, and leaves nothing of it', async (_, proof, bytes, said) => {
    const at = mkdtempSync(join(root, 'unproven-'));
    const settings = {
      load: ['sh', '-c', `cat > ${at}/{into}`],
      drop: ['rm', '-f', `${at}/{into}`],
      ...proof,
    };
    const { code, message } = await failure(rehearse(settings, bytes));
    expect(`${code} ${message}`).toContain(said);
    expect(readdirSync(at)).toEqual([]);
  });

  it('says what it cannot ask, and tells when it cannot be taken away', async () => {
    const rehearsal = await rehearse({
      load: ['sh', '-c', 'cat # {into}'],
      drop: ['sh', '-c', 'test -f gone # {into}'],
    });
    expect(rehearsal?.into).toMatch(/^app_restored_[0-9a-z]{5}$/);
    await expect(rehearsal?.query('1')).rejects.toMatchObject({ code: 'stream-not-askable' });
    await expect(rehearsal?.drop()).rejects.toMatchObject({ code: 'stream-failed' });
    writeFileSync(join(root, 'gone'), '');
    await rehearsal?.drop();
  });
});
