// Which fields of a kustomization name files, and how (kustomize, api/types). Looks at no disk.
import { shownKey } from '../../../compare/shown.ts';
import type { Tree } from '../../../compare/tree.ts';

/** What a field names: a path, or perhaps something else, as is said of it. */
export interface Named {
  readonly text: string;
  readonly as: string;
  readonly required: boolean;
  /** Whether it may be the directory of another kustomization. */
  readonly mayBeBase?: boolean;
  /** Whether it may be an object itself, instead of the path of one. */
  readonly mayBeInline?: boolean;
  /** Whether what is named is a generator or transformer, which may name files. */
  readonly isPlugin?: boolean;
}

type Flags = Pick<Named, 'mayBeBase' | 'mayBeInline' | 'isPlugin'>;

/** Lists of paths. */
const LISTS: readonly (readonly [field: string, as: string, flags: Flags])[] = [
  ['resources', 'resource', { mayBeBase: true }],
  ['bases', 'base', { mayBeBase: true }],
  ['components', 'component', { mayBeBase: true }],
  ['crds', 'crd', {}],
  ['configurations', 'configuration', {}],
  ['patchesStrategicMerge', 'patch', { mayBeInline: true }],
  ['generators', 'generator', { mayBeBase: true, mayBeInline: true, isPlugin: true }],
  ['transformers', 'transformer', { mayBeBase: true, mayBeInline: true, isPlugin: true }],
  ['validators', 'validator', { mayBeBase: true, mayBeInline: true, isPlugin: true }],
];

/** Lists of maps with a `path`. */
const WITH_PATH: readonly (readonly [field: string, as: string])[] = [
  ['patches', 'patch'],
  ['patchesJson6902', 'patch'],
  ['replacements', 'replacement'],
];

/** Where charts are unless something else is said (api/types/helmchartargs.go). */
const CHARTS = 'charts';

/** Everything that a document of a kustomization names, one by one: lists of one anchor may be in it thousands of times. */
export function* namedBy(document: Tree): Generator<Named> {
  const needed = (text: string, as: string): Named => ({ text, as, required: true });
  for (const [field, as, flags] of LISTS)
    for (const text of textsOf(entry(document, field))) yield { ...needed(text, as), ...flags };
  for (const [field, as] of WITH_PATH)
    for (const item of itemsOf(entry(document, field)))
      for (const text of textsOf(entry(item, 'path'))) yield needed(text, as);
  for (const text of textsOf(entry(entry(document, 'openapi'), 'path'))) yield needed(text, 'openapi schema');
  for (const field of ['configMapGenerator', 'secretGenerator'])
    for (const item of itemsOf(entry(document, field))) yield* namedByGenerator(item, titled(field, item));
  yield* namedByCharts(document);
}

/** What a generator or transformer that is built in names: the same fields, in an object of its own. */
export function namedByPlugin(object: Tree): Named[] {
  if (!textsOf(entry(object, 'apiVersion')).some((version) => version.startsWith('builtin'))) return [];
  const [kind = ''] = textsOf(entry(object, 'kind'));
  const plugin = PLUGINS.find((name) => name === kind);
  if (plugin === undefined) return [];
  const paths = [entry(object, 'path'), entry(object, 'paths')].flatMap(textsOf);
  return [
    ...paths
      .filter((text) => !/^\s*[[{]|\n/.test(text))
      .map((text) => ({ text, as: plugin, required: true })),
    ...namedByGenerator(object, titled(plugin, entry(object, 'metadata'))),
    ...textsOf(entry(object, 'chartHome')).map((text) => ({ text, as: 'helm charts', required: false })),
    ...namedByChart(object),
  ];
}

const PLUGINS = [
  'ConfigMapGenerator',
  'SecretGenerator',
  'HelmChartInflationGenerator',
  'PatchTransformer',
  'PatchStrategicMergeTransformer',
  'PatchJson6902Transformer',
  'ReplacementTransformer',
] as const;

/** `files` have a key before an equals sign, if they like (api/internal/generators/utils.go). */
function namedByGenerator(item: Tree, as: string): Named[] {
  const files = textsOf(entry(item, 'files')).map((text) => text.slice(text.indexOf('=') + 1));
  const envs = [entry(item, 'envs'), entry(item, 'env')].flatMap(textsOf);
  return [...files, ...envs].map((text) => ({ text, as, required: true }));
}

function* namedByCharts(document: Tree): Generator<Named> {
  const old = itemsOf(entry(document, 'helmChartInflationGenerator'));
  const charts = [...itemsOf(entry(document, 'helmCharts')), ...old];
  const homes = [
    ...textsOf(entry(entry(document, 'helmGlobals'), 'chartHome')),
    ...old.flatMap((item) => textsOf(entry(item, 'chartHome'))),
  ];
  // One with a repository is fetched where it is not there.
  const required = charts.some((chart) =>
    [entry(chart, 'repo'), entry(chart, 'chartRepoUrl')].flatMap(textsOf).every((text) => text === ''),
  );
  const places = homes.length > 0 ? homes : required ? [CHARTS] : [];
  for (const text of places) yield { text, as: 'helm charts', required };
  for (const chart of charts) yield* namedByChart(chart);
}

function namedByChart(chart: Tree): Named[] {
  const as = titled('helm values', chart);
  return ['valuesFile', 'values', 'additionalValuesFiles']
    .flatMap((field) => textsOf(entry(chart, field)))
    .map((text) => ({ text, as, required: true }));
}

/** `secretGenerator shop`. */
function titled(what: string, item: Tree | undefined): string {
  const [name] = [entry(item, 'name'), entry(item, 'chartName')].flatMap(textsOf);
  return name === undefined || name === '' ? what : `${what} ${shownKey(name)}`;
}

/** The value of a field. Kustomize decodes as Go does: whether in upper case or not is the same. */
function entry(tree: Tree | undefined, field: string): Tree | undefined {
  if (tree === undefined || typeof tree === 'string' || !('entries' in tree)) return undefined;
  const name = field.toLowerCase();
  return tree.entries.find(([key]) => key.toLowerCase() === name)?.[1];
}

function itemsOf(tree: Tree | undefined): readonly Tree[] {
  return tree === undefined || typeof tree === 'string' || !('items' in tree) ? [] : tree.items;
}

/** A text, or those of a list. */
function textsOf(tree: Tree | undefined): string[] {
  const trees = typeof tree === 'string' ? [tree] : itemsOf(tree);
  return trees.filter((item) => typeof item === 'string');
}
