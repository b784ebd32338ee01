// A sheet as Markdown (CommonMark, with the tables and boxes of GitHub): read as it is, and rendered anywhere. A name that
// somebody chose never becomes a link, mark-up or another cell.
import { spanText } from './numbers.ts';
import { type Block, type Sheet, type Span, spelt, type Words } from './sheet.ts';

/** Text as Markdown shows it. A vertical bar is an entity, since tables are split before anything else is read. */
export function markdownText(text: string): string {
  return (
    spelt(text)
      .replace(/[\\`*_[\]<>~#&@$]/g, '\\$&')
      .replaceAll('|', '&#124;')
      // What is made a link without any mark-up.
      .replace(/:(?=\/\/)/g, '\\:')
      .replace(/\bwww\./gi, (www) => `${www.slice(0, -1)}\\.`)
  );
}

/** Text as a code span, with a fence that does not stand in it. */
export function markdownCode(text: string): string {
  const plain = spelt(text);
  // In a table nothing escapes a bar in code for every reader.
  if (plain.trim() === '' || plain.includes('|')) return markdownText(plain);
  const fence = fenceFor(plain, 1);
  const space = /^`|`$|^ .* $/.test(plain) ? ' ' : '';
  return `${fence}${space}${plain}${space}${fence}`;
}

function fenceFor(text: string, least: number): string {
  const longest = Math.max(0, ...(text.match(/`+/g) ?? []).map((run) => run.length));
  return '`'.repeat(Math.max(least, longest + 1));
}

function spanMarkdown(span: Span): string {
  if (typeof span === 'string') return markdownText(span);
  if ('code' in span) return markdownCode(span.code);
  if ('strong' in span) return `**${markdownText(span.strong)}**`;
  const text = markdownText(span.text);
  return span.tone === 'bad' ? `**${text}**` : text;
}

function inline(words: Words): string {
  return words.map(spanMarkdown).join('').trim();
}

/** A block of its own: what it begins with must not make it another kind of block. */
function paragraph(words: Words): string {
  return inline(words)
    .replace(/^([-+=])/, '\\$1')
    .replace(/^(\d+)([.)])/, '$1\\$2');
}

/** @returns a whole file */
export function sheetMarkdown({ title, lead, blocks }: Sheet): string {
  const all = [`# ${inline([title])}`, paragraph(lead), ...blocks.map(blockMarkdown)];
  return `${all.filter((text) => text !== '').join('\n\n')}\n`;
}

function blockMarkdown(block: Block): string {
  switch (block.kind) {
    case 'heading':
      return `${'#'.repeat(block.level)} ${inline(block.words)}`;
    case 'words':
      return paragraph(block.words);
    case 'box':
      return `> ${paragraph(block.words)}`;
    case 'list':
      return block.items.map((item) => `- ${paragraph(item)}`).join('\n');
    case 'ticks':
      return block.items.map((item) => `- [ ] ${paragraph(item)}`).join('\n');
    case 'facts':
      return block.rows.map(([name, value]) => `- **${markdownText(name)}**: ${inline(value)}`).join('\n');
    case 'table':
      return table(block.head, block.rows);
    case 'commands': {
      const lines = block.lines.map(spelt).join('\n');
      const fence = fenceFor(lines, 3);
      return `${fence}sh\n${lines}\n${fence}`;
    }
    case 'timeline': {
      const rows = block.groups.flatMap(({ name, bars }) =>
        bars.map((bar): Words[] => [[name], [bar.name], [spanText(bar.at)], [spanText(bar.seconds)]]),
      );
      return table(['', 'Step', 'After', 'Took'], rows);
    }
    case 'markdown':
      return block.text.trim();
    case 'sheet':
      return '';
  }
}

function table(head: readonly string[], rows: readonly (readonly Words[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    line(head.map((name) => markdownText(name))),
    line(head.map(() => '---')),
    ...rows.map((cells) => line(cells.map(inline))),
  ].join('\n');
}
