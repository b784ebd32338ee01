// Base64 as age writes it: standard alphabet, no padding, and one encoding per value.

/** Encodes bytes. */
export function encodeBase64(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
  return text.replace(/=+$/, '');
}

/** Decodes text; undefined unless it is the one, canonical encoding of something. */
export function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return encodeBase64(bytes) === text ? bytes : undefined;
}
