// Which snapshot a command is about: reads them, chooses one, and says what was passed over and what came to light.
import { UsageError } from '../errors.ts';
import { documentTime } from '../vault/names.ts';
import { chooseSnapshot, parseAt, WhichHostError } from '../vault/select.ts';
import { readSnapshots, type Snapshot, type Snapshots } from '../vault/snapshots.ts';
import type { Vault } from '../vault/vault.ts';
import type { Context } from './context.ts';
import { age } from './counted.ts';
import { warnFindings } from './open.ts';

/** Flags that choose a snapshot. */
export const choiceFlags = {
  set: { value: 'SET', summary: 'the set' },
  host: { value: 'HOST', summary: 'the host that made it' },
  at: { value: 'TIME', summary: 'the newest at or before TIME (local time unless it names a zone)' },
} as const;

export interface ChoiceFlags {
  readonly set: string | undefined;
  readonly host: string | undefined;
  readonly at: string | undefined;
}

/** Reads the snapshots and chooses one, and says on stderr what was passed over and what came to light. */
export async function chooseOne(
  context: Context,
  vault: Vault,
  selector: string | undefined,
  { set, host, at }: ChoiceFlags,
): Promise<Snapshot> {
  const read = await readSnapshots(vault, set === undefined ? {} : { set });
  return chooseFrom(context, vault, read, selector, { set, host, at });
}

/**
 * As `chooseOne`, from snapshots that were read.
 * @param again the command as it was typed, for the hint where it lacks --host
 */
export async function chooseFrom(
  context: Context,
  vault: Vault,
  read: Snapshots,
  selector: string | undefined,
  { set, host, at }: ChoiceFlags,
  again?: string,
): Promise<Snapshot> {
  const time = at === undefined ? undefined : parseAt(at);
  if (time) context.notice(`newest at or before ${documentTime(time)}`);
  const choice = {
    ...(selector === undefined ? {} : { selector }),
    ...(set === undefined ? {} : { set }),
    ...(host === undefined ? {} : { host }),
    ...(time ? { at: time } : {}),
  };
  const { hostName } = await context.world();
  const { snapshot, passedOver } = namingHosts(context, again, () => chooseSnapshot(read, choice, hostName));
  warnFindings(context, [...vault.findings, ...read.findings.filter((f) => f.severity === 'error')]);
  const newest = passedOver
    .map(({ id }) => id)
    .sort()
    .at(-1);
  if (newest !== undefined) {
    const { length } = passedOver;
    const what =
      length === 1
        ? `${newest} is newer, but a source failed in it`
        : `${length} newer ones, up to ${newest}, are passed over, as a source failed in each`;
    context.warn('passed-over', what, {
      object: newest,
      hint: `to use ${length === 1 ? 'it' : 'one'} all the same, name it`,
    });
  }
  return snapshot;
}

/** Says what to type where only --host is missing: the newest first. */
function namingHosts<T>(context: Context, again: string | undefined, choose: () => T): T {
  try {
    return choose();
  } catch (error) {
    if (!(error instanceof WhichHostError)) throw error;
    const [first, ...others] = error.newest.map(({ host, time }) => {
      const when = age(new Date(time), context.now());
      return { flag: `--host ${host}`, when };
    });
    const typed = again === undefined ? `add ${first?.flag}` : `\`${again} ${first?.flag}\``;
    const rest = others.map(({ flag, when }) => `${flag} (${when})`).join(', ');
    throw new UsageError(error.code, error.message, { hint: `${typed} (${first?.when}), or ${rest}` });
  }
}
