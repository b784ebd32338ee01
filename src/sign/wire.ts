// The encodings that SSH keys and signatures share: length-prefixed strings (RFC 4251, section 5) and base64
// armour in lines of 70, as OpenSSH writes it. It knows nothing about what the fields mean.

const LINE = 70;

/** Reads fields off a buffer; never throws. A read past the end yields empty values and makes `sound()` false. */
export interface WireReader {
  /** The next `length` bytes. */
  take(length: number): Buffer;
  uint32(): number;
  /** A uint32 length, then that many bytes. */
  string(): Buffer;
  /** Everything not read yet. */
  rest(): Buffer;
  /** True as long as no read ran past the end. */
  sound(): boolean;
  /** True when no read ran past the end and nothing is left over. */
  done(): boolean;
}

/** @param buffer what to read; the fields are views into it, not copies */
export function readWire(buffer: Buffer): WireReader {
  let at = 0;
  let overran = false;
  const take = (length: number): Buffer => {
    if (overran || length > buffer.length - at) {
      overran = true;
      return Buffer.alloc(0);
    }
    at += length;
    return buffer.subarray(at - length, at);
  };
  const uint32 = (): number => {
    const bytes = take(4);
    return overran ? 0 : bytes.readUInt32BE();
  };
  return {
    take,
    uint32,
    string: () => take(uint32()),
    rest: () => take(buffer.length - at),
    sound: () => !overran,
    done: () => !overran && at === buffer.length,
  };
}

/** @returns the four bytes of `value`, most significant first */
export function wireUint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** @returns `value` (text as UTF-8) behind its length as a uint32 */
export function wireString(value: string | Uint8Array): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value;
  return Buffer.concat([wireUint32(bytes.length), bytes]);
}

/** @returns a positive number (most significant byte first) as RFC 4251's mpint, behind its length */
export function wireMpint(value: Uint8Array): Buffer {
  // A leading zero byte keeps a number with its top bit set positive.
  return wireString((value[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.alloc(1), value]) : value);
}

/** @returns the line that opens armour of this kind, without its newline */
export function beginLine(label: string): string {
  return `-----BEGIN ${label}-----`;
}

/** @returns the line that closes armour of this kind, without its newline */
export function endLine(label: string): string {
  return `-----END ${label}-----`;
}

/**
 * Base64 between a BEGIN and an END line, exactly as OpenSSH lays it out.
 * @param label what stands after BEGIN and END, such as `SSH SIGNATURE`
 * @returns text that ends in a newline
 */
export function armor(label: string, bytes: Buffer): string {
  const base64 = bytes.toString('base64');
  let text = `${beginLine(label)}\n`;
  for (let at = 0; at < base64.length; at += LINE) text += `${base64.slice(at, at + LINE)}\n`;
  return `${text}${endLine(label)}\n`;
}

/** @returns the bytes, or undefined when `base64` is not in the one form that encoding them again would give */
export function decodeBase64(base64: string): Buffer | undefined {
  const bytes = Buffer.from(base64, 'base64');
  return bytes.toString('base64') === base64 ? bytes : undefined;
}
