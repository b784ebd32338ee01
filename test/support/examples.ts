// An example on a machine of its own: its files, with the places of this test in them, and the commands of its README,
// run as they stand there.

import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Machine } from './program.ts';
import { ROOT } from './sources.ts';

/** What a block of commands came to. */
export interface Block {
  /** Of the first command that failed, else 0. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Example {
  readonly directory: string;
  /** The example's own file, as it stands. */
  read(file: string): string;
  /** Copies a file of the example to the machine's working directory, with the places of this test. */
  copy(file: string): void;
  /** The code blocks below a heading of its README. @param language `sh` unless given */
  blocks(heading: string, language?: string): string[];
  /** Runs the `sh` blocks below a heading; throws when a command fails. */
  follow(heading: string, env?: Record<string, string>): Promise<Block>;
  /** Runs lines of bash in which `strongroom` is the program and answers every question with yes. */
  sh(lines: string, env?: Record<string, string>): Promise<Block>;
}

/**
 * @param name below examples/
 * @param places what stands in the example for what is here instead, such as `/mnt/backup`
 */
export function exampleOn(machine: Machine, name: string, places: Readonly<Record<string, string>>): Example {
  const directory = join(ROOT, 'examples', name);
  const bin = join(machine.directory, 'bin');
  mkdirSync(bin, { recursive: true });
  const program = machine.argv([]).map((word) => `'${word}'`);
  rmSync(join(bin, 'strongroom'), { force: true });
  writeFileSync(join(bin, 'strongroom'), `#!/bin/sh\nexec ${program.join(' ')} "$@" --yes\n`, {
    mode: 0o755,
  });
  const here = (text: string): string =>
    Object.entries(places).reduce((all, [place, other]) => all.replaceAll(place, other), text);
  const read = (file: string) => readFileSync(join(directory, file), 'utf8');
  const blocks = (heading: string, language = 'sh'): string[] => {
    const [, section] = here(read('README.md')).split(`\n## ${heading}\n`);
    const found = [...(section?.split('\n## ')[0] ?? '').matchAll(/^```(\w+)\n(.*?)^```$/gms)];
    const bodies = found.flatMap(([, of, body = '']) => (of === language ? body : []));
    if (bodies.length === 0) throw new Error(`${name}/README.md has no ${language} below "${heading}"`);
    return bodies;
  };
  const sh = (lines: string, env: Record<string, string> = {}): Promise<Block> =>
    bash(
      `set -eu -o pipefail\n${lines}`,
      machine.work,
      machine.env({ PATH: `${bin}:${process.env.PATH}`, ...env }),
    );
  return {
    directory,
    read,
    copy(file) {
      cpSync(join(directory, file), join(machine.work, file), { recursive: true });
      writeFileSync(join(machine.work, file), here(read(file)), { mode: 0o644 });
    },
    blocks,
    async follow(heading, env) {
      const ran = await sh(blocks(heading).join('\n'), env);
      if (ran.code !== 0)
        throw new Error(`"${heading}" of ${name}: exit ${ran.code}\n${ran.stdout}${ran.stderr}`);
      return ran;
    },
    sh,
  };
}

function bash(script: string, cwd: string, env: Record<string, string>): Promise<Block> {
  return new Promise((resolve, reject) => {
    // A session of its own: there is no terminal to ask on.
    const child = spawn('bash', ['-c', script], {
      cwd,
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const said = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text) => (said.stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (said.stderr += text));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, ...said }));
  });
}
