// The part of bcrypt-pbkdf that is used; the package brings no types.
declare module 'bcrypt-pbkdf' {
  /** Fills `key`. @returns 0, or -1 for sizes that it refuses */
  export function pbkdf(
    passphrase: Uint8Array,
    passphraseLength: number,
    salt: Uint8Array,
    saltLength: number,
    key: Uint8Array,
    keyLength: number,
    rounds: number,
  ): number;
}
