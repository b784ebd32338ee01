// Stdout and stderr as two simple sinks. Writes are synchronous: a failure is met where it happens and nothing is
// lost when the process ends. A reader that has gone (EPIPE) is not a failure; a full disk is.

import { write, writeSync } from 'node:fs';
import { StrongroomError } from '../errors.ts';
import { isTerminal as isTerminalFd } from './tty.ts';

export interface Sink {
  readonly isTerminal: boolean;
  /** Columns of the terminal; 80 where it is none. */
  columns(): number;
  /** Writes text. After the reader has gone, nothing happens. @throws StrongroomError output-failed */
  write(text: string): void;
  /** Writes bytes. @throws ReaderGone, StrongroomError output-failed */
  writeBytes(chunk: Uint8Array): Promise<void>;
}

/** Whoever read our output has gone: the work ends in silence. Not for people, so no StrongroomError. */
export class ReaderGone extends Error {}

/**
 * A sink over a file descriptor.
 * @param fd 1 or 2
 * @param columns how wide the terminal is, asked for when it is needed
 */
export function openSink(fd: number, columns: () => number | undefined): Sink {
  const isTerminal = isTerminalFd(fd);
  let gone = false;
  return {
    isTerminal,
    columns: () => (isTerminal ? (columns() ?? 80) : 80),
    write(text) {
      if (gone) return;
      try {
        writeAll(fd, Buffer.from(text));
      } catch (error) {
        gone = isPipe(error);
        if (!gone) throw failed(error);
      }
    },
    async writeBytes(chunk) {
      if (gone) throw new ReaderGone();
      let at = 0;
      while (at < chunk.length) {
        try {
          at += await writeSome(fd, chunk.subarray(at));
        } catch (error) {
          if (isBusy(error)) await new Promise((wake) => setTimeout(wake, 5));
          else if (isPipe(error)) {
            gone = true;
            throw new ReaderGone();
          } else throw failed(error);
        }
      }
    },
  };
}

function writeAll(fd: number, bytes: Uint8Array): void {
  let at = 0;
  while (at < bytes.length) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      // Another process may have made the pipe non-blocking; it is full, so wait for its reader.
      if (!isBusy(error)) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

function writeSome(fd: number, bytes: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, bytes, (error, written) => (error === null ? resolve(written) : reject(error)));
  });
}

const isBusy = (error: unknown): boolean => codeOf(error) === 'EAGAIN';
const isPipe = (error: unknown): boolean => codeOf(error) === 'EPIPE' || codeOf(error) === 'ECONNRESET';

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

function failed(error: unknown): StrongroomError {
  const code = codeOf(error);
  return new StrongroomError(
    'output-failed',
    `cannot write the output${typeof code === 'string' ? ` (${code})` : ''}`,
    {
      hint: 'see whether the disk that it goes to is full',
      cause: error,
    },
  );
}
