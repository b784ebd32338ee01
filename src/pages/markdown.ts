// The little of Markdown that RECOVERY.md uses, as HTML: headings, paragraphs, code spans and indented code.
import { type Html, html } from './html.ts';

/** @param text Markdown @param level which heading `#` becomes */
export function markdownHtml(text: string, level: number): Html[] {
  return text
    .trim()
    .split(/\n{2,}/)
    .map((block) => {
      const [, marks, heading] = /^(#+) (.*)$/.exec(block) ?? [];
      if (marks !== undefined && heading !== undefined) {
        const tag: Html = { html: `h${Math.min(6, level + marks.length - 1)}` };
        return html`<${tag}>${spans(heading)}</${tag}>\n`;
      }
      if (/^ {4}/.test(block)) return commandLines(block.replace(/^ {4}/gm, '').split('\n'));
      return html`<p>${spans(block)}</p>\n`;
    });
}

/** Lines to be typed, each of its own, so that one that is too long for the paper is seen to go on. */
export function commandLines(lines: readonly string[]): Html {
  return html`<pre class="code">${lines.map((line) => html`<span>${line}</span>\n`)}</pre>\n`;
}

function spans(text: string): Html[] {
  return text.split('`').map((piece, i) => (i % 2 === 1 ? html`<code>${piece}</code>` : html`${piece}`));
}
