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

function chromium(directory: string, ...args: string[]): string {
  const home = join(directory, 'home');
  mkdirSync(home, { recursive: true });
  const flags = [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--hide-scrollbars',
    `--user-data-dir=${home}/data`,
  ];
  const { status, stdout, stderr } = spawnSync('chromium', [...flags, ...args], {
    env: { PATH: process.env.PATH, HOME: home },
    encoding: 'utf8',
    timeout: 60_000,
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw new Error(`chromium: ${status}\n${stderr}`);
  return stdout;
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

export interface Layout {
  /** What it is wide in the end, in CSS pixels: more than the window where one has to scroll sideways. */
  readonly width: number;
  /** The background of the page, as `rgb(…)`. */
  readonly background: string;
  /** Of the text that is told worst from what is behind it, by WCAG 2.1: 1 to 21. */
  readonly contrast: number;
  readonly worst: string;
}

/** Measures in the page itself, which runs no script of its own: a frame around it does. */
const MEASURE = `
const light = (rgb) => {
  const [r, g, b] = rgb.map((c) => c / 255).map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const colour = (text) => text.match(/[\\d.]+/g).map(Number);
addEventListener('load', () => {
  const { contentDocument: page, contentWindow: view } = document.querySelector('iframe');
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const [r, g, b, alpha = 1] = colour(view.getComputedStyle(at).backgroundColor);
      if (alpha > 0) return [r, g, b];
    }
    return [255, 255, 255];
  };
  let found = { contrast: 21, worst: '' };
  for (const element of page.body.querySelectorAll('*')) {
    const text = [...element.childNodes].filter((n) => n.nodeType === 3 && n.data.trim() !== '');
    if (text.length === 0) continue;
    const [a, b] = [light(colour(view.getComputedStyle(element).color)), light(behind(element))].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < found.contrast) found = { contrast, worst: text[0].data };
  }
  const width = page.documentElement.scrollWidth;
  const background = view.getComputedStyle(page.documentElement).backgroundColor;
  document.body.innerHTML = '<pre></pre>';
  document.querySelector('pre').textContent = encodeURIComponent(JSON.stringify({ width, background, ...found }));
});`;

/** @param width of the window, in CSS pixels */
export function laidOut(directory: string, page: string, width: number, isDark = false): Layout {
  const frame = join(directory, 'frame.html');
  writeFileSync(
    frame,
    `<!doctype html><body><iframe src="file://${page}" style="width:${width}px;height:800px;border:0"></iframe><script>${MEASURE}</script>`,
  );
  const dom = chromium(
    directory,
    '--dump-dom',
    '--allow-file-access-from-files',
    '--virtual-time-budget=5000',
    `--blink-settings=preferredColorScheme=${isDark ? 0 : 1}`,
    `file://${frame}`,
  );
  const [, found] = /<pre>(.*?)<\/pre>/s.exec(dom) ?? [];
  if (found === undefined) throw new Error(`nothing was measured: ${dom.slice(0, 2000)}`);
  return JSON.parse(decodeURIComponent(found)) as Layout;
}

/** The text of each printed sheet. */
export function printedText(directory: string, page: string): string[] {
  const file = printed(directory, page);
  const drawn = spawnSync('pdftotext', ['-layout', file, '-'], { encoding: 'utf8' });
  if (drawn.status !== 0) throw new Error(drawn.stderr);
  return drawn.stdout.split('\f').filter((sheet) => sheet.trim() !== '');
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
