// Which of the names of a tool is the one on this machine: MariaDB and MySQL, Redis and Valkey call theirs differently.
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

/** @returns the first that is on the path; the first of all where none is, so that it is the one that is missed */
export async function whichOf(
  programs: readonly [string, ...string[]],
  env: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  const directories = (env.PATH ?? '').split(delimiter).filter((directory) => directory !== '');
  for (const program of programs) {
    for (const directory of directories) {
      const isThere = access(join(directory, program), constants.X_OK).then(
        () => true,
        () => false,
      );
      if (await isThere) return program;
    }
  }
  return programs[0];
}
