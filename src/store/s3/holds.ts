// Owns legal holds: what S3 calls a lock that has no end but its being lifted. They need a bucket with Object Lock.

import { IntegrityError } from '../../errors.ts';
import { checkObjectName, type Holds } from '../store.ts';
import { eachAtOnce } from './at-once.ts';
import type { Caller } from './caller.ts';
import { facts } from './failure.ts';
import { PutObjectLegalHoldCommand } from './sdk.ts';

/** Of the version of each object that counts now. */
export function s3Holds(caller: Caller): Holds {
  return {
    async set(names, on, { signal } = {}) {
      names.forEach(checkObjectName);
      await eachAtOnce(names, (name) => setHold(caller, name, on, signal));
    },
  };
}

async function setHold(
  caller: Caller,
  name: string,
  on: boolean,
  signal: AbortSignal | undefined,
): Promise<void> {
  const input = {
    ...caller.bucket,
    Key: caller.prefix + name,
    LegalHold: { Status: on ? ('ON' as const) : ('OFF' as const) },
  };
  const isThere = await caller.call({ action: 'PutObjectLegalHold', name, signal }, async (abortSignal) => {
    try {
      await caller.client.send(new PutObjectLegalHoldCommand(input), { abortSignal });
      return true;
    } catch (error) {
      // What was removed from a bucket with versions is answered with a refusal of the method.
      if (facts(error).name === 'NoSuchKey' || facts(error).name === 'MethodNotAllowed') return false;
      throw error;
    }
  });
  if (isThere || !on) return;
  throw new IntegrityError('missing-object', `${name} is not there, and cannot be held`, {
    object: name,
    hint: 'run `strongroom verify`',
  });
}
