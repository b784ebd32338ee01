// What doctor reads of the vault itself, if this role may: the ways into it, and whether a backup from here counts.
import { StrongroomError } from '../../errors.ts';
import { isSameKey } from '../../keys/kms/arn.ts';
import { type Checked, ok, runChecks, unknown, wrong } from '../../vault/doctor/check.ts';
import { COUNTS, countsOutcome, unreadOutcome } from '../../vault/doctor/counts-check.ts';
import { type KmsKey, kmsChecks, knownKey, reencryption, waysIn } from '../../vault/doctor/key-checks.ts';
import { clockFinding } from '../../vault/doctor/machine-checks.ts';
import type { VaultDocument } from '../../vault/documents/vault-document.ts';
import type { Pin } from '../../vault/pin.ts';
import type { Role } from '../../vault/policy/roles.ts';
import { isOfPin, openVault, type Vault } from '../../vault/vault.ts';
import type { Context } from '../context.ts';
import { namedKmsKeys } from '../kms-keys.ts';
import { thisHost, vaultContext } from '../open.ts';

export interface Known {
  /** Of the settings. */
  readonly pin: Pin | undefined;
  readonly isDirectory: boolean;
  readonly role: Role | undefined;
}

/** What the vault says of itself. */
export async function vaultFindings(context: Context, known: Known): Promise<Checked[]> {
  const { config } = await context.settings();
  const found = { id: 'vault', title: 'vault' };
  const ask = (await context.world()).kmsKeyState;
  const endpoint = context.env.AWS_ENDPOINT_URL_KMS || undefined;
  const sseKey: KmsKey[] = config?.s3.kmsKeyId?.includes(':key/')
    ? [{ arn: config.s3.kmsKeyId, use: 'S3 encrypts with' }]
    : [];
  let vault: Vault;
  try {
    vault = await openVault(await vaultContext(context), known.pin ? { pin: known.pin } : {});
  } catch (error) {
    if (!(error instanceof StrongroomError)) throw error;
    const { message, hint, exitCode } = error;
    const outcome = exitCode === 14 ? unknown(message) : wrong(message, hint ?? 'run `strongroom verify`');
    return [
      { ...found, ...outcome },
      ...(asksWhetherItCounts(known) ? [{ ...COUNTS, ...unreadOutcome(message) }] : []),
      ...(await kmsChecks(sseKey, ask, endpoint)),
    ];
  }
  const { document, pin } = vault;
  return [
    { ...found, ...ok(`${document.name}, as it should be read`) },
    ...(pin ? await runChecks([knownKey], { document, pin, configured: known.pin }) : []),
    ...(await runChecks([reencryption], document)),
    await countsFinding(context, document, known),
    ...(known.isDirectory ? [clockFinding(document.time, context.now())] : []),
    ...(await runChecks([waysIn], document)),
    ...(await kmsChecks([...(await openingKeys(context, vault)), ...sseKey], ask, endpoint)),
  ];
}

/**
 * Whoever can write to the store can name any key in a vault that nothing vouches for, as whoever held an older key can in a rotation of his own, and learns from a question who
 * asks: such a key is asked only if the user named it too.
 */
export async function openingKeys(context: Context, vault: Vault): Promise<KmsKey[]> {
  const named = await namedKmsKeys(context);
  const isKnown = await isOfPin(vault);
  return vault.document.slots.flatMap(({ arn }) => {
    if (arn === undefined) return [];
    const isVouchedFor = isKnown || named.some((other) => isSameKey(arn, other));
    return [{ arn, use: 'opens the vault', isVouchedFor }];
  });
}

/** Where the vault cannot be read. Over a network a backup goes by the pin alone, and nobody else would notice. */
function asksWhetherItCounts({ role, pin, isDirectory }: Known): boolean {
  return role === 'backup' || (!isDirectory && pin !== undefined);
}

async function countsFinding(context: Context, document: VaultDocument, { role }: Known): Promise<Checked> {
  const { config } = await context.settings();
  try {
    const { name, key } = await thisHost(context);
    const sets = [...(config?.sets.keys() ?? [])];
    return { ...COUNTS, ...countsOutcome(document, { name, key }, sets, role) };
  } catch (error) {
    if (!(error instanceof StrongroomError)) throw error;
    const hint = error.hint ?? 'see the signing key of this machine';
    if (error.code !== 'no-signing-key' || role === 'backup')
      return { ...COUNTS, ...wrong(error.message, hint) };
    // Where nothing signs, nothing is backed up: right on a machine that restores, but not where sets are configured.
    const isAsked = role === undefined && (config?.sets.size ?? 0) > 0;
    if (!isAsked)
      return { ...COUNTS, ...ok('nothing is backed up from here: this machine has no signing key') };
    const fix = `${hint}; where nothing is to be backed up from, say so: \`doctor --role restore\``;
    return { ...COUNTS, ...wrong(`${error.message}, and the settings name sets to back up`, fix) };
  }
}
