// Whether a descriptor is a terminal, without paying for node:tty (it loads node:net) where it is none.

import { fstatSync } from 'node:fs';

/** @param fd an open descriptor; a closed one is no terminal */
export function isTerminal(fd: number): boolean {
  try {
    return fstatSync(fd).isCharacterDevice() && process.getBuiltinModule('node:tty').isatty(fd);
  } catch {
    return false;
  }
}
