// `strongroom keys rotate`: a new key for the vault. Snapshots follow with `--reencrypt`.
import { InterruptedError, StrongroomError, UsageError } from '../../errors.ts';
import type { Finding } from '../../vault/finding.ts';
import { readActivity } from '../../vault/hosts/activity.ts';
import { type Pin, pinOf } from '../../vault/pin.ts';
import { hasUnnamedKeys, revise } from '../../vault/revise.ts';
import {
  planReencryption,
  type ReencryptionPlan,
  type ReencryptOptions,
  reencrypt,
} from '../../vault/rotate/reencrypt.ts';
import { planRotation, type Rotation, type RotationPlan, rotate } from '../../vault/rotate/rotate.ts';
import type { StillThere } from '../../vault/rotate/still-there.ts';
import { stillThere } from '../../vault/rotate/still-there.ts';
import { requireProven, type UnlockedVault } from '../../vault/vault.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { remindOfReplicas } from '../copy/replicas.ts';
import { openUnlocked, warnFindings } from '../open.ts';
import { otherPinIn } from '../trust.ts';
import { keysAnew } from './rotate/keys-anew.ts';
import { afterwards, planLines, rotatedFields, spoken } from './rotate/words.ts';

/** What is to be done, as it was decided before the question. */
export interface RotateWork {
  /** Left out where only the snapshots are left to do. */
  readonly rotation?: RotationPlan;
  readonly compromised: boolean;
  /** Left out where snapshots stay under the keys that they are under. */
  readonly reencryption?: ReencryptionPlan;
  /** Snapshots that somebody could read who held a key until now. */
  readonly readable: number;
  /** Hosts that may write, with the number of the key that each of them knows. */
  readonly writers: readonly Writer[];
  readonly vault: UnlockedVault;
}

export interface Writer {
  readonly name: string;
  readonly generation: number;
}

export interface RotateResult {
  readonly work: RotateWork;
  readonly isDryRun: boolean;
  readonly rotated?: Rotation;
  readonly reencrypted?: {
    readonly done: number;
    readonly bytes: number;
    readonly findings: readonly Finding[];
  };
  readonly pin: Pin;
  /** The settings file that holds the old pin. */
  readonly oldPinIn?: string | undefined;
  /** What the place keeps of what was removed. */
  readonly still?: StillThere;
}

