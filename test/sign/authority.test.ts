import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { deriveAuthority, NAMESPACES } from '../../src/sign/authority.ts';
import { codeOf } from './ssh-keygen.ts';

const hmac = (key: Uint8Array | string, ...data: (Uint8Array | string)[]): Buffer => {
  const mac = createHmac('sha256', key);
  for (const part of data) mac.update(part);
  return mac.digest();
};
const secret = Buffer.from(Array.from({ length: 32 }, (_, i) => i));

describe('the authority', () => {
  it('has the seed that RFC 5869 spells out', () => {
    const pseudorandom = hmac('vault-1', secret);
    const seed = hmac(pseudorandom, 'strongroom/1/authority', Buffer.from([1]));
    expect(Buffer.from(deriveAuthority(secret, 'vault-1').seed)).toEqual(seed);
  });

  it('is frozen: another derivation would orphan every vault', () => {
    expect(deriveAuthority(secret, 'vault-1').publicKey).toMatchInlineSnapshot(
      `"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA61nCkUS28IeKkR1KLAIfaXPBGkYgfrJhh0tQDAGgUu"`,
    );
  });

  it('changes with the identity and with the vault', () => {
    const other = Buffer.from(secret);
    other[31]! ^= 1;
    const keys = [deriveAuthority(secret, 'a'), deriveAuthority(secret, 'b'), deriveAuthority(other, 'a')];
    expect(new Set(keys.map((key) => key.publicKey)).size).toBe(3);
  });

  it('leaves the identity as it was, and wants all 32 bytes of it', () => {
    const copy = Buffer.from(secret);
    deriveAuthority(copy, 'a');
    expect(copy).toEqual(secret);
    for (const length of [0, 31, 33]) {
      expect(codeOf(() => deriveAuthority(Buffer.alloc(length), 'a'))).toBe('bad-identity');
    }
  });
});

describe('namespaces', () => {
  it('are one per kind of document, as the format names them', () => {
    expect(Object.entries(NAMESPACES).map(([kind, name]) => name === `strongroom-${kind}-v1`)).toEqual(
      Array(4).fill(true),
    );
  });
});
