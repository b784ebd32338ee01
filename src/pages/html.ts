// HTML as plain text: escaping, and the frame of a page that loads nothing, runs nothing and sends nothing. What a
// page says is its own file's.
import { createHash } from 'node:crypto';

/** HTML of our making; anything else is text, and escaped. */
export interface Html {
  readonly html: string;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as HTML, in an element or in a quoted attribute. Control characters and what turns text round are spelt out. */
export function escapeHtml(text: string): string {
  return text
    .replace(
      /(?!\n)[\p{Cc}\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]|\p{Cs}/gu,
      (odd) => `\\u${odd.charCodeAt(0).toString(16).padStart(4, '0')}`,
    )
    .replace(/[&<>"']/g, (mark) => ESCAPES[mark]!);
}

type Piece = string | number | Html | readonly Html[];

/** A template of HTML: what is put into it is escaped, unless it is HTML of our making. */
export function html(strings: TemplateStringsArray, ...pieces: readonly Piece[]): Html {
  const shown = pieces.map((piece) => {
    if (typeof piece === 'string' || typeof piece === 'number') return escapeHtml(String(piece));
    return 'html' in piece ? piece.html : piece.map((one) => one.html).join('');
  });
  return { html: strings.reduce((all, text, i) => all + shown[i - 1]! + text) };
}

/**
 * A whole page in one file.
 * @param css its one style sheet; the only thing that the browser is let use
 */
export function htmlPage(page: {
  readonly title: string;
  readonly css: string;
  readonly body: Html;
}): string {
  const hash = createHash('sha256').update(page.css).digest('base64');
  const policy = `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${escapeHtml(policy)}">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex, noarchive">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(page.title)}</title>
<style>${page.css}</style>
</head>
<body>
${page.body.html}
</body>
</html>
`;
}
