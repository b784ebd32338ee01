// Brings one message to one receiver: again when it may help, and never for long. Each kind is loaded when it is used.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Program } from './command.ts';
import type { Healthchecks } from './healthchecks.ts';
import type { Message } from './message.ts';
import { NotSent } from './not-sent.ts';
import type { Ntfy } from './ntfy.ts';
import type { Slack } from './slack.ts';
import type { Smtp } from './smtp.ts';
import type { Webhook } from './webhook.ts';

/** A receiver, its secrets in hand. */
export type Target = Healthchecks | Webhook | Slack | Ntfy | Smtp | Program;

type Reading = (signal: AbortSignal) => Promise<Target>;

/** How hard it is tried; times in milliseconds. */
export interface Limits {
  readonly tries: number;
  readonly perTry: number;
  readonly inAll: number;
  /** Before the second try; three times as long before each further one. */
  readonly pause: number;
}

export const PATIENT: Limits = { tries: 3, perTry: 10_000, inAll: 30_000, pause: 1000 };
/** For what nobody waits for. */
export const ONCE: Limits = { tries: 1, perTry: 10_000, inAll: 10_000, pause: 0 };
/** For when everything has to end. */
export const BRIEF: Limits = { tries: 1, perTry: 5000, inAll: 5000, pause: 0 };

/**
 * @param target or what reads its secrets, with what ends that: within the limits too
 * @param signal ends it at once
 * @throws NotSent that says why, in words of ours; what reading the secrets throws
 */
export async function deliver(
  target: Target | Reading,
  message: Message,
  { tries, perTry, inAll, pause }: Limits = PATIENT,
  signal?: AbortSignal,
): Promise<void> {
  const [end, stop] = limit(inAll, signal);
  try {
    const known = typeof target === 'function' ? await inHand(target, perTry, end) : target;
    for (let made = 1; ; made++) {
      const failure = await attempt(known, message, perTry, end);
      if (failure === undefined) return;
      if (!failure.again || made >= tries || end.aborted) throw failure;
      const waited = await sleep(pause * 3 ** (made - 1), true, { signal: end }).catch(() => false);
      if (!waited) throw failure;
    }
  } finally {
    stop();
  }
}

/** A secret may stand in a pipe, or on a disk that does not answer. Once: a pipe says nothing twice. */
async function inHand(read: Reading, perTry: number, end: AbortSignal): Promise<Target> {
  const [signal, stop] = limit(perTry, end);
  const late = () => new NotSent('its secrets could not be read in time', false);
  try {
    const ended = new Promise<never>((_resolve, reject) => {
      if (signal.aborted) reject(late());
      signal.addEventListener('abort', () => reject(late()), { once: true });
    });
    return await Promise.race([ended, read(signal)]);
  } finally {
    stop();
  }
}

async function attempt(
  target: Target,
  message: Message,
  perTry: number,
  end: AbortSignal,
): Promise<NotSent | undefined> {
  const [signal, stop] = limit(perTry, end);
  try {
    await sendTo(target, message, signal);
    return undefined;
  } catch (error) {
    if (signal.aborted) return new NotSent('it did not answer in time', true, error);
    // What nobody thought of is said without its words: a header that is refused is quoted whole.
    return error instanceof NotSent ? error : new NotSent('it failed in a way of its own', false, error);
  } finally {
    stop();
  }
}

/** A signal that fires after a time, or with another one. Its timer keeps the process alive until it is stopped. */
function limit(ms: number, other?: AbortSignal): [AbortSignal, () => void] {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), ms);
  const signal = other ? AbortSignal.any([controller.signal, other]) : controller.signal;
  return [signal, () => clearTimeout(timer)];
}

async function sendTo(target: Target, message: Message, signal: AbortSignal): Promise<void> {
  switch (target.kind) {
    case 'healthchecks':
      return await (await import('./healthchecks.ts')).pingHealthchecks(target, message, signal);
    case 'webhook':
      return await (await import('./webhook.ts')).callWebhook(target, message, signal);
    case 'slack':
      return await (await import('./slack.ts')).tellSlack(target, message, signal);
    case 'ntfy':
      return await (await import('./ntfy.ts')).publishNtfy(target, message, signal);
    case 'smtp':
      return await (await import('./smtp.ts')).sendMail(target, message, signal);
    case 'command':
      return await (await import('./command.ts')).runProgram(target, message, signal);
  }
}
