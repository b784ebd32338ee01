// The words that people see (DESIGN: vault, snapshot, set, key, host, pin) and those that stay in docs/format.md.
// Looked at: every help text, every sentence in a string of src (a string with a space in it: codes, names and paths
// have none), and README, keys.example and CHANGELOG outside of their code.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseCommandLine } from '../src/cli/commander.ts';
import { everyCommand, registry } from '../src/commands/index.ts';
import { piecesOf, ROOT, sourcesBelow } from './support/sources.ts';

const FORMAT_WORDS = [
  'authority',
  'authorities',
  'generation',
  'slot',
  'record',
  'artifact',
  'part',
  'contents',
  'ledger',
  'recipient',
  'stanza',
];

interface Allowance {
  readonly word: string;
  /** Which places. */
  readonly where: RegExp;
  /** Only in sentences like this. */
  readonly like?: RegExp;
  readonly because: string;
}

const ALLOWED: readonly Allowance[] = [
  {
    word: 'recipient',
    where: /^(?:keys\/keys-file|commands\/init(?:\/keys)?|commands\/keys\/add)\.ts$/,
    because: 'what --recipient takes, in age’s own word',
  },
  { word: 'recipient', where: /^help: (?:init|keys add)$/, because: 'the flag --recipient' },
  {
    word: 'generation',
    where: /^(?:help: keys exposure|commands\/keys\/exposure\.ts)$/,
    because: 'the flag --generation',
  },
  {
    word: 'recipient',
    where: /^crypt\//,
    because: 'age’s own word, said of a recipient that somebody typed or of an age file’s header',
  },
  {
    word: 'stanza',
    where: /^crypt\/header\.ts$/,
    because: 'age’s own word, for a plugin that breaks age’s rules',
  },
  {
    word: 'recipient',
    where: /^(?:vault\/pin|cli\/config-schema)\.ts$/,
    because: 'a field of the pin in strongroom.yaml',
  },
  {
    word: 'generation',
    where: /^(?:vault\/pin|cli\/config-schema|commands\/config)\.ts$/,
    because: 'a field of the pin in strongroom.yaml',
  },
  { word: 'authority', where: /^vault\/pin\.ts$/, because: 'a field of the pin in strongroom.yaml' },
  {
    word: 'part',
    where: /./,
    like: /\b(?:in part|part of the)\b/,
    because: 'plain English: done in part, part of the plan',
  },
  {
    word: 'recipient',
    where: /^keys\.example$/,
    like: /age recipient/,
    because: 'what an age recipients file holds',
  },
  { word: 'recipient', where: /^keys\/slot\.ts$/, because: 'the text inside a wrapped key: a format' },
  { word: 'generation', where: /^keys\/slot\.ts$/, because: 'the text inside a wrapped key: a format' },
  { word: 'artifact', where: /^vault\/layout\.ts$/, because: 'the gzip comment: a format' },
  { word: 'record', where: /^host\/record-cache\.ts$/, because: 'the first line of the cache: a format' },
  ...['authority', 'generation', 'slot', 'record', 'part', 'recipient', 'contents', 'ledger'].map((word) => ({
    word,
    where: /^vault\/recovery-text\.ts$/,
    because: 'RECOVERY.md reads documents with stock tools, field by field',
  })),
];

interface Saying {
  readonly where: string;
  readonly text: string;
}

const words = (text: string): string[] =>
  FORMAT_WORDS.filter((word) => new RegExp(`\\b${word}${word.endsWith('s') ? '' : 's?'}\\b`, 'i').test(text));

/** Sentences with words that should not be in them. @param used told of each allowance that was needed */
function offences(sayings: readonly Saying[], used: (allowance: Allowance) => void = () => {}): string[] {
  return sayings.flatMap(({ where, text }) =>
    words(text).flatMap((word) => {
      const allowance = ALLOWED.find(
        (a) => a.word === word && a.where.test(where) && (a.like?.test(text) ?? true),
      );
      if (allowance) used(allowance);
      return allowance ? [] : [`${where}: ${word}: ${text.slice(0, 200)}`];
    }),
  );
}

/** Every string of the source that is a sentence, or could be. */
function sentences(): Saying[] {
  // A list of English words, which passphrases are made of, is not what we say.
  const files = [...sourcesBelow('src')].filter(([where]) => where !== 'crypt/words.ts');
  return files.flatMap(([where, source]) =>
    piecesOf(source)
      .filter(({ kind, text }) => kind === 'string' && /\s/.test(text))
      .map(({ text }) => ({ where, text })),
  );
}

