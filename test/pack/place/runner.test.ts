import { spawn } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { nameBeside } from '../../../src/pack/place/beside.ts';
import { abandon, isRunning, type Runner, thisRunner } from '../../../src/pack/place/runner.ts';
import { NOW, STAMP } from './scene.ts';

const isLinux = process.platform === 'linux';

describe('a process', () => {
  test('that writes a journal runs', () => {
    expect(isRunning('', thisRunner(), 0)).toBe(true);
  });

  test('that gives up a restore does not run it any more', () => {
    abandon('given up');
    expect(isRunning('given up', thisRunner(), 0)).toBe(false);
    expect(isRunning('another', thisRunner(), 0)).toBe(true);
  });

  test('runs until it is killed', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    const runner: Runner = { ...thisRunner(), pid: child.pid! };
    expect(isRunning('', { ...runner, started: '' }, 0)).toBe(!isLinux);
    child.kill('SIGKILL');
    await new Promise((settle) => {
      child.once('close', settle);
    });
    expect(isRunning('', runner, 0)).toBe(false);
  });

  test.skipIf(!isLinux)('is not a later one of the same number', () => {
    expect(isRunning('', { ...thisRunner(), started: '1' }, 0)).toBe(false);
  });

  test.skipIf(!isLinux)('does not outlive a boot', () => {
    expect(isRunning('', { ...thisRunner(), boot: 'another' }, 0)).toBe(false);
  });

  test.skipIf(!isLinux)('that cannot be seen from here is given ten minutes', () => {
    const elsewhere = { ...thisRunner(), namespace: 'pid:[1]' };
    expect(isRunning('', elsewhere, 9 * 60_000)).toBe(true);
    expect(isRunning('', elsewhere, 11 * 60_000)).toBe(false);
  });
});

describe('a name beside another', () => {
  const all = () => true;

  test('says when', () => {
    expect(nameBeside('.env', NOW, 'bak', all)).toBe(`.env.${STAMP}.bak`);
  });

  test('is one that can be had', () => {
    const taken = new Set([`a.${STAMP}.bak`, `a.${STAMP}-2.bak`]);
    expect(nameBeside('a', NOW, 'bak', (name) => !taken.has(name))).toBe(`a.${STAMP}-3.bak`);
  });

  test.each(['x'.repeat(255), 'ü'.repeat(127), '😀'.repeat(63), `${'x'.repeat(230)}\udce9\udce9\udce9`])(
    'has at most 255 bytes',
    (name) => {
      const beside = nameBeside(name, NOW, 'restored', all);
      expect(Buffer.byteLength(beside.replace(/[\udc80-\udcff]/gu, 'x'))).toBeLessThanOrEqual(255);
      expect(beside).toMatch(new RegExp(`${STAMP}\\.restored$`));
    },
  );
});
