// The passphrase recipient of age, over OpenSSL's scrypt on the thread pool. It judges no passphrase;
// passphrase.ts does.
import { randomBytes, scrypt } from 'node:crypto';
import type { Identity, Recipient, Stanza } from 'age-encryption';
import { IntegrityError, UnlockError, UsageError } from '../errors.ts';
import { openFileKey, sealFileKey } from './aead.ts';
import { decodeBase64, encodeBase64 } from './base64.ts';
import { badHeader, scryptHasCompany } from './header.ts';

const TYPE = 'scrypt';
const LABEL = 'age-encryption.org/v1/scrypt';
const SALT_SIZE = 16;
const BODY_SIZE = 32;

/** What the `age` program writes: 256 MiB and about a second. */
const DEFAULT_WORK_FACTOR = 18;

/** What the `age` program accepts: 4 GiB. */
const MAX_WORK_FACTOR = 22;

/** Wraps file keys under a passphrase. age lets it be a file's only recipient. */
export class ScryptRecipient implements Recipient {
  readonly #passphrase: string;
  readonly #workFactor: number;

  /**
   * @param passphrase used as it is, as UTF-8 and without normalisation, as the `age` program does
   * @param workFactor base-two logarithm of scrypt's N: memory is 2^workFactor KiB
   * @throws UsageError `bad-work-factor` unless it is a whole number from 1 to 22
   */
  constructor(passphrase: string, workFactor = DEFAULT_WORK_FACTOR) {
    if (!Number.isInteger(workFactor) || workFactor < 1 || workFactor > MAX_WORK_FACTOR) {
      throw new UsageError('bad-work-factor', `the work factor must be from 1 to ${MAX_WORK_FACTOR}`);
    }
    this.#passphrase = passphrase;
    this.#workFactor = workFactor;
  }

  /** @see https://c2sp.org/age#scrypt-recipient-stanza */
  async wrapFileKey(fileKey: Uint8Array): Promise<Stanza[]> {
    const salt = randomBytes(SALT_SIZE);
    const wrapKey = await stretch(this.#passphrase, salt, this.#workFactor);
    const args = [TYPE, encodeBase64(salt), String(this.#workFactor)];
    return [{ args, body: sealFileKey(wrapKey, fileKey) }];
  }
}

/** Unwraps file keys with a passphrase. */
export class ScryptIdentity implements Identity {
  readonly #passphrase: string;
  readonly #maxWorkFactor: number;

  /**
   * @param options.maxWorkFactor the most work, and 2^maxWorkFactor KiB the most memory, that a file may demand
   */
  constructor(passphrase: string, options: { maxWorkFactor?: number } = {}) {
    this.#passphrase = passphrase;
    this.#maxWorkFactor = options.maxWorkFactor ?? MAX_WORK_FACTOR;
  }

  /**
   * @param object what the file is called in a failure
   * @returns the file key, or null when the file has no passphrase
   * @throws IntegrityError `bad-header`, or `work-factor-too-high` before any memory is taken
   * @throws UnlockError `wrong-passphrase`
   * @see https://c2sp.org/age#scrypt-recipient-stanza
   */
  async unwrapFileKey(stanzas: readonly Stanza[], object = 'the file'): Promise<Buffer | null> {
    const stanza = stanzas.find(({ args }) => args[0] === TYPE);
    if (stanza === undefined) return null;
    if (scryptHasCompany(stanzas)) throw badHeader(object, 'a passphrase stands beside another recipient');
    const { args, body } = stanza;
    const salt = args.length === 3 ? decodeBase64(args[1]!) : undefined;
    if (salt?.length !== SALT_SIZE || body.length !== BODY_SIZE || !/^[1-9][0-9]*$/.test(args[2]!)) {
      throw badHeader(object, 'its passphrase recipient is malformed');
    }
    const workFactor = Number(args[2]);
    if (workFactor > this.#maxWorkFactor) {
      throw new IntegrityError(
        'work-factor-too-high',
        `${object} demands a work factor above ${this.#maxWorkFactor} for its passphrase`,
        {
          object,
          hint: 'somebody who can write there may want to exhaust this machine; do not trust the file',
        },
      );
    }
    const fileKey = openFileKey(await stretch(this.#passphrase, salt, workFactor), body);
    if (fileKey === undefined) {
      throw new UnlockError('wrong-passphrase', `the passphrase does not open ${object}`, { object });
    }
    return fileKey;
  }
}

/** scrypt as age uses it (RFC 7914): r = 8, p = 1, so 1 KiB for each unit of N. */
function stretch(passphrase: string, salt: Uint8Array, workFactor: number): Promise<Buffer> {
  const N = 2 ** workFactor;
  // Node allows 32 MiB unless told; OpenSSL counts some blocks besides the 1 KiB for each unit of N.
  const options = { N, r: 8, p: 1, maxmem: N * 1024 + 64 * 1024 };
  const labelled = Buffer.concat([Buffer.from(LABEL), salt]);
  return new Promise((resolve, reject) => {
    scrypt(Buffer.from(passphrase), labelled, 32, options, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}
