// POSIX ACLs, which do not come back with a file. Where there is one, the group bits of the mode are its mask and not
// what the owning group may do: given to a file without the ACL, they could let a group in that was kept out.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fsPath, printableName } from '../names.ts';

/** Room for arguments is 128 KiB at the least; a path has 4 KiB at the most, and nearly always much less. */
const AT_ONCE = 200;

/**
 * What ACLs let the owning group of files and directories do.
 *
 * @param paths absolute, names of `names.ts`
 * @returns bits as in one octal digit, by path, of those that have an ACL; none where only `ls` could be asked, which
 *   tells that there is one and not what it says. Empty where no program tells, and for names that are not UTF-8
 */
export function groupsByAcl(paths: readonly string[]): Map<string, number> {
  const found = new Map<string, number>();
  if (process.platform !== 'linux') return found;
  const askable = paths.filter((path) => typeof fsPath(path) === 'string');
  const getfacl = programOf('getfacl');
  const ls = programOf('ls');
  for (let at = 0; at < askable.length; at += AT_ONCE) {
    const some = askable.slice(at, at + AT_ONCE);
    const answers = getfacl !== undefined ? granted(getfacl, some) : ls !== undefined ? listed(ls, some) : [];
    for (const [path, group] of answers) found.set(path, group);
  }
  return found;
}

function programOf(name: string): string | undefined {
  return ['/usr/bin', '/bin'].map((directory) => `${directory}/${name}`).find((path) => existsSync(path));
}

function ask(program: string, args: readonly string[]): string {
  const how = { encoding: 'utf8', cwd: '/', env: { LC_ALL: 'C' }, maxBuffer: 64 << 20 } as const;
  return spawnSync(program, [...args], how).stdout ?? '';
}

/** Source: getfacl(1). A block for each file with more than a mode says: its name, then an entry a line. */
function granted(program: string, paths: readonly string[]): Map<string, number> {
  const blocks = ask(program, ['-nps', '--', ...paths]).split('\n\n');
  return new Map(
    blocks.flatMap((block): [string, number][] => {
      const [, name] = /^# file: (.*)$/m.exec(block) ?? [];
      const [, bits = ''] = /^group::([-rwx]{3})/m.exec(block) ?? [];
      if (name === undefined || bits === '') return [];
      const bytes = Buffer.from(name)
        .toString('latin1')
        .replace(/\\(\\|[0-7]{3})/g, unescaped);
      const group = [...bits].reduce((sum, bit, i) => sum + (bit === '-' ? 0 : 4 >> i), 0);
      return [[Buffer.from(bytes, 'latin1').toString(), group]];
    }),
  );
}

function unescaped(_: string, code: string): string {
  return code === '\\' ? code : String.fromCharCode(Number.parseInt(code, 8));
}

/** Source: coreutils, `ls`: a plus behind the mode. One line for each path, in their order, as `-U` and `-b` make it. */
function listed(program: string, paths: readonly string[]): Map<string, number> {
  const lines = ask(program, ['-dlnUb', '--', ...paths])
    .split('\n')
    .slice(0, -1);
  // Something has gone meanwhile.
  if (lines.length !== paths.length)
    return paths.length === 1 ? new Map() : new Map(paths.flatMap((path) => [...listed(program, [path])]));
  return new Map(paths.filter((_, i) => lines[i]!.startsWith('+', 10)).map((path) => [path, 0]));
}

/** A mode with the group bits that an ACL gave the owning group. */
export function withoutAcl(mode: number, group: number): number {
  return (mode & ~0o070) | (mode & (group << 3));
}

/** @param path of what came back without its ACL @returns a sentence that is safe to show */
export function aclLost(path: string): string {
  return `'${printableName(path)}' had an ACL, which is not put back: set it again; its group may do no more than before`;
}
