import { expect, it } from 'vitest';
import { makeOut } from '../../../src/cli/render.ts';
import { showStreams, streamFields } from '../../../src/commands/show/streams.ts';
import type { StreamInfo } from '../../../src/vault/documents/streams.ts';

const DB: StreamInfo = {
  name: 'db',
  type: 'postgres',
  facts: { database: 'shop', format: 'custom' },
  bytes: 1536,
  sha256: 'a'.repeat(64),
  seconds: 1.5,
  complete: true,
};

function shown(...streams: StreamInfo[]): string {
  let text = '';
  const write = (more: string) => {
    text += more;
  };
  showStreams(
    streams,
    makeOut({ write, note: write, colour: false, verbose: false, now: () => new Date(0) }),
  );
  return text;
}

it('a stream is one line that says what it is of', () => {
  expect(shown(DB, { ...DB, name: 'cache', type: 'redis', facts: {}, complete: false })).toBe(
    'stream db: postgres, database shop, format custom, 1.5 KiB\nstream cache: redis, 1.5 KiB, incomplete\n',
  );
});

it('a hostile host fills no screen and moves no cursor', () => {
  const facts = Object.fromEntries(
    Array.from({ length: 100 }, (_, i) => [`\u001b${i}`, '\u202e'.repeat(4000)]),
  );
  const text = shown({ ...DB, facts });
  expect(text).toMatch(/^[\x20-\x7e…]+\n$/);
  expect(text.length).toBeLessThan(6000);
});

it('programs get all of it', () => {
  expect(streamFields(DB)).toEqual(DB);
});
