import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StrongroomError, UsageError } from '../../src/errors.ts';
import { lives, parseHolder, thisProcess } from '../../src/host/process.ts';
import { makeScratch, wipeAbandoned } from '../../src/host/scratch.ts';

let within: string;
beforeEach(() => {
  within = mkdtempSync(join(tmpdir(), 'scratch-'));
});
afterEach(() => rmSync(within, { recursive: true, force: true }));

const env = {};
const small = { bytes: 1000, entries: 3, env };

describe('a scratch', () => {
  it('is private, empty, and gone with all that is in it', () => {
    const old = process.umask(0);
    try {
      const scratch = makeScratch({ ...small, within });
      for (const path of [scratch.path, dirname(scratch.path)])
        expect(statSync(path).mode & 0o777).toBe(0o700);
      expect(readdirSync(scratch.path)).toEqual([]);
      mkdirSync(join(scratch.path, 'a'));
      writeFileSync(join(scratch.path, 'a/b'), 'x');
      symlinkSync(within, join(scratch.path, 'out'));
      scratch.wipe();
      expect(readdirSync(within)).toEqual([]);
    } finally {
      process.umask(old);
    }
  });

  it.skipIf(process.platform !== 'linux')('is in memory where there is room', () => {
    const scratch = makeScratch(small);
    try {
      expect(scratch.kind).toBe('memory');
      expect(scratch.path).toMatch(/^\/dev\/shm\/strongroom-drill-/);
    } finally {
      scratch.wipe();
    }
  });

  it('is refused where there is no room, or no place', () => {
    const huge = { ...small, bytes: 2 ** 52, within };
    expect(() => makeScratch(huge)).toThrow(StrongroomError);
    expect(() => makeScratch(huge)).toThrow(/needs \d+ MiB/);
    expect(() => makeScratch({ ...small, within: join(within, 'nowhere') })).toThrow(UsageError);
    expect(readdirSync(within)).toEqual([]);
  });
});

describe('what a killed drill left', () => {
  /** A directory as a drill makes it. */
  const left = (holder: string | undefined, mode = 0o700): string => {
    const path = mkdtempSync(join(within, 'strongroom-drill-'));
    mkdirSync(join(path, 'files'));
    if (holder !== undefined) writeFileSync(join(path, 'holder'), holder);
    chmodSync(path, mode);
    return path;
  };

  it('is wiped; what a living one holds, or is of no drill, is not', async () => {
    const child = spawn('sleep', ['0.05']);
    const gone = { ...thisProcess(), pid: child.pid! };
    await new Promise((resolve) => child.once('exit', resolve));
    const dead = left(JSON.stringify(gone));
    const reused = left(JSON.stringify({ ...thisProcess(), began: 'earlier' }));
    const elsewhere = left(JSON.stringify({ ...gone, space: 'another start', machine: 'another' }));
    const kept = [
      left(JSON.stringify(thisProcess())),
      elsewhere,
      left(undefined),
      left('no JSON'),
      left(JSON.stringify(gone), 0o755),
    ];
    const foreign = join(within, 'strongroom-drill-link');
    const other = mkdtempSync(join(within, 'other-'));
    symlinkSync(other, foreign);
    const found = wipeAbandoned({ within, env });
    expect([...found.wiped].sort()).toEqual([dead, reused].sort());
    expect(found.left).toEqual([elsewhere]);
    for (const path of [...kept, foreign, other]) expect(existsSync(path), basename(path)).toBe(true);
    expect(wipeAbandoned({ within, env })).toEqual({ wiped: [], left: [elsewhere] });
  });
});

describe.skipIf(process.platform !== 'linux')('after the machine was started anew', () => {
  it('is wiped where only this machine can have left it', () => {
    const { space, ...own } = thisProcess();
    const earlier = { ...own, space: space.replace(/^\S+/, '00000000-0000-0000-0000-000000000000') };
    const path = mkdtempSync('/dev/shm/strongroom-drill-');
    try {
      writeFileSync(join(path, 'holder'), JSON.stringify(earlier));
      expect(wipeAbandoned({ within: undefined, env }).wiped).toContain(path);
      expect(existsSync(path)).toBe(false);
    } finally {
      rmSync(path, { recursive: true, force: true });
    }
  });
});

describe('a scratch that holds what its owner may not touch', () => {
  it('is wiped all the same', () => {
    const scratch = makeScratch({ ...small, within });
    mkdirSync(join(scratch.path, 'größe/b'), { recursive: true });
    writeFileSync(join(scratch.path, 'größe/b/c'), '');
    mkdirSync(Buffer.concat([Buffer.from(`${scratch.path}/`), Buffer.of(0xff, 0xfe)]));
    chmodSync(Buffer.concat([Buffer.from(`${scratch.path}/`), Buffer.of(0xff, 0xfe)]), 0);
    chmodSync(join(scratch.path, 'größe/b'), 0o500);
    chmodSync(join(scratch.path, 'größe'), 0);
    scratch.wipe();
    expect(readdirSync(within)).toEqual([]);
  });

  it('is not made where others could put something in its place', () => {
    chmodSync(within, 0o777);
    expect(() => makeScratch({ ...small, within })).toThrow(/others could meddle/);
    chmodSync(within, 0o1777);
    makeScratch({ ...small, within }).wipe();
  });
});

describe('a process', () => {
  it('lives until it ends, and its number says nothing of another', () => {
    expect(lives(thisProcess())).toBe(true);
    expect(lives({ ...thisProcess(), began: '1' })).toBe(false);
    expect(lives({ ...thisProcess(), space: 'elsewhere', machine: 'another' })).toBeUndefined();
    expect(parseHolder('{"pid": -1}')).toBeUndefined();
    expect(parseHolder('')).toBeUndefined();
  });
});
