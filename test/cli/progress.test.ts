import { expect, test } from 'vitest';
import type { Sink } from '../../src/cli/output.ts';
import { progressLine, terminalProgress } from '../../src/cli/progress.ts';

function screen(columns = 80) {
  let clock = 0;
  let text = '';
  const sink: Sink = {
    isTerminal: true,
    columns: () => columns,
    write: (more) => {
      text += more;
    },
    writeBytes: async () => {},
  };
  const progress = terminalProgress(sink, () => clock);
  return {
    progress,
    pass: (milliseconds: number) => {
      clock += milliseconds;
    },
    take: () => {
      const taken = text;
      text = '';
      return taken;
    },
  };
}

test('a line says what is done of how much', () => {
  expect(progressLine({ phase: 'reading', done: 3, total: 12, unit: 'files' })).toBe(
    'reading 3 of 12 files (25%)',
  );
  expect(progressLine({ phase: 'reading', done: 2048, unit: 'bytes' })).toBe('reading 2.0 KiB');
  expect(progressLine({ phase: 'reading', done: 3, total: 2, unit: 'files' })).toBe(
    'reading 3 of 2 files (100%)',
  );
  expect(progressLine({ phase: 'reading', done: 0, total: 0, unit: 'files' })).toBe('reading 0 files');
  expect(progressLine({ phase: 'a\u001b[2J', done: 0, unit: 'x' })).toBe('a\\x1b[2J 0 x');
});

test('short work shows nothing, and long work not too often', () => {
  const { progress, pass, take } = screen();
  const update = (done: number) => progress.update({ phase: 'p', done, unit: 'files' });
  update(1);
  pass(100);
  update(2);
  expect(take()).toBe('');
  pass(30);
  update(3);
  expect(take()).toBe('\rp 3 files\u001b[K');
  update(4);
  pass(100);
  update(5);
  expect(take()).toBe('');
  pass(30);
  update(6);
  expect(take()).toBe('\rp 6 files\u001b[K');
});

test('the line is erased once, and only when there is one', () => {
  const { progress, pass, take } = screen();
  progress.clear();
  expect(take()).toBe('');
  progress.update({ phase: 'p', done: 1, unit: 'x' });
  pass(200);
  progress.update({ phase: 'p', done: 2, unit: 'x' });
  take();
  progress.clear();
  progress.clear();
  expect(take()).toBe('\r\u001b[K');
});

test('the line never wraps', () => {
  const { progress, pass, take } = screen(12);
  progress.update({ phase: 'p', done: 1, unit: 'x' });
  pass(200);
  progress.update({ phase: 'a long participle', done: 1, unit: 'x' });
  expect(take()).toBe('\ra long par…\u001b[K');
});

test('long work says how long it still takes, once that can be told', () => {
  const { progress, pass, take } = screen();
  const update = (done: number) => progress.update({ phase: 'p', done, total: 1000, unit: 'files' });
  update(100);
  pass(4000);
  update(200);
  expect(take()).toBe('\rp 200 of 1000 files (20%)\u001b[K');
  pass(4000);
  update(300);
  expect(take()).toBe('\rp 300 of 1000 files (30%), 28 s left\u001b[K');
  pass(392_000);
  update(310);
  expect(take()).toBe('\rp 310 of 1000 files (31%), 22 min left\u001b[K');
  update(1000);
});
