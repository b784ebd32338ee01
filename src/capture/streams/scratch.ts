// The name of what a dump is loaded into when nobody named it. It tells where it comes from, and is new each time.

/** Without characters that are taken for one another. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

/**
 * `shop_restored_7k3f9`
 * @param of what was dumped; empty where that is not known
 * @param longest name there may be, in bytes
 * @param random one byte a character
 */
export function scratchName(of: string, longest: number, random: Uint8Array): string {
  const tail = `_restored_${Array.from(random, (byte) => ALPHABET[byte % 32]).join('')}`;
  let name = of === '' ? 'database' : of;
  while (Buffer.byteLength(name) + tail.length > longest) name = Array.from(name).slice(0, -1).join('');
  return name + tail;
}
