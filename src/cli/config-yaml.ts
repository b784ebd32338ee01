// Text to the value that `configShape` describes: YAML, then the shape. Says where something is wrong, never what it is.

import { UsageError } from '../errors.ts';
import { firstProblem, type Problem } from './config-check.ts';
import { configShape } from './config-schema.ts';

/**
 * YAML 1.2 core, one document, no tags of its own, few aliases; then held against the shape.
 * @param path for messages
 * @throws UsageError bad-yaml, unknown-key, bad-setting; with the line, never with a value
 */
export async function parseConfigText(text: string, path: string): Promise<unknown> {
  const yaml = await import('./yaml.ts');
  const lines = new yaml.LineCounter();
  const bad = (line: number | undefined, cause: unknown): UsageError =>
    new UsageError(
      'bad-yaml',
      `${path}${line === undefined ? '' : ` line ${line}`}: this is not valid YAML`,
      {
        object: path,
        // The parser's own words quote the file: only their kind is passed on, and no cause.
        hint: hintOf(cause),
      },
    );
  let value: unknown;
  let document: import('yaml').Document.Parsed;
  try {
    document = yaml.parseDocument(text, {
      version: '1.2',
      schema: 'core',
      strict: true,
      uniqueKeys: true,
      stringKeys: true,
      merge: false,
      prettyErrors: false,
      logLevel: 'error',
      lineCounter: lines,
    });
    const [error] = [...document.errors, ...document.warnings];
    if (error !== undefined) throw bad(lines.linePos(error.pos[0]).line, error);
    value = document.toJS({ maxAliasCount: 100 }) ?? {};
  } catch (error) {
    // Too many aliases, or nesting deeper than the stack.
    throw error instanceof UsageError ? error : bad(undefined, error);
  }
  const problem = firstProblem(value, configShape);
  if (problem === undefined) return value;
  const line = lineOf(problem, document, lines, yaml);
  throw new UsageError(
    problem.code,
    `${path}${line === undefined ? '' : ` line ${line}`}: ${problem.message}`,
    {
      object: path,
      ...(problem.hint === undefined ? {} : { hint: problem.hint }),
    },
  );
}

function hintOf(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'DUPLICATE_KEY') return 'a key is there twice';
  if (code === 'TAB_AS_INDENT') return 'indent with spaces, not tabs';
  if (code === 'BAD_INDENT') return 'see the indentation';
  if (code === 'MULTIPLE_DOCS') return 'the file must hold one document';
  if (code === 'TAG_RESOLVE_FAILED') return 'tags (words after !) are not allowed';
  if (cause instanceof ReferenceError) return 'it has too many aliases';
  return 'see the quotes, the colons and the indentation of that line';
}

function lineOf(
  { path, atKey }: Problem,
  document: import('yaml').Document.Parsed,
  lines: import('yaml').LineCounter,
  yaml: typeof import('./yaml.ts'),
): number | undefined {
  const parent = document.getIn(path.slice(0, -1), true);
  const pair = yaml.isMap(parent)
    ? parent.items.find(({ key }) => yaml.isScalar(key) && String(key.value) === path.at(-1))
    : undefined;
  const node = atKey || path.length === 0 ? pair?.key : document.getIn(path, true);
  for (const place of [node, pair?.key, parent, document.contents]) {
    if (yaml.isNode(place) && place.range) return lines.linePos(place.range[0]).line;
  }
  return undefined;
}
