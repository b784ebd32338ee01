// The file for the node exporter's textfile collector: replaced in one rename, since the exporter reads it at any time,
// and readable by everyone, since the exporter is somebody else. It holds no secret.
import { randomBytes } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { StrongroomError } from '../../errors.ts';

/** The exporter passes over names that do not end in `.prom`. */
export const SUFFIX = '.prom';

/**
 * @param path absolute
 * @throws StrongroomError `metrics-not-written`
 */
export async function writeMetrics(path: string, text: string): Promise<void> {
  // In the same directory, or it is no rename; under a name that the exporter passes over.
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    const file = await open(temporary, 'wx', 0o644);
    try {
      // Whatever the umask.
      await file.chmod(0o644);
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {});
    const { code } = cause as NodeJS.ErrnoException;
    throw new StrongroomError('metrics-not-written', `cannot write ${path} (${String(code)})`, {
      object: path,
      hint: "give a file in the directory of the node exporter's textfile collector, where this user may write",
      cause,
    });
  }
}

/** What the file says now; empty where there is none, or it cannot be read. */
export async function readMetrics(path: string): Promise<string> {
  return await readFile(path, 'utf8').catch(() => '');
}
