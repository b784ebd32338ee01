import { describe, expect, it } from 'vitest';
import type { Tree } from '../../pack/tree.ts';
import { found } from './found.ts';

const own = 'kustomization.yaml: kustomization';
const kustomization = (text: string, rest: Tree = {}): Promise<string[]> =>
  found('kustomize', { 'kustomization.yaml': text, ...rest });

/** What a kustomization names, with the files that are there. */
const CONSTRUCTS: readonly (readonly [what: string, text: string, rest: Tree, expected: string[]])[] = [
  [
    'resources',
    'resources: [a.yaml, sub/b.yaml, "c.yaml"]',
    { 'a.yaml': '', 'sub/b.yaml': '' },
    ['a.yaml: resource', 'c.yaml: resource missing', 'sub/b.yaml: resource'],
  ],
  [
    'bases, and resources that are kustomizations, under each of their names',
    'resources: [x, y, z]\nbases: [../base/, ./none]',
    { 'x/kustomization.yaml': '', 'y/kustomization.yml': '', 'z/Kustomization': '', 'none/a': '' },
    [
      'none/kustomization.yaml: kustomization of base missing',
      'x/kustomization.yaml: kustomization of resource',
      'y/kustomization.yml: kustomization of resource',
      'z/Kustomization: kustomization of resource',
      '../base: base outside',
    ],
  ],
  [
    'components',
    'components: [c]',
    { 'c/kustomization.yaml': '' },
    ['c/kustomization.yaml: kustomization of component'],
  ],
  ['crds', 'crds:\n- a.json\n', { 'a.json': '' }, ['a.json: crd']],
  ['configurations', 'configurations:\n- a.yaml\n', { 'a.yaml': '' }, ['a.yaml: configuration']],
  [
    'patches',
    'patches:\n- path: a.yaml\n- path: b.yaml\n  target: { kind: Deployment, path: no }\n- patch: |-\n    - op: add\n      path: /x\n',
    { 'a.yaml': '' },
    ['a.yaml: patch', 'b.yaml: patch missing'],
  ],
  [
    'patchesStrategicMerge, files and inline',
    'patchesStrategicMerge:\n- a.yaml\n- |-\n  kind: Deployment\n  metadata: { name: x }\n- "kind: Deployment"\n- "{kind: X}"\n',
    { 'a.yaml': '' },
    ['a.yaml: patch'],
  ],
  [
    'patchesJson6902',
    'patchesJson6902:\n- target: { kind: X }\n  path: a.json\n- patch: "[]"\n',
    { 'a.json': '' },
    ['a.json: patch'],
  ],
  [
    'replacements',
    'replacements:\n- path: a.yaml\n- source: { kind: Secret, path: no }\n',
    { 'a.yaml': '' },
    ['a.yaml: replacement'],
  ],
  [
    'generators, transformers and validators: files, directories and inline',
    [
      'generators: [g.yaml]',
      'transformers:',
      '- t',
      '- |-',
      '  apiVersion: builtin',
      '  kind: PatchTransformer',
      '  path: p.yaml',
      '- |-',
      '  apiVersion: example.com/v1',
      '  kind: PatchTransformer',
      '  path: no.yaml',
      'validators: [v.yaml]',
    ].join('\n'),
    {
      'g.yaml':
        'apiVersion: builtin\nkind: SecretGenerator\nmetadata: { name: s }\nfiles: [k=key.pem]\nenvs: [e.env]\nliterals: [a=b]\n',
      'key.pem': '',
      'e.env': '',
      't/kustomization.yaml': '',
      'p.yaml': '',
      'v.yaml': '{{- if .x }}\nkind: x\n{{- end }}\n',
    },
    [
      'e.env: SecretGenerator s',
      'g.yaml: generator',
      'key.pem: SecretGenerator s',
      'p.yaml: PatchTransformer',
      't/kustomization.yaml: kustomization of transformer',
      'v.yaml: validator',
      'v.yaml! is a template, which is not looked into',
    ],
  ],
  [
    'configMapGenerator and secretGenerator',
    [
      'configMapGenerator:',
      '- name: web',
      '  files: [nginx.conf, site=conf/site.conf, dir]',
      '  envs: [a.env]',
      'secretGenerator:',
      '- name: shop',
      '  files:',
      '  - tls.key=certs/key.pem',
      '  env: .env',
      '  literals: [PASSWORD=hunter2]',
      '- files: [x]',
    ].join('\n'),
    { 'nginx.conf': '', 'conf/site.conf': '', 'dir/x': '', 'a.env': '', '.env': '', 'certs/key.pem': '' },
    [
      '.env: secretGenerator shop',
      'a.env: configMapGenerator web',
      'certs/key.pem: secretGenerator shop',
      'conf/site.conf: configMapGenerator web',
      'dir: configMapGenerator web directory',
      'nginx.conf: configMapGenerator web',
      'x: secretGenerator missing',
    ],
  ],
  [
    'helmCharts, from a repository',
    [
      'helmGlobals: { chartHome: my-charts }',
      'helmCharts:',
      '- name: db',
      '  repo: https://charts.example.com',
      '  valuesFile: values.yaml',
      '  additionalValuesFiles: [more.yaml]',
      '  valuesInline: { password: hunter2 }',
    ].join('\n'),
    { 'values.yaml': '', 'more.yaml': '' },
    ['more.yaml: helm values db', 'my-charts: helm charts missing ?', 'values.yaml: helm values db'],
  ],
  [
    'helmCharts, from where charts are',
    'helmCharts:\n- name: db\n',
    { 'charts/db/Chart.yaml': '' },
    ['charts: helm charts directory'],
  ],
  [
    'helmChartInflationGenerator',
    'helmChartInflationGenerator:\n- chartName: db\n  chartHome: old\n  values: v.yaml\n',
    { 'old/db/Chart.yaml': '' },
    ['old: helm charts directory', 'v.yaml: helm values db missing'],
  ],
  [
    'openapi',
    'openapi: { path: schema.json, version: v1 }',
    { 'schema.json': '' },
    ['schema.json: openapi schema'],
  ],
  [
    'names in another case, anchors and merges, as Go decodes them',
    'x: &r [a.yaml]\nResources: *r\nsecretgenerator:\n- &s { name: s, files: [f] }\n- { <<: *s, name: t }\n',
    { 'a.yaml': '', f: '' },
    ['a.yaml: resource', 'f: secretGenerator s', 'f: secretGenerator t'],
  ],
  [
    'labels, images and names, which name no file',
    'namePrefix: a.yaml\nlabels: [{ pairs: { a: b.yaml } }]\n',
    {},
    [],
  ],
  ['nothing at all', '', {}, []],
  [
    'what is of another form',
    'resources: a.yaml\npatches: no\nhelmCharts: { a: b }\nsecretGenerator: [x]\n',
    {},
    ['a.yaml: resource missing'],
  ],
  [
    'what is no path',
    'resources: ["", "a\\nb", [x], { a: b }]\ncrds: ["x\\0y"]\n',
    {},
    ['kustomization.yaml! names a path that no file can have'],
  ],
];

