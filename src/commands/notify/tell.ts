// Tells the receivers of the configuration: reads the secrets of each, sends to all at once, and says who could not be
// told. It never throws, as whatever is told of has happened already.

import { dirname } from 'node:path';
import { StrongroomError } from '../../errors.ts';
import { deliver, type Limits, type Target } from '../../notify/deliver.ts';
import type { Message } from '../../notify/message.ts';
import { NotSent } from '../../notify/not-sent.ts';
import { type ReceiverConfig, type SecretPlace, wants } from '../../notify/receiver.ts';
import type { Context, Settings } from '../context.ts';

export interface Told {
  /** Its place in the list, from 1. */
  readonly number: number;
  readonly receiver: ReceiverConfig;
  /** Undefined where it was told. */
  readonly failure: StrongroomError | undefined;
}

export interface News {
  readonly message: Message;
  /** The sets of the run. */
  readonly sets: readonly string[];
  readonly limits: Limits;
  /** Ends it, as a failure. */
  readonly signal?: AbortSignal | undefined;
}

/** Tells those who want to hear it. */
export async function tell(news: News, settings: Settings, context: Context): Promise<readonly Told[]> {
  const all = settings.config?.notify ?? [];
  const configured = [...(settings.config?.sets.keys() ?? [])];
  return await Promise.all(
    all.flatMap((receiver, i) =>
      wants(receiver, news.message, news.sets, configured)
        ? [tellOne({ receiver, number: i + 1 }, news, settings, context)]
        : [],
    ),
  );
}

async function tellOne(
  one: Pick<Told, 'receiver' | 'number'>,
  { message, limits, signal }: News,
  settings: Settings,
  context: Context,
): Promise<Told> {
  try {
    const details = one.receiver.paths ? message.details.map(oneLine) : [];
    const target = (end: AbortSignal) => targetOf(one.receiver, settings, context, end);
    await deliver(target, { ...message, details }, limits, signal);
    return { ...one, failure: undefined };
  } catch (error) {
    const failure =
      error instanceof StrongroomError ? error : new NotSent('it failed in a way of its own', false, error);
    return { ...one, failure };
  }
}

/** A file may be called anything. */
function oneLine(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f]/g, '?');
}

async function targetOf(
  { kind, settings, secrets, insecure }: ReceiverConfig,
  { configFile, config }: Settings,
  context: Context,
  end: AbortSignal,
): Promise<Target> {
  const found = await Promise.all(
    Object.entries(secrets).map(
      async ([name, place]) => [name, await secretAt(place, name, context, end)] as const,
    ),
  );
  const cwd = configFile === undefined ? context.cwd : dirname(configFile);
  const env = kind === 'command' ? environmentFor(config?.notify ?? [], context) : undefined;
  // The table of the settings has checked what each kind has.
  return { ...settings, ...Object.fromEntries(found), kind, insecure, cwd, env } as unknown as Target;
}

/** Secrets by their places: a run tells twice, and what is piped in can be read once. */
const read = new WeakMap<SecretPlace, Promise<string>>();

async function secretAt(
  place: SecretPlace,
  name: string,
  context: Context,
  end: AbortSignal,
): Promise<string> {
  const reading = read.get(place) ?? readSecret(place, name, context, end);
  read.set(place, reading);
  try {
    return await reading;
  } catch (error) {
    // It may have been given up for the news of the start only.
    read.delete(place);
    throw error;
  }
}

/** @throws NotSent, UsageError and InterruptedError as `Secrets.file` */
async function readSecret(
  place: SecretPlace,
  name: string,
  { env, secrets }: Context,
  end: AbortSignal,
): Promise<string> {
  if ('text' in place) return place.text;
  const text = 'file' in place ? (await secrets.file(place.file, end)).text : (env[place.env] ?? '');
  const line = text.replace(/\r?\n$/, '');
  const where = 'file' in place ? place.file : `variable ${place.env}`;
  if (line === '') throw new NotSent(`${where} gives no ${name}`, false);
  if (/[\u0000-\u001f\u007f]/.test(line)) throw new NotSent(`the ${name} in ${where} is not one line`, false);
  return line;
}

/** What lets somebody in by itself: into the vault, where a KMS key opens it. */
const OPENS =
  /^(?:STRONGROOM_|AWS_(?:ACCESS_KEY_ID$|SECRET_|SESSION_|SECURITY_|BEARER_|CONTAINER_|WEB_IDENTITY_))/;

/** No way into the vault, and none to the other receivers. */
function environmentFor(all: readonly ReceiverConfig[], { env }: Context): Context['env'] {
  const taken = new Set(
    all.flatMap(({ secrets }) =>
      Object.values(secrets).flatMap((place) => ('env' in place ? [place.env] : [])),
    ),
  );
  return Object.fromEntries(Object.entries(env).filter(([name]) => !OPENS.test(name) && !taken.has(name)));
}
