// Lists one more host in the vault document.
import { ConflictError, UsageError } from '../../errors.ts';
import { fingerprint, parsePublicKey } from '../../sign/key.ts';
import type { VaultDocument } from '../documents/vault-document.ts';
import { documentTime } from '../names.ts';
import { revise } from '../revise.ts';
import type { UnlockedVault } from '../vault.ts';
import { type Applicant, checkApplicant } from './line.ts';

/**
 * Whether a host may be listed beside those that are.
 * @throws UsageError `bad-name`, `bad-scope`, `bad-public-key`, `key-in-use`; ConflictError `key-listed`, `name-taken`
 */
export function checkEnrollment(document: VaultDocument, applicant: Applicant): void {
  const { name } = checkApplicant(applicant);
  const key = parsePublicKey(applicant.key);
  const same = document.hosts.find((host) => host.key === key);
  if (same?.removed !== undefined) {
    throw new ConflictError(
      'key-listed',
      `that key is of ${same.name}, which was removed from the vault ${document.name}`,
      {
        object: same.name,
        hint: 'a removed host never comes back with the same key: make a new one there with `strongroom hosts enroll --new-key`',
      },
    );
  }
  if (same) {
    throw new ConflictError(
      'key-listed',
      `the vault ${document.name} lists that key already, as ${same.name}`,
      {
        object: same.name,
        hint: `there is nothing to do; what it may do is not changed: for that, remove ${same.name}, and enroll it again with --new-key`,
      },
    );
  }
  if (isUsedElsewhere(document, key)) {
    throw new UsageError('key-in-use', `the key ${fingerprint(key)} opens the vault ${document.name}`, {
      object: name,
      hint: 'a host that writes must hold nothing that opens the vault: give it a key of its own',
    });
  }
  if (document.hosts.some((host) => host.name === name && host.removed === undefined)) {
    throw new ConflictError('name-taken', `the vault ${document.name} has a host called ${name} already`, {
      object: name,
      hint: `give this one another name (STRONGROOM_HOST), or remove the other first: strongroom hosts remove ${name}`,
    });
  }
}

/** Of an authority, or of an SSH key that opens the vault: one key must not have two meanings. */
function isUsedElsewhere({ generations, slots }: VaultDocument, key: string): boolean {
  const isIt = (line = '') => line.split(' ').slice(0, 2).join(' ') === key;
  return generations.some((g) => isIt(g.authority)) || slots.some((s) => isIt(s.recipient));
}

/**
 * @returns the vault as it is now
 * @throws as `checkEnrollment` and `revise`
 */
export async function enrollHost(vault: UnlockedVault, applicant: Applicant): Promise<UnlockedVault> {
  return await revise(vault, async ({ document, now }) => {
    checkEnrollment(document, applicant);
    const host = { ...checkApplicant(applicant), added: documentTime(now()) };
    return { change: { hosts: [...document.hosts, host] } };
  });
}
