import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { code, type Sheet, say, spelt, strong } from '../../src/pages/sheet.ts';
import { sheetPage } from '../../src/pages/sheet-html.ts';
import { markdownCode, markdownText, sheetMarkdown } from '../../src/pages/sheet-markdown.ts';
import { scratch } from '../support/vault.ts';
import { laidOut, missingPrograms, writePage } from './browser.ts';

const sheetOf = (...blocks: Sheet['blocks']): Sheet => ({ title: 'A sheet', lead: ['of a test'], blocks });
const markdown = (...blocks: Sheet['blocks']) =>
  sheetMarkdown(sheetOf(...blocks))
    .split('\n\n')
    .slice(2)
    .join('\n\n')
    .trimEnd();

describe('text', () => {
  it('is one line that shows what is in it', () => {
    expect(spelt('a\nb\tc\u202ed\u200be\u00adf\u{e0041}')).toBe(
      'a\\u000ab\\u0009c\\u202ed\\u200be\\u00adf\\u{e0041}',
    );
    expect(spelt('Größe ✓ 日本')).toBe('Größe ✓ 日本');
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(spelt(text)).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
      }),
    );
  });

  it('put into a template stays text', () => {
    expect(say`a ${'*b*'} ${code('c')} ${[strong('d'), 'e']}${undefined} ${3}`).toEqual([
      'a ',
      '*b*',
      ' ',
      { code: 'c' },
      ' ',
      { strong: 'd' },
      'e',
      ' ',
      '3',
    ]);
  });
});

describe('in Markdown', () => {
  it.each([
    ['[x](javascript:alert(1))', '\\[x\\](javascript:alert(1))'],
    ['![x](http://evil/x.png)', '!\\[x\\](http\\://evil/x.png)'],
    ['https://evil.example', 'https\\://evil.example'],
    ['see www.evil.example', 'see www\\.evil.example'],
    ['<b>&amp;', '\\<b\\>\\&amp;'],
    ['a|b', 'a&#124;b'],
    ['`rm`', '\\`rm\\`'],
    ['**a** _b_ ~~c~~', '\\*\\*a\\*\\* \\_b\\_ \\~\\~c\\~\\~'],
    ['a\\', 'a\\\\'],
    ['me@evil.example', 'me\\@evil.example'],
    ['one\ntwo', 'one\\\\u000atwo'],
  ])('%j is text', (text, expected) => {
    expect(markdownText(text)).toBe(expected);
  });

  it.each([
    ['a`b', '``a`b``'],
    ['`a`', '`` `a` ``'],
    ['a``b`c', '```a``b`c```'],
    [' a ', '`  a  `'],
    ['a|b', 'a&#124;b'],
    ['a\nb', '`a\\u000ab`'],
    ['', ''],
  ])('%j is code', (text, expected) => {
    expect(markdownCode(text)).toBe(expected);
  });

  it('a row of a table has its cells, whatever is in them', () => {
    const row = fc.array(fc.string({ unit: fc.constantFrom('|', '\\', '`', 'a', '\n', ' ', '*') }), {
      minLength: 3,
      maxLength: 3,
    });
    fc.assert(
      fc.property(row, fc.boolean(), (texts, isCode) => {
        const cells = texts.map((text) => [isCode ? code(text) : text]);
        const [, , line, ...others] = markdown({ kind: 'table', head: ['A', 'B', 'C'], rows: [cells] }).split(
          '\n',
        );
        expect(others).toEqual([]);
        // However a reader counts bars with a backslash before them.
        expect(line!.split('|')).toHaveLength(5);
      }),
    );
  });

  it.each(['# a', '- a', '+ a', '1. a', '2) a', '> a', '    a', '=== a'])(
    '%j begins no other block',
    (text) => {
      expect(markdown({ kind: 'words', words: [text] })).not.toMatch(/^(?:#|[-+=] |\d+[.)] |>| {4}|=)/);
    },
  );

  it('commands stand in a fence that they do not end', () => {
    expect(markdown({ kind: 'commands', lines: ['echo "```"', 'a\nb'] })).toBe(
      '````sh\necho "```"\na\\u000ab\n````',
    );
  });
});

describe('as a page', () => {
  const evil = "<script>alert(1)</script>\"onload='x'\n\u202e";

  it('escapes every name, wherever it stands', () => {
    const page = sheetPage({
      title: evil,
      lead: [evil],
      blocks: [
        { kind: 'heading', level: 2, words: [evil] },
        { kind: 'words', words: [code(evil), strong(evil), { tone: 'bad', text: evil }] },
        { kind: 'box', tone: 'bad', words: [evil] },
        { kind: 'list', items: [[evil]] },
        { kind: 'ticks', items: [[evil]] },
        { kind: 'facts', rows: [[evil, [evil]]] },
        { kind: 'table', head: [evil], rows: [[[evil]]] },
        { kind: 'commands', lines: [evil] },
        { kind: 'timeline', seconds: 1, groups: [{ name: evil, bars: [{ name: evil, at: 0, seconds: 1 }] }] },
      ],
    });
    expect(page).not.toMatch(/<script|"onload|\u202e/);
    expect(page.split('&lt;script&gt;')).toHaveLength(19);
    expect(page).not.toMatch(
      /<(?:img|link|iframe|object|embed|form|base|a)\b|\bsrc=|\bhref=|url\(|@import|\sstyle=/i,
    );
    expect(page).toContain('default-src &#39;none&#39;');
  });

  it('has bars within its width, however short and late they are', () => {
    const bars = [
      { name: 'a', at: 0, seconds: 0 },
      { name: 'b', at: 9.9999, seconds: 0.0001 },
      { name: 'c', at: 12, seconds: 5 },
    ];
    const page = sheetPage(sheetOf({ kind: 'timeline', seconds: 10, groups: [{ name: 'g', bars }] }));
    const drawn = [...page.matchAll(/class="span" x="(\d+)" width="(\d+)"/g)].map(([, x, width]) => [
      Number(x),
      Number(width),
    ]);
    expect(drawn).toHaveLength(3);
    for (const [x, width] of drawn) {
      expect(width).toBeGreaterThan(0);
      expect(x! + width!).toBeLessThanOrEqual(1000);
    }
  });
});

describe.skipIf(missingPrograms.length > 0)('what pages are measured by (needs chromium)', () => {
  it('sees what is too wide, and too pale', { timeout: 60_000 }, () => {
    const directory = scratch();
    const page = (css: string) =>
      writePage(
        directory,
        `<!doctype html><style>body { margin: 0 } ${css}</style><p>dark</p><p class="b">pale</p>`,
      );
    const seen = laidOut(directory, page('.b { color: #999; width: 500px }'), 360);
    expect([seen.width, seen.worst]).toEqual([500, 'pale']);
    expect(seen.contrast).toBeCloseTo(2.85, 2);
  });
});
