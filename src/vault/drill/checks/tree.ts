// What was restored, read again from where it lies: nothing missing, nothing more, each with its hash and its mode. All
// bytes pass here once, so that whoever else wants to see them looks over the shoulder.
import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
} from 'node:fs';
import { InterruptedError } from '../../../errors.ts';
import type { Entry } from '../../../pack/entry.ts';
import { decodeName, encodeName, fsPath, printableName } from '../../../pack/names.ts';
import type { PlannedEntry } from '../../../pack/place/types.ts';
import type { Check } from '../result.ts';
import type { RestoredTree } from '../target.ts';

/** Sees the content of small files. @param path in the snapshot @param content good until it returns */
export type Onlooker = (path: string, content: Buffer) => void;

/** Larger files are data, which no onlooker wants. */
const SHOWN_BYTES = 256 * 1024;
const CHUNK = 1 << 20;
/** As many as are named one by one. */
const MOST_NAMED = 20;
/** Files between two looks at whether somebody pressed Ctrl-C. */
const BREATH = 500;

/**
 * @param placed as the restore planned it: what mode each was to have
 * @returns a check `files` and a check `modes`, or one for each that is wrong
 * @throws InterruptedError
 */
export async function checkTree(
  { contents, directory }: RestoredTree,
  placed: readonly PlannedEntry[],
  onlook: Onlooker,
  signal?: AbortSignal,
): Promise<Check[]> {
  const faults: Check[] = [];
  const wrong = (check: 'files' | 'modes', path: string, message: string): void => {
    faults.push({ check, subject: printableName(path), outcome: 'failed', message });
  };
  const buffer = Buffer.allocUnsafe(CHUNK);
  let count = 0;
  for (const { entry, mode } of placed) {
    if (count++ % BREATH === 0) await breathe(signal);
    const fault = orUnreadable(() => contentFault(`${directory}/${entry.path}`, entry, buffer, onlook));
    if (fault !== undefined) wrong('files', entry.path, fault);
    else if (entry.type !== 'symlink') {
      const found = lstatSync(fsPath(`${directory}/${entry.path}`)).mode & 0o7777;
      if (found !== mode)
        wrong('modes', entry.path, `has the mode ${octal(found)}, and should have ${octal(mode)}`);
    }
  }
  const known = new Set(contents.entries.map(({ path }) => path));
  const extra = orUnreadable(() => {
    for (const path of pathsIn(directory)) if (!known.has(path)) wrong('files', path, 'is in no snapshot');
    return undefined;
  });
  // Whatever cannot be listed was told of above.
  if (extra !== undefined && faults.length === 0) wrong('files', '.', extra);
  return (['files', 'modes'] as const).flatMap((check) => summed(check, contents.entries, faults));
}

function summed(check: 'files' | 'modes', entries: readonly Entry[], faults: readonly Check[]): Check[] {
  const own = faults.filter((fault) => fault.check === check);
  if (own.length === 0) {
    const files = entries.filter(({ type }) => type === 'file').length;
    return [{ check, subject: `${files} ${files === 1 ? 'file' : 'files'}`, outcome: 'passed' }];
  }
  const more = own.length - MOST_NAMED;
  if (more <= 0) return own;
  const rest: Check = { check, subject: `${more} more`, outcome: 'failed', message: 'are wrong like these' };
  return [...own.slice(0, MOST_NAMED), rest];
}

/** A set may ask for modes that keep its owner out. */
function orUnreadable(look: () => string | undefined): string | undefined {
  try {
    return look();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EACCES' && code !== 'EPERM') throw error;
    return 'cannot be read by who restores it, with the modes that the set asks for';
  }
}

/** What is wrong with what stands at a path; nothing of its content is said. */
function contentFault(path: string, entry: Entry, buffer: Buffer, onlook: Onlooker): string | undefined {
  const found = lstatSync(fsPath(path), { throwIfNoEntry: false });
  if (found === undefined) return 'is missing';
  if (entry.type === 'dir') return found.isDirectory() ? undefined : 'is no directory';
  if (entry.type === 'symlink') {
    if (!found.isSymbolicLink()) return 'is no link';
    const target = readlinkSync(fsPath(path), { encoding: 'buffer' });
    return target.equals(encodeName(entry.target ?? '')) ? undefined : 'leads elsewhere';
  }
  if (!found.isFile()) return 'is no file';
  if (found.size !== entry.size) return 'has another size';
  const fd = openSync(fsPath(path), constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const hash = createHash('sha256');
    const { size } = fstatSync(fd);
    for (let at = 0; ; ) {
      const read = readSync(fd, buffer, 0, buffer.length, null);
      if (read === 0) break;
      const chunk = buffer.subarray(0, read);
      hash.update(chunk);
      if (at === 0 && read === size && size <= SHOWN_BYTES) onlook(entry.path, chunk);
      at += read;
    }
    return hash.digest('hex') === entry.sha256 ? undefined : 'does not have the content that was backed up';
  } finally {
    closeSync(fd);
  }
}

/** Everything below a directory, links not followed, in the form that entries have. */
function* pathsIn(directory: string, below = ''): Generator<string> {
  const at = below === '' ? directory : `${directory}/${below}`;
  for (const entry of readdirSync(fsPath(at), { withFileTypes: true, encoding: 'buffer' })) {
    const name = decodeName(entry.name as unknown as Buffer);
    const path = below === '' ? name : `${below}/${name}`;
    yield path;
    if (entry.isDirectory()) yield* pathsIn(directory, path);
  }
}

async function breathe(signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
  if (signal?.aborted) throw new InterruptedError('interrupted', 'interrupted');
}

const octal = (mode: number): string => mode.toString(8).padStart(4, '0');
