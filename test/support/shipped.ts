// The library as it ships, for programs that import `strongroom`, and a clock that such a program, or the shipped one,
// is to believe.

import { execFileSync, spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll } from 'vitest';
import { once } from './once.ts';
import type { Machine } from './program.ts';
import { ROOT } from './sources.ts';

/** Runs a module in the machine's working directory, which has the library. */
export interface Application {
  /**
   * @param code what it does; what it gives `print` is returned
   * @throws with what it said, when it ends badly
   */
  run<T>(code: string, env?: Record<string, string>): Promise<T>;
}

/**
 * Builds the library, once for all test files: call it at the top of one.
 * @returns installs it on a machine
 */
export function shippedLibrary(): (machine: Machine) => Application {
  let project: string;
  beforeAll(async () => {
    project = await once('library', buildIn);
  });
  return (machine) => {
    const installed = join(machine.work, 'node_modules/strongroom');
    mkdirSync(dirname(installed), { recursive: true });
    symlinkSync(project, installed);
    let count = 0;
    return {
      async run(code, env = {}) {
        const file = join(machine.work, `application-${++count}.mjs`);
        const print = 'const print = (value) => process.stdout.write(JSON.stringify(value ?? null));';
        writeFileSync(file, `${print}\n${code}\n`);
        try {
          return JSON.parse(await outputOf(file, machine, env));
        } finally {
          rmSync(file);
        }
      },
    };
  };
}

/** @param project an empty directory, which becomes the package */
function buildIn(project: string): void {
  mkdirSync(join(project, 'scripts'));
  for (const name of ['package.json', 'scripts/build.mjs'])
    copyFileSync(join(ROOT, name), join(project, name));
  for (const name of ['src', 'node_modules']) symlinkSync(join(ROOT, name), join(project, name));
  execFileSync(process.execPath, ['scripts/build.mjs', '--no-types'], { cwd: project, stdio: 'pipe' });
}

function outputOf(file: string, machine: Machine, env: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { cwd: machine.work, env: machine.env(env) };
    const child = spawn(process.execPath, [file], { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let [said, complained] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complained += text;
    });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(said);
      else reject(new Error(`the application ended with ${code}\n${said}${complained}`));
    });
  });
}

/**
 * An environment in which Node's clock is set.
 * @param ahead by so many milliseconds; below zero it is behind
 */
export function clockSet(ahead: number): Record<string, string> {
  const code = `const RealDate = Date;
globalThis.Date = class extends RealDate {
  constructor(...given) { super(...(given.length === 0 ? [RealDate.now() + ${ahead}] : given)); }
  static now() { return RealDate.now() + ${ahead}; }
};`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}` };
}
