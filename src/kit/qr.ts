// QR codes as plain grids: what is dark. How they are drawn is a page's matter.

/** Rows of modules, true where dark, with the four modules of white around it that ISO/IEC 18004 asks for. */
export type QrGrid = readonly (readonly boolean[])[];

/**
 * A QR code that survives a quarter of it being unreadable: a fold, a stain, a poor printer.
 * @param text short; upper case, digits and `-/ ` make the smallest code
 */
export async function qrGrid(text: string): Promise<QrGrid> {
  const { encodeQR } = await import('qr');
  return encodeQR(text, 'raw', { ecc: 'quartile', border: 4 });
}
