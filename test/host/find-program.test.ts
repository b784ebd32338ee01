import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkProgram } from '../../src/host/find-program.ts';
import { scratch } from '../support/vault.ts';

test('a program is found as the system would find it', () => {
  const cwd = scratch();
  const bin = join(cwd, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'deploy'), '#!/bin/sh\n', { mode: 0o755 });
  writeFileSync(join(bin, 'text'), '', { mode: 0o644 });
  const PATH = `/nowhere:${bin}`;
  const ask =
    (program: string, path: string | undefined = PATH) =>
    () =>
      checkProgram(program, { cwd, env: path === '-' ? {} : { PATH: path } });
  for (const good of ['deploy', './bin/deploy', 'bin/deploy', join(bin, 'deploy')])
    expect(ask(good)).not.toThrow();
  for (const bad of ['text', './deploy', 'bin/text', 'bin', '.', '', 'no-such'])
    expect(ask(bad), bad).toThrow(expect.objectContaining({ code: 'no-such-command', exitCode: 2 }));
  expect(ask('./deploy')).toThrow(`"./deploy" is no program in ${JSON.stringify(cwd)}`);
  expect(ask('no-such')).toThrow('"no-such" is no program on the PATH');
  // The system has a PATH of its own then.
  expect(ask('no-such', '-')).not.toThrow();
  chmodSync(join(bin, 'deploy'), 0o644);
  if (process.getuid!() !== 0) expect(ask('deploy')).toThrow();
});
