// How an age or SSH key is told apart in a line for people: by what is no secret of it.
import { fingerprint } from '../sign/key.ts';

/**
 * @param recipient `age1…` or `age1pq1…`, or the canonical line of an SSH key
 * @returns its first 12 characters and `…`; of an SSH key the fingerprint, as `ssh-keygen -l` prints it
 */
export function shortRecipient(recipient: string): string {
  if (/^ssh-\S+ /.test(recipient)) return fingerprint(recipient);
  return recipient.length > 12 ? `${recipient.slice(0, 12)}…` : recipient;
}
