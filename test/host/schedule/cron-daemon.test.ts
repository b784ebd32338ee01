import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runsCron } from '../../../src/host/schedule/cron-install.ts';
import { scratch } from '../../support/vault.ts';

/** What the kernel shows of processes, by their numbers. */
function proc(names: Readonly<Record<string, string>>): string {
  const directory = scratch();
  for (const [id, name] of Object.entries(names)) {
    mkdirSync(join(directory, id));
    writeFileSync(join(directory, id, 'comm'), `${name}\n`);
  }
  return directory;
}

it.each<[string, Record<string, string>, boolean | undefined]>([
  ['Debian’s runs', { '1': 'systemd', '417': 'cron' }, true],
  ['another runs', { '1': 'init', '30': 'bash', '31': 'crond' }, true],
  ['none runs', { '1': 'sh', '30': 'crontab', meminfo: 'cron' }, false],
  ['this user may not look', { '30': 'bash' }, undefined],
  ['there is no /proc', {}, undefined],
])('%s', (_, names, runs) => {
  expect(runsCron(proc(names))).toBe(runs);
});
