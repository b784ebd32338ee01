// A real browser and a real printer's eye: Chromium renders a page as a picture and as a PDF, poppler draws the PDF,
// jsQR reads what is in a picture.

import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import jsqr from 'jsqr';
import { PNG } from 'pngjs';

const has = (program: string) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

/** Programs that are missing here; tests that need them are skipped, and say so. */
export const missingPrograms = ['chromium', 'pdftoppm'].filter((program) => !has(program));

function chromium(directory: string, ...args: string[]): void {
  const home = join(directory, 'home');
  mkdirSync(home, { recursive: true });
  const flags = [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--hide-scrollbars',
    `--user-data-dir=${home}/data`,
  ];
  const { status, stderr } = spawnSync('chromium', [...flags, ...args], {
    env: { PATH: process.env.PATH, HOME: home },
    encoding: 'utf8',
    timeout: 60_000,
  });
  if (status !== 0) throw new Error(`chromium: ${status}\n${stderr}`);
}

/** @returns the page as it is seen in a window. */
export function screenshot(directory: string, page: string, width = 800, height = 700): PNG {
  const picture = join(directory, 'seen.png');
  chromium(directory, `--screenshot=${picture}`, `--window-size=${width},${height}`, `file://${page}`);
  return PNG.sync.read(readFileSync(picture));
}

/** @returns the path of the PDF that it prints to */
export function printed(directory: string, page: string): string {
  const pdf = join(directory, 'printed.pdf');
  chromium(directory, `--print-to-pdf=${pdf}`, '--no-pdf-header-footer', `file://${page}`);
  return pdf;
}

/** @returns its printed sheets in grey, as a black and white printer at 150 dots an inch has them. */
export function sheets(directory: string, page: string): PNG[] {
  const pdf = printed(directory, page);
  const out = join(directory, 'sheets');
  mkdirSync(out, { recursive: true });
  const drawn = spawnSync('pdftoppm', ['-r', '150', '-gray', '-png', pdf, join(out, 'sheet')], {
    encoding: 'utf8',
  });
  if (drawn.status !== 0) throw new Error(drawn.stderr);
  return readdirSync(out)
    .sort()
    .map((name) => PNG.sync.read(readFileSync(join(out, name))));
}

/** The text of the QR code in a picture; undefined where it finds none. */
export function qrText({ data, width, height }: PNG): string | undefined {
  // The package is CommonJS, with a default of its own that the types do not know.
  const { default: read } = jsqr as unknown as { default: typeof import('jsqr').default };
  return read(new Uint8ClampedArray(data), width, height, { inversionAttempts: 'dontInvert' })?.data;
}

/** The same with a black square on it, as a stain. @param x of its left edge @param y of its upper one, in dots */
export function dirtied(png: PNG, x: number, y: number, size: number): PNG {
  const copy = PNG.sync.read(PNG.sync.write(png));
  for (let row = y; row < y + size; row++) {
    for (let column = x; column < x + size; column++)
      copy.data.fill(0, 4 * (row * png.width + column), 4 * (row * png.width + column) + 3);
  }
  return copy;
}

export function writePage(directory: string, page: string): string {
  const path = join(directory, 'page.html');
  writeFileSync(path, page);
  return path;
}
