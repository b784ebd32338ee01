// Owns how much a stored size tells: sizes are rounded up so that few distinct ones remain.

/**
 * Padmé: rounds a size up so that it says no more than O(log log size) bits, at a cost of at most 12 %.
 *
 * @param size bytes, a safe integer
 * @returns the padded size in bytes, never less than `size`; 0 for 0
 * @see Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs" (PoPETs 2019)
 */
export function padme(size: number): number {
  if (size === 0) return 0;
  const exponent = bitLength(size) - 1;
  // Of the bits below the leading one, as many may vary as it takes to write the exponent. Above 2^31 the
  // bitwise operators would wrap, so the rest is arithmetic.
  const unit = 2 ** Math.max(0, exponent - bitLength(exponent));
  return Math.ceil(size / unit) * unit;
}

function bitLength(value: number): number {
  return value === 0 ? 0 : value.toString(2).length;
}
