import { beforeEach, describe, expect, it } from 'vitest';
import { type Desk, deskWithVault } from './desk.ts';

let at: Desk;
beforeEach(async () => {
  at = await deskWithVault();
});

describe('cat', () => {
  it('writes the bytes of one file to stdout and nothing else', async () => {
    const bytes = Buffer.from([0, 27, 91, 50, 74, 255, 10]);
    at.write('blob', bytes);
    await at.ok('backup');
    const said = await at.ok('cat latest blob');
    expect(said.bytes.equals(bytes)).toBe(true);
    expect(said.err).toBe('');
  });

  it('with --json writes the summary to stderr: stdout is the file', async () => {
    await at.ok('backup');
    const said = await at.ok('cat latest .env --json');
    expect(said.bytes.toString()).toBe('TOKEN=1\n');
    expect(said.err).toMatchInlineSnapshot(`
      "{"message_type":"summary","snapshot":"ID-1","set":"shop","path":".env","bytes":"N","sha256":"HASH-1"}
      "
    `);
  });

  it.each<[string, number, string]>([
    ['cat latest nope', 10, 'no-path'],
    ['cat latest certs', 2, 'not-a-file'],
    ['cat 1999 .env', 10, 'no-snapshot'],
    ['cat latest', 2, 'missing-argument'],
  ])('%s: %i %s, and nothing on stdout', async (line, code, name) => {
    await at.ok('backup');
    const said = await at.say(`${line} --json`);
    expect(said).toMatchObject({ code, out: '' });
    expect(JSON.parse(said.err)).toMatchObject({ code: name, exit_code: code });
  });
});
