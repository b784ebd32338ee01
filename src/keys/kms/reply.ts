// Owns how much of a reply is read. The SDK collects whatever comes, of an error too; what answers may not be AWS.
import { addAbortSignal, Readable } from 'node:stream';
import type { KMSClient } from './sdk.ts';

/** KMS's longest reply has some 10 KiB. */
const LIMIT = 1024 * 1024;

/** A reply that no KMS gives. */
export class LongReply extends Error {
  override readonly name = 'LongReply';
}

/**
 * Has a client read no more than 1 MiB of a reply; beyond it a call fails with LongReply, and is not made again.
 * @param signal ends the reading, and the connection with it
 */
export function boundReplies(client: KMSClient, signal: AbortSignal): void {
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const response = result.response as { body?: unknown };
      if (response.body instanceof Readable) response.body = await read(response.body, signal);
      return result;
    },
    // The innermost: what parses replies, errors among them, finds bytes.
    { step: 'deserialize', priority: 'low', name: 'strongroomBound' },
  );
}

async function read(body: Readable, signal: AbortSignal): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of addAbortSignal(signal, body)) {
    size += (chunk as Buffer).length;
    // Leaving the loop closes the connection.
    if (size > LIMIT) throw new LongReply();
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}
