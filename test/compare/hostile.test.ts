// What a backed-up machine may write to stop the reading: no file of 1 MiB may take more than about a second.
import { describe, expect, it } from 'vitest';
import { namedValues } from '../../src/compare/named-values.ts';

const MIB = 2 ** 20;
const fill = (piece: string): string => piece.repeat(Math.ceil(MIB / piece.length)).slice(0, MIB);

const LINES: readonly (readonly [path: string, text: string])[] = [
  ...['[', ' ', '"', '=', '\\', ' #', '" #', "' #", 'a=', 'a']
    .flatMap((piece) => ['x', '\u2028'].map((end) => `${fill(piece)}${end}`))
    .flatMap((text) => [
      ['a.ini', `a=b\n${text}`] as const,
      ['a.ini', `[${text}`] as const,
      ['a.ini', `a=b\na="${text}`] as const,
      ['.env', text] as const,
      ['.env', `A=${text}`] as const,
    ]),
  ['a.ini', fill('a=\n')],
  ['a.ini', fill('a\\\n')],
  ['a.ini', `a=b\n${fill('password x\n')}`],
  ['.env', fill('A\\\n')],
  ['.env', fill('ABCDEF\n')],
  ['.env', `A=${'\\\n'.repeat(MIB / 2)}`],
  ['a.json', JSON.stringify({ [fill('a(b ')]: 1 })],
  ['a.json', JSON.stringify({ [`x (${fill(' (')}`]: 1 })],
  [
    'a.json',
    JSON.stringify(
      Object.fromEntries(Array.from({ length: 9000 }, (_, i) => [`a1B2${'c '.repeat(50)}${i}`, 1])),
    ),
  ],
  ['a.json', JSON.stringify({ env: Array.from({ length: 9000 }, (_, i) => `${'a_'.repeat(45)}${i}==`) })],
  ['a.json', JSON.stringify({ apiVersion: 'v1', kind: 'Secret', data: { a: `${fill('=')}x` } })],
  ['a.json', JSON.stringify({ a: `eyJ${fill('a')}` })],
  ['a.json', JSON.stringify({ a: fill('a://a:') })],
  ['a.json', JSON.stringify({ a: fill('-----BEGIN A ') })],
  ['a.json', JSON.stringify({ a: `\${${fill('{')}` })],
  ['a.yaml', `a: ${fill(' ').slice(9)}x`],
  ['a.yaml', `a: "${fill('a ').slice(9)}"`],
  ['a.yaml', `a: "${fill('\\').slice(9)}`],
  ['a.yaml', `a: ${fill('# ').slice(9)}`],
  ['a.yaml', `a: ${fill(': ').slice(9)}`],
  ['a.yaml', `a: |\n${' '.repeat(30_000)}x`],
  ['a.toml', `a = "${fill('\\u0041').slice(9)}"`],
  ['a.toml', `a = ${fill(' ').slice(9)}x`],
  ['a.toml', `${fill('a').slice(9)} = 1`],
  ['a.pem', fill('-----BEGIN ')],
  ['a.pem', `-----BEGIN A-----\n${fill('=')}x\n-----END A-----`],
  ['a.pem', `-----BEGIN CERTIFICATE-----\n${fill('QUJD')}\n-----END CERTIFICATE-----`],
];

describe('a hostile file', () => {
  it('takes no time worth speaking of', async () => {
    const slow: [string, string, number][] = [];
    for (const [path, text] of LINES) {
      // Of this process only: what else the machine does is not to be told from a slow pattern.
      const start = process.cpuUsage();
      await namedValues(path, Buffer.from(text));
      const { user, system } = process.cpuUsage(start);
      const took = (user + system) / 1000;
      if (took > 1000) slow.push([path, text.slice(0, 12), Math.round(took)]);
    }
    expect(slow).toEqual([]);
  }, 60_000);
});
