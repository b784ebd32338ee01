// The shape of src: who may import whom, how large a file may be, and what stands nowhere. The checks are run on the
// project and, so that they cannot fall asleep, on small made-up trees that break each rule.

import { posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { importsOf, type Piece, piecesOf, sourcesBelow } from './support/sources.ts';

type Tree = ReadonlyMap<string, string>;

/** By folder: what it may import at run time, as folders or files. Types are free, and so are errors and version. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'main.ts': ['cli'],
  'index.ts': ['vault', 'host', 'keys', 'pack', 'sign', 'store', 'crypt', 'capture'],
  cli: ['commands', 'host', 'keys', 'store', 'sign', 'capture', 'notify'],
  commands: ['vault', 'host', 'keys', 'kit', 'pages', 'capture', 'notify'],
  vault: [
    'pack',
    'crypt',
    'sign',
    'kit',
    'compare',
    'capture',
    'keys/method.ts',
    'keys/slot.ts',
    'store/store.ts',
    'store/versions-before.ts',
  ],
  // The port that it fills in, and how names are spelt: both are plain data.
  host: ['vault/client.ts', 'vault/names.ts', 'sign'],
  // How OpenSSH writes keys, be they to sign with or to decrypt with: plain data.
  keys: ['crypt', 'sign/wire.ts', 'sign/openssh.ts'],
  kit: ['crypt'],
  compare: [],
  // It reads compose files and the like by the parsers that compare has, and patterns as sets have them.
  capture: ['compare', 'pack/globs.ts'],
  pages: [],
  notify: [],
  pack: [],
  crypt: [],
  sign: [],
  store: [],
  'errors.ts': [],
  'version.ts': ['../package.json'],
};

/** Whoever may pick adapters: everybody else sees their ports. */
const ROOTS = ['cli/world.ts', 'cli/config-set-schema.ts', 'index.ts'];
const REGISTRIES = ['store/index.ts', 'keys/index.ts', 'capture/streams/index.ts'];
const FREE = ['errors.ts', 'version.ts'];

const SOFT = 200;
const HARD = 400;
/** Longer than 200 lines of code, and why that is better than two files. */
const LONG: Readonly<Record<string, string>> = {};

const FORBIDDEN_NAMES = /^(?:utils?|helpers?|common|managers?|services?|misc|shared|lib)$/;

/** Packages that only these files and folders may name, none of which is loaded before it is used. */
const HEAVY: Readonly<Record<string, readonly string[]>> = {
  '@aws-sdk/': ['store/s3/', 'keys/kms.ts', 'keys/kms/'],
  'bcrypt-pbkdf': ['keys/ssh-secret.ts'],
  nodemailer: ['notify/smtp.ts'],
};

const folderOf = (path: string): string => (path.includes('/') ? path.slice(0, path.indexOf('/')) : path);

interface Edge {
  readonly from: string;
  readonly to: string;
}

/** Imports that are there at run time, between files of the tree. @param atOnce not those that are loaded when used */
function edgesOf(tree: Tree, atOnce = false): Edge[] {
  return [...tree].flatMap(([from, source]) =>
    importsOf(source)
      .filter((i) => !i.typeOnly && i.specifier.startsWith('.') && !(atOnce && i.lazy))
      .map(({ specifier }) => ({ from, to: posix.join(posix.dirname(from), specifier) })),
  );
}

function misdirected(tree: Tree): string[] {
  return edgesOf(tree).flatMap(({ from, to }) => {
    const own = folderOf(from);
    const isOwn = own === folderOf(to) && from.includes('/');
    if (REGISTRIES.includes(to) && !ROOTS.includes(from) && !(isOwn && own === folderOf(to))) {
      return [`${from} imports the registry ${to}`];
    }
    if (isOwn || FREE.includes(to)) return [];
    const may = MAY_IMPORT[own];
    if (may === undefined) return [`${from} is in a folder that nothing is said of`];
    return may.some((name) => name === to || name === folderOf(to)) ? [] : [`${from} imports ${to}`];
  });
}

function missing(tree: Tree): string[] {
  return edgesOf(tree).flatMap(({ from, to }) =>
    tree.has(to) || to === '../package.json' ? [] : [`${from} imports ${to}, which is not there`],
  );
}

/**
 * Cycles of imports, each as a way from a file back to itself. One that is closed by a module that is loaded when it
 * is used leaves none half loaded: so the list of commands loads `completion`, which needs the list.
 */
function cycles(tree: Tree): string[] {
  const next = new Map<string, string[]>();
  for (const { from, to } of edgesOf(tree, true)) next.set(from, [...(next.get(from) ?? []), to]);
  const found: string[] = [];
  const done = new Set<string>();
  const walk = (path: string, way: readonly string[]): void => {
    const at = way.indexOf(path);
    if (at >= 0) {
      found.push([...way.slice(at), path].join(' → '));
      return;
    }
    if (done.has(path)) return;
    for (const to of next.get(path) ?? []) walk(to, [...way, path]);
    done.add(path);
  };
  for (const path of tree.keys()) walk(path, []);
  return found;
}

/** Lines that hold code; comments, blank lines and the rows of tables (a line that is one literal list) aside. */
function linesOfCode(source: string): number {
  const text = piecesOf(source)
    .map(({ kind, text: piece }: Piece) =>
      kind === 'comment' ? piece.replace(/[^\n]/g, '') : kind === 'code' ? piece : `'${piece}'`,
    )
    .join('');
  return text.split('\n').filter((line) => line.trim() !== '' && !/^\s*(?:\[.*\]|'.*'|\{.*\}),$/.test(line))
    .length;
}

function tooLong(tree: Tree): string[] {
  return [...tree].flatMap(([path, source]) => {
    const lines = source.split('\n').length;
    if (lines > HARD) return [`${path} has ${lines} lines`];
    const code = linesOfCode(source);
    return code > SOFT && LONG[path] === undefined ? [`${path} has ${code} lines of code`] : [];
  });
}

function badNames(tree: Tree): string[] {
  return [...tree.keys()].filter((path) =>
    path
      .replace(/\.ts$/, '')
      .split('/')
      .some((name) => FORBIDDEN_NAMES.test(name)),
  );
}

function withoutComment(tree: Tree): string[] {
  return [...tree].flatMap(([path, source]) => (/^(?:#!.*\n)?(?:\/\/|\/\*)/.test(source) ? [] : [path]));
}

const codeOf = (source: string): string =>
  piecesOf(source)
    .filter((piece) => piece.kind === 'code')
    .map((piece) => piece.text)
    .join(' ');

/** What only the program's entry and the command line may touch. */
function reachesOut(tree: Tree): string[] {
  return [...tree].flatMap(([path, source]) => {
    const code = codeOf(source);
    const exports = /\bexport\s+default\b/.test(code) ? [`${path} exports a default`] : [];
    const isOuter = path === 'main.ts' || folderOf(path) === 'cli';
    const words = isOuter
      ? []
      : (code.match(/\bprocess\s*\.\s*(?:exit(?:Code)?|env|argv|stdout|stderr|stdin)\b|\bconsole\s*\./g) ??
        []);
    return [...exports, ...words.map((word) => `${path} uses ${word.replace(/\s/g, '')}`)];
  });
}

function heavy(tree: Tree): string[] {
  const loaded = new Set<string>();
  const complaints = [...tree].flatMap(([path, source]) =>
    importsOf(source).flatMap(({ specifier, typeOnly, lazy }) => {
      const [, may] = Object.entries(HEAVY).find(([prefix]) => specifier.startsWith(prefix)) ?? [];
      if (may === undefined || typeOnly) return [];
      if (!may.some((allowed) => path.startsWith(allowed))) return [`${path} imports ${specifier}`];
      if (!lazy) loaded.add(path);
      return [];
    }),
  );
  // Whatever has it loaded at once is heavy too, up to the border of the folders that may.
  const edges = edgesOf(tree, true);
  for (let before = -1; before !== loaded.size; ) {
    before = loaded.size;
    for (const { from, to } of edges) if (loaded.has(to)) loaded.add(from);
  }
  const isAllowed = (path: string) =>
    Object.values(HEAVY)
      .flat()
      .some((allowed) => path.startsWith(allowed));
  return [
    ...complaints,
    ...[...loaded]
      .filter((path) => !isAllowed(path))
      .map((path) => `${path} loads what is heavy before it is needed`),
  ];
}

const src = sourcesBelow('src');

describe('the source', () => {
  it.each<[string, (tree: Tree) => string[]]>([
    ['imports in one direction only', misdirected],
    ['imports nothing that is not there', missing],
    ['has no import cycles', cycles],
    ['has small files', tooLong],
    ['has no file or folder whose name says nothing', badNames],
    ['says atop each file what it is', withoutComment],
    [
      'ends no process, reads no environment and prints nothing outside of the command line, and has no default exports',
      reachesOut,
    ],
    ['loads what is heavy only where and when it is used', heavy],
  ])('%s', (_, check) => {
    expect(src.size).toBeGreaterThan(100);
    expect(check(src)).toEqual([]);
  });

  it('argues for every file that is long, and for none that is not', () => {
    for (const [path, reason] of Object.entries(LONG)) {
      expect(linesOfCode(src.get(path) ?? ''), path).toBeGreaterThan(SOFT);
      expect(reason.length, path).toBeGreaterThan(30);
    }
  });
});

describe('the checks themselves', () => {
  const tree = (files: Record<string, string>): Tree => new Map(Object.entries(files));
  const from = (specifier: string, clause = '{ x }') => `// A file.\nimport ${clause} from '${specifier}';\n`;

  it.each<[string, string, string, string]>([
    ['a leaf that imports a leaf', 'pack/a.ts', '../crypt/b.ts', 'pack/a.ts imports crypt/b.ts'],
    [
      'the vault that imports an adapter',
      'vault/a.ts',
      '../store/local.ts',
      'vault/a.ts imports store/local.ts',
    ],
    [
      'the vault that imports a method',
      'vault/a.ts',
      '../keys/passphrase.ts',
      'vault/a.ts imports keys/passphrase.ts',
    ],
    [
      'the vault that imports a command',
      'vault/a.ts',
      '../commands/b.ts',
      'vault/a.ts imports commands/b.ts',
    ],
    [
      'the vault that imports the host',
      'vault/backup/a.ts',
      '../../host/b.ts',
      'vault/backup/a.ts imports host/b.ts',
    ],
    [
      'a command that imports the command line',
      'commands/a.ts',
      '../cli/b.ts',
      'commands/a.ts imports cli/b.ts',
    ],
    [
      'an unlock method that imports how hosts sign',
      'keys/a.ts',
      '../sign/key.ts',
      'keys/a.ts imports sign/key.ts',
    ],
    ['a command that imports a leaf', 'commands/a.ts', '../pack/b.ts', 'commands/a.ts imports pack/b.ts'],
    ['main that imports more than the command line', 'main.ts', './vault/b.ts', 'main.ts imports vault/b.ts'],
    [
      'the host that imports the domain',
      'host/a.ts',
      '../vault/trust.ts',
      'host/a.ts imports vault/trust.ts',
    ],
    ['the errors that import anything', 'errors.ts', './pack/b.ts', 'errors.ts imports pack/b.ts'],
    [
      'a registry in the wrong hands',
      'commands/a.ts',
      '../keys/index.ts',
      'commands/a.ts imports the registry keys/index.ts',
    ],
    [
      'a registry in other hands of the command line',
      'cli/run.ts',
      '../store/index.ts',
      'cli/run.ts imports the registry store/index.ts',
    ],
    [
      'a folder that nobody thought of',
      'new/a.ts',
      '../vault/b.ts',
      'new/a.ts is in a folder that nothing is said of',
    ],
  ])('find %s, at once or later', (_, path, specifier, complaint) => {
    expect(misdirected(tree({ [path]: from(specifier) }))).toEqual([complaint]);
    expect(misdirected(tree({ [path]: `const b = await import('${specifier}');` }))).toEqual([complaint]);
    expect(misdirected(tree({ [path]: `export * from '${specifier}';` }))).toEqual([complaint]);
    expect(misdirected(tree({ [path]: from(specifier, '{ type A, b }') }))).toEqual([complaint]);
    expect(misdirected(tree({ [path]: from(specifier, 'type { A }') }))).toEqual([]);
    expect(misdirected(tree({ [path]: from(specifier, '{ type A, type B }') }))).toEqual([]);
    expect(
      misdirected(
        tree({
          [path]: `// import { x } from '${specifier}';\nconst s = "import { x } from '${specifier}'";`,
        }),
      ),
    ).toEqual([]);
  });

  it.each<[string, string]>([
    ['vault/a.ts', '../store/store.ts'],
    ['vault/a.ts', '../keys/slot.ts'],
    ['vault/backup/a.ts', '../../pack/b.ts'],
    ['vault/backup/a.ts', '../b.ts'],
    ['keys/a.ts', '../crypt/b.ts'],
    ['keys/a.ts', '../sign/wire.ts'],
    ['store/index.ts', './local.ts'],
    ['cli/world.ts', '../store/index.ts'],
    ['commands/a.ts', '../vault/b.ts'],
    ['pack/a.ts', '../errors.ts'],
  ])('let %s import %s', (path, specifier) => {
    expect(misdirected(tree({ [path]: from(specifier) }))).toEqual([]);
  });

  it('find an import of what is not there', () => {
    expect(missing(tree({ 'pack/a.ts': from('./b.ts') }))).toEqual([
      'pack/a.ts imports pack/b.ts, which is not there',
    ]);
  });

  it('find a cycle, but none of types alone, nor one that is closed later', () => {
    const files = { 'a/1.ts': from('./2.ts'), 'a/2.ts': from('./3.ts'), 'a/3.ts': from('./1.ts') };
    expect(cycles(tree(files))).toEqual(['a/1.ts → a/2.ts → a/3.ts → a/1.ts']);
    expect(cycles(tree({ ...files, 'a/3.ts': from('./1.ts', 'type { x }') }))).toEqual([]);
    expect(cycles(tree({ ...files, 'a/3.ts': "const x = () => import('./1.ts');" }))).toEqual([]);
    expect(cycles(tree({ 'a/1.ts': from('./1.ts') }))).toEqual(['a/1.ts → a/1.ts']);
  });

  it('count code, not comments and tables', () => {
    const line = 'call();\n';
    const table = "  ['a', 'b'],\n".repeat(500).slice(0, -1);
    expect(tooLong(tree({ 'a/1.ts': line.repeat(SOFT) }))).toEqual([]);
    expect(tooLong(tree({ 'a/1.ts': line.repeat(SOFT + 1) }))).toEqual([
      `a/1.ts has ${SOFT + 1} lines of code`,
    ]);
    expect(
      tooLong(tree({ 'a/1.ts': line.repeat(SOFT) + '// a comment\n'.repeat(100) + '\n'.repeat(50) })),
    ).toEqual([]);
    expect(tooLong(tree({ 'a/1.ts': '// a comment\n'.repeat(HARD + 1) }))).toEqual([
      `a/1.ts has ${HARD + 2} lines`,
    ]);
    expect(linesOfCode(`const t = [\n${table}\n];\n`)).toBe(2);
  });

  it.each(['utils.ts', 'vault/helpers/a.ts', 'cli/common.ts', 'keys/key-manager/manager.ts', 'service/a.ts'])(
    'find the name %s',
    (path) => {
      expect(badNames(tree({ [path]: '' }))).toEqual([path]);
    },
  );

  it('let names be that only begin so', () => {
    expect(badNames(tree({ 'cli/commander.ts': '', 'vault/helpful.ts': '' }))).toEqual([]);
  });

  it('find a file that does not say what it is', () => {
    expect(
      withoutComment(
        tree({
          'a.ts': 'export {};',
          'b.ts': '// A file.\n',
          'c.ts': '#!/usr/bin/env node\n// A program.\n',
        }),
      ),
    ).toEqual(['a.ts']);
  });

  it.each<[string, string]>([
    ['process.exit(1);', 'uses process.exit'],
    ['process.exitCode = 1;', 'uses process.exitCode'],
    ['const { HOME } = process.env;', 'uses process.env'],
    ['console.log(1);', 'uses console.'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the code that is looked at.
    ['const s = `${process.env.HOME}`;', 'uses process.env'],
    ['export default function f() {}', 'exports a default'],
  ])('find %j', (code, complaint) => {
    expect(reachesOut(tree({ 'vault/a.ts': code }))).toEqual([`vault/a.ts ${complaint}`]);
    expect(
      reachesOut(tree({ 'vault/a.ts': `// ${code}\n/* ${code} */\nconst s = ${JSON.stringify(code)};` })),
    ).toEqual([]);
    if (!complaint.startsWith('exports'))
      expect(reachesOut(tree({ 'cli/a.ts': code, 'main.ts': code }))).toEqual([]);
  });

  it('find the AWS SDK anywhere, and too early where it may be', () => {
    const sdk = "import { S3Client } from '@aws-sdk/client-s3';";
    expect(heavy(tree({ 'vault/a.ts': sdk }))).toEqual(['vault/a.ts imports @aws-sdk/client-s3']);
    expect(
      heavy(
        tree({ 'store/s3/s3.ts': sdk, 'store/index.ts': from('./a.ts'), 'store/a.ts': from('./s3/s3.ts') }),
      ),
    ).toEqual([
      'store/a.ts loads what is heavy before it is needed',
      'store/index.ts loads what is heavy before it is needed',
    ]);
    expect(
      heavy(tree({ 'store/s3/s3.ts': sdk, 'store/index.ts': "const s3 = await import('./s3/s3.ts');" })),
    ).toEqual([]);
  });
});