/** Prose of a page: without code blocks, code spans and links’ targets. */
function proseOf(where: string): Saying[] {
  const text = readFileSync(join(ROOT, where), 'utf8')
    .replace(/^```.*?^```/gms, '')
    .replace(/`[^`\n]*`/g, '`…`')
    .replace(/\]\([^)]*\)/g, ']');
  return text.split('\n').map((line) => ({ where, text: line }));
}

async function help(path: readonly string[]): Promise<Saying[]> {
  const style = { columns: 10_000, colour: false };
  const asked = await parseCommandLine([...path, '--help'], { groups: registry, version: '1', style });
  expect(asked.kind, path.join(' ')).toBe('text');
  const text = asked.kind === 'text' ? asked.text : '';
  return text.split('\n').map((line) => ({ where: `help: ${path.join(' ')}`, text: line }));
}

const families = registry.flatMap(({ rows }) => rows).filter((row) => 'commands' in row);
const pages = [[], ...families.map(({ name }) => [name]), ...everyCommand().map(({ path }) => path)];
const helps = (await Promise.all(pages.map(help))).flat();
const said = sentences();
const prose = ['README.md', 'keys.example', 'CHANGELOG.md'].flatMap(proseOf);

describe('words of the format stay out of', () => {
  it('every help text', () => {
    expect(helps.length).toBeGreaterThan(300);
    expect(offences(helps)).toEqual([]);
  });

  it('every error, hint and view', () => {
    expect(said.length).toBeGreaterThan(500);
    expect(offences(said)).toEqual([]);
  });

  it('README, keys.example and CHANGELOG', () => {
    expect(prose.length).toBeGreaterThan(100);
    expect(offences(prose)).toEqual([]);
  });
});

it('nothing is allowed that nobody says', () => {
  const used = new Set<Allowance>();
  offences([...helps, ...said, ...prose], (allowance) => used.add(allowance));
  expect(ALLOWED.filter((a) => !used.has(a)).map((a) => `${a.word} in ${a.where}`)).toEqual([]);
});

describe('errors', () => {
  /** First arguments of our error classes that are literals: code and message, and the hints. */
  const messages = [...sourcesBelow('src')].flatMap(([where, source]) =>
    [...source.matchAll(/new \w*Error\(\s*'([a-z0-9-]+)',\s*(['`])((?:\\.|(?!\2).)+)\2/gs)].map(
      ([, code = '', , text = '']) => ({ where, code, text }),
    ),
  );
  const hints = [...sourcesBelow('src')].flatMap(([where, source]) =>
    [...source.matchAll(/^\s*(?:[^\n]*\{ )?hint:\s*(['`])((?:\\.|(?!\1).)+)\1/gms)].map(
      ([, , text = '']) => ({
        where,
        text,
      }),
    ),
  );

  it('are one line, lower case, without a full stop', () => {
    expect(messages.length).toBeGreaterThan(100);
    const bad = messages.filter(
      ({ text }) => /\n|\\n|\.$|!/.test(text) || /^(?!(?:S3|SSH|AWS)\b)[A-Z](?!RONGROOM)/.test(text),
    );
    expect(bad.filter(({ text }) => !text.startsWith('STRONGROOM_'))).toEqual([]);
  });

  it('have codes in kebab case', () => {
    for (const { code } of messages) expect(code).toMatch(/^[a-z0-9]+(?:-[a-z0-9]+)*$/);
  });

  it('have hints that are one line, and no sentence of their own', () => {
    expect(hints.length).toBeGreaterThan(60);
    expect(hints.filter(({ text }) => /\n|\\n|[.!]$/.test(text) || /^[A-Z][a-z]/.test(text))).toEqual([]);
  });
});

describe('the check itself', () => {
  it.each<[string, string]>([
    ['vault/a.ts', 'the record is gone'],
    ['vault/a.ts', 'Records are gone'],
    ['commands/a.ts', 'no slot fits'],
    ['help: list', 'Reads no contents.'],
    ['vault/a.ts', 'give another recipient'],
    ['README.md', 'a part of 16 MiB'],
  ])('finds it in %s: %s', (where, text) => {
    expect(offences([{ where, text }])).toHaveLength(1);
  });

  it.each<[string, string]>([
    ['vault/a.ts', 'the snapshot is gone'],
    ['vault/a.ts', 'partly recorded'],
    ['help: init', 'open it with the age identity of this recipient'],
    ['vault/a.ts', 'done in part'],
  ])('lets %s say: %s', (where, text) => {
    expect(offences([{ where, text }])).toEqual([]);
  });
});
