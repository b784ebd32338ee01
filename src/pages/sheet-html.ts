// A sheet as a page: one file that loads nothing, for a phone, a screen by night, and paper.
import { type Html, html, htmlPage } from './html.ts';
import { commandLines, markdownHtml } from './markdown.ts';
import { spanText } from './numbers.ts';
import { type BarGroup, type Block, type Sheet, type Span, spelt, type Words } from './sheet.ts';
import { SHEET_STYLE } from './sheet-style.ts';

/** Of the whole width of a timeline; so it is what the smallest bar is seen by. */
const WIDTH = 1000;
const LEAST = 4;

/** @returns a whole HTML file */
export function sheetPage({ title, lead, blocks }: Sheet): string {
  const body = html`<main>
<h1>${spelt(title)}</h1>
<p class="lead">${inline(lead)}</p>
${blocks.map(blockHtml)}</main>`;
  return htmlPage({ title: spelt(title), css: SHEET_STYLE, body });
}

function inline(words: Words): Html[] {
  return words.map(spanHtml);
}

function spanHtml(span: Span): Html {
  if (typeof span === 'string') return html`${spelt(span)}`;
  if ('code' in span) return html`<code>${spelt(span.code)}</code>`;
  if ('strong' in span) return html`<strong>${spelt(span.strong)}</strong>`;
  return html`<span class="${span.tone}">${spelt(span.text)}</span>`;
}

function blockHtml(block: Block): Html {
  switch (block.kind) {
    case 'heading': {
      const tag: Html = { html: `h${block.level}` };
      return html`<${tag}>${inline(block.words)}</${tag}>\n`;
    }
    case 'words':
      return html`<p>${inline(block.words)}</p>\n`;
    case 'box':
      return html`<p class="box ${block.tone}">${inline(block.words)}</p>\n`;
    case 'list':
      return html`<ul>\n${block.items.map((item) => html`<li>${inline(item)}</li>\n`)}</ul>\n`;
    case 'ticks':
      return html`<ul class="ticks">\n${block.items.map((item) => html`<li>${BOX}<span>${inline(item)}</span></li>\n`)}</ul>\n`;
    case 'facts':
      return html`<table class="facts">\n<tbody>${block.rows.map(([name, value]) => html`<tr><th scope="row">${name}</th><td${value.length === 0 ? html` class="blank"` : html``}>${inline(value)}</td></tr>\n`)}</tbody></table>\n`;
    case 'table':
      return table(block.head, block.rows);
    case 'commands':
      return commandLines(block.lines.map(spelt));
    case 'timeline':
      return html`<table class="time">\n${block.groups.map((group) => bars(group, block.seconds))}</table>\n`;
    case 'markdown':
      return html`<section class="stock">${markdownHtml(block.text, 1)}</section>\n`;
    case 'sheet':
      return html`<div class="sheet"></div>\n`;
  }
}

/** To be ticked with a pen: no field of a form, which would forget. */
const BOX: Html = html`<svg class="tick" viewBox="0 0 16 16" aria-hidden="true"><rect x="1.5" y="1.5" width="13" height="13" rx="2"/></svg>`;

function table(head: readonly string[], rows: readonly (readonly Words[])[]): Html {
  const cells = (row: readonly Words[]) =>
    row.map((cell, i) => {
      const kind = cell.length === 0 ? html` class="blank"` : isShort(cell) ? html` class="short"` : html``;
      return html`<td${kind} data-head="${head[i] ?? ''}">${inline(cell)}</td>`;
    });
  return html`<table class="rows">
<thead><tr>${head.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
<tbody>${rows.map((row) => html`<tr>${cells(row)}</tr>\n`)}</tbody>
</table>\n`;
}

/** A name or a date, which is not broken for the sake of a long neighbour. */
function isShort(cell: Words): boolean {
  const length = (span: Span) =>
    (typeof span === 'string'
      ? span
      : 'code' in span
        ? span.code
        : 'strong' in span
          ? span.strong
          : span.text
    ).length;
  return cell.reduce((sum, span) => sum + length(span), 0) <= 14;
}

function bars({ name, bars: all }: BarGroup, seconds: number): Html {
  const scale = WIDTH / Math.max(seconds, 0.001);
  const place = (at: number) => Math.min(WIDTH - LEAST, Math.round(at * scale));
  const rows = all.map((bar) => {
    const x = place(bar.at);
    const width = Math.min(WIDTH - x, Math.max(LEAST, Math.round(bar.seconds * scale)));
    return html`<tr><td>${spelt(bar.name)}</td><td class="bar"><svg viewBox="0 0 ${WIDTH} 10" preserveAspectRatio="none" role="img" aria-label="from ${spanText(bar.at)} to ${spanText(bar.at + bar.seconds)}"><rect class="all" width="${WIDTH}" height="10"/><rect class="span" x="${x}" width="${width}" height="10"/></svg></td><td class="took">${spanText(bar.seconds)}</td></tr>\n`;
  });
  return html`<tbody><tr class="group"><th scope="rowgroup" colspan="3">${spelt(name)}</th></tr>
${rows}</tbody>\n`;
}
