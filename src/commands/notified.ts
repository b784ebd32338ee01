// Has the receivers of `notify` told how a command went. The command knows nothing of it, and nothing that goes wrong
// here changes how it ends.

import { randomUUID } from 'node:crypto';
import { StrongroomError } from '../errors.ts';
import type { EventName, Message } from '../notify/message.ts';
import { TOLD } from '../notify/receiver.ts';
import { GuardError } from '../vault/guard/failure.ts';
import { isName } from '../vault/names.ts';
import type { Input } from './command.ts';
import type { Context, Settings } from './context.ts';
import type { AnyCommand } from './index.ts';
import type { Facts } from './notify/facts.ts';

/** How long the end waits for the news of the start to be gone, in milliseconds. */
const START_GRACE_MS = 2000;

/** What follows when the command has ended. Neither ever throws. */
export interface Telling {
  /** @param code exit code of the result */
  ended(result: unknown, code: number): Promise<void>;
  failed(error: unknown): Promise<void>;
}

/**
 * Tells that a command begins, beside its work.
 * @param path the words of the command
 * @returns undefined where nobody is to be told
 */
export async function beginTelling(
  path: readonly string[],
  command: AnyCommand,
  { args, flags }: Input,
  context: Context,
): Promise<Telling | undefined> {
  const name = path.join(' ');
  if (!TOLD.some((told) => told === name) || flags.dryRun === true) return undefined;
  // Settings that cannot be read name nobody; the command meets the same error.
  const settings = await context.settings().catch(() => undefined);
  if (settings === undefined || (settings.config?.notify ?? []).length === 0) return undefined;
  const { tell } = await import('./notify/tell.ts');
  const { BRIEF, ONCE, PATIENT } = await import('../notify/deliver.ts');
  const began = performance.now();
  const about = await aboutRun(name, settings, context);
  const start: Message = {
    ...about,
    event: 'start',
    sets: setsAsked(args, flags, settings),
    time: context.now(),
  };
  const late = new AbortController();
  const { sets } = start;
  const started = tell(
    { message: start, sets, limits: ONCE, signal: AbortSignal.any([late.signal, context.signal]) },
    settings,
    context,
  );

  const finish = async (about: () => Outcome): Promise<void> => {
    try {
      const timer = setTimeout(() => late.abort(), START_GRACE_MS);
      warnOf(await started, 'start', context, 'warning');
      clearTimeout(timer);
      const seconds = Math.round((performance.now() - began) / 100) / 10;
      const { message, all } = about();
      const { aborted } = context.signal;
      const told = await tell(
        {
          message: { ...start, seconds, ...message, time: context.now() },
          sets: [...sets, ...all],
          // Whoever interrupts wants it to end; an interrupt that comes only now ends the telling.
          ...(aborted ? { limits: BRIEF } : { limits: PATIENT, signal: context.signal }),
        },
        settings,
        context,
      );
      warnOf(told, message.event, context, 'error');
    } catch (error) {
      const why = error instanceof StrongroomError ? error.message : 'for a reason of its own';
      context.warn('not-notified', `nobody was told: ${why}`, { severity: 'error' });
    }
  };
  const { factsOf } = await import('./notify/facts.ts');
  return {
    ended: (result, code) => finish(() => outcomeOf(name, code, factsOf(command, result, code), start)),
    failed: (error) => finish(() => failureOf(name, error)),
  };
}

/** What is known in the end. */
interface Outcome {
  readonly message: Partial<Message> & Pick<Message, 'event'>;
  /** The sets of the run, as far as the result has them. */
  readonly all: readonly string[];
}

/** What a message says before anything has happened. */
export async function aboutRun(
  command: string,
  { env, config }: Settings,
  context: Context,
): Promise<Message> {
  return {
    event: 'test',
    command,
    ok: true,
    sets: [],
    snapshots: [],
    host: await hostOf(context),
    env,
    vault: undefined,
    vaultId: config?.pin?.vault,
    exitCode: undefined,
    codes: [],
    counts: {},
    seconds: undefined,
    run: randomUUID(),
    time: context.now(),
    details: [],
  };
}

function outcomeOf(
  command: string,
  code: number,
  { all, ...facts }: Facts,
  { sets, vaultId }: Message,
): Outcome {
  const message = {
    ...facts,
    event: eventOf(command, code),
    ok: code === 0,
    exitCode: code,
    sets: facts.sets.length > 0 ? facts.sets : sets,
    vaultId: facts.vaultId ?? vaultId,
  };
  return { message, all };
}

function failureOf(command: string, error: unknown): Outcome {
  const isOurs = error instanceof StrongroomError;
  const message = {
    event: command === 'drill' ? ('drill' as const) : ('failure' as const),
    ok: false,
    exitCode: isOurs ? error.exitCode : 1,
    codes: [isOurs ? error.code : 'unexpected'],
    ...(error instanceof GuardError ? { snapshots: error.snapshots } : {}),
    // What is not ours may say anything.
    details: isOurs ? [error.message] : [],
  };
  return { message, all: [] };
}

function eventOf(command: string, code: number): EventName {
  if (command === 'drill') return 'drill';
  if (code === 0) return 'success';
  if (code === 3) return 'incomplete';
  return command === 'health' ? 'stale' : 'failure';
}

function setsAsked(args: Input['args'], flags: Input['flags'], { config }: Settings): readonly string[] {
  // A path by mistake is not ours to tell: the command refuses it.
  if (typeof flags.set === 'string') return isName(flags.set) ? [flags.set] : [];
  // Paths make a set of their own, whose name is not ours to guess.
  return Array.isArray(args.paths) && args.paths.length > 0 ? [] : [...(config?.sets.keys() ?? [])];
}

async function hostOf(context: Context): Promise<string | undefined> {
  try {
    return (await context.world()).hostName;
  } catch {
    // The command says so, if it minds.
    return undefined;
  }
}

function warnOf(
  told: Awaited<ReturnType<typeof import('./notify/tell.ts').tell>>,
  event: string,
  context: Context,
  severity: 'warning' | 'error',
): void {
  for (const { number, receiver, failure } of told) {
    if (failure === undefined) continue;
    const hint = failure.hint;
    context.warn(
      'not-notified',
      `receiver ${number} (${receiver.kind}) was not told (${event}): ${failure.message}`,
      {
        severity,
        ...(hint === undefined ? {} : { hint }),
      },
    );
  }
}
