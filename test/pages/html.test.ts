import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escapeHtml, html, htmlPage } from '../../src/pages/html.ts';
import { markdownHtml } from '../../src/pages/markdown.ts';

describe('HTML', () => {
  it('holds no mark-up of whatever text is put into it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const escaped = html`<p title="${text}">${text}</p>`.html.slice('<p title="'.length, -'</p>'.length);
        expect(escaped.replace('">', '')).not.toMatch(/[<>"']|&(?!(?:amp|lt|gt|quot|#39);)/);
      }),
    );
    expect(escapeHtml(`<b a="1" c='2'>&`)).toBe('&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;');
  });

  it('spells out what is not seen, or turns text round', () => {
    expect(escapeHtml('a\u202eb\u0000c\u200bd\n')).toBe('a\\u202eb\\u0000c\\u200bd\n');
  });

  it('lets a page use its own style sheet and nothing else', () => {
    const page = htmlPage({ title: '</title><script>', css: 'p{}', body: html`<p>x</p>` });
    expect(page).toContain(
      'default-src &#39;none&#39;; style-src &#39;sha256-gG2yISYereRMiG2lMXrbiUgi0Ubw9p7QCeWcroOvy9Y=&#39;',
    );
    expect(page).not.toContain('<script');
  });

  it('is made of the little Markdown that RECOVERY.md uses', () => {
    const made = markdownHtml('# A\n\none `b<c` two\n\n    x <y\n    z\n\n## B', 2);
    expect(made.map(({ html: text }) => text).join('')).toBe(
      '<h2>A</h2>\n<p>one <code>b&lt;c</code> two</p>\n<pre class="code"><span>x &lt;y</span>\n<span>z</span>\n</pre>\n<h3>B</h3>\n',
    );
  });
});