describe('a kustomization', () => {
  it.each(CONSTRUCTS)('names its %s', async (_, text, rest, expected) => {
    const lines = expected.map((line) =>
      line.includes('!')
        ? line
        : line.replace(
            /^([^:]+: .*?)( (?:missing|outside|directory))?( \?)?$/,
            '$1 (kustomization.yaml)$2$3',
          ),
    );
    const others = Object.keys(rest)
      .filter((path) => /(?:^|\/)kustomization\.ya?ml$|Kustomization$/.test(path))
      .map((path) => `${path}: kustomization`);
    expect((await kustomization(text, rest)).sort()).toEqual([own, ...others, ...lines].sort());
  });

  it('is followed from one to the next, and each is read once', async () => {
    const lines = await found('kustomize', {
      'overlays/prod/kustomization.yaml':
        'resources: [../../base]\nsecretGenerator: [{ name: s, envs: [prod.env] }]',
      'overlays/prod/prod.env': '',
      'base/kustomization.yml': 'resources: [a.yaml, ../overlays/prod, .]',
      'base/a.yaml': '',
    });
    expect(lines).toEqual([
      'base/a.yaml: resource (base/kustomization.yml)',
      'base/kustomization.yml: kustomization',
      'base/kustomization.yml: kustomization of resource (base/kustomization.yml)',
      'base/kustomization.yml: kustomization of resource (overlays/prod/kustomization.yaml)',
      'overlays/prod/kustomization.yaml: kustomization',
      'overlays/prod/kustomization.yaml: kustomization of resource (base/kustomization.yml)',
      'overlays/prod/prod.env: secretGenerator s (overlays/prod/kustomization.yaml)',
    ]);
  });

  it('is followed out of the root where that is allowed, and no further', async () => {
    const content: Tree = {
      'app/kustomization.yaml': 'resources: [../base, ../other]',
      'base/kustomization.yaml': 'resources: [a.yaml, ../other/b.yaml]',
      'base/a.yaml': '',
      'other/kustomization.yaml': 'resources: [secret.yaml]',
    };
    expect(await found('kustomize', content, { within: 'app', outside: ['../base/*.yaml'] })).toEqual([
      'kustomization.yaml: kustomization',
      '../base/a.yaml: resource (../base/kustomization.yaml)',
      '../base/kustomization.yaml: kustomization of resource (kustomization.yaml)',
      '../other: resource (kustomization.yaml) outside',
      '../other/b.yaml: resource (../base/kustomization.yaml) outside',
    ]);
  });

  it('that is reached through links to itself is read once', async () => {
    const lines = await kustomization('resources: [a, b, a/b/a]', { a: { link: '.' }, b: { link: '.' } });
    expect(lines).toEqual([
      'a/b/a/kustomization.yaml: kustomization of resource (kustomization.yaml)',
      'a/kustomization.yaml: kustomization of resource (kustomization.yaml)',
      'b/kustomization.yaml: kustomization of resource (kustomization.yaml)',
      own,
    ]);
  });

  it.each([
    'https://example.com/a.yaml',
    'HTTP://example.com/a',
    'https://user:hunter2@example.com/shop/base?ref=v1',
    'github.com/shop/base?ref=v1',
    'git::https://example.com/shop.git//base',
    'git@example.com:shop/base.git',
    'ssh://git@example.com/shop',
    'file:///srv/git/base',
  ])('that names something remote is a warning without its address: %s', async (text) => {
    expect(await kustomization(`resources: ["${text}"]`)).toEqual([
      own,
      'kustomization.yaml! names something remote as resource, which is not backed up',
    ]);
  });

  it('that is broken or a template is a warning', async () => {
    expect(await kustomization('resources: [')).toEqual([own, 'kustomization.yaml! is no sound YAML']);
    expect(await kustomization('{{- if .x }}\nresources: []\n{{- end }}\n')).toEqual([
      own,
      'kustomization.yaml! is a template, which is not looked into',
    ]);
  });

  it('that is excluded is not read', async () => {
    const content = { 'old/kustomization.yaml': 'resources: [a]', 'kustomization.yaml': 'resources: [old]' };
    expect(await found('kustomize', content, { exclude: ['old'] })).toEqual([
      own,
      'old/kustomization.yaml: kustomization of resource (kustomization.yaml)',
    ]);
  });

  it('that says very much with little is looked into for a while, and named', {
    timeout: 20_000,
  }, async () => {
    const many = (count: number, text: string) => Array(count).fill(text).join(', ');
    const lines = await kustomization(
      `x: &f [${many(7000, 'a')}]\nsecretGenerator: [&g {files: *f}, ${many(5000, '*g')}]\n`,
    );
    expect(lines).toEqual([
      'a: secretGenerator (kustomization.yaml) missing',
      own,
      'kustomization.yaml! is not looked into, nor is what comes after: there is more than any deployment has',
    ]);
  });

  it('that names one generator very often parses it for a while', { timeout: 20_000 }, async () => {
    const generator = `apiVersion: builtin\nkind: PatchTransformer\npaths: [${Array(20_000).fill('a').join(', ')}]\n`;
    const lines = await kustomization(`generators: [${Array(5000).fill('g.yaml').join(', ')}]\n`, {
      'g.yaml': generator,
    });
    expect(lines.filter((line) => line.includes('!'))).toHaveLength(1);
  });

  it('shows no name that looks like a key', async () => {
    const lines = await kustomization('secretGenerator: [{ name: ghp_abcdefghijkl1234567890, files: [f] }]', {
      f: '',
    });
    expect(lines[0]).toBe('f: secretGenerator (a key of 26 characters) (kustomization.yaml)');
  });
});
