// How an age key is told apart in a line for people: by the beginning of its recipient, which is no secret.

/**
 * @param recipient `age1…` or `age1pq1…`
 * @returns its first 12 characters, and `…`
 */
export function shortRecipient(recipient: string): string {
  return recipient.length > 12 ? `${recipient.slice(0, 12)}…` : recipient;
}
