// A grid of dark and light squares as a drawing, sharp at any size and black on white on any paper.
import { type Html, html } from './html.ts';

/** @param grid rows of modules, true where dark, with the white around it @param label what it holds, for readers */
export function qrDrawing(grid: readonly (readonly boolean[])[], label: string): Html {
  const runs = grid.flatMap((row, y) => {
    const starts = row.flatMap((dark, x) => (dark && !row[x - 1] ? [x] : []));
    return starts.map((x) => {
      const end = row.indexOf(false, x);
      return `M${x} ${y}h${(end < 0 ? row.length : end) - x}v1H${x}z`;
    });
  });
  const size = grid.length;
  return html`<svg class="qr" role="img" aria-label="${label}" viewBox="0 0 ${size} ${size}" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h${size}v${size}H0z"/><path d="${runs.join('')}"/></svg>`;
}
