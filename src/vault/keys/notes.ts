// What to think about when looking at the keys of a vault. Reads the vault document alone, and says; decides nothing.
import { newestGeneration, type Slot, type VaultDocument } from '../documents/vault-document.ts';

export interface NoteOptions {
  /** Where the public half of an SSH key was found that lets its owner log in here, by its canonical line. */
  readonly logins?: ReadonlyMap<string, string>;
}

/** @returns sentences for people, the gravest first */
export function keyNotes(document: VaultDocument, { logins = new Map() }: NoteOptions = {}): string[] {
  const { slots, generations, reencrypt } = document;
  return [
    ...compromised(document),
    ...(reencrypt
      ? ['a re-encryption is not finished: go on with it by `strongroom keys rotate --finish`']
      : []),
    ...(slots.length === 1 ? ['there is only one way in: when it is lost, so is the vault'] : []),
    ...oneAccount(slots),
    ...(generations.length > 0 && newestGeneration(document).recipient.startsWith('age1pq1')
      ? classic(slots)
      : []),
    ...sshKeys(slots, logins),
  ];
}

function compromised({ generations }: VaultDocument): string[] {
  const numbers = generations.flatMap(({ generation, compromised }) => (compromised ? [generation] : []));
  if (numbers.length === 0) return [];
  const which =
    numbers.length === 1 ? `key number ${numbers[0]} is` : `keys number ${numbers.join(', ')} are`;
  return [
    `${which} marked compromised: what was encrypted under it counts as read by others; \`strongroom keys exposure\` lists what to revoke`,
  ];
}

function oneAccount(slots: readonly Slot[]): string[] {
  const accounts = new Set(
    slots.map(({ method, arn = '' }) => (method === 'kms' ? arn.split(':')[4] : undefined)),
  );
  const [account] = accounts;
  if (slots.length < 2 || accounts.size !== 1 || account === undefined) return [];
  return [
    `every way in hangs on the AWS account ${account}: when it is locked, so is the vault; add a key that is kept elsewhere`,
  ];
}

function classic(slots: readonly Slot[]): string[] {
  const names = slots.flatMap(({ name, recipient = 'age1pq1' }) =>
    recipient.startsWith('age1pq1') ? [] : [name],
  );
  return names.length > 0 ? [`not post-quantum as long as ${names.join(', ')} opens it`] : [];
}

function sshKeys(slots: readonly Slot[], logins: ReadonlyMap<string, string>): string[] {
  const keys = slots.filter(({ method }) => method === 'ssh');
  const used = keys.flatMap(({ name, recipient = '' }) => {
    const where = logins.get(recipient);
    return where === undefined ? [] : [{ name, where }];
  });
  const strong = used.map(
    ({ name, where }) =>
      `the SSH key ${name} is in ${where}, so it is used to log in too: whoever gets at it there reads the vault, and to replace it there is to lose this way in`,
  );
  const others = keys.flatMap(({ name }) => (used.some((one) => one.name === name) ? [] : [name]));
  if (others.length === 0) return strong;
  return [
    ...strong,
    `an SSH key that is also used to log in is at hand in more places than a vault's key should be: if ${others.join(', ')} is one, think of a key for the vault alone`,
  ];
}
