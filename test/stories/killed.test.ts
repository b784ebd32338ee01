// Killed with SIGKILL at many moments of a backup and of each kind of restore: the vault stays whole, and the target
// is wholly old or wholly new after the next run.

import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Machine, machines, type RunOptions } from '../support/program.ts';

const machine = machines();
const MOMENTS = process.env.STRONGROOM_LONG ? 50 : 10;
const FILES = 40;

/** Runs the program and kills it after `ms`. @returns whether the kill came in time */
async function killedAfter(
  on: Machine,
  ms: number,
  args: string[],
  options: RunOptions = {},
): Promise<boolean> {
  const [node = '', ...rest] = on.argv(args);
  const child = spawn(node, rest, { cwd: on.work, env: on.env(options.env), stdio: 'ignore' });
  const timer = setTimeout(() => child.kill('SIGKILL'), ms);
  const signal = await new Promise((resolve) => child.on('exit', (_, s) => resolve(s)));
  clearTimeout(timer);
  return signal === 'SIGKILL';
}

/** How long the program takes when it is left alone, in milliseconds. */
async function duration(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/** Moments spread over the run, most of them where it does its work rather than starts up. */
function moments(whole: number): number[] {
  return Array.from({ length: MOMENTS }, (_, i) => whole * (0.25 + (0.85 * (i + Math.random())) / MOMENTS));
}

/** Relative paths to contents. */
function treeOf(root: string): Record<string, string> {
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((e) => e.isFile());
  return Object.fromEntries(
    files.map((e) => [
      join(e.parentPath, e.name).slice(root.length + 1),
      readFileSync(join(e.parentPath, e.name), 'latin1'),
    ]),
  );
}

describe('killed at any moment', () => {
  let web: Machine;
  let vault: string;
  let opens: RunOptions;

  beforeAll(async () => {
    web = machine('web-1');
    vault = join(web.directory, 'vault');
    const me = await web.identity();
    opens = { env: { STRONGROOM_IDENTITY_FILE: me.file, STRONGROOM_LOCATION: vault } };
    for (let i = 0; i < FILES; i++) web.write(`d${i % 4}/f${i}`, `new ${i}\n`.repeat(500));
    await web.ok(['init', '--name', 'shop', '--location', vault, '--recipient', me.recipient]);
    rmSync(join(web.work, 'strongroom.yaml'));
  });

  it('a backup leaves a vault that verifies, in which only whole snapshots are listed', async () => {
    const whole = await duration(() => web.ok(['backup', '.', '--set', 'app'], opens));
    let killed = 0;
    for (const moment of moments(whole)) {
      if (await killedAfter(web, moment, ['backup', '.', '--set', 'app'], opens)) killed++;
    }
    expect(killed).toBeGreaterThan(MOMENTS / 4);
    const checked = await web.ok(['verify', '--read-data', '--json'], opens);
    expect(checked.summary()).toMatchObject({ sound: true, errors: 0 });
    const next = await web.ok(['backup', '.', '--set', 'app', '--json'], opens);
    expect(next.summary()).toMatchObject({ complete: true });
    expect((await web.ok(['verify', '--json'], opens)).summary()).toMatchObject({ sound: true });
  });

  const KINDS: readonly [name: string, flags: string[], before: boolean][] = [
    ['into a new directory', [], false],
    ['over what is there', ['--existing', 'replace', '--yes'], true],
    ['keeping what is there beside it', ['--existing', 'bak'], true],
    ['in place', ['--in-place', '--existing', 'replace', '--yes'], true],
  ];

  it.each(KINDS)('a restore %s ends wholly old or wholly new', async (_name, flags, before) => {
    const on = machine('desk');
    const env = { ...opens.env };
    const inPlace = flags.includes('--in-place');
    const root = join(on.directory, 'app');
    const config = join(on.directory, 'strongroom.yaml');
    writeFileSync(config, `location: ${vault}\nsets: { app: { root: ${root} } }\n`, { mode: 0o600 });
    await on.ok(['list', '--trust-new'], { env });
    const where = inPlace ? ['--config', config] : ['--target', root];
    const args = ['restore', 'latest', '--set', 'app', '--host', 'web-1', '--trust-new', ...where, ...flags];
    const old = join(on.directory, 'old');
    if (before) {
      for (let i = 0; i < FILES; i += 2) {
        mkdirSync(join(old, `d${i % 4}`), { recursive: true });
        writeFileSync(join(old, `d${i % 4}`, `f${i}`), `old ${i}\n`);
      }
      writeFileSync(join(old, 'untouched'), 'untouched\n');
    }
    const reset = () => {
      rmSync(root, { recursive: true, force: true });
      if (before) cpSync(old, root, { recursive: true });
    };
    reset();
    const whole = await duration(() => on.ok(args, { env }));
    const isBackup = (path: string) => /\.bak$/.test(path);
    const placed = Object.keys(treeOf(root)).filter((path) => !isBackup(path));
    const oldTree = before ? treeOf(old) : {};
    let killed = 0;
    for (const moment of moments(whole)) {
      reset();
      if (await killedAfter(on, moment, args, { env })) killed++;
      // At any time, before anything was mended: every file is wholly old or wholly new.
      if (before) {
        for (const [path, text] of Object.entries(treeOf(root))) {
          if (path.includes('strongroom-')) continue;
          const isNew = text === treeFile(web, path);
          expect(isNew || text === oldTree[path.replace(/\.\d{8}T\d{6}Z\.bak$/, '')], path).toBe(true);
        }
      }
      const recover = inPlace
        ? ['restore', '--recover', '--in-place', '--config', config]
        : ['restore', '--recover', '--target', root];
      await on.ok(recover, { env });
      const names = safeTree(root);
      const now = Object.keys(names)
        .filter((path) => !isBackup(path))
        .sort();
      const isOld = JSON.stringify(now) === JSON.stringify(Object.keys(oldTree).sort());
      if (isOld) expect(names).toEqual(oldTree);
      else {
        expect(now).toEqual([...placed].sort());
        for (const path of now) if (path !== 'untouched') expect(names[path], path).toBe(treeFile(web, path));
      }
      // Nothing of the restore is left lying about, in the target or beside it.
      expect(readdirSync(on.directory).filter((name) => name.includes('strongroom-'))).toEqual([]);
    }
    expect(killed).toBeGreaterThan(MOMENTS / 4);
  });
});

function treeFile(web: Machine, path: string): string | undefined {
  try {
    return readFileSync(join(web.work, path), 'latin1');
  } catch {
    return undefined;
  }
}

function safeTree(root: string): Record<string, string> {
  try {
    return treeOf(root);
  } catch {
    return {};
  }
}
