// The commands of RECOVERY.md, taken from a vault's own text and run in a copy of it with stock tools alone.

import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

const TERMINAL = join(import.meta.dirname, 'on-a-terminal.py');
const TOOLS = ['age', 'ssh-keygen', 'gzip', 'tar', 'sha256sum', 'awk', 'python3'];
export const missingTools = TOOLS.filter(
  (tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0,
);
export const isRoot = process.getuid?.() === 0;
export const NOBODY = 65534;

export interface Recovery {
  readonly set: string;
  readonly id: string;
  /** A file with an age identity or an SSH key; the passphrase opens the vault when it is left out. */
  readonly identity?: string;
  /** What is answered to whatever asks for a passphrase. */
  readonly passphrase?: string;
  readonly user?: 'nobody';
  readonly shell?: string;
  /** What happened to the vault before. */
  readonly tamper?: (place: string) => void;
}

export interface Recovered {
  /** The copy of the vault. */
  readonly place: string;
  /** Where the snapshot should have come out. */
  readonly out: string;
  readonly said: string;
  /** What was left in the directory for temporary files. */
  readonly left: readonly string[];
}

/** The commands of a vault's RECOVERY.md: every line of its code blocks, in order. */
export function commandsOf(vault: string): string[] {
  const lines = readFileSync(join(vault, 'RECOVERY.md'), 'utf8').split('\n');
  return lines.filter((line) => line.startsWith('    ')).map((line) => line.slice(4));
}

/**
 * Copies the vault to a place of its own, as from an offsite disk, and runs the commands in it.
 * @param directory where that place is made, which goes when the test has ended
 */
export function recover(vault: string, directory: string, how: Recovery): Recovered {
  const { set, id, identity, passphrase = '', user, shell = 'bash', tamper } = how;
  const place = mkdtempSync(join(directory, 'recovery-'));
  const temporary = mkdtempSync(join(directory, 'tmp-'));
  const home = mkdtempSync(join(directory, 'home-'));
  cpSync(vault, place, { recursive: true });
  tamper?.(place);
  const asked = commandsOf(vault)
    // The one way in that is not at hand.
    .filter((line) => !line.includes(identity === undefined ? 'me.txt' : 'slots passphrase'))
    .map((line) => (line === 'set=SET' ? `set=${set}` : line === 'id=ID' ? `id=${id}` : line));
  writeFileSync(join(place, 'recovery.sh'), `${asked.join('\n')}\n`);
  if (identity !== undefined) cpSync(identity, join(home, 'me.txt'));
  if (user === 'nobody') {
    spawnSync('chown', ['-R', `${NOBODY}:${NOBODY}`, place, temporary, home]);
    for (const path of [dirname(directory), directory]) letThrough(path);
  }
  const as =
    user === 'nobody' ? ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--'] : [];
  const shown = spawnSync('python3', [TERMINAL, passphrase, ...as, shell, 'recovery.sh'], {
    cwd: place,
    env: { PATH: process.env.PATH ?? '', HOME: home, TMPDIR: temporary },
    encoding: 'utf8',
  });
  const said = (shown.stdout + shown.stderr).replaceAll('\r', '');
  const out = join(home, 'restored');
  mkdirSync(out, { recursive: true });
  return { place, out, said, left: readdirSync(temporary) };
}

/** Lets others go through a directory of this test's own; the system's temporary one does already. */
function letThrough(directory: string): void {
  const { mode } = lstatSync(directory);
  if ((mode & 0o001) === 0) chmodSync(directory, mode | 0o011);
}

/** Every file with its mode and content; directories end in a slash. */
export function recoveredTree(root: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
    const path = join(root, name);
    const stat = lstatSync(path);
    const mode = (stat.mode & 0o7777).toString(8);
    if (stat.isSymbolicLink()) found[name] = `-> ${readlinkSync(path)}`;
    else if (stat.isDirectory()) found[`${name}/`] = mode;
    else found[name] = `${mode} ${readFileSync(path, 'utf8')}`;
  }
  return found;
}
