// `strongroom keys rotate`: a new key for the vault. Snapshots follow with `--reencrypt`.
import type { Finding } from '../../vault/finding.ts';
import { type Pin, pinOf, pinText } from '../../vault/pin.ts';
import { hasUnnamedKeys, revise } from '../../vault/revise.ts';
import { planReencryption, type ReencryptionPlan, reencrypt } from '../../vault/rotate/reencrypt.ts';
import { planRotation, type Rotation, type RotationPlan, rotate } from '../../vault/rotate/rotate.ts';
import type { StillThere } from '../../vault/rotate/still-there.ts';
import { stillThere } from '../../vault/rotate/still-there.ts';
import { requireProven, type UnlockedVault } from '../../vault/vault.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { openUnlocked, warnFindings } from '../open.ts';
import { otherPinIn } from '../trust.ts';
import { keysAnew } from './rotate/keys-anew.ts';
import { afterwards, planLines, rotatedFields } from './rotate/words.ts';

/** What is to be done, as it was decided before the question. */
export interface RotateWork {
  /** Left out where only the snapshots are left to do. */
  readonly rotation?: RotationPlan;
  readonly compromised: boolean;
  /** Left out where snapshots stay under the keys that they are under. */
  readonly reencryption?: ReencryptionPlan;
  /** Snapshots that somebody could read who held a key until now. */
  readonly readable: number;
  readonly vault: UnlockedVault;
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
      summary: 'leave this key out, as somebody left; may be repeated',
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
    const isFinish =
      flags.finish || (flags.reencrypt && document.reencrypt && without.length === 0 && !compromised);
    const anew = await keysAnew(context, vault, compromised);
    const snapshots = await planReencryption(vault);
    const isReencrypting = isFinish || flags.reencrypt || compromised || without.length > 0;
    const rotation = isFinish ? undefined : await planRotation(document, { without, keyFor: anew.keyFor });
    // After a rotation all of them are under an older key.
    const reencryption = isReencrypting ? await planReencryption(vault, rotation?.generation) : undefined;
    const work: RotateWork = {
      compromised,
      readable: snapshots.all,
      vault,
      ...(rotation ? { rotation } : {}),
      ...(reencryption ? { reencryption } : {}),
    };
    if (flags.dryRun) return { work, isDryRun: true, pin: pinOf(document) };
    for (const line of planLines(work)) context.notice(line);
    const question = rotation
      ? `Rotate the key of the vault ${document.name}?`
      : 'Re-encrypt these snapshots?';
    if (!(await context.terminal.confirm(question))) return { work, isDryRun: true, pin: pinOf(document) };
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
    const reencrypted = reencryption ? await carryOut(context, now) : undefined;
    const pin = pinOf(now.document);
    return {
      work,
      isDryRun: false,
      ...(rotated ? { rotated } : {}),
      ...(reencrypted ? { reencrypted } : {}),
      pin,
      oldPinIn: await otherPinIn(context, pin),
      ...(now.store.history ? { still: await stillThere(now) } : {}),
    };
  },
  human(result, out) {
    if (result.isDryRun) {
      for (const line of planLines(result.work)) out.line(line);
      return;
    }
    const { rotated, reencrypted, pin } = result;
    if (rotated) {
      const { name, generation, revision } = rotated.vault.document;
      out.note(
        out.styled('green', `The vault ${name} has a new key`),
        `, number ${generation} (revision ${revision})`,
      );
    }
    if (reencrypted) {
      const { done, bytes } = reencrypted;
      out.note(`${out.count(done, 'snapshot')} re-encrypted, ${out.size(bytes)}`);
    }
    for (const line of afterwards(result)) out.line(line);
    if (rotated) out.line(`pin: ${pinText(pin)}`);
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

/** Re-encrypts, and says in the vault document when nothing is left to do. */
async function carryOut(context: Context, vault: UnlockedVault): Promise<RotateResult['reencrypted']> {
  const result = await reencrypt(vault, {
    onProgress: ({ bytes, ofBytes }) =>
      context.progress.update({ phase: 're-encrypting', done: bytes, total: ofBytes, unit: 'bytes' }),
  });
  warnFindings(context, result.findings);
  const isDone = result.findings.length === 0;
  // Every revision removes old keys that an earlier one was cut off before it removed.
  if (isDone && (vault.document.reencrypt || (await hasUnnamedKeys(vault))))
    await revise(vault, async () => ({ change: { reencrypt: false } }));
  return result;
}