export const command = defineCommand({
  description: [
    'Makes a new key for the vault, wraps it for every way to open it, and keeps the old one where only the new one opens it. Age, SSH and AWS KMS keys need nothing; a passphrase keeps, unless STRONGROOM_NEW_PASSPHRASE… gives another; one that nobody is there to give is left out and can be added again.',
    'Hosts go on with the pin that they have, and nothing that they write is lost: give them the new pin that is printed.',
    '--without and --compromised re-encrypt too. A run that was cut off is finished by `keys rotate --finish`.',
  ],
  needs: 'read, create and delete access, and a way to open the vault that remains',
  args: {},
  flags: {
    without: {
      value: 'NAME',
      repeat: true,
      summary: 'leave this key out, as somebody left',
    },
    reencrypt: { summary: 're-encrypt every snapshot to the new key' },
    compromised: { summary: 'the old key leaked: mark what it opens as exposed, and take no old passphrase' },
    postQuantum: { summary: 'make the new key a post-quantum one' },
    finish: { summary: 'make no new key: re-encrypt what is still under an older one' },
    dryRun: { summary: 'say what would be done, and change nothing' },
  },
  examples: [
    ['keys rotate --without bob', 'Bob left'],
    ['keys rotate --compromised --dry-run', 'what it takes when the key leaked'],
    ['keys rotate --finish', 'go on where it was cut off'],
  ],
  async run({ flags }, context): Promise<RotateResult> {
    const vault = await openUnlocked(context);
    requireProven(vault);
    const { document } = vault;
    const { without, compromised } = flags;
    const isPlain = without.length === 0 && !compromised && !flags.postQuantum;
    if (flags.finish && !isPlain) throw finishAlone();
    const isFinish = flags.finish || (flags.reencrypt && document.reencrypt && isPlain);
    const mayAsk = context.terminal.interactive && !flags.dryRun;
    const anew = await keysAnew(context, vault, { compromised, mayAsk });
    const isReencrypting = isFinish || flags.reencrypt || compromised || without.length > 0;
    const rotation = isFinish ? undefined : await planRotation(document, { without, keyFor: anew.keyFor });
    // After a rotation all of them are under an older key.
    const snapshots = await planReencryption(vault, rotation?.generation);
    const work: RotateWork = {
      compromised,
      readable: snapshots.all,
      writers: await writersOf(vault),
      vault,
      ...(rotation ? { rotation } : {}),
      ...(isReencrypting ? { reencryption: snapshots } : {}),
    };
    const { reencryption } = work;
    if (flags.dryRun) return { work, isDryRun: true, pin: pinOf(document) };
    for (const line of planLines(work)) context.notice(line);
    if (rotation && rotation.leftOut.length > 0) sayLeftOut(context, rotation);
    const question = rotation
      ? `Rotate the key of the vault ${document.name}?`
      : 'Re-encrypt these snapshots?';
    // What a run that was cut off left is removed without a question.
    const isAsked = rotation !== undefined || (reencryption?.snapshots.length ?? 0) > 0;
    if (isAsked && !(await context.terminal.confirm(question)))
      throw new StrongroomError('not-confirmed', 'nothing was changed', { hint: 'answer yes, or add --yes' });
    const postQuantum = flags.postQuantum ? { postQuantum: true } : {};
    const { hostName } = await context.world();
    const rotated = rotation
      ? await rotate(vault, {
          by: hostName,
          without,
          compromised,
          reencrypt: isReencrypting,
          ...postQuantum,
          keyFor: anew.keyFor,
          credentials: await anew.credentials(),
        })
      : undefined;
    const now = rotated?.vault ?? vault;
    if (rotated) warnFindings(context, now.findings);
    if (rotated && !rotated.isRemembered) {
      context.warn('not-remembered', 'this machine cannot remember the new pin', {
        hint: `put the line that is printed into its strongroom.yaml, or run \`strongroom trust ${rotated.pin.authority}\` when it can`,
      });
    }
    const pin = pinOf(now.document);
    const oldPin = await otherPinIn(context, pin);
    // Before the long part, which may be cut off: whoever rotates must know the new pin.
    context.emit({
      type: 'rotated',
      fields: { generation: pin.generation, pin: { ...pin }, fingerprint: pin.authority },
      ...spoken(work, rotated, pin, oldPin),
    });
    const reencrypted = reencryption ? await carryOut(context, now) : undefined;
    await remindOfReplicas(context);
    return {
      work,
      isDryRun: false,
      ...(rotated ? { rotated } : {}),
      ...(reencrypted ? { reencrypted } : {}),
      pin,
      oldPinIn: oldPin,
      ...(now.store.history ? { still: await stillThere(now) } : {}),
    };
  },
  human(result, out) {
    if (result.isDryRun) {
      for (const line of planLines(result.work)) out.line(line);
      return;
    }
    const { reencrypted } = result;
    if (reencrypted) {
      const { done, bytes } = reencrypted;
      out.note(`${out.count(done, 'snapshot')} re-encrypted, ${out.size(bytes)}`);
    }
    for (const line of afterwards(result)) out.line(line);
  },
  json(result) {
    const { rotated, reencrypted, pin, oldPinIn, still, isDryRun, work } = result;
    return {
      ...rotatedFields(work),
      dry_run: isDryRun,
      rotated: rotated !== undefined,
      untested: rotated?.made.filter((m) => m.untested !== undefined).map((m) => m.name),
      reencrypted: reencrypted?.done,
      not_reencrypted: reencrypted?.findings.map(({ code, object, message }) => ({ code, object, message })),
      pin: { ...pin },
      fingerprint: pin.authority,
      config_pin_differs: oldPinIn !== undefined,
      still_readable: still && { ...still, until: still.until?.toISOString() },
    };
  },
  exitCode: ({ reencrypted }) => (reencrypted && reencrypted.findings.length > 0 ? 3 : 0),
});

/** What is done stays done, and is not undone as with other commands. */
function cutOff({ document }: UnlockedVault): InterruptedError {
  return new InterruptedError(
    'interrupted',
    `interrupted: the vault ${document.name} has key number ${document.generation}, and some snapshots are under an older one`,
    { hint: 'go on with `strongroom keys rotate --finish`' },
  );
}

function finishAlone(): UsageError {
  return new UsageError('conflicting-flags', '--finish makes no new key, so no other flag changes it', {
    hint: 'run `strongroom keys rotate --finish` first; then rotate again, with --without or --compromised',
  });
}

/** A passphrase that nobody gave is easily overlooked where nobody looks. */
function sayLeftOut(context: Context, { leftOut }: RotationPlan): void {
  const names = leftOut.map(({ name }) => name).join(', ');
  context.warn('left-out', `these keys will not open the vault any more: ${names}`, {
    hint: 'give their passphrase (STRONGROOM_PASSPHRASE_FILE, or STRONGROOM_NEW_PASSPHRASE_FILE for another one), or add them again afterwards',
  });
}

async function writersOf(vault: UnlockedVault): Promise<Writer[]> {
  const { hosts } = await readActivity(vault);
  return hosts
    .filter(({ host }) => host.removed === undefined && host.may.includes('write'))
    .map(({ host, behind }) => ({ name: host.name, generation: behind ?? vault.document.generation }));
}

/** Re-encrypts, and says in the vault document when nothing is left to do. */
async function carryOut(context: Context, vault: UnlockedVault): Promise<RotateResult['reencrypted']> {
  const onProgress: ReencryptOptions['onProgress'] = ({ bytes, ofBytes }) =>
    context.progress.update({ phase: 're-encrypting', done: bytes, total: ofBytes, unit: 'bytes' });
  const result = await reencrypt(vault, { onProgress }).catch((error: unknown) => {
    throw error instanceof InterruptedError ? cutOff(vault) : error;
  });
  warnFindings(context, result.findings);
  const isDone = result.findings.length === 0;
  // Every revision removes old keys that an earlier one was cut off before it removed.
  if (isDone && (vault.document.reencrypt || (await hasUnnamedKeys(vault))))
    await revise(vault, async () => ({ change: { reencrypt: false } }));
  return result;
}
