// The age test vectors of C2SP's CCTV (https://github.com/C2SP/CCTV, folder age/testdata), which are not kept here:
// STRONGROOM_CCTV names a directory that holds them. Ours, with the same features, are in header.test.ts,
// stream.test.ts, x25519.test.ts and scrypt.test.ts.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { decrypt } from '../../src/crypt/age.ts';
import { ScryptIdentity } from '../../src/crypt/scrypt.ts';
import { StrongroomError } from '../../src/errors.ts';

const directory = process.env.STRONGROOM_CCTV;

/** What a vector may expect, and the codes of ours that mean it. */
const CODES: Record<string, string[]> = {
  'no match': ['no-identity-matches', 'wrong-passphrase'],
  'HMAC failure': ['header-tampered'],
  'header failure': ['bad-header', 'not-an-age-file', 'work-factor-too-high'],
  'payload failure': ['tampered', 'truncated'],
};

// The reference reads the payload's nonce with the header; here a file cut there is a cut payload.
const CUT_IN_NONCE = new Set(['stream_no_nonce', 'stream_short_nonce']);

interface Vector {
  name: string;
  fields: Map<string, string[]>;
  file: Buffer;
}

function readVector(folder: string, name: string): Vector {
  const bytes = readFileSync(join(folder, name));
  const end = bytes.indexOf('\n\n');
  const fields = new Map<string, string[]>();
  for (const line of bytes.toString('utf8', 0, end).split('\n')) {
    const colon = line.indexOf(': ');
    const key = line.slice(0, colon);
    fields.set(key, [...(fields.get(key) ?? []), line.slice(colon + 2)]);
  }
  const body = bytes.subarray(end + 2);
  return { name, fields, file: fields.has('compressed') ? inflateSync(body) : body };
}

const vectors =
  directory === undefined ? [] : readdirSync(directory).map((name) => readVector(directory, name));
// Armour is no format of ours: the reader must refuse such a file, whatever the vector expects.
const [armored, binary] = [true, false].map((wanted) =>
  vectors.filter(({ fields }) => fields.has('armored') === wanted),
);

async function* once(bytes: Uint8Array) {
  yield bytes;
}

async function decryptVector({
  fields,
  file,
}: Vector): Promise<{ released: Buffer; code: string | undefined }> {
  const identities = [
    ...(fields.get('identity') ?? []),
    ...(fields.get('passphrase') ?? []).map((passphrase) => new ScryptIdentity(passphrase)),
  ];
  const chunks: Buffer[] = [];
  let code: string | undefined;
  try {
    for await (const chunk of decrypt(once(file), identities)) chunks.push(chunk);
  } catch (error) {
    if (!(error instanceof StrongroomError)) throw error;
    code = error.code;
  }
  return { released: Buffer.concat(chunks), code };
}

describe.skipIf(directory === undefined)('the CCTV age vectors (STRONGROOM_CCTV)', () => {
  it('are there', () => {
    expect(binary?.length).toBeGreaterThan(90);
  });

  it.each(binary?.map((vector) => [vector.name, vector] as const) ?? [])('%s', async (_, vector) => {
    const expected = vector.fields.get('expect')?.[0] ?? '';
    const { released, code } = await decryptVector(vector);
    if (expected === 'success') expect(code).toBeUndefined();
    else if (CUT_IN_NONCE.has(vector.name)) expect(code).toBe('truncated');
    else expect(CODES[expected]).toContain(code);
    const payload = vector.fields.get('payload')?.[0];
    if (payload !== undefined) expect(createHash('sha256').update(released).digest('hex')).toBe(payload);
    else expect(released).toHaveLength(0);
  });

  it.each(armored?.map((vector) => [vector.name, vector] as const) ?? [])(
    '%s: refused, as it is armoured',
    async (_, vector) => {
      const { released, code } = await decryptVector(vector);
      expect(code).toBe('not-an-age-file');
      expect(released).toHaveLength(0);
    },
  );
});
