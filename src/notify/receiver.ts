// Who can be told of what: the settings of a receiver, before its secrets are read, and what it wants to hear.

import { EVENTS, type EventName, type Message } from './message.ts';

export const KINDS = ['healthchecks', 'webhook', 'slack', 'ntfy', 'smtp', 'command'] as const;
export type Kind = (typeof KINDS)[number];

/** The commands whose outcome is told. */
export const TOLD = ['backup', 'guard', 'copy', 'prune', 'verify', 'health', 'drill'] as const;

/** Where a secret is: written out, in a file (an absolute path), or in a variable. */
export type SecretPlace = { readonly text: string } | { readonly file: string } | { readonly env: string };

export interface ReceiverConfig {
  readonly kind: Kind;
  readonly on: readonly EventName[];
  readonly commands: readonly string[];
  /** Only of runs with one of these sets; undefined for all. */
  readonly sets: readonly string[] | undefined;
  /** Whether it is told paths and locations too. */
  readonly paths: boolean;
  readonly insecure: boolean;
  /** By the names of the kind's settings: `url`, `token`, `password`. */
  readonly secrets: Readonly<Record<string, SecretPlace>>;
  /** The others, as the file has them. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/**
 * What a kind is told unless its settings say. A check of healthchecks waits for one thing to come in time: were it told
 * of other commands too, they would hide that the backups have stopped.
 */
export function defaultsOf(kind: Kind): Pick<ReceiverConfig, 'on' | 'commands'> {
  return kind === 'healthchecks'
    ? { on: EVENTS, commands: ['backup'] }
    : { on: ['failure', 'incomplete', 'stale', 'drill'], commands: TOLD };
}

/**
 * @param sets those of the run, be they well or not: whoever hears that it began must hear that it ended
 * @param configured all sets of the deployment
 */
export function wants(
  { kind, on, commands, sets: asked }: Pick<ReceiverConfig, 'kind' | 'on' | 'commands' | 'sets'>,
  { event, command }: Pick<Message, 'event' | 'command'>,
  sets: readonly string[],
  configured: readonly string[],
): boolean {
  if (event === 'test') return true;
  if (!on.includes(event) || !commands.includes(command)) return false;
  // A check takes any success for all that it stands for; and one that heard of a start only would wait in vain.
  if (kind === 'healthchecks' && (event === 'start' || event === 'success'))
    return (asked ?? configured).every((set) => sets.includes(set));
  return asked === undefined || sets.some((set) => asked.includes(set));
}
