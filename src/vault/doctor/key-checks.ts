// Checks of the ways into the vault: how many there are, on what they hang, and how the KMS keys among them are.
import type { Slot, VaultDocument } from '../documents/vault-document.ts';
import { type Pin, pinOf } from '../pin.ts';
import { awsCommand } from './aws-cli.ts';
import {
  type Answer,
  type Check,
  type Checked,
  given,
  type Outcome,
  ok,
  unknown,
  warning,
  wrong,
} from './check.ts';

/** A KMS key, as its service describes it. */
export interface KmsKeyState {
  /** `Enabled`, `Disabled`, `PendingDeletion`… */
  readonly state: string;
  readonly deletion: Date | undefined;
  /** Whether its material is renewed by itself; undefined for keys that have no such thing. */
  readonly rotates: Answer<boolean> | undefined;
}

/** A KMS key to be checked. */
export interface KmsKey {
  readonly arn: string;
  /** Goes behind `KMS key that`. */
  readonly use: string;
  /** False: only a vault that nothing vouches for names it. It is then not asked. */
  readonly isVouchedFor?: boolean;
}

const accountOf = ({ arn }: Slot): string | undefined => arn?.split(':')[4];

export const waysIn: Check<Pick<VaultDocument, 'slots'>> = {
  id: 'ways-in',
  title: 'ways in',
  run({ slots }) {
    if (slots.length === 1) {
      return warning(
        `only one: ${slots[0]!.name}; when it is lost, so is the vault`,
        'add a second one that is kept elsewhere: `strongroom recovery kit` for paper in a safe, or `strongroom keys add`',
      );
    }
    const accounts = new Set(slots.map(accountOf));
    if (accounts.size === 1 && !accounts.has(undefined)) {
      return warning(
        `each of the ${slots.length} keys is in the AWS account ${[...accounts][0]}: locked out of it, nobody opens the vault`,
        'make vaults with an age key or a passphrase beside them, kept offline',
      );
    }
    return ok(`${slots.length}: ${slots.map(({ name }) => name).join(', ')}`);
  },
};

/** A re-encryption that was cut off leaves snapshots to whoever holds the key that was rotated out. */
export const reencryption: Check<Pick<VaultDocument, 'reencrypt' | 'generation'>> = {
  id: 're-encryption',
  title: 're-encryption',
  run({ reencrypt, generation }) {
    if (!reencrypt) return ok('none is open');
    return wrong(
      `it was begun and is not finished: snapshots are still under an older key than number ${generation}`,
      'unless it is running at this moment, run `strongroom keys rotate --finish` where the vault can be opened',
    );
  },
};

/** Which key of the vault this machine knows. */
export interface KeyFacts {
  readonly document: VaultDocument;
  /** The pin that a backup from here goes by. */
  readonly pin: Pin;
  /** The pin of the settings, where they hold one. */
  readonly configured: Pin | undefined;
}

/** A host goes on with the key that it knows, so a rotation that it was not told of is seen nowhere else. */
export const knownKey: Check<KeyFacts> = {
  id: 'known-key',
  title: 'key of the vault',
  run({ document, pin, configured }) {
    const { generation, authority } = pinOf(document);
    const fix = `ask whoever rotated it whether ${authority} is its fingerprint, then run \`strongroom trust ${authority}\``;
    const old = Math.min(pin.generation, configured?.generation ?? pin.generation);
    if (old >= generation) return ok(`number ${generation}, as the pin has it`);
    const isOnPaper = configured !== undefined && configured.generation < generation;
    const inSettings = isOnPaper ? `${fix}, and put the pin that it prints into strongroom.yaml` : fix;
    const now = `the vault has key number ${generation}`;
    if (pin.generation >= generation)
      return warning(`${now}, and the settings hold the pin of number ${old}`, inSettings);
    if (document.generations[pin.generation - 1]?.compromised === true)
      return wrong(`${now}, and this machine writes to number ${pin.generation}, which leaked`, inSettings);
    return warning(`${now}, and this machine writes to number ${pin.generation}`, inSettings);
  },
};

const NOT_ASKED = unknown(
  'it was not asked: only a vault that nothing vouches for names it',
  'pin the vault: `strongroom trust SHA256:…` with the fingerprint that init printed; or name the key, if it is yours, in STRONGROOM_KMS_KEYS or under kms: in strongroom.yaml',
);

/**
 * One finding for each KMS key.
 * @param ask what its service says of an ARN
 * @param endpoint URL of another service than AWS, where KMS is asked there
 */
export async function kmsChecks(
  keys: readonly KmsKey[],
  ask: (arn: string) => Promise<Answer<KmsKeyState>>,
  endpoint?: string,
): Promise<Checked[]> {
  return await Promise.all(
    keys.map(async ({ arn, use, isVouchedFor = true }) => {
      const outcome = isVouchedFor
        ? given(await ask(arn), (key) => judgeKmsKey(key, arn, endpoint))
        : NOT_ASKED;
      return {
        id: 'kms-key',
        title: `KMS key that ${use}`,
        ...outcome,
        message: `${outcome.message} (${arn})`,
      };
    }),
  );
}

function judgeKmsKey(
  { state, deletion, rotates }: KmsKeyState,
  arn: string,
  endpoint: string | undefined,
): Outcome {
  const region = arn.split(':')[3] ?? '';
  const call = (verb: string) => awsCommand(`kms ${verb}`, endpoint, `--region ${region} --key-id ${arn}`);
  if (state === 'PendingDeletion' || state === 'PendingReplicaDeletion') {
    const when = deletion ? ` on ${deletion.toISOString().slice(0, 10)}` : '';
    return wrong(
      `it will be deleted${when}, and with it this way in`,
      `${call('cancel-key-deletion')}, then ${call('enable-key')}`,
    );
  }
  if (state === 'Deleted') {
    return wrong(
      'there is no such key, or no more: it opens nothing',
      'if the ARN is right, open the vault by another key and make a new vault; if there is none, what is in it is lost',
    );
  }
  if (state !== 'Enabled') return wrong(`its state is ${state}: it opens nothing`, call('enable-key'));
  if (rotates === undefined) return ok('enabled');
  if (!rotates.known)
    return warning(
      `enabled; whether it rotates is not known: ${rotates.why}`,
      'allow kms:GetKeyRotationStatus on it',
    );
  return rotates.value
    ? ok('enabled, rotates')
    : warning('enabled, but does not rotate', call('enable-key-rotation'));
}
