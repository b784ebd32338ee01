// Owns one question to the service for a check: its deadline, what a refusal means, and the time that it was there.

import { StrongroomError } from '../../errors.ts';
import type { Allowed } from '../../vault/doctor/bucket-port.ts';
import type { Answer } from '../../vault/doctor/check.ts';
import { attempt } from './attempt.ts';
import { facts, isTransient, s3Failure } from './failure.ts';
import type { S3Client } from './sdk.ts';

export interface Tried<T> {
  readonly value: T | undefined;
  /** As people are told it. */
  readonly error: unknown;
  /** The service's own name of it. */
  readonly name: string;
  readonly status: number | undefined;
}

/** Asks about one bucket. */
export class Asker {
  readonly #bucket: string;
  readonly #deadline: number;
  #ahead: number | undefined;

  /** @param deadline milliseconds for one question with all its attempts */
  constructor(bucket: string, deadline: number, client: S3Client) {
    this.#bucket = bucket;
    this.#deadline = deadline;
    client.middlewareStack.add(
      (next) => async (args) => {
        const result = await next(args);
        const { headers } = result.response as { headers?: Readonly<Record<string, string>> };
        const date = Date.parse(headers?.date ?? '');
        if (!Number.isNaN(date)) this.#ahead = date - Date.now();
        return result;
      },
      { step: 'deserialize', priority: 'low', name: 'strongroomClock' },
    );
  }

  /** How far the service's clock was ahead of ours at its last reply, in milliseconds. */
  get ahead(): number | undefined {
    return this.#ahead;
  }

  /** @param also statuses that say that it was allowed, though it failed */
  async may(
    action: string,
    work: (signal: AbortSignal) => Promise<unknown>,
    also: readonly number[] = [],
  ): Promise<Answer<Allowed>> {
    const said = await this.try(action, '', work);
    if (said.error === undefined) return { known: true, value: 'allowed' };
    if (said.status === 403) return { known: true, value: 'denied' };
    if (said.status !== undefined && also.includes(said.status)) return { known: true, value: 'allowed' };
    return { known: false, why: whyNot(action, said, undefined) };
  }

  /** @param absent the value, by the name of the error that says that nothing is set */
  async ask<T>(
    action: string,
    absent: Readonly<Record<string, T>>,
    work: (signal: AbortSignal) => Promise<T>,
    permission?: string,
  ): Promise<Answer<T>> {
    const said = await this.try(action, '', work);
    if (said.error === undefined) return { known: true, value: said.value as T };
    if (Object.hasOwn(absent, said.name)) return { known: true, value: absent[said.name] as T };
    return { known: false, why: whyNot(action, said, permission ?? `s3:${action}`) };
  }

  async try<T>(action: string, key: string, work: (signal: AbortSignal) => Promise<T>): Promise<Tried<T>> {
    try {
      const options = { signal: undefined, deadline: this.#deadline, isTransient };
      return {
        value: await attempt((_, signal) => work(signal), options),
        error: undefined,
        name: '',
        status: 200,
      };
    } catch (error) {
      const { name, status } = facts(error);
      return {
        value: undefined,
        error: s3Failure(error, { name: action, bucket: this.#bucket, key }),
        name,
        status,
      };
    }
  }
}

function whyNot(
  action: string,
  { error, name, status }: Tried<unknown>,
  permission: string | undefined,
): string {
  if (status === 403) return `this role may not ask (${permission ?? action})`;
  if (name === 'NotImplemented' || status === 405 || status === 501) return 'this service does not say';
  return error instanceof StrongroomError ? error.message : 'the service did not answer as it should';
}
