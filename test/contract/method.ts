// What every way to open a vault must do, whatever it is made of. A method's own test file calls describeMethod and
// adds only what is its own.

import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IntegrityError, StrongroomError, UnlockError } from '../../src/errors.ts';
import type { Credential, NewKey, WrappedSlot } from '../../src/keys/method.ts';
import { readSlotPlaintext, writeSlotPlaintext } from '../../src/keys/slot.ts';

export interface MethodFixture {
  /** A way to open, as `init` adds it. */
  newKey(name: string): Promise<NewKey>;
  /** Opens what `newKey` wraps. */
  right(): Promise<Credential>;
  /** Of the same kind, for another vault. */
  wrong(): Promise<Credential>;
  /** A slot of each other method, which is none of its business. */
  readonly others: readonly WrappedSlot[];
  /** Text that must not stand in any message. */
  readonly secrets: readonly string[];
}

const context = { vault: '0123456789abcdefghjkmnpqrs', generation: 1 };
const expected = { ...context, recipient: `age1${'q'.repeat(58)}` };
const plain = writeSlotPlaintext({ ...expected, identity: `AGE-SECRET-KEY-1${'Q'.repeat(58)}` });

/** @param method as the vault document names it */
export function describeMethod(method: string, make: () => Promise<MethodFixture>): void {
  describe(`the contract of unlock methods: ${method}`, () => {
    async function wrapped(
      fixture: MethodFixture,
      bytes: Uint8Array = plain,
    ): Promise<{ bytes: Buffer; slot: WrappedSlot }> {
      const key = await fixture.newKey('mine');
      const { bytes: file, fields } = await key.wrap(bytes, context);
      return {
        bytes: file,
        slot: {
          name: key.name,
          method: key.method,
          object: `keys/1/mine-0123456789.${key.extension}`,
          ...fields,
        },
      };
    }

    /** Tries to unwrap, and holds a failure to be one of ours that tells no secret and names the object. */
    async function refusal(
      fixture: MethodFixture,
      credential: Credential,
      bytes: Uint8Array,
      slot: WrappedSlot,
    ): Promise<string> {
      try {
        return (await credential.unwrap(bytes, slot)) === null ? 'null' : 'opened';
      } catch (error) {
        expect(error).toBeInstanceOf(StrongroomError);
        const { message, hint = '' } = error as StrongroomError;
        expect(message).toContain(slot.object);
        for (const secret of fixture.secrets) expect(message + hint).not.toContain(secret);
        if (error instanceof UnlockError) return 'locked';
        return error instanceof IntegrityError ? 'broken' : (error as StrongroomError).code;
      }
    }

    it('says what it is', async () => {
      const fixture = await make();
      const key = await fixture.newKey('mine');
      expect(key).toMatchObject({ name: 'mine', method });
      expect(['age', 'kms']).toContain(key.extension);
      const credential = await fixture.right();
      expect(credential.description).not.toBe('');
      expect(['nobody', 'service', 'person']).toContain(credential.asks);
      for (const secret of fixture.secrets) expect(credential.description).not.toContain(secret);
    });

    it('unwraps what it wrapped, byte for byte', async () => {
      const fixture = await make();
      const { bytes, slot } = await wrapped(fixture);
      const credential = await fixture.right();
      expect(credential.fits(slot)).toBe(true);
      const opened = await credential.unwrap(bytes, slot);
      expect(opened?.equals(plain)).toBe(true);
      expect(readSlotPlaintext(opened!, expected, slot.object)).toMatchObject(context);
      // It may be tried more than once, and on more than one slot.
      const again = await wrapped(fixture);
      expect((await credential.unwrap(again.bytes, again.slot))?.equals(plain)).toBe(true);
    });

    it('never wraps to the same bytes, and nothing of the plaintext shows', async () => {
      const fixture = await make();
      const [one, two] = [await wrapped(fixture), await wrapped(fixture)];
      expect(one.bytes.equals(two.bytes)).toBe(false);
      expect(one.bytes.includes('SECRET')).toBe(false);
      expect(one.bytes.includes(context.vault)).toBe(false);
    });

    it('does not open with another credential of its kind', async () => {
      const fixture = await make();
      const { bytes, slot } = await wrapped(fixture);
      expect(['null', 'locked']).toContain(await refusal(fixture, await fixture.wrong(), bytes, slot));
    });

    it('takes no slot of another method for its own', async () => {
      const fixture = await make();
      const credential = await fixture.right();
      expect(fixture.others.length).toBeGreaterThan(0);
      for (const other of fixture.others) expect(credential.fits(other), other.method).toBe(false);
    });

    it('opens nothing that was tampered with, wherever it was', async () => {
      const fixture = await make();
      const { bytes, slot } = await wrapped(fixture);
      const credential = await fixture.right();
      await fc.assert(
        fc.asyncProperty(fc.nat(bytes.length - 1), fc.nat(7), async (at, bit) => {
          const changed = Buffer.from(bytes);
          changed[at]! ^= 1 << bit;
          expect(['null', 'locked', 'broken']).toContain(await refusal(fixture, credential, changed, slot));
        }),
        { numRuns: 60 },
      );
    });

    it('opens nothing that was cut, grew, or is something else', async () => {
      const fixture = await make();
      const { bytes, slot } = await wrapped(fixture);
      const credential = await fixture.right();
      const others = [
        bytes.subarray(0, -1),
        bytes.subarray(0, 60),
        Buffer.alloc(0),
        Buffer.concat([bytes, bytes]),
        randomBytes(300),
      ];
      for (const other of others)
        expect(['null', 'locked', 'broken']).toContain(await refusal(fixture, credential, other, slot));
    });

    it('gives out what it holds and judges nothing: that is for who knows the vault', async () => {
      const fixture = await make();
      const { bytes, slot } = await wrapped(fixture, Buffer.from('not an identity'));
      const opened = await (await fixture.right()).unwrap(bytes, slot);
      expect(opened?.toString()).toBe('not an identity');
      expect(() => readSlotPlaintext(opened!, expected, slot.object)).toThrow(
        expect.objectContaining({ code: 'wrong-slot' }),
      );
    });
  });
}
